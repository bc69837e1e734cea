"""A study of a real model, stage by stage: samples and votes at several budgets, and searches led by a verifier."""

from collections import Counter

import polars as pl
import pytest

from tests.support.real_model import BUDGETS, QUESTIONS, SAMPLES, Study, only_if_asked_for
from tests.support.untrained_head import untrained_verifier
from ttc.models.weights import weights_of
from ttc.problems.steps import steps_of
from ttc.tables.analysis import OUTCOMES
from ttc.tables.generation import PROBLEMS
from ttc.tables.generation import SAMPLES as TABLE
from ttc.tables.search import CANDIDATES, TREE
from ttc.verifiers.load import load

only_if_asked_for()

BEAMS, SEARCHED = 4, 3


def by_problem(frame):
    """(answer, correct) of each sample in order, by problem."""
    return {
        name: list(rows.sort("sample_index").select("answer", "correct").iter_rows())
        for (name,), rows in frame.group_by("problem_id")
    }


def elected(samples):
    """The share of the answers with most votes that are right; 0 where nobody answered."""
    votes, right = Counter(answer for answer, _ in samples if answer is not None), dict(samples)
    most = [answer for answer in votes if votes[answer] == max(votes.values())]
    return sum(right[answer] for answer in most) / len(most) if most else 0.0


def test_votes_at_every_budget_are_those_of_the_samples(study):
    (table,) = study.made("sample")
    samples = by_problem(TABLE.read(table))
    assert len(samples) == QUESTIONS and {len(each) for each in samples.values()} == {SAMPLES}
    assert any(right for each in samples.values() for _, right in each)
    made = study.made("evaluate")[0]
    outcomes = OUTCOMES.read(made / "outcomes.parquet" if made.is_dir() else made)
    votes = outcomes.filter(family="search", strategy="majority")
    assert sorted(votes["budget"].unique()) == BUDGETS
    found = {row[:2]: row[2] for row in votes.select("problem_id", "budget", "correct").iter_rows()}
    for name, each in samples.items():
        assert found[name, SAMPLES] == pytest.approx(elected(each))
        assert found[name, 1] == pytest.approx(sum(right for _, right in each) / SAMPLES)
        pairs = [elected([one, two]) for place, one in enumerate(each) for two in each[place + 1 :]]
        assert found[name, 2] == pytest.approx(sum(pairs) / len(pairs))


def test_more_samples_go_on_where_fewer_ended(study, gguf, folder):
    fewer = Study(
        gguf,
        folder,
        sampling={"samples": 4, "block_samples": 4},
        evaluation={"budgets": [1, 2, 4]},
        figures={"sweep_budgets": [2, 4]},
    )
    (some,), (every,) = fewer.made("sample"), study.made("sample")
    assert some != every
    first = TABLE.read(every).filter(pl.col("sample_index") < 4).sort("problem_id", "sample_index")
    again = TABLE.read(some).sort("problem_id", "sample_index")
    assert again.select("text", "answer", "correct").equals(first.select("text", "answer", "correct"))


@pytest.fixture(scope="module")
def verifier(policy, tmp_path_factory):
    """The model with a head of two labels that nobody has trained."""
    return untrained_verifier(weights_of(policy).folder, tmp_path_factory.mktemp("verifier") / "prm")


def test_a_search_is_led_by_a_verifier_made_of_the_model(gguf, folder, verifier):
    study = Study(
        gguf,
        folder,
        problems={"test": {"take": SEARCHED}, "prompt": "gsm8k_chat"},
        prm={
            "use": True,
            "preflight": None,
            "checkpoint": {"kind": "trl_tokencls", "path": str(verifier), "dtype": "float32"},
        },
        search={"strategies": [{"kind": "beam", "width": 2}], "budgets": [BEAMS], "max_rounds": 4},
        sampling={"max_tokens": 40, "block_problems": SEARCHED},
        difficulty={"bins": 1},
    )
    (made,) = study.made("search")
    candidates, tree = CANDIDATES.read(made / "candidates.parquet"), TREE.read(made / "tree.parquet")
    (problems,) = study.made("problems")
    questions = dict(PROBLEMS.read(problems).select("problem_id", "question").iter_rows())
    assert candidates["problem_id"].n_unique() == SEARCHED and set(candidates["generations"]) == {BEAMS}
    assert tree.filter(pl.col("round") == 0).group_by("problem_id").len()["len"].max() <= BEAMS
    scorer = load("trl_tokencls", verifier, device="cpu", memory=None)
    chosen = [each for each in candidates.iter_rows(named=True) if steps_of(each["text"])]
    assert chosen and tree["score"].n_unique() > SEARCHED
    scores = scorer.score(
        [questions[each["problem_id"]] for each in chosen], [steps_of(each["text"]) for each in chosen]
    )
    for each, whole in zip(chosen, scores, strict=True):
        assert each["step_scores"] == pytest.approx(whole, abs=1e-3)
