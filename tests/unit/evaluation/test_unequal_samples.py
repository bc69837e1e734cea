"""Questions with different numbers of samples, and budgets that are no powers of two, against counting all subsets."""

from collections import Counter
from itertools import combinations

import numpy as np
import polars as pl
import pytest

from tests.support import specs
from ttc.evaluation.common import all_budgets, common_questions, left_out, reach
from ttc.figures import style
from ttc.stages import evaluate, fit_allocator, measure_difficulty
from ttc.tables.analysis import CURVES, OUTCOMES, PER_QUESTION
from ttc.tables.generation import PROBLEMS, SAMPLES, SCORES

ASKED = {"seed": 1, "replicates": 200, "bootstrap": 50, "repeats": 2, "folds": 2, "competing_methods": []}
ASKED |= {"difficulty_samples": "shared", "bins": 2}


def write(folder, counts: list[int]) -> dict:
    """Tables of a pool with so many samples of each question; the right answer is "7"."""
    random = np.random.default_rng(5)
    samples, scores = [], []
    for question, count in enumerate(counts):
        right = random.random(count) < (1 + question) / (1 + len(counts))
        answers = np.where(right, "7", random.integers(1, 4, count).astype(str)).tolist()
        for index, answer in enumerate(answers):
            key = {"problem_id": f"p{question:02d}", "sample_index": index}
            samples.append(
                key
                | {"text": "t", "answer": answer, "correct": answer == "7", "tokens": 10, "logprob": None}
                | {"finish_reason": "stop"}
            )
            scores.append(key | {"step_scores": [float(random.integers(0, 5)) / 4], "tokens": 20})
    problem = {"split": "test", "level": 0, "question": "?", "answer": "7", "solution": ""}
    PROBLEMS.write(
        pl.DataFrame([{"problem_id": f"p{q:02d}"} | problem for q in range(len(counts))]), folder / "problems"
    )
    SAMPLES.write(pl.DataFrame(samples, infer_schema_length=None), folder / "samples")
    SCORES.write(pl.DataFrame(scores), folder / "scores")
    return {name: [folder / name] for name in ("problems", "samples", "scores")}


def analyse(folder, counts: list[int], budgets: list[int] | None):
    """The tables of outcomes, curves and questions, and the samples with their scores."""
    inputs = write(folder, counts)
    asked = ASKED | {"budgets": budgets}
    measure_difficulty.run(specs.shared("measure_difficulty", asked), inputs, folder / "difficulty", None)
    evaluate.run(specs.shared("evaluate", asked), inputs, folder / "outcomes", None)
    known = {
        "problems": inputs["problems"],
        "outcomes": [folder / "outcomes"],
        "difficulty": [folder / "difficulty"],
    }
    fit_allocator.run(specs.shared("fit_allocator", asked), known, folder / "allocation", None)
    samples = SAMPLES.read(folder / "samples").join(
        SCORES.read(folder / "scores", ["step_scores"]), on=["problem_id", "sample_index"]
    )
    return (
        OUTCOMES.read(folder / "outcomes"),
        CURVES.read(folder / "allocation" / "curves.parquet"),
        PER_QUESTION.read(folder / "allocation" / "per_question.parquet"),
        samples,
    )


def pass_at_k(rows) -> float:
    return float(any(correct for _, correct, _ in rows))


def majority(rows) -> float:
    return _won(Counter(answer for answer, _, _ in rows))


def weighted(rows) -> float:
    totals = Counter()
    for answer, _, score in rows:
        totals[answer] += score
    return _won(totals)


def best_of_n(rows) -> float:
    best = max(score for _, _, score in rows)
    return float(np.mean([correct for _, correct, score in rows if score == best]))


def _won(totals: Counter) -> float:
    best = max(totals.values())
    won = [answer for answer, total in totals.items() if abs(total - best) < 1e-9]
    return won.count("7") / len(won)


RULES = {"pass_at_k": pass_at_k, "majority": majority, "best_of_n_weighted": weighted, "best_of_n": best_of_n}


def brute_force(samples: pl.DataFrame, questions: list[str], rule, budget: int) -> float:
    """The mean over the questions of the mean over all subsets of so many samples."""
    means = []
    for name in questions:
        rows = samples.filter(problem_id=name)
        each = list(zip(rows["answer"], rows["correct"], rows["step_scores"].list.last(), strict=True))
        means.append(np.mean([rule(subset) for subset in combinations(each, budget)]))
    return float(np.mean(means))


