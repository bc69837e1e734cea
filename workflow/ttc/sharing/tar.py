"""Tar files of one form: the same members give the same bytes, and a file of any other form is refused.

Plain ustar: regular files only, names sorted, mode 0644, owner 0, time 0, zeros up to the next 512 bytes.  Reading
compares every header with the one that writing would make, so that no byte outside of the members is unaccounted for.
"""

import io
import tarfile
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import BinaryIO, NamedTuple

from ttc.errors import InputError

BLOCK, RECORD = tarfile.BLOCKSIZE, tarfile.RECORDSIZE
TYPES = {
    tarfile.LNKTYPE: "a hard link",
    tarfile.SYMTYPE: "a symbolic link",
    tarfile.CHRTYPE: "a device",
    tarfile.BLKTYPE: "a device",
    tarfile.FIFOTYPE: "a named pipe",
    tarfile.DIRTYPE: "a folder",
    tarfile.CONTTYPE: "a file of a kind of its own",
    tarfile.GNUTYPE_SPARSE: "a file with holes, larger than what is there of it",
    tarfile.XHDTYPE: "a header that renames or resizes what follows",
    tarfile.XGLTYPE: "a header that renames or resizes what follows",
    tarfile.GNUTYPE_LONGNAME: "a header that renames or resizes what follows",
    tarfile.GNUTYPE_LONGLINK: "a header that renames or resizes what follows",
}
LARGEST = 8**11 - 1  # bytes of a member, as 11 octal digits say them


class Entry(NamedTuple):
    """A member: its name, where its bytes begin and how many there are; or why it is refused."""

    name: str
    start: int
    size: int
    refused: str | None = None


def header(name: str, size: int) -> bytes:
    """The header of a member.  InputError for a name or a size that ustar has no room for."""
    about = tarfile.TarInfo(name)
    about.size, about.mode = size, 0o644
    try:
        return about.tobuf(tarfile.USTAR_FORMAT, "utf-8", "strict")
    except (ValueError, UnicodeError) as error:
        raise InputError(
            f"{name}: does not fit into a tar file ({error}); share a folder (--folder)"
        ) from error


def padding(size: int) -> int:
    """Zeros behind so many bytes, up to the next block."""
    return -size % BLOCK


def end(size: int) -> bytes:
    """What follows the last member of a file that has `size` bytes so far."""
    return bytes(2 * BLOCK + -(size + 2 * BLOCK) % RECORD)


def write(file: BinaryIO, members: Iterable[tuple[str, int, Iterable[bytes]]]) -> int:
    """Write members (name, size, their bytes in pieces), which come sorted by name; returns the size of the file."""
    written = 0
    for name, size, pieces in members:
        written += file.write(header(name, size))
        before = written
        for piece in pieces:
            written += file.write(piece)
        if written - before != size:
            raise InputError(f"{name}: it has changed while it was shared; share it again when nothing runs")
        written += file.write(bytes(padding(size)))
    return written + file.write(end(written))


def entries(path: Path) -> Iterator[Entry]:
    """The members of a tar file, in their order; the last one may be a refusal, after which nothing is read.

    InputError for what is no tar file.
    """
    length = path.stat().st_size
    with path.open("rb") as file:
        place = 0
        while True:
            block = file.read(BLOCK)
            if place and block == bytes(BLOCK):
                yield from _ending(file, place, length)
                return
            entry = _entry(block, place, length, path)
            yield entry
            if entry.refused:
                return
            file.seek(entry.start + entry.size)
            if file.read(padding(entry.size)).strip(b"\0"):
                yield Entry(entry.name, 0, 0, "followed by bytes that belong to nothing")
                return
            place = entry.start + entry.size + padding(entry.size)


def _entry(block: bytes, place: int, length: int, path: Path) -> Entry:
    try:
        about = tarfile.TarInfo.frombuf(block, "utf-8", "strict")
    except (tarfile.HeaderError, UnicodeError) as error:
        if place == 0:
            raise InputError(f"{path}: not a plain tar file ({error}); `ttc share` writes those") from error
        return Entry(f"byte {place:,}", 0, 0, f"no header of a member ({error})")
    start, end_of_file = place + BLOCK, length
    if about.type not in (tarfile.REGTYPE, tarfile.AREGTYPE):
        return Entry(about.name, 0, 0, TYPES.get(about.type, "a member of an unknown kind"))
    if about.size < 0 or start + about.size + padding(about.size) > end_of_file:
        return Entry(about.name, 0, 0, f"said to have {about.size:,} bytes, more than the file still has")
    try:
        as_ours = header(about.name, about.size) == block
    except InputError:
        as_ours = False
    if not as_ours:
        return Entry(about.name, 0, 0, "described otherwise than `ttc share` does it")
    return Entry(about.name, start, about.size)


def _ending(file: BinaryIO, place: int, length: int) -> Iterator[Entry]:
    """A refusal unless the rest of the file is what follows the last member."""
    expected = len(end(place))
    if length != place + expected or file.read().strip(b"\0"):
        yield Entry(f"byte {place:,}", 0, 0, "followed by bytes that belong to nothing")


class Slice(io.RawIOBase):
    """The bytes of one member of an open file, to be read and sought in."""

    def __init__(self, file: BinaryIO, start: int, size: int):
        self._file, self._start, self._size, self._at = file, start, size, 0

    def readable(self) -> bool:
        """It is."""
        return True

    def seekable(self) -> bool:
        """It is."""
        return True

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        """Go to a place, counted from the beginning, from here or from the end."""
        self._at = max(0, offset + {io.SEEK_SET: 0, io.SEEK_CUR: self._at, io.SEEK_END: self._size}[whence])
        return self._at

    def tell(self) -> int:
        """The place."""
        return self._at

    def readinto(self, buffer) -> int:
        """Fill a buffer as far as the member goes."""
        self._file.seek(self._start + self._at)
        read = self._file.readinto(memoryview(buffer)[: max(0, self._size - self._at)])
        self._at += read
        return read

    def close(self) -> None:
        """Close the file, too."""
        self._file.close()
        super().close()
