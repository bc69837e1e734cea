"""Clusters of questions that say nearly the same: no such question may help to choose for another."""

import re

import numpy as np
import polars as pl

from ttc.errors import InputError

NUMBER = re.compile(r"\d+(?:[.,]\d+)*")


def shared_text(question: str, how: str) -> str:
    """What the questions of one cluster have in common: their `text`, or their `template`, without its numbers."""
    text = " ".join(question.split()).casefold()
    return NUMBER.sub("#", text) if how == "template" else text


def clusters(problems: pl.DataFrame, how: str, problem_ids: list[str]) -> np.ndarray:
    """The cluster of each question of `problem_ids`, int (questions,), numbered as they are first seen.

    `how` is `text`: questions of equal texts, whatever their case and spaces; or `template`: those that are equal
    but for their numbers, as copies of one question with other numbers are.  `problems` has the columns problem_id and
    question.  A question without a text is a cluster of its own, and so is each of questions that all have one text:
    it tells nothing about them.  InputError where all of several questions have one template.
    """
    texts = dict(problems.select("problem_id", "question").iter_rows())
    numbers: dict[tuple[str, str], int] = {}
    found = []
    for name in problem_ids:
        text = shared_text(texts.get(name) or "", how)
        key = ("text", text) if text else ("name", name)
        found.append(numbers.setdefault(key, len(numbers)))
    if len(problem_ids) > 1 and len(numbers) == 1:
        if how == "text":
            return np.arange(len(problem_ids))
        raise InputError(
            f"allocation.clusters: by template all {len(problem_ids)} questions are one cluster, and folds need several"
        )
    return np.array(found, dtype=int)
