"""Published process reward models, loaded by their kind: a way to ask a model about steps and to read its answer.

verifier = load("qwen_extra0", "models/Qwen2.5-Math-PRM-7B", dtype="bfloat16")
verifier.score(["What is 2 + 3 * 4?"], [["3 * 4 = 12", "2 + 12 = 14"]])  # [[step 1, step 2]]
"""

from pathlib import Path

from ttc.engines.client import Server
from ttc.errors import InputError
from ttc.models.checkpoint import Source
from ttc.models.directory import resolve_device
from ttc.runtime import MEMORY
from ttc.verifiers.published import PublishedVerifier
from ttc.verifiers.readers import kind_class

SERVED = "openai"  # the engine whose layers a server has


def load(
    kind: str,
    path: Path | str,
    *,
    engine: str = "transformers",
    revision: str | None = None,
    dtype: str = "float32",
    device: str = "auto",
    attention: str = "sdpa",
    trust_remote_code: bool = False,
    linear: str | None = None,
    local_files_only: bool = True,
    separator: str | None = None,
    judge: dict | None = None,
    batch_tokens: int = 16384,
    memory: int | None = MEMORY,
    alone: bool = True,
    server: Server | None = None,
    model: str = "",
) -> PublishedVerifier:
    """The verifier of a checkpoint, ready to score.

    path: a model directory or a hub name; revision: of a hub name.  dtype: float32, bfloat16 or float16.  attention:
    what transformers calls it (eager, sdpa, flash_attention_2).  trust_remote_code: no kind needs it.
    linear: `onednn` for its linear layers (`ttc.models.linear`), None for those of torch.
    local_files_only: read what is on this machine and never the network.  separator: what follows each step, for kinds
    that leave the choice (None: a line end).  judge: how a model is asked that nobody trained to verify, for kinds that
    do so (`ttc.verifiers.judging`; None: in the usual words, about whole solutions).  batch_tokens: tokens of one call
    with its padding; a longer input is read alone.  memory: MB of keys and values that are kept of what was read, so
    that what begins alike is not read again; None: whole inputs are read.  engine: `vllm` reads a directory through
    vLLM, in batches of its own; there `memory` is what it takes for keys and values if another model shares the GPU;
    alone on it it takes what there is.  `openai` asks `server`, where vLLM has the layers under the name `model`.

    InputError for an unknown kind or option, a checkpoint that is missing, is not of this kind or lacks weights, and a
    tokenizer without the kind's tokens.
    """
    make, options = kind_class(kind, separator, judge)
    if batch_tokens < 1:
        raise InputError(f"batch_tokens is {batch_tokens}; allowed is a whole number from 1")
    if engine == SERVED:
        if server is None:
            raise InputError(
                f"{path}: the layers of this verifier are in a server, which only stages of a study are told of"
            )
        from ttc.verifiers.hosted import Hosted
        from ttc.verifiers.pooling import pooled

        make, place = pooled(kind, make, Hosted), "cpu"
        options |= {"server": server, "model": model}
    elif engine == "vllm":
        from ttc.engines.vllm_settings import beside
        from ttc.verifiers.pooling import pooled

        make = pooled(kind, make)
        if not Path(path).is_dir():
            raise InputError(f"{path}: there is no such checkpoint directory")
        kept = {"keep": memory is not None} | (
            {} if alone else beside(Path(path), device, (memory or 0) << 20)
        )
        options, place = options | {"device": device, "memory": kept}, "cpu"
    else:
        place = device
    where = resolve_device(place)
    source = Source(
        kind, str(path), revision, dtype, where, attention, trust_remote_code, local_files_only, linear
    )
    verifier = make(source, batch_tokens, **options)
    if memory is not None and verifier.here:
        verifier.keep(memory << 20)
    return verifier
