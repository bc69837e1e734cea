"""Identities of model directories: by which a rule knows the models that it was fitted on."""

from pathlib import Path

from ttc.digests import file_digest
from ttc.models.card import NAME, read_card


def identity(folder: Path) -> str:
    """16 hexadecimal digits of the digest of a model's card, which says what it is and how it was made.

    InputError for a folder without a card.
    """
    read_card(folder)
    return file_digest(folder / NAME)[:16]


def identities(inputs: dict[str, list[Path]]) -> dict[str, str | None]:
    """Those of the policy and of the process verifier, `verifier`, of a stage's inputs; None where there is none."""
    roles = {"policy": "policy", "verifier": "prm"}
    return {name: identity(given[0]) if (given := inputs.get(role)) else None for name, role in roles.items()}
