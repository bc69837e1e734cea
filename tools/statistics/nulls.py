"""Studies in which nothing differs from anything: how often a verdict says that it does.

Tables of outcomes are made for every curve that claims are about, then allocated, exchanged and judged by the stages of
the project.
"""

import tempfile
from pathlib import Path

import numpy as np
import polars as pl

from tools.statistics.worlds import BINS, BUDGETS, SAMPLES, pass_rates
from ttc.evaluation.difficulty import assign_bins
from ttc.noise import generator
from ttc.paper.claim import Claim, Settings
from ttc.paper.resampling import mean
from ttc.paper.verdicts import p_value, verdict
from ttc.runtime import Runtime
from ttc.stages import find, fit_allocator, match_flops
from ttc.statistics.power import questions_needed
from ttc.statistics.significance import sign_flip
from ttc.tables.analysis import DIFFICULTY, OUTCOMES
from ttc.tables.generation import PROBLEMS
from ttc.tables.publication import FINDINGS

WEIGHTED = "best_of_n_weighted"
# Answers of a pool whose mean an outcome is; a search has one
POOLED = 16
DECIDED = ("reproduced", "opposite")


def lines() -> list[tuple[str, str, str, tuple[int, ...], int]]:
    """(family, strategy, selection, budgets, answers that an outcome is the mean of) of every curve of a study."""
    many = tuple(BUDGETS.tolist())
    pools = [(name, WEIGHTED) for name in (WEIGHTED, f"orm_{WEIGHTED}")]
    pools += [
        (f"{WEIGHTED}({option})", WEIGHTED)
        for option in ("aggregation=min", "aggregation=prod", "aggregation=mean")
    ]
    pools += [(f"{WEIGHTED}(verifier={name})", WEIGHTED) for name in ("random", "flipped")]
    pools += [("majority", "majority"), ("best_of_n", "best_of_n"), ("orm_best_of_n", "best_of_n")]
    searches = [f"beam(width={width})" for width in ("4", "sqrt")]
    searches += [
        f"lookahead(width={width}, depth={depth})" for width, depth in (("4", 3), ("sqrt", 3), ("sqrt", 1))
    ]
    ratios = [(1 << place, 1 << (6 - place)) for place in range(7)]
    found = [("search", *each, many, POOLED) for each in pools] + [
        ("search", each, WEIGHTED, many, 1) for each in searches
    ]
    found += [("larger", "greedy", "none", (1,), 1), ("larger", WEIGHTED, WEIGHTED, many, POOLED)]
    found += [
        ("larger", "beam(width=4)", WEIGHTED, many, 1),
        ("baseline", "pass_at_1", "none", (1,), SAMPLES),
    ]
    found += [("baseline", f"{name}revision_step", "none", tuple(range(1, 9)), 4) for name in ("", "rest_")]
    for rule in ("hierarchical", "majority"):
        found += [("revisions", name, rule, many, 4) for name in ("parallel", "sequential")]
        found += [
            ("revisions", f"revisions(sequential={s}, parallel={p})", rule, (64,), 4) for s, p in ratios
        ]
    found += [("revisions", "sequential", f"hierarchical_{name}", many, 4) for name in ("no_history", "prm")]
    return found


