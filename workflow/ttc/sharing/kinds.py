"""Kinds of files that an archive may hold, each known by its content: nothing in it runs when it is read.

Left out on purpose: pickles and whatever may hold one (`.pt`, `.bin`, `.pkl`, arrays of objects), programs, and
compressed files.  A file that is named as one of these kinds and is another is refused.
"""

import json
import re
import struct
import zipfile
from collections.abc import Callable
from typing import BinaryIO

PICKLE = re.compile(rb"\x80[\x02-\x05](\x95|[\x8a-\x8c\]}(cX])")
CALL = re.compile(r"problem\(\d+,(\{.*\})\);\n?", re.DOTALL)
LARGE = 1 << 30  # bytes
TIMES = 100  # a table may become so many times larger than its file, or `LARGE`
FOOTER = 1 << 26  # bytes of a table's description
TEXTS = 1 << 28  # bytes of a file of text


def trouble(name: str, size: int, open_: Callable[[], BinaryIO]) -> str | None:
    """Why a member is not what its name says, or is dangerous, as the end of a sentence; None for what is fine."""
    ending = name.rpartition("/")[2].rpartition(".")[2] if "." in name.rpartition("/")[2] else ""
    plain = name in ("LICENSE", "Snakefile") or name.startswith("study/.complete-")
    check = CHECKS.get(ending, _text if plain else None)
    if check is None:
        return (
            f"a file of a kind (.{ending}) that archives do not hold" if ending else "a file without a kind"
        )
    with open_() as file:
        start = file.read(4096)
        if PICKLE.match(start):
            return "a pickle, which would run what it says when it is read"
        file.seek(0)
        return check(file, size)


def _text(file: BinaryIO, size: int) -> str | None:
    if size > TEXTS:
        return f"a text of {size:,} bytes; at most {TEXTS:,} are read"
    try:
        text = file.read().decode("utf-8")
    except UnicodeDecodeError:
        return "no text (not UTF-8)"
    return "no text (it holds zeros)" if "\0" in text else None


def _json(file: BinaryIO, size: int) -> str | None:
    if said := _text(file, size):
        return said
    file.seek(0)
    try:
        json.loads(file.read())
    except (ValueError, RecursionError):
        return "not JSON"
    return None


def _data(file: BinaryIO, size: int) -> str | None:
    """Data that a page of the study loads: one call with a number and JSON, and no program besides."""
    if said := _text(file, size):
        return said
    file.seek(0)
    match = CALL.fullmatch(file.read().decode("utf-8"))
    try:
        json.loads(match[1]) if match else None
    except (ValueError, RecursionError):
        match = None
    return None if match else "a program, and no data of a page"


def _png(file: BinaryIO, size: int) -> str | None:
    return None if file.read(8) == b"\x89PNG\r\n\x1a\n" else "no PNG"


def _weights(file: BinaryIO, size: int) -> str | None:
    """Weights in safetensors: the length of a JSON description, the description, and numbers as it says."""
    if size < 8 or not 2 <= (length := struct.unpack("<Q", file.read(8))[0]) <= min(size - 8, TEXTS):
        return "no safetensors"
    try:
        described = json.loads(file.read(length))
        ends = [each["data_offsets"][1] for name, each in described.items() if name != "__metadata__"]
    except (ValueError, RecursionError, AttributeError, KeyError, TypeError, IndexError):
        return "no safetensors"
    return None if max(ends, default=0) == size - 8 - length else "safetensors of another length"


def _estimators(file: BinaryIO, size: int) -> str | None:
    """Estimators as skops writes them: a zip of JSON and arrays of numbers; what they may be, `load` checks."""
    try:
        with zipfile.ZipFile(file) as packed:
            infos = packed.infolist()
            if sum(each.file_size for each in infos) > max(LARGE, TIMES * size):
                return "a bomb: unpacked it would be more than a hundred times as large"
            for each in infos:
                ending = each.filename.rpartition(".")[2]
                begin = packed.open(each).read(4096) if each.file_size else b""
                objects = ending == "npy" and b"'descr': '|O'" in begin
                if ending not in ("json", "npy", "npz") or PICKLE.match(begin) or objects:
                    return f"estimators that hold a pickle ({each.filename})"
    except (zipfile.BadZipFile, OSError, RuntimeError, NotImplementedError, ValueError):
        return "no file of skops"
    return None


def _table(file: BinaryIO, size: int) -> str | None:
    """A Parquet file: marks at both ends, a description of bounded size, and rows that fit into memory."""
    if size < 12 or file.read(4) != b"PAR1":
        return "no Parquet file"
    file.seek(size - 8)
    length, mark = struct.unpack("<I4s", file.read(8))
    if mark != b"PAR1" or length > size - 12:
        return "no Parquet file, or a part of one"
    if length > FOOTER:
        return f"a bomb: its description alone has {length:,} bytes"
    import pyarrow
    from pyarrow import parquet

    file.seek(0)
    try:
        about = parquet.ParquetFile(
            file, thrift_string_size_limit=FOOTER, thrift_container_size_limit=1_000_000
        ).metadata
        unpacked = sum(about.row_group(each).total_byte_size for each in range(about.num_row_groups))
        cells = 8 * about.num_rows * max(1, about.num_columns)
    except (pyarrow.ArrowException, OSError, ValueError) as error:
        return f"no readable Parquet file ({str(error).splitlines()[0]})"
    if max(unpacked, cells) > max(LARGE, TIMES * size):
        return f"a bomb: {size:,} bytes that become {max(unpacked, cells):,}"
    return None


CHECKS = {
    "parquet": _table,
    "json": _json,
    "js": _data,
    "ipynb": _json,
    "safetensors": _weights,
    "skops": _estimators,
    "png": _png,
} | dict.fromkeys(
    ("cff", "csv", "html", "jinja", "jsonl", "lock", "md", "svg", "tiktoken", "txt", "yaml", "yml"), _text
)
