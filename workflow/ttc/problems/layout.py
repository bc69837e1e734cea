"""Layout of data sets: their place on the hub and the names of their columns, checked before anything is read."""

import re
from collections.abc import Iterable

from ttc.errors import InputError, nearest

COLUMNS = {
    "problem_id": "id, unique; without it rows are numbered, the first test/00000",
    "question": "text of the problem",
    "answer": "gold answer, bare; without it the answer is found in `solution`",
    "solution": "worked solution",
    "level": "difficulty, 1 = easiest: `3` or `Level 3`; `?` or nothing = not given",
    "subject": "kept beside the table of problems, which has no such column",
}
CHOICE_ANSWERS = ("letter", "index", "text")  # how the column of answers says which option is right
COMMIT = re.compile(r"[0-9a-f]{40}")
_ID = re.compile(r"[\w.-]+/[\w.-]+")


def column_mapping(
    given: dict | None, known: Iterable[str], required: Iterable[str], where: str
) -> dict[str, str]:
    """Our names to theirs, in the order of `known`; those in `required` default to themselves, null leaves them out.

    Raises InputError for a name that is not among `known`.
    """
    given = given or {}
    for ours in given:
        if ours not in known:
            raise InputError(
                f"{where}: '{ours}' is unknown; known are {', '.join(known)}{nearest(ours, known)}"
            )
    mapping = {ours: ours for ours in required if given.get(ours, ours)}
    mapping |= {ours: theirs for ours, theirs in given.items() if theirs}
    return {ours: mapping[ours] for ours in known if ours in mapping}


def check_place(hub: str, revision: str | None) -> None:
    """Raise InputError unless `hub` is OWNER/NAME and `revision` a commit: branches move, and results with them."""
    if not _ID.fullmatch(hub):
        raise InputError(
            f"data set '{hub}': the id of a data set of the hub is OWNER/NAME; a file is given as `path`"
        )
    if not COMMIT.fullmatch(revision or ""):
        given = f"'{revision}' is not the name of a commit" if revision else "no revision is given"
        raise InputError(
            f"data set '{hub}': {given}; it must be a commit of the data set's page, 40 hexadecimal digits; "
            "`ttc pin STUDY.yaml` writes it where there is a connection"
        )
