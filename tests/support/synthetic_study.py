"""Small invented tables in the shape of a finished study: input of the tests of figures, findings and report.

Nothing here is measured.  The formulas only make curves that rise, fall and cross in the places where the tests look.
"""

import numpy as np
import polars as pl

from ttc.tables.analysis import CURVES, DIFFICULTY, EXCHANGE, OUTCOMES, PER_QUESTION
from ttc.tables.generation import PROBLEMS, SAMPLES, SCORES
from ttc.tables.revisions import CHAINS

BUDGETS = [1, 2, 4, 8, 16, 32, 64, 128, 256]
BINS = 5


def study(problems: int = 40, seed: int = 1) -> dict[str, pl.DataFrame]:
    """All tables that figures and findings read, for `problems` invented problems."""
    random = np.random.default_rng(seed)
    ability = np.sort(random.normal(-0.3, 2.6, problems))[::-1]
    names = [f"p{index:04d}" for index in range(problems)]
    difficulty = _difficulty(names, ability, random)
    outcomes = _outcomes(names, ability, random)
    curves, per_question = _curves(outcomes, difficulty)
    return {
        "problems": _problems(names),
        "samples": _samples(names, ability, random),
        "scores": _scores(names, random),
        "difficulty": difficulty,
        "outcomes": outcomes,
        "curves": curves,
        "per_question": per_question,
        "exchange": _exchange(curves, outcomes, difficulty),
        "chains": _chains(names, ability, random),
    }


def _sigmoid(x):
    return 1 / (1 + np.exp(-x))


def _bins(values: np.ndarray) -> np.ndarray:
    ranks = np.argsort(np.argsort(-values, kind="stable"), kind="stable")
    return ranks * BINS // len(values) + 1


def _problems(names):
    rows = [
        (
            name,
            "test",
            1 + index % 3,
            f"What is {index} + 1 < 9?",
            str(index + 1),
            f"{index} + 1 = {index + 1}",
        )
        for index, name in enumerate(names)
    ]
    return PROBLEMS.check(pl.DataFrame(rows, schema=list(PROBLEMS.columns), orient="row"), "t")


def _samples(names, ability, random):
    rows = []
    for index, name in enumerate(names):
        for sample in range(4):
            right = bool(random.random() < _sigmoid(ability[index]))
            answer = str(index + 1 if right else index)
            rows.append(
                (name, sample, f"step <one> & {index}\nanswer {answer}", answer, right, 9, -2.0, "stop")
            )
    columns = list(SAMPLES.dtypes)
    return SAMPLES.check(pl.DataFrame(rows, schema=columns, orient="row"), "t")


def _scores(names, random):
    rows = [(name, sample, random.random(2).round(3).tolist(), 11) for name in names for sample in range(4)]
    columns = list(SCORES.dtypes)
    return SCORES.check(pl.DataFrame(rows, schema=columns, orient="row"), "t")


def _difficulty(names, ability, random):
    oracle = _sigmoid(1.4 * ability)
    predicted = np.clip(_sigmoid(1.0 * ability + random.normal(0, 0.6, len(names))), 0, 1)
    frame = pl.DataFrame(
        {
            "problem_id": names,
            "oracle": oracle,
            "oracle_bin": _bins(oracle),
            "predicted": predicted,
            "predicted_bin": _bins(predicted),
            "mean_logprob": -3.0 + 0 * oracle,
            "mean_tokens": 20.0 + 0 * oracle,
            "answer_entropy": 1 - oracle / 2,
            "score_std": 0.1 + 0 * oracle,
            "level": [1 + index % 3 for index in range(len(names))],
        }
    )
    return DIFFICULTY.check(frame, "t")


def _outcomes(names, ability, random):
    rows = []
    noise = random.normal(0, 0.5, len(names))

    def add(family, strategy, selection, budget, logits):
        for name, value in zip(names, _sigmoid(logits), strict=True):
            rows.append(
                (family, strategy, selection, budget, name, float(value), 0.0, 20.0 * budget, None, None)
            )

    easy = (ability > 0).astype(float)
    for budget in BUDGETS:
        log = np.log2(budget)
        add("search", "majority", "majority", budget, 1.4 * ability * (1 + 0.2 * log) + 0.1 * log)
        add("search", "best_of_n", "best_of_n", budget, 1.4 * ability + 0.28 * log)
        add("search", "best_of_n_weighted", "best_of_n_weighted", budget, 1.4 * ability + 0.5 * log)
        add("search", "orm_best_of_n_weighted", "best_of_n_weighted", budget, 1.4 * ability + 0.36 * log)
        add("search", "orm_best_of_n", "best_of_n", budget, 1.4 * ability + 0.2 * log)
        if budget >= 4:
            gain = np.where(easy, 0.9 * np.minimum(log, 4) - 0.15 * log, 0.65 * log + 0.5)
            add("search", "beam(width=4)", "best_of_n_weighted", budget, 1.4 * ability + gain + noise / 3)
        if budget in (1, 4, 16, 64, 256):
            add("search", "beam(width=sqrt)", "best_of_n_weighted", budget, 1.4 * ability + 0.48 * log)
        if budget >= 16:
            add(
                "search",
                "lookahead(width=4, depth=3)",
                "best_of_n_weighted",
                budget,
                1.4 * ability + 0.4 * log,
            )
        add("baseline", "pass_at_k", "oracle", budget, 1.4 * ability + 0.9 * log)
        for power in range(BUDGETS.index(budget) + 1):
            sequential, parallel = 2**power, budget // 2**power
            share = power / max(log, 1)
            gain = 0.45 * log + np.where(easy, share, -3 * (share - 0.4) ** 2)
            for selection, less in (("hierarchical", 0.0), ("majority", 0.5)):
                logits = 1.4 * ability + gain - less
                names_of = [f"revisions(sequential={sequential}, parallel={parallel})"]
                names_of += ["sequential"] * (parallel == 1) + ["parallel"] * (sequential == 1)
                for strategy in names_of:
                    add("revisions", strategy, selection, budget, logits)
    add("baseline", "pass_at_1", "none", 1, 1.4 * ability)
    for step in range(16):
        add("baseline", "revision_step", "none", step + 1, 1.4 * ability + 0.8 * (1 - np.exp(-step / 4)))
    add("larger", "greedy", "none", 1, 1.1 * ability + 2.2)
    columns = list(OUTCOMES.dtypes)
    frame = pl.DataFrame(rows, schema=columns, orient="row", infer_schema_length=None)
    return OUTCOMES.check(frame, "t")


