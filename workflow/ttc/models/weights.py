"""The weights of a model directory: their place, and the options with which they are loaded.

A directory that a stage trained holds its weights itself, in float32 unless its card says otherwise.  One that stage
`fetch_model` wrote refers to a checkpoint from elsewhere: its link `weights` leads there (or is a directory, which was
made of a GGUF file), and its card says with which options it is loaded.
"""

import json
from dataclasses import dataclass
from pathlib import Path

from ttc.errors import InputError
from ttc.models.card import read_card

LINK = "weights"
OPTIONS = ("dtype", "attention", "trust_remote_code", "linear")


@dataclass(frozen=True)
class Weights:
    """folder: for `from_pretrained`; dtype: float32, bfloat16 or float16; attention: as `transformers` calls it;
    linear: the library of linear layers (`ttc.models.linear`)."""

    folder: Path
    dtype: str = "float32"
    attention: str = "sdpa"
    trust_remote_code: bool = False
    linear: str | None = None

    @property
    def options(self) -> dict:
        """What `from_pretrained` of a network is given besides the folder; the network is never asked for."""
        import torch

        return {
            "dtype": getattr(torch, self.dtype),
            "attn_implementation": self.attention,
            "trust_remote_code": self.trust_remote_code,
            "local_files_only": True,
        }


def weights_of(path: Path | str) -> Weights:
    """The weights of a model directory, or of any directory of a checkpoint; InputError where they are gone."""
    path = Path(path)
    card = read_card(path) if (path / "card.json").is_file() else {}
    if "checkpoint" not in card:
        return Weights(path, card.get("dtype", Weights.dtype))
    if not (path / LINK).is_dir():
        raise InputError(
            f"{path}: the checkpoint that it refers to is no longer at {(path / LINK).resolve()}; to have it looked "
            f"for again: rm -r {path}, and the same command again"
        )
    return Weights(
        (path / LINK).resolve(),
        **{name: card["checkpoint"][name] for name in OPTIONS if name in card["checkpoint"]},
    )


def end_tokens(folder: Path, config: dict) -> tuple[int, ...]:
    """The tokens that end a text: those of the model's configuration and of its generation settings.

    Llama 3's chat models end a turn with a token that only the latter names.  InputError where there is none.
    """
    settings = folder / "generation_config.json"
    named = [config.get("eos_token_id")]
    if settings.is_file():
        named.append(json.loads(settings.read_text(encoding="utf-8")).get("eos_token_id"))
    ends = sorted(
        {end for each in named for end in (each if isinstance(each, list) else [each]) if end is not None}
    )
    if not ends:
        raise InputError(f"{folder}: its configuration names no token that ends a text (eos_token_id)")
    return tuple(ends)
