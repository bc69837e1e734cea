"""Answers of questions that were solved live, with what was spent on each, as the table `solved`."""

from collections.abc import Sequence

import numpy as np
import polars as pl

from ttc.flops import FORWARD
from ttc.live.courses import Course
from ttc.live.rules import Chosen
from ttc.live.seen import Seen, chosen, standing
from ttc.tables.live import SOLVED


def answered(
    seen: Sequence[Seen],
    courses: Sequence[Course],
    rules: Sequence[Chosen],
    seed: int,
    sizes: tuple[int, int | None],
) -> pl.DataFrame:
    """A row of the table `solved` for each question, verdicts unknown.

    `sizes`: parameters of policy and verifier, by which FLOPs are counted.
    """
    rows = [_row(*each, seed, sizes) for each in zip(seen, courses, rules, strict=True)]
    return pl.DataFrame(rows, schema=SOLVED.dtypes)


def _row(seen: Seen, course: Course, rule: Chosen, seed: int, sizes: tuple[int, int | None]) -> dict:
    question = seen.question()
    totals, chances = standing(question, rule.vote)
    number = chosen(seen, rule.vote, seed)
    scores = None if number is None or question.scores is None else question.scores[question.groups == number]
    whole = totals.sum()
    tokens, read = sum(seen.tokens), sum(seen.read)
    policy, verifier = sizes
    return {
        "problem_id": seen.problem_id,
        "rule": rule.name,
        "vote": rule.vote,
        "answer": None if number is None else seen.answers[number],
        "share": None if number is None else float(totals[number] / whole) if whole > 0 else 0.0,
        "score": None if scores is None else float(scores.max()),
        "tied": int(np.count_nonzero(chances)),
        "samples": len(seen),
        "tokens": tokens,
        "verifier_tokens": read,
        "flops": float(FORWARD * (policy * tokens + (verifier or 0) * read)),
        "stopped_by": course.reason,
        "value": course.value,
        "correct": None,
    }


def graded(
    table: pl.DataFrame, texts: dict[str, dict[str, str]], golds: dict[str, str], form
) -> pl.DataFrame:
    """The table with verdicts, by the study's grading (`form`), where `golds` (by problem id) has an answer.

    `texts`: by problem id and answer a solution with this answer, which is what is graded.  No answer is wrong.
    """
    pairs = list(table.select("problem_id", "answer").iter_rows())
    asked = [(name, answer) for name, answer in pairs if golds[name] and answer is not None]
    verdicts = form.grade([texts[name][answer] for name, answer in asked], [golds[name] for name, _ in asked])
    right = {name: verdict for (name, _), (_, verdict) in zip(asked, verdicts, strict=True)}
    found = [right.get(name, False) if golds[name] else None for name, _ in pairs]
    return SOLVED.check(table.with_columns(correct=pl.Series(found, dtype=pl.Boolean)), "solved")


def texts_of(samples: pl.DataFrame) -> dict[str, dict[str, str]]:
    """Of each problem and answer the solution of the lowest index that has it, by problem id and answer."""
    found: dict[str, dict[str, str]] = {}
    kept = samples.drop_nulls("answer").sort("problem_id", "sample_index")
    for name, answer, text in kept.select("problem_id", "answer", "text").iter_rows():
        found.setdefault(name, {}).setdefault(answer, text)
    return found


def summary(table: pl.DataFrame) -> str:
    """What came of it, in a few lines for a terminal."""
    samples, tokens, read = (table[name].mean() for name in ("samples", "tokens", "verifier_tokens"))
    stopped = ", ".join(
        f"{name} {count:,}"
        for name, count in table["stopped_by"].value_counts(sort=True).sort("stopped_by").iter_rows()
    )
    lines = [
        f"{len(table):,} questions; a question took {samples:.2f} samples, {tokens:,.0f} tokens and "
        f"{read:,.0f} of the verifier on average",
        f"stopped by {stopped}",
    ]
    if known := table["correct"].count():
        lines.append(f"{table['correct'].mean():.1%} of {known:,} with a gold answer are right")
    return "\n".join(lines)
