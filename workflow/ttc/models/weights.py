"""Where the weights of a model directory are, and how they are to be loaded.

A directory that a stage trained holds its weights itself, in float32 unless its card says otherwise.  One that stage
`fetch_model` wrote refers to a checkpoint from elsewhere: its link `weights` leads there, and its card says with which
options it is loaded.
"""

from dataclasses import dataclass
from pathlib import Path

from ttc.errors import InputError
from ttc.models.directory import read_card

LINK = "weights"
OPTIONS = ("dtype", "attention", "trust_remote_code")


@dataclass(frozen=True)
class Weights:
    """folder: for `from_pretrained`; dtype: float32, bfloat16 or float16; attention: as `transformers` calls it."""

    folder: Path
    dtype: str = "float32"
    attention: str = "sdpa"
    trust_remote_code: bool = False

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
            f"{path}: the checkpoint that it refers to is no longer at {(path / LINK).readlink()}; to have it looked "
            f"for again: rm -r {path}, and the same command again"
        )
    return Weights((path / LINK).resolve(), **{name: card["checkpoint"][name] for name in OPTIONS})
