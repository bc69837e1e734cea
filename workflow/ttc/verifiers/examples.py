"""What verifiers learn from: Monte-Carlo values of steps (PRM) and verdicts on whole solutions (ORM)."""

import numpy as np
import polars as pl

from ttc.errors import InputError
from ttc.problems import text
from ttc.training.batches import Examples, value_examples

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
    problems: pl.DataFrame, samples: pl.DataFrame, step_values: pl.DataFrame, tokenizer
) -> tuple[Examples, pl.DataFrame]:
    """One example per valued sample: the soft value at the end of each step (paper appendix D).

    Returns the examples and, row for row, the samples they come from.
    """
    values = step_values.group_by("problem_id", "sample_index").agg(pl.col("value").sort_by("step"))
    rows = samples.join(values, on=["problem_id", "sample_index"], how="inner").sort(
        "problem_id", "sample_index"
    )
    prompts, solutions = solution_tokens(problems, rows, tokenizer)
    separator = tokenizer.convert_tokens_to_ids(text.SEPARATOR)
    ends = [text.step_ends(solution, separator) for solution in solutions]
    return value_examples(prompts, solutions, ends, [np.asarray(each) for each in rows["value"]]), rows


def outcome_examples(
    problems: pl.DataFrame, rows: pl.DataFrame, tokenizer, contexts: list[list[str]] | None = None
) -> Examples:
    """One example per solution: its verdict at its last token; `contexts` are earlier answers of its chain."""
    prompts, solutions = solution_tokens(problems, rows, tokenizer, contexts)
    last = np.array([[len(solution) - 1] for solution in solutions])
    return value_examples(prompts, solutions, last, rows["correct"].to_numpy()[:, None])


def solution_tokens(
    problems: pl.DataFrame, rows: pl.DataFrame, tokenizer, contexts: list[list[str]] | None = None
) -> tuple[list[list[int]], list[list[int]]]:
    """Token ids of the prompts and solutions of `rows`."""
    questions = dict(problems.select("problem_id", "question").iter_rows())
    contexts = contexts if contexts is not None else [[]] * len(rows)
    prompts = [
        text.prompt_text(questions[name], context)
        for name, context in zip(rows["problem_id"], contexts, strict=True)
    ]
    ended = (rows["finish_reason"] != "length").to_list()
    return text.encode_prompts(tokenizer, prompts), text.encode_solutions(
        tokenizer, rows["text"].to_list(), ended
    )
