"""Training examples for verifiers: Monte-Carlo values of steps (PRM) and verdicts on whole solutions (ORM).

They stand at the tokens at which the verifier will be scored: a reader (`ttc.verifiers.protocol.Reader`) says which.
"""

from collections.abc import Sequence

import numpy as np
import polars as pl

from ttc.errors import InputError
from ttc.training.batches import Examples, value_examples
from ttc.verifiers.protocol import Reader, Reading
from ttc.verifiers.readers import solutions_of

HELD_OUT = 10  # every tenth problem validates and never trains (paper appendix D: 10 % of the questions)


def is_held_out(problem_ids: pl.Series) -> np.ndarray:
    """Which rows belong to held-out problems: every tenth of the problems in sorted order.

    InputError for fewer than ten problems, of which none would be held out.
    """
    order = {name: index for index, name in enumerate(sorted(set(problem_ids)))}
    if len(order) < HELD_OUT:
        raise InputError(
            f"training needs usable solutions of at least {HELD_OUT} problems, because every tenth problem is held "
            f"out, and there are those of {len(order)}; sample more training problems or train the policy longer"
        )
    return np.array([order[name] % HELD_OUT == HELD_OUT - 1 for name in problem_ids])


def process_examples(
    problems: pl.DataFrame, samples: pl.DataFrame, step_values: pl.DataFrame, reader: Reader
) -> tuple[Examples, pl.DataFrame]:
    """One example per valued sample: the soft value at the end of each step (paper appendix D).

    Returns the examples and, row for row, the samples they come from.  InputError, naming the sample, where its steps
    are not as many as its values, and for a text that the reader refuses.
    """
    values = step_values.group_by("problem_id", "sample_index").agg(pl.col("value").sort_by("step"))
    rows = samples.join(values, on=["problem_id", "sample_index"], how="inner").sort(
        "problem_id", "sample_index"
    )
    solutions = solutions_of(problems, rows)
    readings = reader.readings(solutions)
    for solution, reading, each in zip(solutions, readings, rows["value"], strict=True):
        steps = 0 if reading is None else len(reading.places)
        if steps != len(each):
            raise InputError(
                f"{solution.name} has {steps} steps and {len(each)} step values; each of its steps must have one: the "
                "values are of other samples, or of other steps"
            )
    places = [reading.places for reading in readings]
    return _examples(readings, places, [np.asarray(each) for each in rows["value"]]), rows


def outcome_examples(
    problems: pl.DataFrame,
    rows: pl.DataFrame,
    reader: Reader,
    contexts: Sequence[Sequence[str]] | None = None,
) -> tuple[Examples, pl.DataFrame]:
    """One example per sample or revision: its verdict at the end of its last step.

    contexts: of each revision the earlier answers of its chain, which are read before it.  Returns the examples and,
    row for row, what they come from; a text without anything to read is left out.  InputError, with its name, for a
    text that the reader refuses.
    """
    readings = reader.readings(solutions_of(problems, rows, contexts))
    kept = [place for place, each in enumerate(readings) if each is not None]
    rows, readings = rows[kept], [readings[place] for place in kept]
    places = [reading.places[-1:] for reading in readings]
    return _examples(readings, places, list(rows["correct"].to_numpy()[:, None])), rows


def _examples(readings: list[Reading], places: list[tuple[int, ...]], values: list[np.ndarray]) -> Examples:
    if not readings:
        raise InputError("no samples to learn from are given; a verifier needs at least one")
    return value_examples(
        [()] * len(readings),
        [reading.tokens for reading in readings],
        [np.array(each) for each in places],
        values,
    )
