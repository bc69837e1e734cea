"""Invented rows and tables of the ablations, added to those of `synthetic_study`.  Nothing here is measured."""

import numpy as np
import polars as pl

from tests.support import (
    synthetic_hybrid,
    synthetic_money,
    synthetic_spending,
    synthetic_stopping,
    synthetic_study,
    synthetic_thinking,
)
from ttc.evaluation.extrapolation.measure import Sampled, measure
from ttc.evaluation.selection import encode
from ttc.tables.analysis import CURVES, EXCHANGE, OUTCOMES
from ttc.tables.extrapolation import EXTRAPOLATION
from ttc.tables.registry import SCHEMAS

STEPS = 15


def study(problems: int = 40, seed: int = 1) -> dict[str, pl.DataFrame]:
    """The tables of `synthetic_study.study`, with every ablation."""
    frames = synthetic_study.study(problems, seed)
    outcomes = pl.concat([frames["outcomes"], _outcomes(frames["outcomes"])]).unique(
        subset=list(OUTCOMES.key), keep="first", maintain_order=True
    )
    outcomes = OUTCOMES.check(outcomes, "t")
    curves, per_question = synthetic_study._curves(outcomes, frames["difficulty"])
    optimal = curves.filter(strategy="compute_optimal")
    better = [pl.min_horizontal(pl.col(name) + 0.01, 1.0) for name in ("accuracy", "low", "high")]
    in_sample = optimal.with_columns(pl.lit("in_sample_optimal").alias("strategy"), *better)
    beside = [
        optimal.filter(bins="oracle").with_columns(
            *((pl.col(each) + gain).clip(0, 1) for each in ("accuracy", "low", "high")),
            strategy=pl.lit(strategy),
            bins=pl.lit(bins),
        )
        for strategy, bins, gain in (
            ("ridge", "oracle", 0.02),
            ("best_fixed", "none", -0.05),
            ("oracle", "none", 0.05),
        )
    ]
    return frames | {
        "outcomes": outcomes,
        "curves": CURVES.check(pl.concat([curves, in_sample, *beside]), "t"),
        "allocator_calibration": _allocators(),
        "per_question": per_question,
        "exchange": _both_formulas(frames["exchange"]),
        "transitions": _transitions(),
        "calibration": _calibration(),
        "verifier_quality": _quality(),
        "extrapolation": _extrapolated(frames["samples"]),
        **synthetic_stopping.tables(),
        **synthetic_spending.tables(frames["difficulty"]),
        **synthetic_hybrid.tables(len(frames["difficulty"])),
        **synthetic_thinking.tables(),
        **synthetic_money.tables(),
    }


def _outcomes(outcomes: pl.DataFrame) -> pl.DataFrame:
    """Copies of measured rows under the names of the ablations, a little better or worse."""
    weighted, plain = "best_of_n_weighted", "best_of_n"
    copies = [
        (("search", weighted), ("search", f"{weighted}(aggregation=min)"), -0.03),
        (("search", weighted), ("search", f"{weighted}(aggregation=prod)"), -0.05),
        (("search", weighted), ("search", f"{weighted}(aggregation=mean)"), -0.02),
        (("search", plain), ("search", f"{plain}(aggregation=min)"), -0.03),
        (("search", plain), ("search", f"{plain}(aggregation=prod)"), -0.05),
        (("search", plain), ("search", f"{plain}(aggregation=mean)"), -0.02),
        (("search", weighted), ("search", f"{weighted}(verifier=flipped)"), -0.06),
        (("search", "majority"), ("search", f"{weighted}(verifier=random)"), -0.01),
        (("search", "beam(width=4)"), ("search", "dvts(width=4)"), 0.02),
        (("search", "beam(width=4)"), ("search", "rebase(temperature=0.2)"), 0.04),
        (("search", "beam(width=sqrt)"), ("search", "lookahead(width=sqrt, depth=1)"), -0.04),
        (("search", weighted), ("larger", weighted), 0.1),
        (("search", "majority"), ("larger", "majority"), 0.1),
        (("search", "beam(width=4)"), ("larger", "beam(width=4)"), 0.1),
        (("baseline", "revision_step"), ("baseline", "rest_revision_step"), -0.04),
    ]
    frames = [
        _renamed(outcomes.filter(family=old[0], strategy=old[1]), gain, family=new[0], strategy=new[1])
        for old, new, gain in copies
    ]
    chosen = outcomes.filter(family="revisions", selection="hierarchical")
    for selection, gain in (("hierarchical_no_history", -0.02), ("hierarchical_prm", -0.05)):
        frames.append(_renamed(chosen, gain, selection=selection))
    return pl.concat(frames)


