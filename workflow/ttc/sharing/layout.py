"""Names in an archive: which there are, and the places in a project that they stand for.

An archive is a tar file whose names begin with the study's, or a folder with the same names without it.
"""

import re
from pathlib import Path

from ttc.study.artifact import STORE
from ttc.study.stand_ins import ADOPTED

SIZES = ("tables", "pools", "models")
FORMAT = "ttc archive 1"
ABOUT, SUMS, STUDY = "archive.json", "SHA256SUMS", "study.yaml"
CARD, CITATION, LICENCE = "README.md", "CITATION.cff", "LICENSE"
CRATE, LOCK, MANIFEST = "ro-crate-metadata.json", "stages.lock", "study/manifest.json"
WORKFLOW = "Snakefile"
TOP = (ABOUT, SUMS, STUDY, CARD, CITATION, LICENCE, CRATE, LOCK, WORKFLOW)
# What a member may be called besides those of `TOP`
_STORED = r"[a-z_]+/[A-Za-z0-9_.-]+-[0-9a-f]{16}"
_FILE = r"(/[A-Za-z0-9_][A-Za-z0-9_.=()+, -]*)+"
_KINDS = re.compile(
    rf"envs/[a-z0-9_.-]+\.lock\.txt"
    rf"|store/{_STORED}(\.[a-z]+)?(\.json)?|store/{_STORED}{_FILE}|cards/{_STORED}/card\.json"
    rf"|study/\.complete-[0-9a-f]{{16}}(\.json)?|study{_FILE}|sources/[0-9a-f]{{16}}/[^/]+"
)
LONGEST = 255  # bytes of a name in a tar file


def member_of(path: str, study: str) -> str:
    """The name in an archive of what lies at `path` in a project: of an artifact, or of what people are shown."""
    for place, name in ((f"{STORE}/", "store/"), (f"{ADOPTED}/", ""), (f"results/{study}/", "study/")):
        if path.startswith(place):
            return name + path.removeprefix(place)
    raise ValueError(f"{path} has no place in an archive")


def place_of(name: str, study: str) -> Path | None:
    """The path in a project of a member of an archive; None for what stays in the archive."""
    if name == STUDY:
        return Path("results", study, STUDY)
    first, _, rest = name.partition("/")
    places = {"store": STORE, "cards": f"{ADOPTED}/cards", "sources": f"{ADOPTED}/sources"}
    places["study"] = f"results/{study}"
    return Path(places[first], rest) if first in places else None


def danger(name: str) -> str | None:
    """Why a name must not be unpacked, as the end of a sentence; None for one that is as ours are."""
    if name.startswith("/") or re.match(r"[A-Za-z]:", name):
        return "an absolute path"
    parts = name.split("/")
    if ".." in parts:
        return "a path that leads outside (..)"
    if (
        "" in parts
        or "." in parts
        or "\\" in name
        or any(ord(each) < 32 or ord(each) == 127 for each in name)
    ):
        return "a path that is not written plainly"
    if name not in TOP and not _KINDS.fullmatch(name):
        return "no name that an archive of a study has"
    return None
