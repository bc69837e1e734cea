"""Published checkpoints: brought from the hub at one commit, checked, and described in a card."""

import json
from pathlib import Path

from ttc.digests import INDEX, PATTERNS, file_digest, folder_files, weight_files
from ttc.errors import InputError
from ttc.homes import unwritable
from ttc.models import parameters
from ttc.models.card import ACTIVE
from ttc.models.gguf_header import SUFFIX
from ttc.models.shapes import packed_in, shapes_in
from ttc.models.tokenizers import load_tokenizer
from ttc.problems.hub_errors import GATED, NO_REPOSITORY, NO_REVISION, UNREACHABLE, first_line, reason
from ttc.problems.prompts import tokenizer_digest

WEIGHTS = "*.safetensors"


def fetch(hub: str, revision: str) -> Path:
    """The folder of a model of the hub at a commit, brought here unless it is in the hub's cache.

    InputError, one sentence, for a model that is gated, unknown, lacks the commit, or cannot be reached.
    """
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import HfHubHTTPError

    where = f"model '{hub}'"
    others = [pattern for pattern in PATTERNS if pattern != WEIGHTS]
    try:
        # Everything but weights, at the top: publishers repeat a model in folders, in other programs' layouts
        folder = Path(
            snapshot_download(hub, revision=revision, allow_patterns=others, ignore_patterns=["*/*"])
        )
        names = [file.relative_to(folder).as_posix() for file in _weight_files(folder, where)]
        return Path(snapshot_download(hub, revision=revision, allow_patterns=names))
    except (HfHubHTTPError, OSError, ValueError) as error:
        raise InputError(f"{where}: {_sentence(error, revision)}") from error


def describe(
    folder: Path,
    where: str,
    network_class: type | None = None,
    trust_remote_code: bool = False,
    of_the_hub: bool = False,
) -> dict:
    """What a card says of a checkpoint: architecture, parameters, window, digests of its files and tokenizer.

    `network_class`: what its network will be, a causal language model where it is not given.  `of_the_hub`: folders
    below are left out, which `fetch` does not bring, and another program may have.  InputError for a folder
    that is no checkpoint, has no safetensors weights, lacks one of them, or has no tokenizer; and for packed weights
    of an unknown kind.
    """
    config = _json(folder, "config.json", where)
    weights = _present(_weight_files(folder, where), folder, where)
    sizes = _sizes(folder, weights, config, where, network_class, trust_remote_code)
    try:
        tokenizer = load_tokenizer(folder)
    except Exception as error:  # of several libraries
        raise InputError(f"{where}: its tokenizer cannot be loaded ({first_line(error)})") from error
    if not set(tokenizer.get_vocab().values()) - set(tokenizer.all_special_ids):  # made up by `transformers`
        raise InputError(
            f"{where}: its tokenizer cannot be loaded (there is no vocabulary beside the weights)"
        )
    text = config.get("text_config") or config
    if not text.get("max_position_embeddings"):
        raise InputError(f"{where}: its config.json names no window (max_position_embeddings)")
    largest = max(tokenizer.get_vocab().values())
    if text.get("vocab_size") and largest >= text["vocab_size"]:
        raise InputError(
            f"{where}: its tokenizer has ids up to {largest} and its network {text['vocab_size']} tokens; they are not "
            "of one model"
        )
    files = [
        file for file in folder_files(folder) if not of_the_hub or file.parent == folder or file in weights
    ]
    return {
        "architecture": config.get("model_type"),
        **sizes,
        "window": text["max_position_embeddings"],
        "tokenizer": tokenizer_digest(tokenizer),
        "chat_template": bool(getattr(tokenizer, "chat_template", None)),
        "files": {file.relative_to(folder).as_posix(): file_digest(file) for file in files},
    }


def _weight_files(folder: Path, where: str) -> list[Path]:
    try:
        return weight_files(folder)
    except ValueError as error:
        raise InputError(f"{where}: its {INDEX} is not valid JSON ({first_line(error)})") from error


def _present(files: list[Path], folder: Path, where: str) -> list[Path]:
    missing = [file.name for file in files if not file.is_file()]
    if missing:
        other = sorted(file.name for file in folder.glob("*.bin"))
        hint = f"; {other[0]} is a pickle, which is never loaded: convert it to safetensors" if other else ""
        raise InputError(f"{where}: it has no weights {missing[0]}{hint}")
    return files


def _sizes(
    folder: Path, files: list[Path], config: dict, where: str, network_class: type | None, remote: bool
) -> dict[str, int]:
    """Parameters of the network that the configuration describes, tied ones once; of a mixture the active ones, too.

    Where `transformers` knows no such network, they are counted in the headers of the files.
    """
    stored: dict[str, list[int]] = {}
    packed: dict[str, str] = {}
    for file in files:
        try:
            stored |= shapes_in(file)
            packed |= packed_in(file)
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise InputError(
                f"{where}: {file.name} is not readable as safetensors ({first_line(error)})"
            ) from error
    network = _network(folder, network_class, remote)
    if packed:
        name, kind = next(iter(packed.items()))
        if network is None or not (config.get("quantization_config") or config.get("compression_config")):
            why = "its config.json has no quantization_config" if network else "its network is unknown here"
            raise InputError(
                f"{where}: its weights are packed ({name} holds {kind}), and {why}, so that nothing tells how many "
                "parameters they are; take the checkpoint that is not quantised"
            )
    if network is None:
        shapes, total = stored, parameters.total(stored, config)
    else:
        shapes = {name: list(each.shape) for name, each in network.named_parameters()}
        total = sum(each.numel() for each in network.parameters())
        config = config | network.config.to_dict()
    try:
        active = parameters.active(shapes, config, total)
    except InputError as error:
        raise InputError(f"{where}: {error}") from error
    return {"parameters": total} | ({} if active == total else {ACTIVE: active})


def _network(folder: Path, network_class: type | None, remote: bool):
    """The network without weights; None where `transformers` knows none of this configuration."""
    import torch
    from transformers import AutoModelForCausalLM

    from ttc.models.checkpoint import FAILURES, Source, empty_network

    source = Source("policy", str(folder), None, "float32", torch.device("cpu"), "sdpa", remote, True)
    try:
        return empty_network(source, network_class or AutoModelForCausalLM)
    except (*FAILURES, TypeError, AttributeError):
        return None


def _json(folder: Path, name: str, where: str) -> dict:
    try:
        return json.loads((folder / name).read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        files = sorted(file.name for file in folder.glob(f"*{SUFFIX}"))
        hint = f"; it has {files[0]}, which may be given itself" if files else ""
        raise InputError(f"{where}: not a checkpoint, it has no {name}{hint}") from error
    except ValueError as error:
        raise InputError(f"{where}: its {name} is not valid JSON ({first_line(error)})") from error


def _sentence(error: Exception, revision: str) -> str:
    """What is wrong, in words."""
    sentences = {
        GATED: "it is gated; accept its conditions on its page, log in (`hf auth login`) and run the same command",
        NO_REVISION: f"it has no commit {revision}; take one of its page",
        NO_REPOSITORY: "there is no such model on the hub, or it is private; its id is OWNER/NAME, as on its page",
        UNREACHABLE: f"it is not in the cache at commit {revision}, and the hub cannot be reached; run"
        " `snakemake fetch_model` once where there is a connection",
    }
    return unwritable(error) or sentences.get(reason(error)) or first_line(error)
