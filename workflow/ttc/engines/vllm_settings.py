"""vLLM's offline `LLM` with this project's settings; vLLM is imported late, because it has its own environment.

docs/vllm.md gives the reason of each setting, and what was measured.
"""

import json
import os
from pathlib import Path

import torch

from ttc.errors import InputError
from ttc.models.directory import resolve_device

# Read when vLLM is imported.  What a person has set stays, so that vLLM can be told to say more.
EVERYWHERE = {
    "HF_HUB_OFFLINE": "1",
    "VLLM_NO_USAGE_STATS": "1",
    "VLLM_LOGGING_LEVEL": "ERROR",
    "VLLM_ENABLE_V1_MULTIPROCESSING": "0",  # in this process: requests are scheduled in one order
}
ON_CPU = {
    "TORCHDYNAMO_DISABLE": "1",  # compiling takes longer than all that a test generates
    "VLLM_CPU_OMP_THREADS_BIND": "nobind",
    "VLLM_CPU_ATTN_SPLIT_KV": "0",  # or the last bits depend on the number of threads
}
CPU_TOKENS = 8192  # the longest row on a CPU, where prompts are read whole: a buffer has this size
CPU_CACHE = 256 << 20  # bytes of keys and values on a CPU; vLLM would take most of the memory
CPU_BLOCK = 32  # tokens that the prefix cache keeps together; by default 128, which most prompts do not fill

GPU_SHARE = 0.9  # of a GPU's memory, for an engine that has it to itself
LEAST_KEPT = 256 << 20  # bytes of keys and values of a verifier beside another model
WORKSPACE = 6 << 30  # bytes beside a verifier's weights, for what it computes of 16,384 tokens at once

BODY, LEFT_OUT = "ttc_body", "left_out"  # a loader that leaves weights out, and its setting
EXTENSION = "ttc.engines.vllm_body.Extension"  # by which vLLM's workers find the loader

# Every engine is kept alive: destroying one breaks the others of this process
_opened: list = []


def import_vllm(device: torch.device):
    """The module `vllm`, made ready for `device`; InputError where it is missing or built for other devices."""
    on_cpu = device.type == "cpu"
    for name, value in (EVERYWHERE | (ON_CPU if on_cpu else {})).items():
        os.environ.setdefault(name, value)
    if on_cpu:
        # Its kernels are the GPU's: the first request would fail
        os.environ.pop("VLLM_BATCH_INVARIANT", None)
    try:
        import vllm
        from vllm.platforms import current_platform
    except ImportError as error:
        raise InputError(
            f"vLLM cannot be imported ({error}); it has an environment of its own: `make vllm` makes it in .venv-vllm, "
            "and docs/vllm.md says what to change for a GPU"
        ) from error
    if current_platform.is_cpu() != on_cpu:
        built = "a CPU" if current_platform.is_cpu() else "GPUs"
        raise InputError(
            f"the device is '{device.type}' and this vLLM is built for {built}; see docs/vllm.md"
        )
    return vllm


def open_llm(
    folder: Path,
    device: str,
    *,
    dtype: str = "float32",
    trust_remote_code: bool = False,
    rows: int = 1024,
    share: float = GPU_SHARE,
    kept: int | None = None,
    **settings,
):
    """`vllm.LLM` on a checkpoint's directory, over all GPUs that this process sees.

    rows: in work at once; share: of each GPU's memory that it takes; kept: bytes of keys and values on a GPU, where it
    is not all that the share leaves; settings: further arguments of `LLM`.  InputError for a checkpoint that vLLM does
    not take.
    """
    where = resolve_device(device)
    config = read_config(folder)
    vllm = import_vllm(where)
    check_width(folder, config)
    if where.type == "cpu":
        check_head(folder, config)
        longest = min(config["max_position_embeddings"], CPU_TOKENS)
        settings |= {
            "max_model_len": longest,
            "max_num_batched_tokens": max(longest, rows),
            "enable_chunked_prefill": False,  # a part of a prompt with a seed ends the process
            "block_size": CPU_BLOCK,
            "kv_cache_memory_bytes": max(CPU_CACHE, 2 * row_bytes(config, dtype) * longest),
            "enforce_eager": True,
        }
    else:
        settings |= {"max_model_len": -1, "tensor_parallel_size": gpus(folder, config)}  # as long as fits
        settings |= {"gpu_memory_utilization": share, "kv_cache_memory_bytes": kept}
    try:
        llm = vllm.LLM(
            str(folder),
            dtype=dtype,
            trust_remote_code=trust_remote_code,
            max_num_seqs=rows,
            generation_config="vllm",  # the checkpoint's own temperature and top_p stay out
            logprobs_mode="raw_logprobs",
            seed=0,
            use_tqdm_on_load=False,
            disable_log_stats=True,
            **settings,
        )
    except (ValueError, RuntimeError, OSError, KeyError, NotImplementedError) as error:
        raise _refused(folder, error) from error
    _opened.append(llm)
    return llm


def _refused(folder: Path, error: Exception) -> InputError:
    reason = str(error).strip().splitlines() or [type(error).__name__]
    return InputError(f"{folder}: vLLM does not take this checkpoint: {' '.join(reason)[:300]}")


