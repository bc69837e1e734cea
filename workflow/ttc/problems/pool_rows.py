"""Samples from the rows of foreign files: a row for each, also where a row of the file holds all samples of a question.

Where a cell holds a list and one value is needed, the row is taken apart: its lists go together, one sample each.  A
row of counts (`n`, and how many of them are `correct`) becomes n samples with nothing but a verdict.
"""

import json
import re
from collections.abc import Iterable
from typing import Any

import polars as pl

from ttc.errors import InputError
from ttc.noise import generator
from ttc.problems import row_values
from ttc.problems.row_files import Rows
from ttc.problems.row_values import values_at
from ttc.tables.columns import CONFIDENCES

SCALARS = ("text", "answer", "correct", "logprob", *CONFIDENCES, "finish_reason", "sample", "thinking_tokens")
LISTS = ("step_scores", "tokens")  # a list may belong to one sample
SHARED = ("problem_id", "question", "run", "prompt_tokens")  # one value of a row serves all its samples
MOST = 100_000_000  # samples that counts may stand for
_TYPES: dict[str, row_values.Type] = {
    "problem_id": row_values.as_name,
    "question": row_values.as_text,
    "run": row_values.as_name,
    "text": row_values.as_text,
    "sample": row_values.as_whole,
    "step_scores": row_values.as_scores,
    "tokens": row_values.as_tokens,
    "thinking_tokens": row_values.as_whole,
    "prompt_tokens": row_values.as_whole,
    "answer": row_values.as_answer,
    "correct": row_values.as_verdict,
    "logprob": row_values.as_number,
    **dict.fromkeys(CONFIDENCES, row_values.as_number),
    "finish_reason": row_values.as_reason,
}


def samples(
    rows: Rows,
    mapping: dict[str, str],
    types: dict[str, pl.DataType],
    kept: list[bool],
    patterns: dict[str, str],
    keep: Iterable[str] = (),
    before: int = 0,
) -> pl.DataFrame:
    """The samples of the rows that are `kept`: the mapped columns under our names and types, and those of `keep`.

    `patterns` are regular expressions by our names: what they find is meant, their first group where they have one.
    Besides `_file` and `_row` (in the file, from 1) for messages, `_place` of the sample in its row (from 0), and
    `_outcome`: its score is one of the whole solution.  before: samples that earlier rows of the file had.  Raises
    InputError for a value of another type and for lists of a row that differ in length.
    """
    cells = {ours: values_at(rows, theirs, missing(ours, theirs)) for ours, theirs in mapping.items()}
    others = {name: values_at(rows, name) for name in keep}
    if rows.is_text and "text" in cells:
        cells["text"] = ["" if cell is None else cell for cell in cells["text"]]
    if unmapped := sorted(set(patterns) - set(mapping)):
        raise InputError(f"patterns: '{unmapped[0]}' is not among the columns that the pool maps")
    taken = _Taken(mapping, patterns, [*mapping, *others, "_row", "_place", "_outcome"], before)
    for number, wanted in enumerate(kept):
        if wanted:
            row = {ours: values[number] for ours, values in cells.items()}
            taken.add(rows, number, row, {name: values[number] for name, values in others.items()})
    columns = [pl.Series(ours, taken.columns[ours], dtype=types[ours]) for ours in mapping if ours != "n"]
    columns += [
        pl.Series(name, [_text(each) for each in taken.columns[name]], dtype=pl.String) for name in others
    ]
    columns += [pl.Series(name, taken.columns[name], dtype=pl.Int64) for name in ("_row", "_place")]
    columns.append(pl.Series("_outcome", taken.columns["_outcome"], dtype=pl.Boolean))
    return pl.DataFrame(columns).with_columns(_file=pl.lit(str(rows.path)))


def missing(ours: str, theirs: str) -> str:
    """What a message says of a column of theirs that is not there, for `row_values.values_at`."""
    use = f", which is to be '{ours}'," if ours != theirs else ""
    return f"the column '{{}}'{use} is missing"


def _text(value: Any) -> str | None:
    if isinstance(value, list | dict):
        return json.dumps(value, default=str)
    return None if value is None else row_values.as_name(value)