@pytest.mark.parametrize("budgets", [[1, 3, 5], [2, 5], None])
def test_curves_are_over_the_same_questions_at_every_budget(tmp_path, budgets):
    counts = [7, 5, 5, 6, 2, 5, 5, 7, 5, 6]  # nine of ten have five samples
    outcomes, curves, per_question, samples = analyse(tmp_path, counts, budgets)
    everyone = [f"p{question:02d}" for question in range(10)]
    kept = [name for name in everyone if name != "p04"]
    assert common_questions(outcomes) == (kept, [])
    expected = budgets or [1, 2, 4, 5]
    for strategy, rule in RULES.items():
        rows = curves.filter(strategy=strategy, bins="none", bin=0).sort("budget")
        assert rows["budget"].to_list() == expected and rows["problems"].to_list() == [9] * len(expected)
        for budget, accuracy in rows.select("budget", "accuracy").iter_rows():
            assert accuracy == pytest.approx(brute_force(samples, kept, rule, budget)), (strategy, budget)
    assert set(per_question["problem_id"]) == set(kept) and set(per_question["budget"]) == set(expected)
    # What each question has is kept: only means leave it out
    assert "p04" in outcomes["problem_id"].to_list()
    pass_at_1 = curves.filter(strategy="pass_at_1", bins="none", bin=0)
    assert pass_at_1["problems"].item() == 9
    of_bins = curves.filter(strategy="majority", bins="oracle").filter(pl.col("bin") > 0)
    sizes = of_bins.group_by("bin").agg(pl.col("problems").n_unique())["problems"]
    assert sizes.to_list() == [1, 1]


def test_a_budget_that_only_some_have_samples_for_says_so(tmp_path, capsys):
    counts = [6, 6, 6, 3, 3, 3, 3, 3, 3, 3]
    outcomes, curves, per_question, samples = analyse(tmp_path, counts, [1, 3, 6])
    everyone = [f"p{question:02d}" for question in range(10)]
    assert common_questions(outcomes) == (everyone, [6])
    assert "at 6 generations over those of them that have as many" in capsys.readouterr().out
    for strategy, rule in RULES.items():
        rows = curves.filter(strategy=strategy, bins="none", bin=0).sort("budget")
        assert rows["problems"].to_list() == [10, 10, 3]
        for budget, accuracy, questions in zip(
            rows["budget"], rows["accuracy"], (everyone, everyone, everyone[:3]), strict=True
        ):
            assert accuracy == pytest.approx(brute_force(samples, questions, rule, budget))
    # A choice at a budget is between outcomes at it, of all questions
    assert sorted(per_question["budget"].unique()) == [1, 3]
    optimal = curves.filter(pl.col("strategy").is_in(["compute_optimal", "best_fixed"]), bin=0)
    assert set(optimal["problems"]) == {10}
    said = style.interval_note(curves.filter(strategy="majority", bins="none", bin=0))
    assert said == "Bands: 95 % bootstrap interval over questions (10 in all, 3 at 6)."


def test_equal_numbers_of_samples_leave_nothing_out(tmp_path, capsys):
    outcomes, curves, *_ = analyse(tmp_path, [3] * 4, None)
    assert common_questions(outcomes) == ([f"p{question:02d}" for question in range(4)], [])
    assert "curves are over" not in capsys.readouterr().out
    rows = curves.filter(strategy="majority", bins="none", bin=0).sort("budget")
    assert rows["budget"].to_list() == [1, 2, 3] and rows["problems"].to_list() == [4, 4, 4]
    assert "in all)." in style.interval_note(rows)


def test_reach_is_what_nearly_all_questions_have():
    assert reach([]) == 0 and all_budgets([]) == []
    assert reach([8]) == 8 and reach([8, 2]) == 2
    assert reach([64] * 9 + [1]) == 64 and reach([64] * 8 + [1] * 2) == 1
    assert reach([64] * 90 + [256] * 5 + [3] * 5) == 64
    assert all_budgets([6] * 500) == [1, 2, 4, 6]
    assert all_budgets([64] * 95 + [256] * 5) == [1, 2, 4, 8, 16, 32, 64, 128, 256]
    assert all_budgets([80] * 30) == [1, 2, 4, 8, 16, 32, 64, 80]


def test_outcomes_without_coverage_are_taken_as_they_are():
    rows = pl.DataFrame(
        {"problem_id": ["a", "b"], "budget": 4, "family": "search", "strategy": "beam(width=4)"}
    )
    assert common_questions(rows) == (["a", "b"], [])
    assert left_out(rows, ["a", "b"], []) is None
    assert left_out(rows, ["a"], []) == "curves are over the 1 of 2 questions that have enough samples"


@pytest.mark.parametrize("budgets", [[1, 2, 4, 8], None])
def test_ratios_of_powers_of_two_are_what_they_were(budgets):
    method = specs.method(budgets=budgets)
    found = {s: method.parallels(s, 6) for s in (1, 2, 4, 8)}
    assert found == {
        1: [1, 2, 4],
        2: [1, 2, 4],
        4: [1, 2] if budgets else [1, 2, 4],
        8: [1] if budgets else [1, 2, 4],
    }


def test_ratios_divide_budgets_that_are_no_powers_of_two():
    method = specs.method(budgets=[6, 12, 20])
    assert {s: method.parallels(s, 6) for s in (1, 2, 4)} == {1: [6], 2: [3, 6], 4: [3, 5]}
