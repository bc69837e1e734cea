"""Real pools: true ones pass, scrambled ones stop, and models that are always wrong are not taken for scrambled.

The files are not part of the project.  They are looked for in `../shared/data` beside it, or where TTC_DATA says.
"""

import json
import os
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from ttc.problems.pool_checks import check_pool

DATA = Path(os.environ.get("TTC_DATA", Path(__file__).parents[3] / "shared" / "data"))
MATH = DATA / "pools" / "math500_llama_3b_1b_prm_scored.parquet"
GSM8K = DATA / "pools" / "gsm8k_openai_model_solutions.parquet"
LISTS = DATA / "pools" / "best_of_infinity"

pytestmark = pytest.mark.skipif(
    not (MATH.is_file() and GSM8K.is_file() and LISTS.is_dir()),
    reason=f"the real pools are not here: {DATA} lacks them (set TTC_DATA to the folder that holds `pools`)",
)

MATH_POOLS = [
    ("Llama-3.2-3B-Instruct-AWQ", ("iid", "near_iid_no_pruning")),
    ("Llama-3.2-1B-Instruct-AWQ", ("iid", "near_iid_no_pruning")),
    ("Llama-3.2-3B-Instruct-AWQ", ("beam_search_M4",)),
]
METHODS = ("6b_finetuning", "6b_verification", "175b_finetuning", "175b_verification", "all")
ANSWERS = (
    "aime2024_EXAONE-Deep-32B",
    "aime2024_NVIDIA-Nemotron-Nano-9B-v2",
    "aime2024_Phi-4-reasoning",
    "aime2024_Qwen3-4B",
    "aime2024_gpt-oss-20b",
    "math500_Phi-4-reasoning",
)


@dataclass(frozen=True)
class RealPool:
    """Graded samples by row: `own` are indices of the `problems`."""

    problems: pl.DataFrame
    own: np.ndarray
    rows: pl.DataFrame

    def filed(self, own: np.ndarray, kept: np.ndarray | None = None, texts: bool = True):
        """The check of the samples `kept`, filed under `own`; no verdicts are recorded."""
        ids = self.problems["problem_id"].to_list()
        rows = self.rows.with_columns(problem_id=pl.Series([ids[place] for place in own]))
        rows = rows if kept is None else rows.filter(pl.Series(kept))
        rows = rows if texts else rows.drop("text", strict=False)
        rows = rows.with_columns(sample_index=pl.int_range(pl.len(), dtype=pl.Int32).over("problem_id"))
        return check_pool("policy", [], rows.with_columns(sample="sample_index"), self.problems, 0.05)

    @property
    def right(self) -> np.ndarray:
        """Which samples are correct where they belong."""
        return self.rows["correct"].to_numpy()


def math_pool(model: str, kinds: tuple[str, ...]) -> RealPool:
    problems = pl.read_ndjson(DATA / "math500_test.jsonl")
    problems = problems.select(problem_id="unique_id", question="problem", answer="answer")
    rows = pl.read_parquet(MATH).filter(pl.col("model") == model, pl.col("kind").is_in(kinds))
    problems = problems.filter(pl.col("problem_id").is_in(rows["unique_id"].to_list()))
    place = {name: index for index, name in enumerate(problems["problem_id"])}
    return RealPool(
        problems,
        np.array([place[name] for name in rows["unique_id"]]),
        rows.select("run", text="completion", stated="answer", correct="correct_math_verify"),
    )


def gsm8k_pool(method: str) -> RealPool:
    rows = pl.read_parquet(GSM8K)
    problems = rows.unique("q").sort("q")
    problems = problems.select(pl.col("q").cast(pl.String).alias("problem_id"), "question", answer="gold")
    rows = rows if method == "all" else rows.filter(method=method)
    table = rows.select(run="method", text="solution", stated="answer", correct="is_correct")
    return RealPool(problems, rows["q"].to_numpy(), table)


