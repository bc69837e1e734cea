"""Multiple-choice questions: rows with options become a question that lists them, and a letter as its answer."""

import string
from collections.abc import Iterator

import numpy as np
import polars as pl

from ttc import noise
from ttc.errors import InputError, nearest

LETTERS = string.ascii_uppercase


def lettered(frame: pl.DataFrame, columns: dict[str, str], choices: dict, where: str) -> pl.DataFrame:
    """The rows with their options below the questions, and letters in the column of answers.

    columns: ours to theirs, of which question and answer are used.  choices: `options`, a column that holds lists or
    several columns of one option each (null: none); `answer`, one of `CHOICE_ANSWERS`; `shuffle`, whether their order
    is drawn, keyed by the question, so that it is the same wherever the question is read.  Raises InputError for a
    column that is missing, and for a row with fewer than two options or equal ones, or whose answer names none of them.
    """
    given = choices["options"]
    of_list = isinstance(given, str)
    names = [given] if of_list else list(given)
    wanted = {"question": columns.get("question", "question"), "answer": columns.get("answer")}
    if wanted["answer"] is None:
        raise InputError(f"{where}: choices need a column that is mapped to 'answer', and none is")
    for name in [*names, *wanted.values()]:
        if name not in frame.columns:
            raise InputError(
                f"{where}: the column '{name}' is missing; the file has {', '.join(frame.columns)}"
                f"{nearest(name, frame.columns)}"
            )
    questions, answers = [], []
    for number, row in enumerate(frame.iter_rows(named=True), start=1):
        at = f"{where}, row {number}"
        question = str(row[wanted["question"]] or "")
        options = list(_options(row[given] if of_list else [row[name] for name in names], at))
        right = _right(options, row[wanted["answer"]], choices["answer"], at)
        order = _order(question, len(options)) if choices["shuffle"] else np.arange(len(options))
        listed = [f"{letter}) {options[place]}" for letter, place in zip(LETTERS, order, strict=False)]
        questions.append(question + "\n\n" + "\n".join(listed) if question.strip() else "")
        answers.append(LETTERS[order.tolist().index(right)])
    return frame.with_columns(
        pl.Series(wanted["question"], questions, dtype=pl.String),
        pl.Series(wanted["answer"], answers, dtype=pl.String),
    )


def _options(given: object, where: str) -> Iterator[str]:
    if not isinstance(given, list):
        raise InputError(f"{where}: its options are no list; several columns can be named instead")
    options = [str(each).strip() for each in given if each is not None and str(each).strip()]
    if not 2 <= len(options) <= len(LETTERS):
        raise InputError(f"{where}: it has {len(options)} options; allowed are 2 to {len(LETTERS)}")
    if len(set(options)) < len(options):
        twice = next(each for each in options if options.count(each) > 1)
        raise InputError(f"{where}: the option '{twice}' is there twice")
    yield from options


def _right(options: list[str], answer: object, kind: str, where: str) -> int:
    """The place of the right option."""
    told = "" if answer is None else str(answer).strip()
    if kind == "text":
        found = options.index(told) if told in options else None
        allowed = "one of the options' texts"
    elif kind == "letter":
        found = LETTERS.index(told.upper()) if len(told) == 1 and told.upper() in LETTERS else None
        allowed = f"a letter from A to {LETTERS[len(options) - 1]}"
    else:
        found = int(told) if told.isdecimal() else None
        allowed = f"a number from 0 to {len(options) - 1}"
    if found is None or found >= len(options):
        raise InputError(
            f"{where}: the answer '{told}' names no option; with `answer: {kind}` it is {allowed}"
        )
    return found


def _order(question: str, count: int) -> np.ndarray:
    """Places of options in the order in which they are listed."""
    stream = noise.stream(0, "choices", question)
    return np.argsort(noise.uniform(noise.substreams(stream, np.arange(count)), 0), kind="stable")
