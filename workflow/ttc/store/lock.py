"""Lock files: the versions of the distributions (`envs/*.lock.txt`), and the behaviour of the stages (`stages.lock`).

`stages.lock` says of each unit (`ttc.store.code`) which behaviour its code has, and whose code that was seen of: the
digest of its closure.  `make stages-lock` writes it, docs/keys.md explains it.

Standard library only: the Snakefile imports this.
"""

import re
import tomllib
from dataclasses import dataclass
from pathlib import Path

from ttc.errors import InputError
from ttc.store.code import normal

NAME = "stages.lock"
HEAD = "# The behaviour of stages and plug-ins, and whose code has it.  Written by `make stages-lock` (docs/keys.md).\n"


@dataclass(frozen=True)
class Record:
    """A unit's behaviour, the digest of the code that has it, and the versions of the distributions it was seen with.

    `behaviour` is the name that the code got when its results last changed: a digest of that code, so that two people
    who change a stage at the same time do not give one name to two behaviours.
    """

    behaviour: str
    digest: str
    libraries: dict[str, str]


def read_pins(path: Path) -> dict[str, str]:
    """`name==version` lines of a pip lock file as {normalised name: version}; local version labels are dropped."""
    if not path.is_file():
        raise InputError(
            f"{path}: no such file; it should hold the locked versions, one name==version a line"
        )
    pins = {}
    for line in path.read_text(encoding="utf-8").splitlines():
        match = re.match(r"([A-Za-z0-9._-]+)==([^\s;#+]+)", line)
        if match:
            pins[normal(match[1])] = match[2]
    return pins


def read_stages(path: Path) -> dict[str, Record]:
    """The records of `stages.lock` by unit; none where there is no such file."""
    return parse_stages(path.read_text(encoding="utf-8"), str(path)) if path.is_file() else {}


def parse_stages(text: str, where: str = NAME) -> dict[str, Record]:
    """The records of the text of a `stages.lock`.  InputError, with what to type, if it is not one."""
    try:
        return {
            unit: Record(each["behaviour"], each["digest"], each["libraries"])
            for unit, each in tomllib.loads(text).items()
        }
    except (tomllib.TOMLDecodeError, KeyError, TypeError) as error:
        raise InputError(
            f"{where}: not a lock of stages, perhaps after a merge ({error}); take either side of it"
            f" (git checkout --ours {NAME}), then `make stages-lock`"
        ) from error


def stages_text(records: dict[str, Record]) -> str:
    """The records as the text of a `stages.lock`, sorted, so that equal records give equal text."""
    parts = [HEAD]
    for unit, record in sorted(records.items()):
        libraries = ", ".join(f'{name} = "{version}"' for name, version in sorted(record.libraries.items()))
        parts.append(
            f'\n["{unit}"]\nbehaviour = "{record.behaviour}"\ndigest = "{record.digest}"\n'
            f"libraries = {{{libraries}}}\n"
        )
    return "".join(parts)
