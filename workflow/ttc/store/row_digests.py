"""Digests of what an artifact says, whatever shards its rows were cut into.

The digest of a table is a sum over its rows, so it depends neither on their order nor on the file that holds them: the
digests of the shards of a table add up to the digest of the whole.  The digest of any other file is that of its bytes.
"""

import hashlib
import re
from collections.abc import Iterable
from pathlib import Path

from ttc.digests import digest

ROWS_AT_A_TIME = 65_536
BLOCK = re.compile(r"(-\d+(to|of)\d+)+$")
_LANES, _BITS = 4, 64


def table_label(label: str) -> str:
    """The label of the table that an artifact holds a block of: `test-0to100-0to256` is a block of `test`.

    A plan's labels end with what they cover, as in `-0to100`, or with their number, as in `-1of2`.
    """
    return BLOCK.sub("", label)


def contents(path: Path) -> dict[str, dict]:
    """{file inside the artifact, "" for a file that is one: {"rows", "digest"}}; `rows` is None for what is no table.

    Hidden files of a folder do not count, see `files.digest`.
    """
    if not path.is_dir():
        return {"": _content(path)}
    files = sorted(file for file in path.rglob("[!.]*") if file.is_file())
    return {file.relative_to(path).as_posix(): _content(file) for file in files}


def merged(parts: Iterable[dict]) -> dict:
    """The content of a whole from those of its shards, as `contents` gives them for one file."""
    parts = list(parts)
    total = _written(_add(_read(part["digest"]) for part in parts))
    rows = [part["rows"] for part in parts if part["rows"] is not None]
    return {"rows": sum(rows) if rows else None, "digest": total}


def table_digest(path: Path) -> tuple[int, str]:
    """Rows of a Parquet file, and the sum of the SHA-256 of each row, written as JSON, in four lanes of 64 bits.

    JSON knows neither NaN nor infinity; the tables hold none (`ttc.tables` writes a missing value as null).
    """
    import numpy as np
    import polars as pl

    frame = pl.scan_parquet(path)
    count = frame.select(pl.len()).collect().item()
    total = np.zeros(_LANES, dtype=np.uint64)
    for start in range(0, count, ROWS_AT_A_TIME):
        rows = frame.slice(start, ROWS_AT_A_TIME).collect().write_ndjson().encode().splitlines()
        digests = b"".join([hashlib.sha256(row).digest() for row in rows])
        total += np.frombuffer(digests, dtype="<u8").reshape(-1, _LANES).sum(axis=0, dtype=np.uint64)
    return count, _written(total.tolist())


def _content(file: Path) -> dict:
    if file.suffix == ".parquet":
        rows, total = table_digest(file)
        return {"rows": rows, "digest": total}
    return {"rows": None, "digest": digest(file)}


def _read(text: str) -> list[int]:
    return [int(text[start : start + 16], 16) for start in range(0, _LANES * 16, 16)]


def _written(lanes: Iterable[int]) -> str:
    return "".join(f"{lane:016x}" for lane in lanes)


def _add(parts: Iterable[list[int]]) -> list[int]:
    return [sum(lane) % (1 << _BITS) for lane in zip(*parts, strict=True)]
