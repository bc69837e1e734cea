"""Rows of data sets from the Hugging Face hub at one revision, and of folders saved by `datasets`."""

from collections.abc import Iterable
from pathlib import Path

import polars as pl

from ttc.errors import InputError, nearest
from ttc.homes import unwritable
from ttc.problems.hub_errors import (
    GATED,
    NO_REPOSITORY,
    NO_REVISION,
    UNREACHABLE,
    first_line,
    reason,
)
from ttc.problems.layout import COMMIT, check_place

_SAVED = ("dataset_dict.json", "dataset_info.json", "state.json")  # what `save_to_disk` leaves in a folder


def load(hub: str, revision: str, configs: Iterable[str | None], split: str) -> pl.DataFrame:
    """The rows of a data set of the hub, of each of `configs` in turn (None: its only one).

    Raises InputError where the hub cannot be reached and its cache does not have this very revision, where the data
    set is unknown or gated, and for an unknown revision, configuration or split.
    """
    check_place(hub, revision)
    if Path(hub).exists():
        raise InputError(
            f"data set '{hub}': a folder of this name lies here, and `datasets` would read it instead"
        )
    return pl.concat([_load_one(hub, revision, config, split) for config in configs])


def load_saved(folder: Path, split: str | None = None) -> pl.DataFrame:
    """The rows of a folder written by `save_to_disk` of `datasets`; of `split` where it holds several splits."""
    import datasets

    if not any((folder / name).is_file() for name in _SAVED):
        raise InputError(
            f"{folder}: a folder must be one that `datasets` saved (save_to_disk); it lacks {_SAVED[0]}"
        )
    try:
        saved = datasets.load_from_disk(str(folder))
    except Exception as error:  # whatever is wrong with a damaged folder
        raise InputError(
            f"{folder}: not readable as a data set that `datasets` saved ({first_line(error)})"
        ) from error
    if isinstance(saved, datasets.DatasetDict):
        if split is None and len(saved) == 1:
            split = next(iter(saved))
        if split not in saved:
            given = (
                f"the split '{split}' is unknown" if split else "it has several splits, and none was named"
            )
            raise InputError(f"{folder}: {given}; there are {', '.join(saved)}{nearest(split, saved)}")
        saved = saved[split]
    return saved.to_polars()


def _load_one(hub: str, revision: str, config: str | None, split: str) -> pl.DataFrame:
    import datasets

    where = f"data set '{hub}'" + (f", configuration '{config}'" if config else "")
    try:
        rows = datasets.load_dataset(hub, config, split=split, revision=revision)
    except Exception as error:  # of several libraries: each is told in one sentence
        raise InputError(f"{where}: {_sentence(error, revision)}") from error
    _check_cached(rows, where, revision)
    return rows.to_polars()


def _check_cached(rows, where: str, revision: str) -> None:
    """Without a connection, `datasets` takes the newest revision of its cache, whichever was asked for: refuse it.

    The folder of a cached data set has the name of its commit.
    """
    for name in {Path(file["filename"]).parent.name for file in rows.cache_files}:
        if COMMIT.fullmatch(name) and name != revision:
            raise InputError(
                f"{where}: the hub could not be reached, and the newest revision in the cache is {name}, not "
                f"{revision}; run once with a connection"
            )


def _sentence(error: Exception, revision: str) -> str:
    """What is wrong, in words."""
    sentences = {
        GATED: "it is gated; accept its conditions on its page and log in (`hf auth login`)",
        NO_REVISION: f"it has no revision {revision}; take a commit of its page",
        NO_REPOSITORY: "there is no such data set on the hub, or it is private; its id is OWNER/NAME, as on its page",
        UNREACHABLE: "the hub cannot be reached and the data set is not in the cache; run once with a connection, or"
        " give a local file as `path`",
    }
    return unwritable(error) or sentences.get(reason(error)) or f"it cannot be read ({_shortened(error)})"


def _shortened(error: Exception) -> str:
    return " ".join((str(error).strip() or type(error).__name__).split("\n"))[:300]