def open_body(
    folder: Path, device: str, architecture: str | None, left_out: list[str], *, keep: bool = True, **settings
):
    """`open_llm` on the layers of a checkpoint: `embed` gives the last hidden state of an input, as it is.

    architecture: that of a language model with these layers, as `transformers` calls it; left_out: what the names of
    weights begin with that vLLM is not to see; keep: what was read, for inputs that begin alike.  InputError for
    layers that vLLM has not, or whose states depend on later tokens, before any weight is read.
    """
    config = read_config(folder)
    vllm = import_vllm(resolve_device(device))
    from vllm.config import PoolerConfig

    if architecture not in vllm.ModelRegistry.get_supported_archs():
        raise InputError(
            f"{folder}: its architecture is '{config.get('model_type')}', which vLLM does not have; use the "
            "transformers engine"
        )
    layers = {
        "runner": "pooling",
        "convert": "embed",
        "hf_overrides": {"architectures": [architecture]},
        "pooler_config": PoolerConfig(task="embed", seq_pooling_type="LAST", use_activation=False),
        "load_format": BODY,
        "model_loader_extra_config": {LEFT_OUT: left_out},
        "worker_extension_cls": EXTENSION,
    }
    try:
        known = vllm.EngineArgs(str(folder), **layers).create_model_config()
    except (ValueError, RuntimeError, OSError, KeyError) as error:
        raise _refused(folder, error) from error
    if not known.is_prefix_caching_supported:
        raise InputError(
            f"{folder}: what its network says of a token depends on later ones, or vLLM cannot keep what it has read "
            "of it; use the transformers engine"
        )
    return open_llm(folder, device, enable_prefix_caching=keep, **layers, **settings)


def share_beside(folder: Path, total: int, kept: int = 0) -> float:
    """The share of a GPU's `total` bytes that is left for an engine beside a verifier with its weights in `folder`.

    kept: bytes of keys and values that the verifier keeps.
    InputError where that is less than a tenth.
    """
    share = GPU_SHARE - share_of(folder, total, kept)
    if share < 0.1:
        raise InputError(
            f"{folder}: beside this verifier the GPU's {total / 2**30:.0f} GiB leave no room for a policy in vLLM; use "
            "the transformers engine for this stage, or a larger GPU"
        )
    return round(share, 3)


def beside(folder: Path, device: str, kept: int) -> dict:
    """Arguments of `open_llm` by which a verifier takes of a GPU what `share_beside` leaves it; on a CPU none.

    InputError where the GPU has not so much.
    """
    if resolve_device(device).type == "cpu":
        return {}
    kept, total = max(kept, LEAST_KEPT), torch.cuda.mem_get_info()[1]
    share = share_of(folder, total, kept)
    if share > GPU_SHARE:
        raise InputError(
            f"{folder}: this verifier takes {share * total / 2**30:.0f} GiB, and the GPU has {total / 2**30:.0f}; "
            "lower runtime.verifier_memory or use a larger GPU"
        )
    return {"share": round(share, 3), "kept": kept}


def share_of(folder: Path, total: int, kept: int) -> float:
    """The share of a GPU's `total` bytes that a verifier takes; see `share_beside`."""
    weights = sum(file.stat().st_size for file in Path(folder).glob("*.safetensors"))
    return (weights + WORKSPACE + kept) / total


def read_config(folder: Path) -> dict:
    """The checkpoint's config.json; InputError where there is none or it names no window."""
    file = Path(folder) / "config.json"
    if not file.is_file():
        raise InputError(f"{folder}: not a checkpoint directory, it has no config.json")
    config = json.loads(file.read_text(encoding="utf-8"))
    if not config.get("max_position_embeddings"):
        raise InputError(f"{folder}: its configuration names no window (max_position_embeddings)")
    return config


def head_size(config: dict) -> int:
    """Numbers in a key of one head."""
    return config.get("head_dim") or config["hidden_size"] // config["num_attention_heads"]


def check_width(folder: Path, config: dict) -> None:
    """InputError for a network that vLLM would cut without a word: its Qwen2 derives the size of heads."""
    derived = config["hidden_size"] // config["num_attention_heads"]
    if config.get("model_type") == "qwen2" and head_size(config) != derived:
        raise InputError(
            f"{folder}: its attention heads have {head_size(config)} numbers; vLLM takes {derived} of each in a "
            "'qwen2' of this width: use the transformers engine"
        )


def row_bytes(config: dict, dtype: str) -> int:
    """Bytes of keys and values for one token."""
    heads = config.get("num_key_value_heads") or config["num_attention_heads"]
    return 2 * config["num_hidden_layers"] * heads * head_size(config) * getattr(torch, dtype).itemsize


def check_head(folder: Path, config: dict) -> None:
    """InputError for a size of heads that vLLM's attention on a CPU would refuse at the first request."""
    from vllm.v1.attention.backends.cpu_attn import CPUAttentionBackend

    allowed = CPUAttentionBackend.get_supported_head_sizes()
    if head_size(config) not in allowed:
        raise InputError(
            f"{folder}: its attention heads have {head_size(config)} numbers; vLLM on a CPU takes "
            f"{', '.join(map(str, allowed))}: use the transformers engine"
        )


def gpus(folder: Path, config: dict) -> int:
    """GPUs that this process sees, over which the network is split; InputError where its heads cannot be."""
    count = torch.cuda.device_count()
    if config["num_attention_heads"] % count:
        raise InputError(
            f"{folder}: its {config['num_attention_heads']} attention heads cannot be split over the {count} GPUs that "
            "are visible; let the job see a divisor of that number"
        )
    return count
