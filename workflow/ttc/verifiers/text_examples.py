"""What verifiers of texts learn from: values of steps (PRM) and verdicts (ORM), at the tokens that they are scored by.

reader = load_reader("trl_tokencls", weights_of(policy).folder)  # of ttc.verifiers.published
examples, rows = process_examples(problems, samples, step_values, reader)

A reader turns a problem and its steps into tokens, and says where each step's score is read; the verifier that is
trained scores with the same one.
"""

import numpy as np
import polars as pl

from ttc.errors import InputError
from ttc.problems.steps import steps_of
from ttc.training.batches import Examples, value_examples
from ttc.verifiers.published import PublishedVerifier, Reading
from ttc.verifiers.text_pools import problem_with_context


def process_examples(
    problems: pl.DataFrame, samples: pl.DataFrame, step_values: pl.DataFrame, reader: PublishedVerifier
) -> tuple[Examples, pl.DataFrame]:
    """One example per valued sample: the soft value at the end of each step (paper appendix D).

    Returns the examples and, row for row, the samples they come from.  InputError, naming the sample, where its steps
    are not as many as its values, and for a text that the reader refuses: one that is longer than the window, or that
    contains a special token.
    """
    values = step_values.group_by("problem_id", "sample_index").agg(pl.col("value").sort_by("step"))
    rows = samples.join(values, on=["problem_id", "sample_index"], how="inner").sort(
        "problem_id", "sample_index"
    )
    readings = _readings(problems, rows, reader)
    for name, index, reading, each in zip(
        rows["problem_id"], rows["sample_index"], readings, rows["value"], strict=True
    ):
        if len(reading.places) != len(each):
            raise InputError(
                f"sample {index} of problem '{name}' has {len(reading.places)} steps and {len(each)} step values; "
                "each of its steps must have one: the values are of other samples, or of other steps"
            )
    places = [reading.places for reading in readings]
    return _examples(readings, places, [np.asarray(each) for each in rows["value"]]), rows


def outcome_examples(
    problems: pl.DataFrame,
    samples: pl.DataFrame,
    reader: PublishedVerifier,
    contexts: list[list[str]] | None = None,
) -> Examples:
    """One example per sample or revision, in their order: its verdict at the end of its last step.

    contexts: of each revision the earlier answers of its chain, which are read before it.  InputError, naming the
    sample, for a text without steps and one that the reader refuses.
    """
    readings = _readings(problems, samples, reader, contexts)
    places = [reading.places[-1:] for reading in readings]
    return _examples(readings, places, list(samples["correct"].to_numpy()[:, None]))


def _readings(
    problems: pl.DataFrame,
    samples: pl.DataFrame,
    reader: PublishedVerifier,
    contexts: list[list[str]] | None = None,
) -> list[Reading]:
    questions = dict(problems.select("problem_id", "question").iter_rows())
    place = ["sample_index"] if "sample_index" in samples.columns else ["chain", "step"]
    rows = samples.select("problem_id", "text", *place).iter_rows()
    return [
        reader.reading(
            problem_with_context(questions[name], context),
            steps_of(text),
            f"{'sample' if len(at) == 1 else 'revision'} {', '.join(map(str, at))} of problem '{name}'",
        )
        for (name, text, *at), context in zip(rows, contexts or [[]] * len(samples), strict=True)
    ]


def _examples(readings: list[Reading], places: list[tuple[int, ...]], values: list[np.ndarray]) -> Examples:
    if not readings:
        raise InputError("no samples to learn from are given; a verifier needs at least one")
    return value_examples(
        [[]] * len(readings),
        [list(reading.tokens) for reading in readings],
        [np.array(each) for each in places],
        values,
    )