def tables(questions: int, random: np.random.Generator) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Outcomes and difficulty of a study in which every strategy is as good as one solution on every question."""
    names = [f"q{index:05d}" for index in range(questions)]
    rates = pass_rates(questions, random)
    frames = [
        pl.DataFrame(
            {"problem_id": names, "correct": random.binomial(answers, rates) / answers}
        ).with_columns(
            family=pl.lit(family),
            strategy=pl.lit(strategy),
            selection=pl.lit(selection),
            budget=pl.lit(budget),
        )
        for family, strategy, selection, budgets, answers in lines()
        for budget in budgets
    ]
    unknown = {name: pl.lit(None, pl.Float64) for name in ("tokens", "verifier_tokens", "flops")}
    outcomes = OUTCOMES.check(pl.concat(frames).with_columns(mc_error=pl.lit(0.0), **unknown), "null study")
    measured = {kind: random.binomial(SAMPLES, rates) / SAMPLES for kind in ("oracle", "predicted")}
    bins = {f"{kind}_bin": assign_bins(values, names, BINS) for kind, values in measured.items()}
    empty = {
        name: pl.lit(None, pl.Float64)
        for name in ("mean_logprob", "mean_tokens", "score_std", "answer_entropy")
    }
    frame = pl.DataFrame({"problem_id": names} | measured | bins).with_columns(level=pl.lit(0), **empty)
    return outcomes, DIFFICULTY.check(frame, "null study")


def problems(outcomes: pl.DataFrame) -> pl.DataFrame:
    """The questions of `outcomes`, each with a text of its own."""
    names = outcomes.select(problem_id=pl.col("problem_id").unique().sort())
    return names.with_columns(
        split=pl.lit("test"),
        level=pl.lit(0),
        question=pl.col("problem_id"),
        answer=pl.lit("1"),
        solution=pl.lit(""),
    )


def findings(questions: int, number: int, folds: int, replicates: int = 300) -> pl.DataFrame:
    """The findings of a null study."""
    outcomes, difficulty = tables(questions, generator(number, "null", questions))
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder)
        inputs = {"outcomes": [place / "outcomes.parquet"], "difficulty": [place / "difficulty.parquet"]}
        OUTCOMES.write(outcomes, inputs["outcomes"][0])
        DIFFICULTY.write(difficulty, inputs["difficulty"][0])
        inputs["problems"] = [place / "problems.parquet"]
        PROBLEMS.write(problems(outcomes), inputs["problems"][0])
        shared = {"seed": number, "bootstrap": replicates}
        spec = {"folds": folds, "repeats": 2, "clusters": "text", "at_most": True}
        spec["competing_methods"] = ["beam", "lookahead"]
        fit_allocator.run(shared | spec | {"strategies": {}}, inputs, place / "allocation", Runtime())
        inputs["allocation"] = [place / "allocation"]
        sizes = {"policy": 1, "larger_policy": 14}
        ratios = {"v1": [0.16, 0.79, 22.0], "camera_ready": [0.08, 0.4, 11.0]}
        spec = {
            "versions": list(ratios),
            "ratios": ratios,
            "verifier_curves": "as_measured",
            "parameters": sizes,
        }
        match_flops.run(shared | spec, inputs, place / "exchange.parquet", Runtime())
        inputs["exchange"] = [place / "exchange.parquet"]
        spec = {"first_answer": "reviser", "max_context": 4}
        find.run(shared | spec, inputs, place / "findings.parquet", Runtime())
        return FINDINGS.read(place / "findings.parquet")


def false_verdicts(questions: int, studies: int, folds: int) -> dict[str, float]:
    """Of null studies: how many claims they test at a threshold of 0, and the share with some false verdict.

    `plain`: the share with some unadjusted p at most .05 among them.
    """
    wrong = {"primary": 0, "other": 0, "any": 0, "plain": 0}
    claims = 0
    for number in range(studies):
        rows = findings(questions, number, folds).filter(pl.col("threshold") == 0, pl.col("p").is_not_null())
        rows = rows.filter(pl.col("same_as").is_null())
        claims += len(rows)
        false = rows.filter(pl.col("verdict").is_in(DECIDED))
        for family in ("primary", "other"):
            wrong[family] += not false.filter(family=family).is_empty()
        wrong["any"] += not false.is_empty()
        wrong["plain"] += not rows.filter(pl.col("p") <= 0.05).is_empty()
    return {"claims": claims / studies} | {name: count / studies for name, count in wrong.items()}


# Differences of a question whose mean is 0: normal; rarely much worse and mostly a little better; all or nothing
DIFFERENCES = {
    "normal": lambda random, size: np.clip(random.normal(0, 0.25, size), -1, 1),
    "skewed": lambda random, size: np.where(random.random(size) < 0.1, -0.9, 0.1),
    "0/1 against 0/1": lambda random, size: (
        random.integers(0, 2, size) - random.integers(0, 2, size).astype(float)
    ),
}


def one_claim(kind: str, questions: int, studies: int) -> float:
    """Share of studies in which a single claim without any difference is reproduced (one side; nominal 2.5 %)."""
    false = 0
    made = Claim("c", "t", "p", None, "s")
    for number in range(studies):
        random = generator(number, "one claim", kind, questions)
        found = mean(DIFFERENCES[kind](random, questions), Settings(300, number), "d", "one claim")
        false += verdict(found, made, p_value(found, made, random)) == "reproduced"
    return false / studies


def power(difference: float, sd: float, studies: int) -> tuple[int, float]:
    """Questions that a difference is said to need for a power of 80 %, and the share of studies that then find it."""
    questions = round(questions_needed(difference, sd))
    found = 0
    for number in range(studies):
        random = generator(number, "power", questions)
        found += 2 * min(sign_flip(random.normal(difference, sd, questions), 0.0, random, 2000)) <= 0.05
    return questions, found / studies
