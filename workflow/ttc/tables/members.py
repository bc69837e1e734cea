"""Members of a folder or of a tar file whose names are those of a study's tables, read without unpacking anything."""

import io
import re
import tarfile
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from ttc.errors import InputError

# In front the place of the study, then perhaps the name of a further pool
TABLE = re.compile(r"(?P<place>(?:[^/]+/)*)tables/(?P<name>(?:[^/]+/)?[A-Za-z_]\w*)\.parquet")
# First bytes of compressed files, whose members could only be reached by unpacking all before them
COMPRESSED = {
    b"\x1f\x8b": "gzip",
    b"BZh": "bzip2",
    b"\xfd7zXZ": "xz",
    b"\x28\xb5\x2f\xfd": "zstd",
    b"PK\x03\x04": "zip",
}
# Files that run code once they are loaded; a study has none
PICKLES = (".pkl", ".pickle", ".joblib", ".dill", ".pt", ".pth", ".ckpt", ".bin")


@dataclass(frozen=True)
class Member:
    """The bytes of a table: a whole file, or `size` bytes of a tar file from `start` on.  `name` is for sentences."""

    path: Path
    name: str
    start: int | None = None
    size: int = 0

    def source(self) -> Path | io.BytesIO:
        """What polars reads: the path of a file, or the bytes of a member and nothing else of its tar file."""
        if self.start is None:
            return self.path
        with self.path.open("rb") as file:
            file.seek(self.start)
            return io.BytesIO(file.read(self.size))


def find_members(path: Path) -> dict[str, Member]:
    """The tables below a folder or in a tar file, by name (`curves`, or `POOL/curves` of a further pool), sorted.

    A folder may be that of the tables itself.  Raises InputError where there are none, or those of several studies, and
    for a tar file that is compressed, damaged or not safe to unpack.
    """
    if path.is_dir():
        found = _folder(path)
    elif path.is_file():
        found = _tar(path)
    else:
        raise InputError(
            f"{path}: there is no such folder or file; a finished study is a folder such as results/default"
        )
    return _of_one_study(path, found)


def _of_one_study(path: Path, found: dict[str, Member]) -> dict[str, Member]:
    tables: dict[str, dict[str, Member]] = {}
    for name, member in sorted(found.items()):
        if match := TABLE.fullmatch(name):
            tables.setdefault(match["place"], {})[match["name"]] = member
    if not tables:
        raise InputError(
            f"{path}: a finished study has its tables in a folder `tables`, and there is none here"
        )
    if len(tables) > 1:
        places = ", ".join(place or "." for place in tables)
        raise InputError(
            f"{path}: there are the tables of {len(tables)} studies ({places}); open the folder of one of them"
        )
    return next(iter(tables.values()))


def _folder(path: Path) -> dict[str, Member]:
    """Tables by name, of a folder of tables, a study's folder, an archive's folder, or one that holds nothing else."""
    if any(path.glob("*.parquet")):
        places = {"tables": path}
    else:
        found = [each for depth in range(3) for each in path.glob("*/" * depth + "tables")]
        places = {each.relative_to(path).as_posix(): each for each in found}
    return {
        f"{place}/{file.relative_to(folder).as_posix()}": Member(file, str(file))
        for place, folder in places.items()
        for pattern in ("*.parquet", "*/*.parquet")
        for file in folder.glob(pattern)
    }


def _tar(path: Path) -> dict[str, Member]:
    """Every regular file of a tar file by name."""
    with path.open("rb") as file:
        first = file.read(8)
    for begins, name in COMPRESSED.items():
        if first.startswith(begins):
            raise InputError(
                f"{path}: it is compressed ({name}); unpack it, and open the folder or the tar file in it"
            )
    found: dict[str, Member] = {}
    size = path.stat().st_size
    try:
        with tarfile.open(path, "r:") as archive:
            for each in archive:
                if each.isdir():
                    continue
                if reason := _danger(each, found, size):
                    raise InputError(
                        f"{path}: the member '{each.name}' {reason}; nothing of this archive is read"
                    )
                found[each.name] = Member(path, f"{path}: {each.name}", each.offset_data, each.size)
    except (tarfile.TarError, EOFError, ValueError) as error:
        raise InputError(f"{path}: neither a folder nor a readable tar file ({error})") from error
    return found


def _danger(member: tarfile.TarInfo, found: dict[str, Member], size: int) -> str | None:
    """Why an archive with this member is refused, as the end of a sentence."""
    name = PurePosixPath(member.name)
    if name.is_absolute() or ".." in name.parts or "\\" in member.name or re.match(r"[A-Za-z]:", member.name):
        return "has a name that leads outside of it"
    if not member.isreg() or member.issparse():
        return "is no plain file"
    if name.suffix.lower() in PICKLES:
        return "may be a pickle, which runs code once it is loaded"
    if member.name in found:
        return "is there twice"
    if member.offset_data + member.size > size:
        return "is longer than the file"
    return None
