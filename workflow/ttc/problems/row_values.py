r"""Values of foreign rows: where they lie inside objects and lists, which rows are chosen by them, and their types.

A *path* names a column, or what lies inside one: `response.body.choices.0.text` goes into objects by name and picks
from a list by number (`-1` is the last).  A name that meets a list goes into each of its members, and `*` does so
where the members are lists: the value is then a list.  `<row>` is the row's number from 0, `<file>` the file's name
without its ending.
"""

import json
import math
import re
from collections.abc import Callable
from typing import Any

from ttc.errors import InputError, nearest
from ttc.problems.row_files import Rows

ROW, FILE = "<row>", "<file>"
FINISHED = {
    "stop": "stop stopped eos eos_token end end_turn stop_sequence stop_token stop_str stop_word complete completed "
    "finish finished done word endoftext end_of_text natural",
    "length": "length max_length max_tokens max_new_tokens max_output_tokens model_length context_length "
    "max_context_length token_limit limit truncated cut_off cutoff incomplete length_capped",
}
_REASONS = {word: reason for reason, words in FINISHED.items() for word in words.split()}
_UNSAID = ("", "none", "null", "unknown")
_VERDICTS = {
    True: "true t yes y 1 1.0 + c correct right pass passed success ok",
    False: "false f no n 0 0.0 - -1 -1.0 i incorrect wrong fail failed failure",
}
_VERDICT = {word: verdict for verdict, words in _VERDICTS.items() for word in words.split()}
_INTEGER = re.compile(r"[+-]?\d{1,18}(?:\.0*)?")
_ABSENT = object()
_DEEP = 4  # how far into objects a message looks for names


def values_at(rows: Rows, path: str, said: str = "the column '{}' is missing") -> list:
    """The value at a path in every row, None where a row has nothing there.

    Raises InputError for a path that leads nowhere in all rows, with what is `said` of it.
    """
    if path == ROW:
        return list(range(rows.first, rows.stop))
    if path == FILE:
        return [rows.path.name.removesuffix(".gz").rpartition(".")[0]] * len(rows)
    head = _head(rows, path)
    if head is not None:
        parts = path[len(head) + 1 :].split(".") if path != head else []
        found = [_dig(value, parts) for value in rows.column(head)]
        there = not parts or not len(rows) or any(_is_there(value) for value in found)
        if there or (rows is not rows.whole and _leads_somewhere(rows.whole, head, parts)):
            return [_plain(value) for value in found]
    raise InputError(
        f"{rows.path}: {said.format(path)}; the file has {', '.join(rows.names)}{nearest(path, _paths(rows))}"
    )


def has(rows: Rows, path: str) -> bool:
    """Whether the file has a column of this name, or one that the path begins with."""
    return path in (ROW, FILE) or _head(rows, path) is not None


def chosen(rows: Rows, where: dict[str, list], where_not: dict[str, list]) -> list[bool]:
    """Which rows have one of the values that `where` allows in every column, and none that `where_not` names in any.

    Lists and objects are compared as a whole; the cells of a CSV file as texts.
    """
    found = [True] * len(rows)
    for conditions, wanted in ((where, True), (where_not, False)):
        for path, values in conditions.items():
            allowed = {_key(value, rows.is_text) for value in values}
            cells = values_at(rows, path, "rows are to be chosen by the column '{}', which is missing")
            found = [
                each and (_key(cell, rows.is_text) in allowed) is wanted
                for each, cell in zip(found, cells, strict=True)
            ]
    return found


def _key(value: Any, is_text: bool) -> Any:
    """A value that can be looked up: texts of a CSV file stand for the numbers and truth values they spell."""
    if isinstance(value, list | dict):
        return "json", json.dumps(value, sort_keys=True, default=str)
    if not is_text or value is None:
        return value
    text = str(value).strip()
    if text.lower() in ("true", "false"):
        return text.lower()
    try:
        number = float(text)
    except ValueError:
        return text
    return number if math.isfinite(number) else text


def _head(rows: Rows, path: str) -> str | None:
    """The column that a path begins with: the longest name, for names may have points in them."""
    parts = path.split(".")
    heads = (".".join(parts[:stop]) for stop in range(len(parts), 0, -1))
    return next((head for head in heads if head in rows.names), None)


def _leads_somewhere(rows: Rows, head: str, parts: list[str]) -> bool:
    """Whether any row of a file has something at a path."""
    return any(_is_there(_dig(value, parts)) for block in rows.blocks() for value in block.column(head))


def _dig(value: Any, parts: list[str]) -> Any:
    if not parts:
        return value
    if isinstance(value, list):
        if re.fullmatch(r"-?\d+", parts[0]):
            place = int(parts[0])
            return _dig(value[place], parts[1:]) if -len(value) <= place < len(value) else _ABSENT
        return [_dig(each, parts[1:] if parts[0] == "*" else parts) for each in value]
    if isinstance(value, dict):
        for stop in range(len(parts), 0, -1):
            if (name := ".".join(parts[:stop])) in value:
                return _dig(value[name], parts[stop:])
    return _ABSENT


