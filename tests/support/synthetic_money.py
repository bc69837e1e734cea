"""Tables of accuracy by money, made by the stage from outcomes in closed form.  Nothing here is measured on a model."""

from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import polars as pl

from tests.support import specs
from ttc.runtime import Runtime
from ttc.stages import evaluate_money
from ttc.tables.analysis import DIFFICULTY, OUTCOMES
from ttc.tables.generation import PROBLEMS
from ttc.tables.money import MONEY_CHOICES, MONEY_CURVES, MONEY_MATCHED

TABLES = (MONEY_CURVES, MONEY_CHOICES, MONEY_MATCHED)
ALLOCATION = specs.of("fit_allocator", folds=2, repeats=2, bootstrap=60)
SPEC = {name: value for name, value in ALLOCATION.items() if name != "at_most"} | {"currency": "EUR"}
BEAM = "beam(width=4)"
ONE = ("baseline", "pass_at_1", "none", 1)
VOTE = ("search", "majority", "majority")
SEARCH = ("search", BEAM, "best_of_n_weighted")
GREEDY = ("larger", "greedy", "none", 1)


def outcomes(rows: dict, questions: int) -> pl.DataFrame:
    """Rows of {(family, strategy, selection, budget): question -> (correctness, money or None)}."""
    made = [
        (f"q{place:03}", *key, of(place)[0], 0.0, 10.0, 0.0, None, of(place)[1])
        for key, of in rows.items()
        for place in range(questions)
    ]
    names = ["problem_id", "family", "strategy", "selection", "budget", "correct", "mc_error", "tokens"]
    names += ["verifier_tokens", "flops", "money"]
    dtypes = {name: OUTCOMES.columns[name].dtype for name in names}
    return OUTCOMES.check(pl.DataFrame(made, schema=dtypes, orient="row"), "t")


def inputs(frame: pl.DataFrame, questions: int, folder: Path, bins: int = 2) -> dict[str, list[Path]]:
    """The inputs of the stage: questions get harder by their number, and bins hold as many each."""
    names = [f"q{place:03}" for place in range(questions)]
    number = (np.arange(questions) * bins // questions + 1).astype(np.int32)
    ease = np.linspace(1.0, 0.0, questions)
    difficulty = pl.DataFrame({"problem_id": names, "oracle": ease, "oracle_bin": number, "level": 0})
    difficulty = difficulty.with_columns(predicted=pl.col("oracle"), predicted_bin=pl.col("oracle_bin"))
    empty = (name for name in DIFFICULTY.dtypes if name not in difficulty.columns)
    difficulty = difficulty.with_columns(pl.lit(None).alias(name) for name in empty)
    problems = {"problem_id": names, "question": [f"Question {name}" for name in names]}
    fixed = {"split": "test", "level": 0, "answer": "1", "solution": ""}
    problems = pl.DataFrame(problems).with_columns(**{name: pl.lit(value) for name, value in fixed.items()})
    made = {"outcomes": (OUTCOMES, frame), "problems": (PROBLEMS, problems)}
    made["difficulty"] = (DIFFICULTY, difficulty.cast(dict(DIFFICULTY.dtypes)))
    for name, (table, rows) in made.items():
        table.write(rows, folder / f"{name}.parquet")
    return {name: [folder / f"{name}.parquet"] for name in made}


def run(frame: pl.DataFrame, questions: int, folder: Path, bins: int = 2, **changes) -> list[pl.DataFrame]:
    """The three tables that the stage makes."""
    given = inputs(frame, questions, folder, bins)
    evaluate_money.run(SPEC | changes, given, folder / "made", Runtime())
    return [table.read(folder / "made" / f"{table.name}.parquet") for table in TABLES]


def tables() -> dict[str, pl.DataFrame]:
    """The tables of a small study: votes get better with money, and the larger policy is dear and good."""

    def vote(budget):
        return lambda place: (1 - (1 - (0.9 - place / 40)) ** (budget / 2 + 0.5), 0.001 * budget)

    rows = {ONE: vote(1), GREEDY: lambda place: (0.95 - place / 80, 0.014)}
    rows |= {(*VOTE, budget): vote(budget) for budget in (2, 4, 8)}
    with TemporaryDirectory() as folder:
        found = run(outcomes(rows, 24), 24, Path(folder), 3)
    return {table.name: frame for table, frame in zip(TABLES, found, strict=True)}
