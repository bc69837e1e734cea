"""Published checkpoints: brought from the hub at one commit, checked, and described in a card."""

import json
from pathlib import Path

from ttc.digests import PATTERNS, file_digest, folder_files
from ttc.errors import InputError
from ttc.models.shapes import INDEX, count, shapes_in, weight_files
from ttc.models.tokenizers import load_tokenizer
from ttc.problems.hub_errors import GATED, NO_REPOSITORY, NO_REVISION, UNREACHABLE, first_line, reason
from ttc.problems.prompts import tokenizer_digest


def fetch(hub: str, revision: str) -> Path:
    """The folder of a model of the hub at a commit, brought here unless it is in the hub's cache.

    InputError, one sentence, for a model that is gated, unknown, lacks the commit, or cannot be reached.
    """
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import HfHubHTTPError

    where = f"model '{hub}'"
    try:
        return Path(snapshot_download(hub, revision=revision, allow_patterns=list(PATTERNS)))
    except (HfHubHTTPError, OSError, ValueError) as error:
        raise InputError(f"{where}: {_sentence(error, revision)}") from error


def describe(folder: Path, where: str) -> dict:
    """What a card says of a checkpoint: architecture, parameters, window, digests of its files and tokenizer.

    InputError for a folder that is no checkpoint, has no safetensors weights, lacks one of them, or has no tokenizer.
    """
    config = _json(folder, "config.json", where)
    weights = _weight_files(folder, where)
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
    return {
        "architecture": config.get("model_type"),
        "parameters": sum(_parameters(file, where) for file in weights),
        "window": text["max_position_embeddings"],
        "tokenizer": tokenizer_digest(tokenizer),
        "chat_template": bool(getattr(tokenizer, "chat_template", None)),
        "files": {file.relative_to(folder).as_posix(): file_digest(file) for file in folder_files(folder)},
    }


def _weight_files(folder: Path, where: str) -> list[Path]:
    try:
        files = weight_files(folder)
    except (ValueError, KeyError) as error:
        raise InputError(f"{where}: its {INDEX} is not valid JSON ({first_line(error)})") from error
    missing = [file.name for file in files if not file.is_file()]
    if missing:
        other = sorted(file.name for file in folder.glob("*.bin"))
        hint = f"; {other[0]} is a pickle, which is never loaded: convert it to safetensors" if other else ""
        raise InputError(f"{where}: it has no weights {missing[0]}{hint}")
    return files


def _parameters(file: Path, where: str) -> int:
    """Numbers in a safetensors file, from its header."""
    try:
        return count(shapes_in(file))
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise InputError(
            f"{where}: {file.name} is not readable as safetensors ({first_line(error)})"
        ) from error


def _json(folder: Path, name: str, where: str) -> dict:
    try:
        return json.loads((folder / name).read_text())
    except FileNotFoundError as error:
        raise InputError(f"{where}: not a checkpoint, it has no {name}") from error
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
    return sentences.get(reason(error)) or first_line(error)