def _is_there(value: Any) -> bool:
    if isinstance(value, list):
        return not value or any(_is_there(each) for each in value)
    return value is not _ABSENT


def _plain(value: Any) -> Any:
    if isinstance(value, list):
        return [_plain(each) for each in value]
    return None if value is _ABSENT else value


def _paths(rows: Rows) -> list[str]:
    """Names of columns and of what lies inside them, read off the first row."""
    found = []

    def add(prefix: str, value: Any, depth: int) -> None:
        found.append(prefix)
        while isinstance(value, list) and value:
            value = value[0]
        if isinstance(value, dict) and depth < _DEEP:
            for name, each in value.items():
                add(f"{prefix}.{name}", each, depth + 1)

    for name in rows.names:
        add(name, next(iter(next(rows.blocks(1)).column(name)), None), 1)
    return found


# ---- types: each takes a value that is not None, and raises ValueError with what is wrong ----


def as_text(value: Any) -> str:
    """A text; numbers as they are written, and the texts of a message that comes in parts put together."""
    if isinstance(value, str):
        return value
    if isinstance(value, bytes):
        return value.decode("utf-8", "replace")
    if isinstance(value, list) and is_message(value):
        return "".join(part.get("text") or "" for part in value if "text" in part.get("type", ""))
    if isinstance(value, list | dict):
        raise ValueError(f"{shown(value)}, which is no text")
    return str(value)


def as_name(value: Any) -> str:
    """The name of something: 3.0, as a table with gaps has it, is `3`."""
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return as_text(value)


def as_answer(value: Any) -> str | None:
    """A final answer; a blank one is none."""
    if isinstance(value, list) and len(value) == 1:
        return as_answer(value[0])
    text = "" if value is None else as_text(value)
    return text if text.strip() else None


def as_whole(value: Any) -> int | None:
    """A whole number; None for a blank text."""
    if isinstance(value, str):
        text = value.strip()
        if not text:
            return None
        if not _INTEGER.fullmatch(text):
            raise ValueError(f"{shown(value)}, which is no whole number")
        return int(text.partition(".")[0])
    if isinstance(value, bool) or not isinstance(value, int | float) or value != value // 1:
        if isinstance(value, float) and math.isnan(value):
            return None
        raise ValueError(f"{shown(value)}, which is no whole number")
    if not -(2**63) <= value < 2**63:
        raise ValueError(f"{shown(value)}, which is out of range")
    return int(value)


def as_tokens(value: Any) -> int | None:
    """A number of tokens, also from a list of their ids; None for an empty list."""
    count = len(value) or None if isinstance(value, list) else as_whole(value)
    if count is not None and count >= 2**31:
        raise ValueError(f"{shown(value)}, which is out of range")
    return count


def as_number(value: Any) -> float | None:
    """A number; None for a blank text and for one that is not a number."""
    if isinstance(value, str):
        if not value.strip():
            return None
        try:
            value = float(value)
        except ValueError:
            raise ValueError(f"{shown(value)}, which is no number") from None
    if isinstance(value, list | dict):
        raise ValueError(f"{shown(value)}, which is no number")
    try:
        number = float(value)
    except (TypeError, ValueError, OverflowError):
        raise ValueError(f"{shown(value)}, which is no number") from None
    return None if math.isnan(number) else number


def as_verdict(value: Any) -> bool | None:
    """A verdict: true or false, 1 or 0, and the words and letters that tools write for them."""
    if isinstance(value, str) and not value.strip():
        return None
    word = str(value).strip().lower()
    if isinstance(value, list | dict) or word not in _VERDICT:
        raise ValueError(
            f"{shown(value)}, which is no verdict; verdicts are true and false, 1 and 0, C and I, pass and fail"
        )
    return _VERDICT[word]


def as_reason(value: Any) -> str:
    """Why a completion ended: `stop`, `length`, or for words of neither meaning the word after `unknown`."""
    if isinstance(value, dict):
        value = value.get("type")
    word = re.sub(r"[\s-]+", "_", str(value).strip().lower().rpartition(".")[2]) if value is not None else ""
    return _REASONS.get(word) or ("unknown" if word in _UNSAID else f"unknown {word}")


def as_scores(value: Any) -> list[float | None]:
    """Step scores; a single number is that of an outcome verifier, a text is a list as JSON has it."""
    if isinstance(value, str):
        try:
            value = json.loads(value)
        except ValueError:
            raise ValueError(f"{shown(value)}, which is no list of numbers") from None
    if not isinstance(value, list):
        value = [value]
    return [each if each is None or isinstance(each, float) else as_number(each) for each in value]


def is_message(value: list) -> bool:
    """Whether a list is one message in parts, as chat formats have it, and not several values."""
    return bool(value) and all(isinstance(part, dict) and isinstance(part.get("type"), str) for part in value)


def shown(value: Any) -> str:
    """A value in a sentence: on one line, not too long."""
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:57]}..."


Type = Callable[[Any], Any]
