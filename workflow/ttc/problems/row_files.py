r"""Files of rows that somebody else wrote: Parquet, JSON, CSV, YAML and logs of Inspect, read as what they hold.

Nothing here knows what the columns mean.  Characters that no file can hold (lone surrogates, which JSON writes as
`\ud800`) become U+FFFD and are counted; numbers of any length are read.  Whatever cannot be read is an InputError of
one sentence that names the file and, where there is one, the line.
"""

import contextlib
import copy
import gzip
import itertools
import json
import re
import struct
import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO

import polars as pl
import yaml

from ttc.errors import InputError
from ttc.grading.characters import without_surrogates

# What may stand before `.gz`, too
PLAIN = (".jsonl", ".json", ".csv", ".tsv")
ENDINGS = (".parquet", *PLAIN, ".eval", ".yaml", ".yml")
LOGGED = ("eval", "samples")  # keys of a log of Inspect, and the second is its rows
_ESCAPED = re.compile(r"\\u[dD][89a-fA-F]")
_LONGEST = 4000  # digits of a whole number that Python turns into one without being asked
_ZSTANDARD = 93  # the compression that Inspect's logs have; Python's zipfile reads it from 3.14 on
BLOCK = 1 << 14  # rows of which Python holds the values at a time
_TOO_DEEP = "objects lie too deeply inside each other"


class Rows:
    """The rows of one file: the names of its columns, and the values of each as Python has them.

    A column that some rows lack is None there.  `is_text` says that every cell is a text, as in a CSV file; `whole` are
    the rows of the whole file, of which these are those from `first` to before `stop`.
    """

    def __init__(self, path: Path, content: "Objects | Lines | Columns", is_text: bool = False):
        self.path, self.is_text, self._content = path, is_text, content
        self.whole, self.first, self.stop = self, 0, len(content)
        self.names = content.names

    def __len__(self) -> int:
        return self.stop - self.first

    def column(self, name: str) -> list:
        """The values of a column, one a row."""
        return self._content.cells(name, self.first, self.stop)

    def blocks(self, rows: int = BLOCK) -> Iterator["Rows"]:
        """The same rows in parts, so that Python holds the values of no more than a part at a time; one at least."""
        for first in range(self.first, max(self.stop, self.first + 1), rows):
            part = copy.copy(self)
            part.first, part.stop = first, min(first + rows, self.stop)
            yield part


class Objects:
    """The rows of a file as objects that have been read."""

    def __init__(self, rows: list[dict]):
        self._rows = rows
        self.names = list(dict.fromkeys(name for row in rows for name in row))

    def __len__(self) -> int:
        return len(self._rows)

    def cells(self, name: str, first: int, stop: int) -> list:
        """Values of a column."""
        return [row.get(name) for row in self._rows[first:stop]]


class Lines:
    """The rows of a file of JSON objects, one a line: all are looked at once, and read again block by block."""

    def __init__(self, path: Path):
        self._path, self._count, replaced = path, 0, 0
        names: dict[str, None] = {}
        for row, lone in _objects(path):
            names |= dict.fromkeys(row)
            self._count += 1
            replaced += lone
        _tell(path, replaced)
        self.names = list(names)
        self._coming, self._next = iter(()), self._count  # the rows from the number `_next` on
        self._held, self._span = [], (0, 0)  # those that were read last

    def __len__(self) -> int:
        return self._count

    def cells(self, name: str, first: int, stop: int) -> list:
        """Values of a column."""
        if self._span != (first, stop):
            if first < self._next:
                self._coming, self._next = (row for row, _ in _objects(self._path)), 0
            self._held = list(itertools.islice(self._coming, first - self._next, stop - self._next))
            self._span, self._next = (first, stop), stop
        return [row.get(name) for row in self._held]


class Columns:
    """The rows of a file by columns, of which only what is asked for is read."""

    def __init__(self, frame: pl.LazyFrame, path: Path):
        self._frame, self._path = frame, path
        with _readable(path, "Parquet"):
            self.names = frame.collect_schema().names()
            self._count = frame.select(pl.len()).collect().item()

    def __len__(self) -> int:
        return self._count

    def cells(self, name: str, first: int, stop: int) -> list:
        """Values of a column."""
        with _readable(self._path, "Parquet"):
            return self._frame.select(name).slice(first, stop - first).collect().to_series().to_list()


