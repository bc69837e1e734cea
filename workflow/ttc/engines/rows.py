"""Rows of an engine between two calls, and the table in which a queue keeps those that it has been given.

Columns of the table are numbers of a row, so that a step changes all rows at once.  A row that has left gives its place
in the table to another.
"""

from dataclasses import dataclass, fields
from itertools import pairwise

import numpy as np
import torch

from ttc.models.forward import SharedPrefix

# What a queue knows of a row
COLUMNS = np.dtype(
    [
        ("group", np.int64),  # the group that it was put in with
        ("stream", np.uint64),
        ("temperature", np.float64),
        ("limit", np.int64),  # tokens that it may get
        ("count", np.int64),  # and those that it has
        ("logprob", np.float64),
        ("finish", np.uint8),  # 0 as long as it goes on
        ("blank", bool),
        ("length", np.int64),  # as in `RowState`, when it was put in
        ("pending", np.int64),
        ("shared", np.int64),
        ("stored", object),  # the prefix that it enters with, later the one that it leaves
    ]
)


@dataclass(frozen=True, eq=False)
class Stored:
    """A prefix, kept as long as a row has it, or several that have the same; never written to."""

    cache: torch.Tensor  # [parts, …, slots, size]


@dataclass
class RowState:
    """Rows of an engine: cached prefixes (all tokens but the last), the pending last token, and the lengths.

    Of rows that stand below a prefix that prompts share, what follows it is cached here.
    """

    stored: np.ndarray  # [rows] `Stored`; None of rows that have ended
    lengths: np.ndarray  # [rows] tokens so far, the pending one included
    pending: np.ndarray  # [rows] last token, not yet in the cache
    ended: np.ndarray  # [rows] the solution has ended
    blank: np.ndarray  # [rows] the step in work has nothing to read yet
    # [rows, some] last tokens of the solution, -1 before it, in which texts that end it are looked for
    tail: np.ndarray
    shared: np.ndarray  # [rows] tokens that `prefix` holds of a row: all of them, or none
    prefix: SharedPrefix | None = None

    def fork(self, rows: np.ndarray) -> "RowState":
        """Rows that continue `rows`, in order; nothing is computed or copied."""
        parts = {each.name: getattr(self, each.name) for each in fields(self) if each.name != "prefix"}
        return RowState(**{name: part[rows] for name, part in parts.items()}, prefix=self.prefix)


class Table:
    """Rows of a queue: `rows`, an array of `COLUMNS`, and what they have written.

    tokens: [rows, tail and tokens], the last tokens before what the row gets, as in `RowState`, and then these.
    confidences: [rows, tokens], or None where they are not asked for.
    """

    def __init__(self, tail: int, confident: bool):
        self.tail = tail
        self.rows = np.zeros(0, dtype=COLUMNS)
        self.tokens = np.zeros((0, tail), dtype=np.int32)
        self.confidences = np.zeros((0, 0)) if confident else None
        self._free = np.zeros(0, dtype=np.int64)

    def take(self, count: int, limit: int) -> np.ndarray:
        """Places for `count` more rows that get at most `limit` tokens; what stands in them is of no meaning."""
        lacking = count - len(self._free)
        have, width = self.tokens.shape
        more = max(lacking, have) if lacking > 0 else 0
        wider = max(0, self.tail + limit - width)
        if more:
            self.rows = np.append(self.rows, np.zeros(more, dtype=COLUMNS))
            self._free = np.append(self._free, np.arange(have, have + more))
        if more or wider:
            self.tokens = np.pad(self.tokens, ((0, more), (0, wider)))
            if self.confidences is not None:
                self.confidences = np.pad(self.confidences, ((0, more), (0, wider)))
        taken, self._free = self._free[:count], self._free[count:]
        return taken

    def release(self, rows: np.ndarray) -> None:
        """Give the places of `rows` back."""
        self.rows["stored"][rows] = None
        self._free = np.append(self._free, rows)

    def written(self, rows: np.ndarray, table: np.ndarray, start: int = 0) -> list[list]:
        """What each row has got, from a table whose columns from `start` on are its tokens."""
        counts = self.rows["count"][rows]
        kept = table[rows, start : start + int(counts.max(initial=0))]
        flat = kept[np.arange(kept.shape[1]) < counts[:, None]].tolist()
        edges = np.append(0, np.cumsum(counts)).tolist()
        return [flat[begin:end] for begin, end in pairwise(edges)]
