"""The verifier of a model directory: one that this study trained, or a published one."""

from pathlib import Path
from typing import TYPE_CHECKING

from ttc.errors import InputError
from ttc.models.directory import read_card
from ttc.models.weights import weights_of

if TYPE_CHECKING:
    from ttc.verifiers.incremental import IncrementalVerifier
    from ttc.verifiers.published import PublishedVerifier

KINDS = ("prm", "orm")

TOKENS_PER_ROW = 16  # of `batch_rows`, in one call of a published verifier: 1024 rows are 16384 tokens


def is_published(path: Path) -> bool:
    """Whether the verifier reads texts in a format of its own, which its card then names; else it reads tokens."""
    return "format" in read_card(path)


def open_verifier(
    path: Path, batch_rows: int = 1024, device: str = "auto", engine: str = "transformers"
) -> "PublishedVerifier | IncrementalVerifier":
    """A published verifier where the card names a format (`ttc.verifiers.kinds`), else one that this study trained.

    engine: `vllm` reads a published one through its pooling runner.  What the scores of a published one are taken for,
    a process (prm) or the outcome (orm), says the card's `kind`.  InputError for a directory without a card, another
    kind, and what the verifier's own class refuses.
    """
    card = read_card(path)
    if "format" not in card:
        from ttc.verifiers.incremental import IncrementalVerifier

        return IncrementalVerifier(path, batch_rows, device)
    if card.get("kind") not in KINDS:
        raise InputError(
            f"{path}: its card says kind '{card.get('kind')}'; a verifier is one of {', '.join(KINDS)}"
        )
    weights, separator = weights_of(path), card.get("checkpoint", {}).get("separator")
    from ttc.verifiers.load import load

    return load(
        card["format"],
        weights.folder,
        engine=engine,
        dtype=weights.dtype,
        device=device,
        attention=weights.attention,
        trust_remote_code=weights.trust_remote_code,
        separator=separator,
        batch_tokens=TOKENS_PER_ROW * batch_rows,
    )