def read_rows(path: Path, inside: str | None = None) -> Rows:
    """The rows of a file, read as its name's ending says; `inside` names the key of a JSON object that holds them."""
    if not path.is_file():
        raise InputError(f"{path}: no such file")
    kind = ending(path)
    if kind not in ENDINGS:
        *most, last = ENDINGS
        raise InputError(
            f"{path}: the file's name must end in {', '.join(most)} or {last}, which say how to read it"
        )
    if kind == ".parquet":
        return Rows(path, Columns(pl.scan_parquet(path, glob=False), path))
    if kind in (".csv", ".tsv"):
        return Rows(path, Columns(read_csv(path).lazy(), path), is_text=True)
    if kind == ".jsonl":
        return Rows(path, Lines(path))
    if kind == ".eval":
        return Rows(path, Objects(_read_inspect(path)))
    return Rows(path, Objects(read_json(path, inside) if kind == ".json" else _read_yaml(path, inside)))


def ending(path: Path) -> str:
    """The ending that says how to read a file: `.jsonl` of `a.jsonl`, and of `a.jsonl.gz`."""
    inner = Path(path.stem).suffix
    return inner if path.suffix == ".gz" and inner in PLAIN else path.suffix


def read_parquet(path: Path) -> pl.DataFrame:
    """A Parquet file."""
    with _readable(path, "Parquet"):
        return pl.read_parquet(path)


def read_csv(path: Path) -> pl.DataFrame:
    """A CSV file, or one with tabs (`.tsv`): every cell is a text, an empty one null."""
    separator = "\t" if ending(path) == ".tsv" else ","
    with _readable(path, "CSV"), _opened(path) as file:
        return pl.read_csv(file.read(), infer_schema=False, separator=separator)


def read_json_lines(path: Path) -> list[dict]:
    """A file of JSON objects, one a line."""
    rows, replaced = [], 0
    for row, lone in _objects(path):
        rows.append(row)
        replaced += lone
    _tell(path, replaced)
    return rows


def _objects(path: Path) -> Iterator[tuple[dict, int]]:
    """The objects of a file of one a line, each with the number of lone surrogates that were replaced in it."""
    with _readable(path, "gzip"), _opened(path) as lines:
        for number, line in enumerate(lines, 1):
            if not line.strip():
                continue
            row, lone = _loads(_decoded(line, path, number == 1), f"{path}, line {number}", "a JSON object")
            if not isinstance(row, dict):
                raise InputError(f"{path}, line {number}: not a JSON object with a name for each column")
            yield row, lone


def read_json(path: Path, inside: str | None = None) -> list[dict]:
    """A JSON file: a list of objects, or an object in which the key `inside` holds such a list."""
    with _readable(path, "gzip"), _opened(path) as file:
        text = _decoded(file.read(), path, True)
    content, replaced = _loads(
        text, str(path), "JSON", "; a file of one object a line must be named .jsonl", lines=True
    )
    _tell(path, replaced)
    return _list_of_objects(content, path, inside, "JSON")


def _read_yaml(path: Path, inside: str | None) -> list[dict]:
    """A YAML file: one object, a list of them, or an object in which `inside` names the list."""
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    text = _decoded(path.read_bytes(), path, True)
    try:
        content, replaced = _scrubbed(yaml.load(text, Loader=loader))
    except (yaml.YAMLError, ValueError) as error:
        raise InputError(f"{path}: not readable YAML ({_first_line(error)})") from error
    except RecursionError as error:
        raise InputError(f"{path}: {_TOO_DEEP}") from error
    _tell(path, replaced)
    if isinstance(content, dict) and inside is None:
        return [content]
    return _list_of_objects(content, path, inside, "YAML")


def _list_of_objects(content: Any, path: Path, inside: str | None, kind: str) -> list[dict]:
    if isinstance(content, dict) and inside is None and all(name in content for name in LOGGED):
        inside = LOGGED[1]
    if inside is not None:
        for part in inside.split("."):
            content = content.get(part) if isinstance(content, dict) else None
        if content is None:
            raise InputError(f"{path}: `records` names '{inside}', and the file has no such key")
    elif isinstance(content, dict):
        lists = [name for name, each in content.items() if isinstance(each, list)]
        which = f" with lists in {', '.join(lists)}; a pool's `records` names one" if lists else ""
        raise InputError(f"{path}: not a {kind} list of objects, but one object{which}")
    if not isinstance(content, list) or not all(isinstance(row, dict) for row in content):
        raise InputError(f"{path}: not a {kind} list of objects with a name for each column")
    return content


