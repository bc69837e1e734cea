"""Pools without texts, with verdicts alone and with counts alone, each a whole study that ends in a report."""

import json
import random

import polars as pl
import pytest

from tests.support import preloaded
from tests.support.published_study import OF_A_POOL, WITHOUT_NOTEBOOKS, snakemake
from ttc.evaluation.subsets import pass_at_k

QUESTIONS, SAMPLES = 8, 8


@pytest.fixture(scope="module")
def jobs(tmp_path_factory):
    with preloaded.environment(tmp_path_factory.mktemp("jobs")) as environment:
        yield environment


@pytest.fixture(scope="module")
def drawn():
    """Answers of each question, and whether they are right: of question q about (q + 1) in 9."""
    draw = random.Random(5)
    golds = {f"q{number}": str(10 + number) for number in range(QUESTIONS)}
    answers = {
        name: [
            gold if draw.random() < (number + 1) / 9 else str(draw.randint(50, 52)) for _ in range(SAMPLES)
        ]
        for number, (name, gold) in enumerate(golds.items())
    }
    return golds, answers


def finished(folder, jobs, name, source):
    """Tables of outcomes and curves, the report and the log of the import of a study that is run to its end."""
    configured = OF_A_POOL | WITHOUT_NOTEBOOKS | {"study": {"name": name}, "source": source}
    result = snakemake(folder, configured, environment=jobs)
    assert result.returncode == 0, result.stdout[-4000:]
    view = folder / "results" / name
    return pl.read_parquet(view / "tables/outcomes.parquet"), (view / "report.html").read_text()


def write(folder, name, rows):
    path = folder / name
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return str(path)


def accuracy(outcomes, strategy, budget):
    return outcomes.filter(strategy=strategy, budget=budget)["correct"].mean()


def test_answers_and_tokens_without_texts_are_voted_on(tmp_path, jobs, drawn):
    golds, answers = drawn
    rows = [
        {
            "id": name,
            "gold": gold,
            "all_answers": [[answer, 100 + place] for place, answer in enumerate(answers[name])],
        }
        for name, gold in golds.items()
    ]
    path = write(tmp_path, "pool.jsonl", rows)
    source = {
        "problems": {"path": path, "columns": {"problem_id": "id", "question": None, "answer": "gold"}},
        "pools": {
            "policy": {
                "path": path,
                "columns": {"problem_id": "id", "answer": "all_answers.*.0", "tokens": "all_answers.*.1"},
                "parameters": 1000,
            }
        },
    }
    outcomes, page = finished(tmp_path, jobs, "answers", source)
    right = sum(answer == golds[name] for name, given in answers.items() for answer in given)
    assert accuracy(outcomes, "majority", 1) == pytest.approx(right / QUESTIONS / SAMPLES)
    assert accuracy(outcomes, "majority", 8) > accuracy(outcomes, "majority", 1)
    assert outcomes.filter(strategy="majority", budget=8)["tokens"].unique().to_list() == [8 * 103.5]
    assert outcomes["flops"].null_count() == 0
    assert "None" not in page


def test_verdicts_alone_have_coverage_and_best_of_n_and_no_votes(tmp_path, jobs, drawn):
    golds, answers = drawn
    rows = [
        {
            "game": name,
            "won": "pass" if answer == golds[name] else "fail",
            "reward": 2.0 if answer == golds[name] else -2.0,
        }
        for name, given in answers.items()
        for answer in given
    ]
    pool = {
        "path": write(tmp_path, "pool.jsonl", rows),
        "columns": {"problem_id": "game", "correct": "won", "step_scores": "reward"},
        "scores": "logit",
    }
    outcomes, page = finished(tmp_path, jobs, "verdicts", {"pools": {"policy": pool}, "grading": "recorded"})
    # By other aggregations, too, which a single score does not tell apart
    strategies = {strategy.partition("(")[0] for strategy in outcomes["strategy"]}
    assert strategies == {"pass_at_1", "pass_at_k", "best_of_n"}
    for budget in (1, 2, 4, 8):
        # The scores are perfect, so the best of N is right if any of N is
        assert accuracy(outcomes, "best_of_n", budget) == pytest.approx(
            accuracy(outcomes, "pass_at_k", budget)
        )
    assert "None" not in page


def test_counts_alone_give_pass_at_k(tmp_path, jobs, drawn):
    golds, answers = drawn
    right = {name: given.count(golds[name]) for name, given in answers.items()}
    path = tmp_path / "counts.csv"
    path.write_text("id,n,c\n" + "".join(f"{name},{SAMPLES},{count}\n" for name, count in right.items()))
    pool = {"path": str(path), "columns": {"problem_id": "id", "n": "n", "correct": "c"}}
    outcomes, page = finished(tmp_path, jobs, "counts", {"pools": {"policy": pool}, "grading": "recorded"})
    assert set(outcomes["strategy"]) == {"pass_at_1", "pass_at_k"}
    for name, count in right.items():
        for budget in (1, 2, 4, 8):
            found = outcomes.filter(problem_id=name, strategy="pass_at_k", budget=budget)["correct"].item()
            assert found == pytest.approx(float(pass_at_k(SAMPLES, count, budget)))
    assert "None" not in page


def test_a_search_is_weighed_as_one_and_its_tree_is_shown(tmp_path, jobs, drawn):
    golds, answers = drawn
    rows, nodes = [], []
    for name, gold in golds.items():
        for place, answer in enumerate(answers[name]):
            row = {
                "id": name,
                "q": f"How many {name}?",
                "gold": gold,
                "out": f"We count.\n\n\\boxed{{{answer}}}",
            }
            rows.append(
                row | {"kind": "beam" if place < 4 else "iid", "prm": [0.5, 0.9 if answer == gold else 0.1]}
            )
        for place in range(2):
            nodes.append(
                {
                    "id": name,
                    "node": place,
                    "parent": None,
                    "text": "We count.",
                    "score": 0.5,
                    "kept": place == 0,
                }
            )
        nodes.append(
            {"id": name, "node": 2, "parent": 0, "text": f"\\boxed{{{gold}}}", "score": 0.9, "kept": True}
        )
    path = write(tmp_path, "pool.jsonl", rows)
    columns = {"problem_id": "id", "text": "out", "step_scores": "prm"}
    tree = {"path": write(tmp_path, "nodes.jsonl", nodes), "columns": {"problem_id": "id", "kept": "kept"}}
    source = {
        "problems": {"path": path, "columns": {"problem_id": "id", "question": "q", "answer": "gold"}},
        "pools": {"policy": {"path": path, "columns": columns, "where_not": {"kind": ["beam"]}}},
        "searches": {
            "beam(width=2)": {"path": path, "columns": columns, "where": {"kind": ["beam"]}, "tree": tree}
        },
    }
    outcomes, page = finished(tmp_path, jobs, "searched", source)
    found = outcomes.filter(strategy="beam(width=2)")
    assert found["budget"].unique().to_list() == [4] and len(found) == QUESTIONS
    for name, correct in found.select("problem_id", "correct").iter_rows():
        # Right candidates weigh 0.9 each, and no wrong answer has more than its four times 0.1
        assert correct == float(golds[name] in answers[name][:4])
    assert outcomes.filter(strategy="pass_at_k")["budget"].max() == 4
    assert "4 generations, 3 steps sampled" in page