def answers_pool(name: str) -> RealPool:
    """Twenty answers a question, without texts."""
    lines = [json.loads(line) for line in (LISTS / f"{name}.jsonl").read_text().splitlines()]
    gold = [line["gold_answer"] for line in lines]
    problems = pl.DataFrame({"problem_id": [f"{place:03d}" for place in range(len(lines))], "answer": gold})
    pairs = [(place, answer) for place, line in enumerate(lines) for answer, _ in line["all_answers"][:20]]
    rows = {"run": "", "stated": [answer or None for _, answer in pairs]}
    rows |= {"correct": [answer == gold[place] for place, answer in pairs]}
    return RealPool(
        problems.with_columns(question=pl.lit("")),
        np.array([place for place, _ in pairs]),
        pl.DataFrame(rows),
    )


WITH_TEXTS = [(math_pool, each) for each in MATH_POOLS] + [(gsm8k_pool, (name,)) for name in METHODS]
ALL = WITH_TEXTS + [(answers_pool, (name,)) for name in ANSWERS]


def scrambles(pool: RealPool, random: np.random.Generator) -> dict[str, np.ndarray]:
    """Ways in which samples come under other questions."""
    number = len(pool.problems)
    return {
        "rows": pool.own[random.permutation(len(pool.own))],
        "questions": random.permutation(number)[pool.own],
        "next": (pool.own + 1) % number,
    }


@pytest.mark.parametrize(("make", "arguments"), ALL)
def test_true_pools_pass_and_so_do_models_that_are_never_right(make, arguments):
    pool = make(*arguments)
    checked = pool.filed(pool.own)
    assert not checked.stops
    assert checked.row["texts_elsewhere"] <= 0.006 * checked.row["texts_judged"]
    assert not pool.filed(pool.own, texts=False).stops
    wrong = ~pool.right
    for texts in (True, False):
        assert not pool.filed(pool.own, kept=wrong, texts=texts).stops
    hard = (np.bincount(pool.own, pool.right) / np.maximum(1, np.bincount(pool.own)))[pool.own] <= 0.2
    if hard.any():
        assert not pool.filed(pool.own, kept=hard).stops


@pytest.mark.parametrize(("make", "arguments"), WITH_TEXTS)
def test_scrambled_copies_stop(make, arguments):
    pool = make(*arguments)
    for how, own in scrambles(pool, np.random.default_rng(1)).items():
        checked = pool.filed(own)
        assert list(checked.stops) == ["scrambled"], how
        assert checked.row["texts_elsewhere"] >= 0.97 * checked.row["texts_judged"], how


@pytest.mark.parametrize(("make", "arguments"), WITH_TEXTS)
def test_a_tenth_of_the_questions_moved_stops(make, arguments):
    pool = make(*arguments)
    places = np.arange(len(pool.problems))
    chosen = np.random.default_rng(2).permutation(len(places))[: len(places) // 10]
    places[chosen] = np.roll(chosen, 1)
    assert list(pool.filed(places[pool.own]).stops) == ["scrambled"]


def test_answers_alone_show_most_scrambles():
    """Which are missed is said in docs/pools.md: one sample a question of a model that is seldom right."""
    missed = []
    for make, arguments in ALL:
        pool = make(*arguments)
        for how, own in scrambles(pool, np.random.default_rng(3)).items():
            if not pool.filed(own, texts=False).stops:
                missed.append((arguments[0], how))
    assert {name for name, _ in missed} <= {"6b_finetuning", "175b_verification"}


def test_one_run_that_is_moved_stops_the_pool():
    pool = math_pool(*MATH_POOLS[0])
    runs = pool.rows["run"].to_list()
    one = np.array([run == min(runs) for run in runs])
    own = np.where(one, (pool.own + 1) % len(pool.problems), pool.own)
    assert list(pool.filed(own).stops) == ["scrambled"]