def _read_inspect(path: Path) -> list[dict]:
    """The samples of an Inspect log: a zip with a JSON file for each."""
    rows, replaced = [], 0
    with _readable(path, "zip"), zipfile.ZipFile(path) as archive:
        for info in archive.infolist():
            if not re.fullmatch(r"samples/[^/].*\.json", info.filename):
                continue
            where = f"{path}, {info.filename}"
            row, lone = _loads(_decoded(_member(archive, info, path), path, True), where, "a JSON object")
            if not isinstance(row, dict):
                raise InputError(f"{where}: not a JSON object")
            rows.append(row)
            replaced += lone
    _tell(path, replaced)
    return rows


def _member(archive: zipfile.ZipFile, info: zipfile.ZipInfo, path: Path) -> bytes:
    if info.compress_type != _ZSTANDARD:
        return archive.read(info)
    import pyarrow

    with path.open("rb") as file:
        file.seek(info.header_offset)
        # A local header: 26 bytes, the lengths of the name and of what follows it, and these two
        name, extra = struct.unpack("<26xHH", file.read(30))
        file.seek(name + extra, 1)
        packed = file.read(info.compress_size)
    found = pyarrow.decompress(packed, info.file_size, codec="zstd", asbytes=True)
    if zlib.crc32(found) != info.CRC:
        raise zipfile.BadZipFile(f"bad checksum of {info.filename}")
    return found


@contextlib.contextmanager
def _opened(path: Path) -> Iterator[BinaryIO]:
    with gzip.open(path) if path.suffix == ".gz" else path.open("rb") as file:
        yield file


@contextlib.contextmanager
def _readable(path: Path, kind: str) -> Iterator[None]:
    """Turn what libraries say about a damaged file into one sentence."""
    try:
        yield
    except (
        pl.exceptions.PolarsError,
        OSError,
        EOFError,
        zlib.error,
        zipfile.BadZipFile,
        struct.error,
    ) as error:
        raise InputError(
            f"{path}: not a readable {kind} file, perhaps truncated ({_first_line(error)})"
        ) from error


def _decoded(content: bytes, path: Path, first: bool) -> str:
    try:
        return content.decode("utf-8-sig" if first else "utf-8")
    except UnicodeDecodeError as error:
        raise InputError(f"{path}: not UTF-8 text at byte {error.start}") from error


def _loads(text: str, where: str, what: str, hint: str = "", lines: bool = False) -> tuple[Any, int]:
    """What a JSON text says, and the number of lone surrogates that were replaced in it."""
    try:
        content = json.loads(text, strict=False, parse_int=_whole)
    except json.JSONDecodeError as error:
        line = f", line {error.lineno}" if lines else ""
        raise InputError(f"{where}{line}: not {what}, perhaps truncated ({error.msg}){hint}") from error
    except RecursionError as error:
        raise InputError(f"{where}: {_TOO_DEEP}") from error
    return _scrubbed(content) if _ESCAPED.search(text) else (content, 0)


def _whole(digits: str) -> int | str:
    """A whole number; one of thousands of digits stays the text that it is."""
    return int(digits) if len(digits) <= _LONGEST else digits


def _scrubbed(content: Any) -> tuple[Any, int]:
    """The same with U+FFFD for every lone surrogate, and how many there were."""
    if isinstance(content, str):
        return without_surrogates(content)
    if isinstance(content, list):
        pairs = [_scrubbed(each) for each in content]
        return [each for each, _ in pairs], sum(count for _, count in pairs)
    if isinstance(content, dict):
        pairs = [(_scrubbed(name), _scrubbed(each)) for name, each in content.items()]
        found = {name: each for (name, _), (each, _) in pairs}
        return found, sum(first + second for (_, first), (_, second) in pairs)
    return content, 0


def _tell(path: Path, replaced: int) -> None:
    if replaced:
        print(f"  {path.name}: {replaced:,} lone surrogates were replaced by U+FFFD")


def _first_line(error: Exception) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0]
