"""Stand-ins for what a study was adopted without: cards of models, records of artifacts, digests of given files.

`ttc adopt` leaves cards and files below results/adopted, and records where they always lie, beside where the artifact
would.  Standard library only: the Snakefile imports this.
"""

import fnmatch
import json
from pathlib import Path, PurePath

ADOPTED = "results/adopted"
FILES = f"{ADOPTED}/files.json"
CARD = "card.json"


def card_folder(artifact_path: str) -> str:
    """Where the card of an adopted model lies, for `results/store/STAGE/NAME`."""
    return "/".join([ADOPTED, "cards", *PurePath(artifact_path).parts[-2:]])


def without_mark(artifact_path: str) -> str:
    """A file that says that an artifact was adopted without all of its content, for `results/store/STAGE/NAME`."""
    return "/".join([ADOPTED, "without", *PurePath(artifact_path).parts[-2:]])


def given_file(path: str, folder: Path = Path()) -> dict | None:
    """What adopted studies tell of a file that they were made from: `sha256`, and `place`, where a copy lies, or null.

    `path` is the one that their configurations give.
    """
    return given_files(folder).get(path)


def given_files(folder: Path = Path()) -> dict[str, dict]:
    """All such files, by the path that configurations give."""
    try:
        return json.loads((folder / FILES).read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}


def matching(pattern: str, folder: Path = Path()) -> list[str]:
    """The paths of such files that a pattern with `*` and `?` names, sorted."""
    parts = PurePath(pattern).parts
    return sorted(
        path
        for path in given_files(folder)
        if len(PurePath(path).parts) == len(parts)
        and all(map(fnmatch.fnmatchcase, PurePath(path).parts, parts))
    )
