"""Cards of model directories: `card.json`, which says what a model is and how it was made.  Standard library only."""

import json
from pathlib import Path

from ttc.errors import InputError

NAME = "card.json"
ACTIVE = "active_parameters"  # of a mixture of experts
SERVED = "served"  # in the place of a checkpoint: the name of a model behind a server


def read_card(folder: Path) -> dict:
    """The card of a model directory: kind, parameters, training and metrics; InputError where there is none."""
    try:
        return json.loads((folder / NAME).read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise InputError(f"{folder}: not a model directory of this study, it has no {NAME}") from error
    except ValueError as error:
        raise InputError(f"{folder / NAME}: not JSON ({error})") from error


def served_model(folder: Path) -> str:
    """The name of a model behind a server, as its card has it; InputError for a model that is here."""
    served = (read_card(folder).get("checkpoint") or {}).get(SERVED)
    if served is None:
        raise InputError(f"{folder}: the model is here, and behind no server")
    return served


def parameters_of(folder: Path, all_of_them: bool = False) -> int | None:
    """The number of parameters of a model directory by which its FLOPs are counted; InputError where no card says it.

    Of a mixture of experts those through which a token passes, unless `all_of_them` are asked for.  None for a model
    behind a server: its card is that of a name.
    """
    try:
        card = read_card(folder)
        if SERVED in (card.get("checkpoint") or {}):
            return None
        return int(card["parameters"] if all_of_them else card.get(ACTIVE, card["parameters"]))
    except (OSError, ValueError, KeyError, TypeError, AttributeError, InputError) as error:
        where = folder / NAME
        raise InputError(f"{where}: the number of parameters cannot be read ({error!r})") from error


def write_card(folder: Path, content: dict) -> None:
    """Write the card of a model directory; numbers with nine digits, so that last bits do not show."""
    (folder / NAME).write_text(
        json.dumps(_rounded(content), indent=1, sort_keys=True) + "\n", encoding="utf-8"
    )


def _rounded(value):
    if isinstance(value, float):
        return float(f"{value:.9g}")
    if isinstance(value, dict):
        return {key: _rounded(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_rounded(item) for item in value]
    return value
