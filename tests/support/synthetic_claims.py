"""Invented rows that the findings read beside those of `synthetic_study`, and outcomes made by hand.

Nothing here is measured.
"""

import numpy as np
import polars as pl

from tests.support import synthetic_study
from ttc.tables.analysis import DIFFICULTY, EXCHANGE, OUTCOMES, PER_QUESTION
from ttc.tables.registry import SCHEMAS
from ttc.tables.revisions import CHAIN_SCORES

IDS = [f"p{index:03d}" for index in range(30)]


def study() -> dict[str, pl.DataFrame]:
    """The tables of `synthetic_study.study` and all that the findings of ablations read."""
    frames = synthetic_study.study()
    weighted, beam = "best_of_n_weighted", "beam(width=4)"
    copies = [
        ("search", weighted, {"strategy": f"{weighted}(aggregation={how})"}, loss)
        for how, loss in (("min", 0.03), ("prod", 0.05), ("mean", 0.02))
    ]
    copies += [
        ("search", weighted, {"strategy": f"{weighted}(verifier=flipped)"}, 0.04),
        ("search", "majority", {"strategy": f"{weighted}(verifier=random)", "selection": weighted}, 0.0),
        ("search", beam, {"strategy": "dvts(width=4)"}, 0.01),
        ("search", beam, {"strategy": "rebase(temperature=0.2)"}, -0.01),
        ("search", "beam(width=sqrt)", {"strategy": "lookahead(width=sqrt, depth=3)"}, 0.04),
        ("search", "beam(width=sqrt)", {"strategy": "lookahead(width=sqrt, depth=1)"}, 0.02),
        ("search", beam, {"family": "larger"}, -0.1),
        ("search", weighted, {"family": "larger"}, -0.1),
        ("baseline", "revision_step", {"strategy": "rest_revision_step"}, 0.02),
        ("revisions", "sequential", {"selection": "hierarchical_no_history"}, 0.01),
        ("revisions", "sequential", {"selection": "hierarchical_prm"}, 0.02),
        ("revisions", "parallel", {"budget": 512}, 0.0),
    ]
    rows = [frames["outcomes"]]
    for family, strategy, names, loss in copies:
        copy = frames["outcomes"].filter(family=family, strategy=strategy)
        copy = copy.filter(budget=256) if "budget" in names else copy
        correct = (pl.col("correct") - loss).clip(0, 1)
        named = {name: pl.lit(value).cast(copy.schema[name]) for name, value in names.items()}
        rows.append(copy.with_columns(correct, **named).unique(OUTCOMES.key))
    optimal = frames["per_question"].filter(strategy="compute_optimal")
    in_sample = optimal.with_columns(pl.lit("in_sample_optimal").alias("strategy"))
    fixed = optimal.filter(bins="oracle")
    fixed = fixed.with_columns(pl.lit("best_fixed").alias("strategy"), pl.lit("none").alias("bins"))
    per_question = pl.concat([optimal, in_sample, fixed])
    chains = frames["chains"]
    scores = chains.select("problem_id", "chain", "step", score=pl.lit(0.5), tokens=pl.lit(9))
    camera = frames["exchange"].with_columns(pl.lit("camera_ready").alias("version"), pl.col("ratio") / 2)
    return frames | {
        "outcomes": OUTCOMES.check(pl.concat(rows), "t"),
        "per_question": PER_QUESTION.check(per_question, "t"),
        "chain_scores": CHAIN_SCORES.check(scores, "t"),
        "exchange": EXCHANGE.check(pl.concat([frames["exchange"], camera]), "t"),
        "transitions": transitions(),
        "verifier_quality": quality(),
    }


def transitions() -> pl.DataFrame:
    """Shares of turned answers of two steps of either reviser."""
    rows = [
        ("reviser", 1, 0.3, 10, 30, 0.7),
        ("reviser", 2, 0.4, 20, 20, 0.6),
        ("rest", 1, 0.5, 10, 30, 0.7),
        ("rest", 2, 0.2, 30, 10, 0.5),
        ("rest", 3, None, 0, 40, 0.5),
    ]
    names = ("reviser", "step", "correct_to_incorrect", "correct_count", "incorrect_count", "correct")
    return pl.DataFrame(rows, schema=names, orient="row")


