"""Archives as they are read: members by name, from a tar file or a folder, and what is not safe to unpack."""

import io
import os
import stat
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO, NamedTuple

from ttc.errors import InputError
from ttc.sharing import layout, tar

CHUNK = 1 << 20
MANY = 1_000_000  # members; ours have thousands
# Left beside a study's files by git and by the hub's client; nobody unpacks them
BESIDE = (".git", ".gitattributes", ".cache")


class Finding(NamedTuple):
    """Something that is not as it should be: its kind, the member, and what is wrong, as the end of a sentence."""

    kind: str
    name: str
    said: str

    def __str__(self) -> str:
        return f"{self.kind}: {self.name} is {self.said}"


@dataclass
class Opened:
    """An archive at `path`: sizes of members by name, and why some must not be unpacked."""

    path: Path
    is_folder: bool
    sizes: dict[str, int] = field(default_factory=dict)
    unsafe: list[Finding] = field(default_factory=list)
    _starts: dict[str, int] = field(default_factory=dict, repr=False)

    def open(self, name: str) -> BinaryIO:
        """A member, as a file."""
        if self.is_folder:
            return (self.path / name).open("rb")
        return io.BufferedReader(tar.Slice(self.path.open("rb"), self._starts[name], self.sizes[name]), CHUNK)

    def chunks(self, name: str) -> Iterator[bytes]:
        """The bytes of a member in pieces."""
        with self.open(name) as file:
            while piece := file.read(CHUNK):
                yield piece

    def read(self, name: str, most: int = 1 << 28) -> bytes:
        """The bytes of a small member.  InputError for one that is not there, or larger than `most` bytes."""
        if name not in self.sizes:
            raise InputError(
                f"{self.path}: it has no {name}, so it is no archive that `ttc share` has written"
            )
        if self.sizes[name] > most:
            raise InputError(f"{self.path}: {name} has {self.sizes[name]:,} bytes; at most {most:,} are read")
        return b"".join(self.chunks(name))


def open_archive(path: Path) -> Opened:
    """The archive at `path`, a tar file or a folder.  InputError for what is neither."""
    if path.is_dir():
        return _folder(path)
    if not path.is_file():
        raise InputError(f"{path}: there is no such file or folder; `ttc share` writes archives")
    return _tar(path)


def _tar(path: Path) -> Opened:
    opened, spellings, top, last = Opened(path, is_folder=False), {}, None, ""
    for entry in tar.entries(path):
        first, _, name = entry.name.partition("/")
        top = first if top is None else top
        inside = name if first == top and name else entry.name
        refused = entry.refused or layout.danger(inside)
        if refused is None and inside == entry.name:
            refused = f"outside of {top}/, in which everything else lies"
        refused = refused or _twin(inside, opened, spellings)
        if refused is None and inside < last:
            refused = "not in its place (names are sorted)"
        if refused is None and len(opened.sizes) >= MANY:
            refused = f"one of more than {MANY:,} members"
        if refused is None:
            last = inside
            opened.sizes[inside], opened._starts[inside] = entry.size, entry.start
        else:
            opened.unsafe.append(Finding("unsafe", inside, refused))
    return opened


def _folder(path: Path) -> Opened:
    opened, spellings = Opened(path, is_folder=True), {}
    for name, about in _walk(path, ""):
        refused = None if stat.S_ISREG(about.st_mode) else _what(about.st_mode)
        refused = refused or layout.danger(name) or _twin(name, opened, spellings)
        if refused is None:
            opened.sizes[name] = about.st_size
        else:
            opened.unsafe.append(Finding("unsafe", name, refused))
    return opened


def _walk(folder: Path, above: str) -> Iterator[tuple[str, os.stat_result]]:
    """Names and kinds of all that lies in a folder; links are not followed."""
    with os.scandir(folder) as found:
        entries = sorted(found, key=lambda entry: entry.name)
    for entry in entries:
        if above or entry.name not in BESIDE:
            about = entry.stat(follow_symlinks=False)
            if stat.S_ISDIR(about.st_mode):
                yield from _walk(Path(entry.path), f"{above}{entry.name}/")
            else:
                yield above + entry.name, about


def _what(mode: int) -> str:
    if stat.S_ISLNK(mode):
        return "a symbolic link"
    return "a named pipe" if stat.S_ISFIFO(mode) else "a device or a socket"


def _twin(name: str, opened: Opened, spellings: dict[str, str]) -> str | None:
    """Why a name cannot stand beside those before it, where capitals do not count; remembers it."""
    if name in opened.sizes:
        return "there twice"
    parts = name.split("/")
    for end in range(1, len(parts) + 1):
        spelt = "/".join(parts[:end])
        before = spellings.setdefault(spelt.casefold(), spelt)
        if before != spelt:
            return f"spelt as {before}, but for capitals"
    return None
