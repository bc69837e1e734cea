"""Checks of an archive: what is unsafe, missing, altered or extra, and whether its records say what its keys say.

Each byte is read once.  Neither torch nor a network is needed.
"""

import hashlib
import json
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import PurePosixPath

from ttc.errors import InputError
from ttc.sharing import kinds, records
from ttc.sharing.layout import ABOUT, FORMAT, SUMS, danger
from ttc.sharing.opened import Finding, Opened
from ttc.sharing.pack import digest

LINE = re.compile(r"([0-9a-f]{64})  (.+)")


@dataclass
class Verified:
    """What is known of an archive after its check: its number, what it says of itself, and everything that is wrong."""

    number: str = ""
    about: dict = field(default_factory=dict)
    sums: dict[str, str] = field(default_factory=dict)
    findings: list[Finding] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    @property
    def study(self) -> str:
        """Name of the study."""
        return self.about["study"]


def verify(opened: Opened, progress: Callable[[int, int], None]) -> Verified:
    """Check everything.  InputError for what is no archive of a study."""
    found = Verified(findings=list(opened.unsafe))
    if found.findings:
        return found  # nothing of it is read
    listed = opened.read(SUMS)
    found.number = digest(listed)
    found.sums = _listed(listed, opened, found.findings)
    there = opened.sizes.keys() - {SUMS}
    found.findings += [
        Finding("missing", name, "listed and not there") for name in sorted(found.sums.keys() - there)
    ]
    found.findings += [
        Finding("extra", name, "there and not listed") for name in sorted(there - found.sums.keys())
    ]
    _check_members(opened, found, progress)
    bad = {each.name for each in found.findings}
    if ABOUT in bad or ABOUT not in opened.sizes:
        return found
    found.about = about_of(opened)
    records.check(opened, found.about, found.sums, bad, found.findings, found.notes)
    return found


def about_of(opened: Opened) -> dict:
    """`archive.json`.  InputError where it is none, or of another form."""
    try:
        about = json.loads(opened.read(ABOUT))
    except (ValueError, RecursionError) as error:
        raise InputError(f"{opened.path}: {ABOUT} is not JSON ({error})") from error
    if not isinstance(about, dict) or about.get("format") != FORMAT:
        given = about.get("format") if isinstance(about, dict) else None
        raise InputError(f"{opened.path}: its form is '{given}', and this version of ttc reads '{FORMAT}'")
    return about


def _listed(text: bytes, opened: Opened, findings: list[Finding]) -> dict[str, str]:
    """SHA-256 by name, as SHA256SUMS has them."""
    sums = {}
    for line in text.decode("utf-8", "replace").splitlines():
        match = LINE.fullmatch(line)
        if match is None or match[2] in sums or match[2] == SUMS or danger(match[2]):
            findings.append(Finding("altered", SUMS, f"not a list of checksums in the line '{line[:80]}'"))
            continue
        sums[match[2]] = match[1]
    if text != "".join(f"{sha256}  {name}\n" for name, sha256 in sorted(sums.items())).encode():
        findings.append(Finding("altered", SUMS, "not written as `ttc share` writes it"))
    return sums


def _check_members(opened: Opened, found: Verified, progress: Callable[[int, int], None]) -> None:
    total, done = sum(opened.sizes.values()), 0
    for name, size in sorted(opened.sizes.items()):
        sha = hashlib.sha256()
        for piece in opened.chunks(name):
            sha.update(piece)
            done += len(piece)
            progress(done, total)
        if name in found.sums and sha.hexdigest() != found.sums[name]:
            found.findings.append(Finding("altered", name, "not what SHA256SUMS says"))
        if name == SUMS:
            continue
        said = kinds.trouble(name, size, lambda name=name: opened.open(name)) or schema_trouble(opened, name)
        if said is not None:
            found.findings.append(Finding("refused", name, said))


def schema_trouble(opened: Opened, name: str) -> str | None:
    """Why a table that people are shown is not the one that its name says, as the end of a sentence."""
    path = PurePosixPath(name)
    if path.parts[:2] != ("study", "tables") or path.suffix != ".parquet":
        return None
    import polars as pl
    import pyarrow
    from pyarrow import parquet

    from ttc.tables.registry import SCHEMAS

    schema = SCHEMAS.get(path.stem)
    if schema is None:
        return None
    try:
        with opened.open(name) as file:
            described = parquet.read_schema(file)
        columns = dict(pl.from_arrow(described.empty_table()).schema)
    except (pyarrow.ArrowException, pl.exceptions.PolarsError, OSError, ValueError) as error:
        return f"no readable Parquet file ({str(error).splitlines()[0]})"
    dtypes = {each: schema.columns[each].dtype for each in schema.held(columns)}
    if columns == dtypes:
        return None
    unlike = next(each for each in [*dtypes, *columns] if columns.get(each) != dtypes.get(each))
    return f"no table of {schema.name} as this version of ttc has it (column {unlike})"