class _Taken:
    """Columns of samples, filled row by row."""

    def __init__(self, mapping: dict[str, str], patterns: dict[str, str], names: list[str], before: int):
        self.mapping = mapping
        self.patterns = {ours: re.compile(pattern) for ours, pattern in patterns.items()}
        self.columns: dict[str, list] = {name: [] for name in names}
        self._counted = before

    def add(self, rows: Rows, number: int, row: dict[str, Any], others: dict[str, Any]) -> None:
        """The samples of one row."""
        row_number = rows.first + number + 1
        where = f"{rows.path}, row {row_number}, problem '{_named(row)}'"
        taken = self._counts(row, where) if "n" in row else self._apart(row, where)
        count = len(next(iter(taken.values())))
        outcome = [False] * count if "step_scores" not in taken else taken.pop("_outcome")
        for ours, values in taken.items():
            if ours in _TYPES:
                self.columns[ours] += [self._typed(ours, value, where) for value in values]
        for name, value in others.items():
            self.columns[name] += [value] * count
        self.columns["_row"] += [row_number] * count
        self.columns["_place"] += range(count)
        self.columns["_outcome"] += outcome

    def _typed(self, ours: str, value: Any, where: str) -> Any:
        if value is None:
            return None
        try:
            return _TYPES[ours](self._meant(ours, value))
        except ValueError as error:
            hint = (
                "" if ours != "correct" else "; where it counts right answers, map their number to `n`, too"
            )
            raise InputError(f"{where}: the column '{self.mapping[ours]}' holds {error}{hint}") from None

    def _meant(self, ours: str, value: Any) -> Any:
        """What a pattern finds in a value."""
        if ours not in self.patterns:
            return value
        pattern = self.patterns[ours]
        found = pattern.search(row_values.as_name(value))
        if found is None:
            raise ValueError(
                f"{row_values.shown(value)}, in which the pattern '{pattern.pattern}' finds nothing"
            )
        return found[1 if pattern.groups else 0]

    def _apart(self, row: dict[str, Any], where: str) -> dict[str, list]:
        """The values of a row's samples, by column."""
        lists = {
            ours: _leaves(row[ours])
            for ours in SCALARS
            if isinstance(row.get(ours), list)
            and not row_values.is_message(row[ours])
            and not _is_single(ours, row)
        }
        if not lists:
            single = {ours: [value] for ours, value in row.items()}
            if "step_scores" in row:
                single["_outcome"] = [isinstance(row["step_scores"], int | float)]
            return single
        taken: dict[str, list] = dict(lists)
        for ours in LISTS:
            if isinstance(row.get(ours), list):
                taken[ours] = lists[ours] = row[ours]
        (first, found), *rest = lists.items()
        for ours, values in rest:
            if len(values) != len(found):
                raise InputError(
                    f"{where}: the column '{self.mapping[first]}' lists {len(found)} values and "
                    f"'{self.mapping[ours]}' {len(values)}; the lists of a row are taken apart together"
                )
        for ours, value in row.items():
            if ours in taken:
                continue
            if ours not in SHARED and value is not None and len(found) > 1:
                raise InputError(
                    f"{where}: the column '{self.mapping[ours]}' has one value for the {len(found)} samples that "
                    f"'{self.mapping[first]}' lists; leave it out"
                )
            taken[ours] = [value] * len(found)
        if "step_scores" in taken:
            taken["_outcome"] = [not isinstance(each, list | str) for each in taken["step_scores"]]
        return taken

    def _counts(self, row: dict[str, Any], where: str) -> dict[str, list]:
        """As many verdicts as a row counts, in an order that is drawn, for counts have none."""
        try:
            counts = (row[ours] for ours in ("n", "correct"))
            total, right = (None if count is None else row_values.as_whole(count) for count in counts)
        except ValueError as error:
            raise InputError(f"{where}: a count is {error}") from None
        if total is None or right is None or not 0 <= right <= total or total < 1:
            raise InputError(f"{where}: {right} of {total} samples are given as correct; n must be 1 or more")
        self._counted += total
        if self._counted > MOST:
            raise InputError(f"{where}: the counts stand for more than {MOST:,} samples, which is too many")
        order = generator(0, "counts", _named(row), str(row.get("run"))).permutation(total)
        shared = {ours: [value] * total for ours, value in row.items() if ours in SHARED}
        return shared | {"correct": (order < right).tolist()}


def _named(row: dict[str, Any]) -> str:
    value = row.get("problem_id", row.get("question"))
    return row_values.shown(value) if isinstance(value, list | dict) else " ".join(str(value).split())[:60]


def _is_single(ours: str, row: dict[str, Any]) -> bool:
    """An answer in a list of its own, beside a single completion, is that completion's."""
    return ours == "answer" and len(row["answer"]) == 1 and isinstance(row.get("text"), str)


def _leaves(value: list) -> list:
    """The members of lists in lists, in order; a message in parts is one member."""
    found = []
    for each in value:
        nested = isinstance(each, list) and not row_values.is_message(each)
        found += _leaves(each) if nested else [each]
    return found
