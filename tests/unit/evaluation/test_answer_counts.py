"""Answers of each question: counted, placed and kept as a loop over plain lists does it."""

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ttc.errors import InputError
from ttc.evaluation.answers import answers
from ttc.runtime import Runtime
from ttc.stages import pick_solutions
from ttc.tables.generation import PROBLEMS, SAMPLES, SCORES
from ttc.tables.solutions import SOLUTIONS

ANSWERS = st.sampled_from(["1", "2", "3", "4", None])
SCORES_OF_STEPS = st.sampled_from([0.0, 0.25, 0.5, 1.0])
PROBLEM = {"problem_id": "p", "question": "1 + 1?", "answer": "2"}


def samples(given):
    """Samples 0, 1, … of problem p with these answers; the gold answer is 2."""
    rows = [("p", index, f"so {answer}", answer, answer == "2") for index, answer in enumerate(given)]
    columns = {"problem_id": pl.String, "sample_index": pl.Int32, "text": pl.String, "answer": pl.String}
    return pl.DataFrame(rows, schema=columns | {"correct": pl.Boolean}, orient="row")


def scores(given):
    rows = [("p", index, [0.5, score]) for index, score in enumerate(given)]
    columns = {"problem_id": pl.String, "sample_index": pl.Int32, "step_scores": pl.List(pl.Float32)}
    return pl.DataFrame(rows, schema=columns, orient="row")


def brute_force(said, scored, frequent):
    """(place, answer, samples, by_score, sample_index) of the rows to keep."""
    kinds = sorted(set(said), key=lambda each: (-said.count(each), each is None, each or ""))
    rows = [(answer, score, -index) for index, (answer, score) in enumerate(zip(said, scored, strict=True))]
    best = {each: max(row[1:] for row in rows if row[0] == each) for each in kinds}
    ranked = sorted(kinds, key=lambda each: (each is None, -best[each][0], kinds.index(each)))
    keep = {*kinds[:frequent], ranked[0], *(["2"] if "2" in kinds else [])}
    return [
        (kinds.index(each) + 1, each, said.count(each), ranked.index(each) + 1, -best[each][1])
        for each in kinds
        if each in keep
    ]


@settings(deadline=None, max_examples=60)
@given(st.lists(st.tuples(ANSWERS, SCORES_OF_STEPS), min_size=1), st.integers(1, 4))
def test_places_counts_and_rows_kept_are_those_of_a_loop(given, frequent):
    said, scored = [each[0] for each in given], [each[1] for each in given]
    found = answers(pl.DataFrame([PROBLEM]), samples(said), scores(scored), "last", frequent)
    found = SOLUTIONS.check(found, "here")
    rows = found.select("place", "answer", "samples", "by_score", "sample_index").rows()
    assert rows == brute_force(said, scored, frequent)
    assert found["text"].to_list() == [f"so {answer}" for answer in found["answer"]]
    assert (found["share"] * len(said) - found["samples"]).abs().max() < 1e-9


def test_without_a_verifier_the_first_sample_is_shown_and_nothing_is_scored():
    found = answers(pl.DataFrame([PROBLEM]), samples(["3", "2", "2", "3"]), None, "last")
    found = SOLUTIONS.check(found, "here")
    assert found.select("place", "answer", "sample_index").rows() == [(1, "2", 1), (2, "3", 0)]
    assert found.select("score", "best_score", "by_score").null_count().row(0) == (2, 2, 2)


def test_verdicts_without_answers_are_a_row_for_each_verdict():
    rows = samples(["3", "2", "2"]).with_columns(answer=pl.lit(None, pl.String))
    found = SOLUTIONS.check(answers(pl.DataFrame([PROBLEM]), rows, None, "last"), "here")
    assert found.select("place", "correct", "samples").rows() == [(1, True, 2), (2, False, 1)]


def test_the_stage_writes_the_questions_of_all_shards(tmp_path):
    for name in "qp":
        frame = samples(["3", "2"]).with_columns(problem_id=pl.lit(name), tokens=1, logprob=-1.0)
        frame = frame.with_columns(finish_reason=pl.lit("stop"))
        SAMPLES.write(frame, tmp_path / f"{name}.parquet")
        scored = scores([0.1, 0.9]).with_columns(problem_id=pl.lit(name), tokens=3)
        SCORES.write(scored, tmp_path / f"{name}.scores.parquet")
    problems = pl.DataFrame([PROBLEM, PROBLEM | {"problem_id": "q"}]).with_columns(
        split=pl.lit("test"), level=1, solution=pl.lit("")
    )
    PROBLEMS.write(problems, tmp_path / "problems.parquet")
    inputs = {
        "problems": [tmp_path / "problems.parquet"],
        "samples": [tmp_path / f"{name}.parquet" for name in "qp"],
        "scores": [tmp_path / f"{name}.scores.parquet" for name in "qp"],
    }
    pick_solutions.run({"aggregation": "last"}, inputs, tmp_path / "solutions.parquet", Runtime())
    found = SOLUTIONS.read(tmp_path / "solutions.parquet")
    rows = [(name, *each) for name in "pq" for each in (("2", 1), ("3", 2))]
    assert found.select("problem_id", "answer", "by_score").rows() == rows
    with pytest.raises(InputError, match="--samples"):
        pick_solutions.run(
            {"aggregation": "last"}, inputs | {"samples": []}, tmp_path / "x.parquet", Runtime()
        )
