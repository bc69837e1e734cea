"""What revisions do to answers, by step: shares by hand, intervals by brute force."""

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ttc.errors import InputError
from ttc.revision.transitions import transitions
from ttc.stages import trace_revisions
from ttc.tables.analysis import TRANSITIONS
from ttc.tables.revisions import CHAINS


def chains_of(verdicts):
    """A table of chains from verdicts, such as {"p": ["-+", "+"]}: "+" is a correct answer."""
    rows = [
        (name, chain, step, "text", "1", mark == "+", 1, 1, -1.0, "stop")
        for name, each in verdicts.items()
        for chain, marks in enumerate(each)
        for step, mark in enumerate(marks)
    ]
    return pl.DataFrame(rows, schema=CHAINS.dtypes, orient="row")


def test_shares_by_hand():
    # step 1 is revised five times: correct, correct, correct, incorrect, incorrect; the last chain is never revised
    chains = chains_of({"p": ["+-+", "++", "-+"], "q": ["+--", "--+", "+"]})
    rows = transitions(chains, 50, seed=0).rows(named=True)
    assert [row["step"] for row in rows] == [1, 2]
    first, second = rows
    assert (first["correct"], first["correct_count"], first["incorrect_count"]) == (3 / 5, 3, 2)
    assert (first["correct_to_incorrect"], first["incorrect_to_correct"]) == (2 / 3, 1 / 2)
    # step 2 is revised three times, always incorrect: twice it becomes correct
    assert (second["correct"], second["correct_count"], second["incorrect_count"]) == (0.0, 0, 3)
    assert [second[name] for name in second if name.startswith("correct_to")] == [None, None, None]
    assert second["incorrect_to_correct"] == 2 / 3


def test_intervals_cover_what_resampling_questions_gives():
    """Two questions, one that always loses and one that never does: resampled shares are 0, 1/2 and 1."""
    rows = transitions(chains_of({"p": ["+-"], "q": ["++"]}), 400, seed=0).row(0, named=True)
    assert (rows["correct_to_incorrect_low"], rows["correct_to_incorrect_high"]) == (0.0, 1.0)
    same = transitions(chains_of({name: ["+-", "++"] for name in "pqrs"}), 100, seed=0).row(0, named=True)
    assert (same["correct_to_incorrect_low"], same["correct_to_incorrect_high"]) == (0.5, 0.5)


MARKS = st.dictionaries(
    st.sampled_from(["a", "b", "c", "d"]),
    st.lists(st.text("+-", min_size=1, max_size=5), min_size=1, max_size=4),
)


@given(MARKS)
def test_shares_by_brute_force(verdicts):
    found = transitions(chains_of(verdicts), 10, seed=1)
    chains = [marks for each in verdicts.values() for marks in each]
    steps = range(max((len(marks) for marks in chains), default=0) - 1)
    assert found["step"].to_list() == [step + 1 for step in steps]
    for step, row in zip(steps, found.iter_rows(named=True), strict=True):
        moves = [marks[step : step + 2] for marks in chains if len(marks) > step + 1]
        for before, name in (("+", "correct_to_incorrect"), ("-", "incorrect_to_correct")):
            turned = [move[1] != before for move in moves if move[0] == before]
            assert row[name] == (pytest.approx(np.mean(turned)) if turned else None)
            if turned:
                assert 0 <= row[f"{name}_low"] <= row[f"{name}_high"] <= 1
        assert row["correct_count"] + row["incorrect_count"] == len(moves)
        assert row["correct"] == pytest.approx(np.mean([move[0] == "+" for move in moves]))


def test_the_stage_names_both_revisers(tmp_path):
    CHAINS.write(chains_of({"p": ["+-", "--"]}), tmp_path / "chains.parquet")
    CHAINS.write(chains_of({"p": ["-+-"]}), tmp_path / "rest.parquet")
    inputs = {"chains": [tmp_path / "chains.parquet"], "rest_chains": [tmp_path / "rest.parquet"]}
    spec = {"seed": 0, "bootstrap": 20}
    trace_revisions.run(spec, inputs, tmp_path / "t.parquet", None)
    made = TRANSITIONS.read(tmp_path / "t.parquet")
    assert made.select("reviser", "step", "correct").rows() == [
        ("rest", 1, 0.0),
        ("rest", 2, 1.0),
        ("reviser", 1, 0.5),
    ]
    trace_revisions.run(spec, inputs | {"rest_chains": []}, tmp_path / "t.parquet", None)
    assert set(TRANSITIONS.read(tmp_path / "t.parquet")["reviser"]) == {"reviser"}


def test_a_study_without_chains_is_refused(tmp_path):
    with pytest.raises(InputError, match="takes --chains"):
        trace_revisions.run({"seed": 0, "bootstrap": 20}, {"chains": []}, tmp_path / "t.parquet", None)