def _renamed(rows: pl.DataFrame, gain: float, **names: str) -> pl.DataFrame:
    correct = (pl.col("correct") + gain * (1 - 1 / pl.col("budget"))).clip(0, 1)
    return rows.with_columns(correct, **{name: pl.lit(value) for name, value in names.items()})


def _both_formulas(exchange: pl.DataFrame) -> pl.DataFrame:
    late = exchange.with_columns(pl.lit("camera_ready").alias("version"), pl.col("ratio") / 2)
    return EXCHANGE.check(pl.concat([exchange, late]), "t")


def _transitions() -> pl.DataFrame:
    rows = []
    for reviser, loss in (("reviser", 0.25), ("rest", 0.35)):
        for step in range(1, STEPS + 1):
            wrong = loss + 0.002 * step
            right = None if step == STEPS else 0.2 / step
            ends = [None, None] if right is None else [max(right - 0.05, 0), right + 0.05]
            counts = (40, 0 if right is None else 40)
            rows.append((reviser, step, 0.5, wrong, wrong - 0.06, wrong + 0.06, right, *ends, *counts))
    columns = ["reviser", "step", "correct", "correct_to_incorrect", "correct_to_incorrect_low"]
    columns += ["correct_to_incorrect_high", "incorrect_to_correct", "incorrect_to_correct_low"]
    columns += ["incorrect_to_correct_high", "correct_count", "incorrect_count"]
    return _checked("transitions", columns, rows)


def _calibration() -> pl.DataFrame:
    rows = []
    for verifier, level, bend in (
        ("prm", "solution", 1.1), ("prm", "step", 1.5), ("orm", "solution", 0.8), ("revision_orm", "solution", 1.3),
    ):  # fmt: skip
        for index in range(1, 11):
            score = (index - 0.5) / 10
            correct = score**bend
            count = int(20 + 100 * abs(score - 0.5))
            rows.append(
                (
                    verifier,
                    level,
                    index,
                    score,
                    correct,
                    max(correct - 0.06, 0),
                    min(correct + 0.06, 1),
                    count,
                )
            )
    columns = ["verifier", "level", "bin", "score", "correct", "low", "high", "count"]
    return _checked("calibration", columns, rows)


def _allocators() -> pl.DataFrame:
    rows = []
    for family, strategy, kind, optimism in (
        ("search", "compute_optimal", "oracle", 0.02), ("search", "ridge", "oracle", 0.0),
        ("search", "best_fixed", "none", 0.01), ("revisions", "compute_optimal", "oracle", 0.04),
    ):  # fmt: skip
        selection = "best_of_n_weighted" if family == "search" else "hierarchical"
        for index in (0, 2, 5, 10):
            predicted = 0.5 if index == 0 else (index - 0.5) / 10
            correct = predicted - optimism
            ends = (correct - 0.01, correct + 0.01, optimism, optimism - 0.01, optimism + 0.01)
            rows.append((family, strategy, selection, kind, "chosen", index, predicted, correct, *ends, 20))
    columns = list(SCHEMAS["allocator_calibration"].columns)
    return _checked("allocator_calibration", columns, rows)


def _extrapolated(samples: pl.DataFrame) -> pl.DataFrame:
    """What is said of more than the invented samples."""
    questions = [
        Sampled(name, encode(rows["answer"].to_list()), rows["correct"].to_numpy().astype(float))
        for (name,), rows in samples.group_by("problem_id", maintain_order=True)
    ]
    rows = measure(questions, times=10, replicates=20, subsets=20, seed=0, voting=True)
    return EXTRAPOLATION.check(pl.DataFrame(rows, schema=EXTRAPOLATION.dtypes), "t")


def _quality() -> pl.DataFrame:
    rows = []
    for verifier, level, auc in (
        ("prm", "solution", 0.9), ("prm", "step", 0.84), ("orm", "solution", 0.86), ("revision_orm", "solution", 0.8),
    ):  # fmt: skip
        measures = {
            "auc": auc,
            "auc_within": auc - 0.1,
            "brier": 0.9 - auc + 0.1,
            "calibration_error": (1 - auc) / 3,
        }
        for name, value in measures.items():
            for step in range(7 if level == "step" else 1):
                shift = 0.03 * (step - 3) if step else 0
                rows.append(
                    (
                        verifier,
                        level,
                        step,
                        name,
                        value + shift,
                        value + shift - 0.03,
                        value + shift + 0.03,
                        400,
                    )
                )
    columns = ["verifier", "level", "step", "measure", "value", "low", "high", "count"]
    return _checked(
        "verifier_quality", columns, [(*row[:4], *np.clip(row[4:7], 0, 1).tolist(), row[7]) for row in rows]
    )


def _checked(name, columns, rows) -> pl.DataFrame:
    frame = pl.DataFrame(rows, schema=columns, orient="row", infer_schema_length=None)
    return SCHEMAS[name].check(frame, "t")
