"""Writing of an archive: checksums first, then a tar file or a folder, which appears all at once."""

import hashlib
import os
from collections.abc import Callable, Iterator
from pathlib import Path

from ttc.errors import InputError
from ttc.run.files import flush, new_folder
from ttc.sharing import kinds, tar
from ttc.sharing.layout import SUMS, danger
from ttc.sharing.opened import CHUNK

Members = dict[str, Path | bytes]


def pieces(member: Path | bytes) -> Iterator[bytes]:
    """The bytes of a member."""
    if isinstance(member, bytes):
        yield member
        return
    with member.open("rb") as file:
        while piece := file.read(CHUNK):
            yield piece


def size(member: Path | bytes) -> int:
    """The number of bytes of a member."""
    return len(member) if isinstance(member, bytes) else member.stat().st_size


def sums(members: Members, recorded: dict[str, str], progress: Callable[[int, int], None]) -> dict[str, str]:
    """SHA-256 of each member by name.

    InputError for one that is not as it is on record, or of a kind or a name that no archive may hold.
    """
    total, done, found = sum(map(size, members.values())), 0, {}
    for name, member in sorted(members.items()):
        said = danger(name)
        if said is None and isinstance(member, Path):
            said = kinds.trouble(name, size(member), lambda member=member: member.open("rb"))
        if said is not None:
            raise InputError(
                f"{member if isinstance(member, Path) else name}: cannot be shared, it is {said}"
            )
        sha = hashlib.sha256()
        for piece in pieces(member):
            sha.update(piece)
            done += len(piece)
            progress(done, total)
        found[name] = sha.hexdigest()
        if found[name] != recorded.get(name, found[name]):
            raise InputError(
                f"{member}: changed since it was made (its SHA-256 is not the recorded one); to have it made again:"
                f" remove it, and run the study"
            )
    return found


def sums_text(found: dict[str, str]) -> bytes:
    """SHA256SUMS, as `sha256sum -c` reads it."""
    return "".join(f"{sha256}  {name}\n" for name, sha256 in sorted(found.items())).encode()


def write_tar(members: Members, out: Path, top: str, progress: Callable[[int, int], None]) -> int:
    """Write members below the folder `top` of a tar file; returns its bytes."""
    out.parent.mkdir(parents=True, exist_ok=True)
    temporary = out.with_name(f".{out.name}.{os.getpid()}.part")
    try:
        with temporary.open("wb") as file:
            written = tar.write(file, _told(members, top, progress))
        flush(temporary)
        os.replace(temporary, out)
    finally:
        temporary.unlink(missing_ok=True)
    return written


def _told(
    members: Members, top: str, progress: Callable[[int, int], None]
) -> Iterator[tuple[str, int, Iterator[bytes]]]:
    total, done = sum(map(size, members.values())), 0
    for name, member in sorted(members.items()):
        yield f"{top}/{name}", size(member), pieces(member)
        done += size(member)
        progress(done, total)


def write_folder(members: Members, out: Path, progress: Callable[[int, int], None]) -> int:
    """Write members below a folder that is not there yet, or is empty; returns their bytes."""
    total, done = sum(map(size, members.values())), 0
    with new_folder(out) as temporary:
        for name, member in sorted(members.items()):
            place = temporary / name
            place.parent.mkdir(parents=True, exist_ok=True)
            with place.open("wb") as file:
                for piece in pieces(member):
                    done += file.write(piece)
                    progress(done, total)
    return done


def digest(sums_file: bytes) -> str:
    """The number by which an archive is known: SHA-256 of its SHA256SUMS, which names everything else."""
    return hashlib.sha256(sums_file).hexdigest()


def with_sums(members: Members, found: dict[str, str]) -> tuple[Members, str]:
    """Members with their SHA256SUMS beside them, and the number by which the archive is known."""
    text = sums_text(found)
    return members | {SUMS: text}, digest(text)
