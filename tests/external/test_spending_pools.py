"""Real data: budgets spread across the questions of MATH-500, over samples of Llama-3.2-3B and of Phi-4-reasoning.

The files are not part of the project.  They are looked for in `../shared/data` beside it, or where TTC_DATA says.
"""

import json
import os
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from ttc.evaluation.crossvalidation import stratified_folds
from ttc.evaluation.pool import Costs, Pool, Steps
from ttc.evaluation.selection import encode
from ttc.evaluation.spending.measure import MEASURES, Rule, Study
from ttc.evaluation.spending.paths import MAJORITY, WEIGHTED, joined, sizes_to, walk
from ttc.noise import generator

DATA = Path(os.environ.get("TTC_DATA", Path(__file__).parents[3] / "shared" / "data"))
LLAMA = DATA / "pools" / "math500_llama_3b_1b_prm_scored.parquet"
PHI = DATA / "pools" / "best_of_infinity" / "math500_Phi-4-reasoning.jsonl"

pytestmark = pytest.mark.skipif(
    not (LLAMA.is_file() and PHI.is_file()),
    reason=f"the real pools are not here: {DATA} lacks them (set TTC_DATA)",
)


def llama() -> list[Pool]:
    """Six samples of each question; lengths are characters, because tokens were not recorded."""
    kept = (pl.col("kind") != "beam_search_M4") & pl.col("model").str.contains("3B")
    pools = []
    for (question,), rows in pl.read_parquet(LLAMA).filter(kept).group_by("q", maintain_order=True):
        count, lengths = len(rows), rows["completion"].str.len_chars().to_numpy().astype(float)
        scores = np.array([steps[-1] for steps in rows["step_scores"].to_list()])
        pools.append(
            Pool(
                problem_id=f"q{question:03}",
                index=np.arange(count),
                groups=encode(rows["answer"].to_list()),
                correct=rows["correct_math_verify"].to_numpy().astype(float),
                steps={"prm": Steps(scores, np.ones(count, dtype=int))},
                tokens=lengths.mean(),
                verifier_tokens={"prm": lengths.mean()},
                logprob=float("nan"),
                each=Costs(lengths, {"prm": lengths}, np.full(count, np.nan)),
            )
        )
    return pools


def phi() -> list[Pool]:
    """Eighty samples of each question, answers and tokens alone."""
    pools = []
    for line in PHI.read_text(encoding="utf-8").splitlines():
        row = json.loads(line)
        answers = [answer for answer, _ in row["all_answers"]]
        tokens = np.array([count for _, count in row["all_answers"]], dtype=float)
        right = np.array([answer == row["gold_answer"] for answer in answers], dtype=float)
        costs = Costs(tokens, {}, np.full(len(tokens), np.nan))
        name = f"q{row['problem_num']}"
        index = np.arange(len(tokens))
        pools.append(Pool(name, index, encode(answers), right, {}, tokens.mean(), {}, float("nan"), costs))
    return pools


def measured(pools: list[Pool], targets: list[int], probes: list[int], orders: int) -> dict:
    """`MEASURES` by rule, by name."""
    most = min(len(pool.groups) for pool in pools)
    sizes = np.array(sorted({*sizes_to(most).tolist(), *targets}))
    looks = [1 << power for power in range(8) if 1 << power < most]
    walks = [
        walk(pool, sizes, looks, orders, "last", generator(0, "spending", pool.problem_id)) for pool in pools
    ]
    fold = stratified_folds(np.ones(len(pools), dtype=int), 10, generator(0, "folds"))
    study = Study(joined(walks), fold, None, targets, probes, (float("nan"), float("nan")))
    once = np.ones(len(pools))
    found = study.compared(study.spent(once), once)
    return {rule: dict(zip(MEASURES, values, strict=True)) for rule, values in found.items()}


def test_samples_go_further_where_they_are_spread_and_half_as_far_in_length():
    found = measured(llama(), [4], [1, 2], 32)
    assert found[Rule(MAJORITY, "uniform", 0)]["accuracy"][0] == pytest.approx(0.493, abs=0.01)
    assert found[Rule(WEIGHTED, "uniform", 0)]["accuracy"][0] == pytest.approx(0.537, abs=0.01)
    for vote, least in ((MAJORITY, 0.015), (WEIGHTED, 0.005)):
        steps, batch = found[Rule(vote, "price_by_steps", 1)], found[Rule(vote, "batch", 2)]
        assert steps["gain_generations"][0] > least and batch["gain_generations"][0] > least / 3
        assert 0 < steps["gain_tokens"][0] < steps["gain_generations"][0]
        assert steps["generations"][0] == pytest.approx(4, abs=0.1)


def test_a_model_that_reasons_at_length_gains_samples_and_no_tokens():
    found = measured(phi(), [4, 16], [2], 16)
    steps = found[Rule(MAJORITY, "price_by_steps", 2)]
    assert steps["gain_generations"][0] > 0.007 and abs(steps["gain_tokens"][0]) < 0.005
    # Where nearly everything is settled there is nothing to spread
    assert abs(steps["gain_generations"][1]) < 0.005