def quality() -> pl.DataFrame:
    """AUC and calibration error of both verifiers on whole solutions, and of the PRM on steps."""
    rows = [
        (verifier, level, 0, measure, 0.8, 0.7, 0.9, 400)
        for verifier, level in (("prm", "solution"), ("orm", "solution"), ("prm", "step"))
        for measure in ("auc", "calibration_error")
    ]
    names = ("verifier", "level", "step", "measure", "value", "low", "high", "count")
    return pl.DataFrame(rows, schema=names, orient="row")


def ids(count: int) -> list[str]:
    """Names of questions, sorted; those of IDS first."""
    return [f"p{index:03d}" for index in range(count)]


def outcomes(rows: dict[tuple, object], count: int = len(IDS)) -> pl.DataFrame:
    """Outcomes from {(family, strategy, selection, budget): correctness of each of `count` questions}."""
    frames = [
        pl.DataFrame({"problem_id": ids(count), "correct": np.broadcast_to(np.asarray(values, float), count)})
        .with_columns(pl.lit(name).alias(column) for column, name in zip(_NAMES, key, strict=True))
        .with_columns(mc_error=pl.lit(0.0), **_UNKNOWN)
        for key, values in rows.items()
    ]
    return OUTCOMES.check(pl.concat(frames), "t")


def chosen(rows: dict[tuple, object]) -> pl.DataFrame:
    """`per_question` from {(family, strategy, selection, bins, budget): correctness of each of IDS}."""
    names = ("family", "strategy", "selection", "bins", "budget")
    frames = [
        pl.DataFrame({"problem_id": IDS, "correct": np.broadcast_to(np.asarray(values, float), len(IDS))})
        .with_columns(pl.lit(name).alias(column) for column, name in zip(names, key, strict=True))
        for key, values in rows.items()
    ]  # fmt: skip
    return PER_QUESTION.check(pl.concat(frames), "t")


def difficulty(oracle, predicted_bin=None) -> pl.DataFrame:
    """Difficulty of as many questions as `oracle` has pass rates, five oracle bins in the order of their names."""
    bins = np.arange(len(oracle)) * 5 // len(oracle) + 1
    frame = pl.DataFrame(
        {"problem_id": ids(len(oracle)), "oracle": np.asarray(oracle, float), "oracle_bin": bins}
    )
    empty = {name: pl.lit(None) for name in ("mean_logprob", "mean_tokens", "score_std")}
    predicted = None if predicted_bin is None else pl.Series(predicted_bin)
    frame = frame.with_columns(
        predicted=pl.lit(None, pl.Float64) if predicted is None else 1 - predicted / 5,
        predicted_bin=pl.lit(None) if predicted is None else predicted,
        answer_entropy=pl.lit(0.0),
        level=pl.lit(0),
        **empty,
    )
    return DIFFICULTY.check(frame, "t")


def chains(answers: dict[str, list[list[tuple[str, bool, float]]]]) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Tables `chains` and `chain_scores` from {problem: chains of (answer, correct, score)}."""
    rows, scores = [], []
    for name, of_problem in answers.items():
        for chain, steps in enumerate(of_problem):
            for step, (answer, correct, score) in enumerate(steps):
                rows.append((name, chain, step, "t", answer, correct, 1, 1, -1.0, "stop"))
                scores.append((name, chain, step, score, 1))
    made = []
    for table, content in (("chains", rows), ("chain_scores", scores)):
        frame = pl.DataFrame(content, schema=list(SCHEMAS[table].dtypes), orient="row")
        made.append(SCHEMAS[table].check(frame, "t"))
    return tuple(made)


_NAMES = ("family", "strategy", "selection", "budget")
_UNKNOWN = {name: pl.lit(None, pl.Float64) for name in ("tokens", "verifier_tokens", "flops")}