def _summary(frame, keys):
    spread = 1.96 * pl.col("correct").std(ddof=0) / pl.len().sqrt()
    return frame.group_by(keys).agg(
        accuracy=pl.col("correct").mean(),
        low=(pl.col("correct").mean() - spread).clip(0, 1),
        high=(pl.col("correct").mean() + spread).clip(0, 1),
        problems=pl.len(),
    )


def _curves(outcomes, difficulty):
    keys = ["family", "strategy", "selection", "bins", "bin", "budget"]
    joined = outcomes.join(difficulty, on="problem_id")
    parts = [joined.with_columns(bins=pl.lit("none"), bin=pl.lit(0))]
    parts += [
        joined.with_columns(bins=pl.lit(bins), bin=pl.col(f"{bins}_bin")) for bins in ("oracle", "predicted")
    ]
    columns = [*keys, "problem_id", "correct"]
    everything = pl.concat([part.select(columns) for part in parts])
    optimal = []
    named = pl.col("strategy")
    options = {
        ("search", "best_of_n_weighted"): named.is_in(["best_of_n_weighted", "beam(width=4)"]),
        ("revisions", "hierarchical"): named.str.starts_with("revisions"),
        ("revisions", "majority"): named.str.starts_with("revisions"),
    }
    for (family, selection), competing in options.items():
        frame = everything.filter(competing, pl.col("bins") != "none", family=family, selection=selection)
        means = frame.group_by(["bins", "bin", "budget", "strategy"]).agg(mean=pl.col("correct").mean())
        means = means.sort(["bins", "bin", "budget", "mean", "strategy"])
        best = means.group_by(["bins", "bin", "budget"], maintain_order=True).last()
        chosen = frame.join(best, on=["bins", "bin", "budget", "strategy"], how="semi")
        chosen = chosen.with_columns(strategy=pl.lit("compute_optimal"))
        optimal.append(chosen.select(columns))
    optimal = pl.concat(optimal)
    everything = pl.concat([everything, optimal, optimal.with_columns(bin=pl.lit(0, dtype=pl.Int32))])
    per_question = optimal.select(
        "family", "strategy", "selection", "bins", "budget", "problem_id", "correct"
    )
    return (
        CURVES.check(_summary(everything, keys), "t"),
        PER_QUESTION.check(per_question, "t"),
    )


def _exchange(curves, outcomes, difficulty):
    larger = outcomes.filter(pl.col("family") == "larger").join(difficulty, on="problem_id")
    rows = []
    for family in ("search", "revisions"):
        for ratio, multiplier in ((0.16, 257.75), (0.79, 63.37), (22.0, 15.77)):
            budget = min(256.0, multiplier)
            for index in range(BINS + 1):
                in_bin = larger if index == 0 else larger.filter(pl.col("oracle_bin") == index)
                big = in_bin["correct"].mean()
                nearest = min(BUDGETS, key=lambda b: abs(np.log(b) - np.log(budget)))
                small = curves.filter(
                    family=family, strategy="compute_optimal", bins="oracle", bin=index, budget=nearest
                )["accuracy"][0]
                gap = small - big
                winner = "undecided" if abs(gap) < 0.05 else "small" if gap > 0 else "larger"
                rows.append(
                    (family, "v1", ratio, "oracle", index, multiplier, budget)
                    + (
                        small,
                        max(small - 0.04, 0),
                        min(small + 0.04, 1),
                        big,
                        max(big - 0.04, 0),
                        min(big + 0.04, 1),
                    )
                    + (gap, gap - 0.05, gap + 0.05, winner, multiplier > 256)
                )
    columns = list(EXCHANGE.columns)
    return EXCHANGE.check(pl.DataFrame(rows, schema=columns, orient="row"), "t")


def _chains(names, ability, random):
    rows = []
    for index, name in enumerate(names):
        for chain in range(2):
            for step in range(4):
                right = bool(random.random() < _sigmoid(ability[index] + step / 4))
                answer = str(index + 1 if right else index)
                rows.append((name, chain, step, f"answer {answer}", answer, right, 5, 10, -1.0, "stop"))
    columns = list(CHAINS.dtypes)
    return CHAINS.check(pl.DataFrame(rows, schema=columns, orient="row"), "t")
