"""Numbers of rows in local files, read from their heads where these tell, without a library that takes long to load.

The plan cuts work into jobs by them, each time that Snakemake reads the Snakefile.
"""

import csv
import json
import struct
import sys
from collections.abc import Iterator
from pathlib import Path

from ttc.errors import InputError, nearest

GIVE = "give `rows`"
_MAGIC = b"PAR1"
_CONTINUES = 0xFFFFFFFF


def count_rows(path: Path, split: str | None = None) -> int:
    """Rows of a Parquet, JSON-lines, JSON or CSV file, or of a folder that `datasets` saved (of its `split`).

    Raises InputError for one that is not there or that cannot be counted.
    """
    if path.is_dir():
        return _saved(path, split)
    if not path.is_file():
        raise InputError(f"{path}: no such file")
    if path.suffix not in _COUNTS:
        raise InputError(f"{path}: rows are counted in files {', '.join(_COUNTS)}, and this is none; {GIVE}")
    try:
        return _COUNTS[path.suffix](path)
    except UnicodeDecodeError as error:
        raise InputError(f"{path}: not UTF-8 text at byte {error.start}") from error
    except (ValueError, IndexError, struct.error, csv.Error, RecursionError) as error:
        raise InputError(
            f"{path}: its rows cannot be counted, perhaps it is truncated ({error}); mend it"
        ) from error


def _lines(path: Path) -> int:
    with path.open(encoding="utf-8") as lines:
        return sum(1 for line in lines if line.strip())


def _json(path: Path) -> int:
    rows = json.loads(path.read_text(encoding="utf-8"))
    if not isinstance(rows, list):
        raise InputError(f"{path}: not a JSON list of objects with a name for each column")
    return len(rows)


def _csv(path: Path) -> int:
    csv.field_size_limit(sys.maxsize)
    with path.open(encoding="utf-8-sig", newline="") as lines:
        return max(sum(1 for row in csv.reader(lines) if row) - 1, 0)


# ---- Parquet: `num_rows` of the footer, which is written in Thrift's compact protocol ----


def _parquet(path: Path) -> int:
    with path.open("rb") as file:
        file.seek(0, 2)
        size = file.tell()
        if size < 12:
            raise ValueError("too short")
        file.seek(size - 8)
        (length,) = struct.unpack("<I", file.read(4))
        if file.read(4) != _MAGIC or length > size - 12:
            raise ValueError("no footer")
        file.seek(size - 8 - length)
        return _Compact(file.read(length)).field(3)


class _Compact:
    """A reader of Thrift's compact protocol that knows as much as it takes to find a number in a structure."""

    def __init__(self, content: bytes):
        self.content, self.place = content, 0

    def field(self, wanted: int) -> int:
        """The whole number in a field of the structure that begins here."""
        for number, kind in self._fields():
            if number == wanted:
                value = self._varint()
                return value >> 1 ^ -(value & 1)
            self._skip(kind)
        raise ValueError("no number of rows")

    def _fields(self) -> Iterator[tuple[int, int]]:
        """(number, type) of each field of a structure; whoever asks reads or skips its value."""
        number = 0
        while head := self._byte():
            step, kind = head >> 4, head & 15
            if step:
                number += step
            else:
                value = self._varint()
                number = value >> 1 ^ -(value & 1)
            yield number, kind

    def _skip(self, kind: int) -> None:
        if kind in (1, 2):  # true and false have no value of their own in a structure
            return
        if kind == 3:
            self.place += 1
        elif kind in (4, 5, 6):
            self._varint()
        elif kind == 7:
            self.place += 8
        elif kind == 8:
            length = self._varint()
            self.place += length
        elif kind in (9, 10):
            head = self._byte()
            count = self._varint() if head >> 4 == 15 else head >> 4
            for _ in range(count):
                self._skip(3 if head & 15 in (1, 2) else head & 15)
        elif kind == 12:
            for _, inner in self._fields():
                self._skip(inner)
        else:
            raise ValueError(f"a field of the unknown type {kind}")

    def _byte(self) -> int:
        self.place += 1
        return self.content[self.place - 1]

    def _varint(self) -> int:
        value = shift = 0
        while True:
            byte = self._byte()
            value |= (byte & 127) << shift
            if byte < 128:
                return value
            shift += 7


# ---- folders that `datasets` saved: the lengths of the batches in Arrow streams ----


def _saved(folder: Path, split: str | None) -> int:
    try:
        if (folder / "dataset_dict.json").is_file():
            splits = json.loads((folder / "dataset_dict.json").read_text(encoding="utf-8"))["splits"]
            if split is None and len(splits) == 1:
                (split,) = splits
            if split not in splits:
                given = (
                    f"the split '{split}' is unknown"
                    if split
                    else "it has several splits, and none was named"
                )
                raise InputError(
                    f"{folder}: {given}; there are {', '.join(splits)}{nearest(str(split), splits)}"
                )
            folder = folder / split
        files = json.loads((folder / "state.json").read_text(encoding="utf-8"))["_data_files"]
        return sum(sum(_batches(folder / file["filename"])) for file in files)
    except (OSError, ValueError, LookupError, TypeError, struct.error) as error:
        raise InputError(
            f"{folder}: a folder must be one that `datasets` saved (save_to_disk), and the rows of this one cannot "
            f"be counted ({' '.join(str(error).split())})"
        ) from error


def _batches(path: Path) -> Iterator[int]:
    """Rows of each batch of an Arrow stream: the heads of its messages are read, and what follows them is not."""
    with path.open("rb") as file:
        seen = False
        while start := file.read(4):
            (size,) = struct.unpack("<I", start)
            if size == _CONTINUES:
                (size,) = struct.unpack("<I", file.read(4))
            if size == 0:
                return
            message = _Table(file.read(size))
            seen = True
            if message.byte(1) == 3:  # a batch of rows
                yield message.table(2).long(0)
            file.seek(message.long(3), 1)
        if not seen:
            raise ValueError(f"{path.name} is empty")


class _Table:
    """A table in a flatbuffer: its fields by their places in the schema, 0 where one is not there."""

    def __init__(self, content: bytes, place: int | None = None):
        self.content = content
        self.place = self._number("<I", 0) if place is None else place
        self.fields = self.place - self._number("<i", self.place)

    def byte(self, field: int) -> int:
        """A field of one byte."""
        return self._of("<B", field)

    def long(self, field: int) -> int:
        """A field of eight bytes."""
        return self._of("<q", field)

    def table(self, field: int) -> "_Table":
        """A field that is a table."""
        place = self.place + self._offset(field)
        return _Table(self.content, place + self._number("<I", place))

    def _of(self, form: str, field: int) -> int:
        offset = self._offset(field)
        return self._number(form, self.place + offset) if offset else 0

    def _offset(self, field: int) -> int:
        entry = 4 + 2 * field
        inside = entry < self._number("<H", self.fields)
        return self._number("<H", self.fields + entry) if inside else 0

    def _number(self, form: str, place: int) -> int:
        return struct.unpack_from(form, self.content, place)[0]


_COUNTS = {".parquet": _parquet, ".jsonl": _lines, ".json": _json, ".csv": _csv}
