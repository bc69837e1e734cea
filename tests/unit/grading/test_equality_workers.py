"""Worker processes: a hard end for what hangs, dies or grows; meanings that never tell equal answers apart."""

import time
from itertools import combinations, product
from pathlib import Path

import pytest

from ttc.grading import processes
from ttc.grading.grader import Grader
from ttc.grading.normal_form import exact_number
from ttc.grading.processes import Reply, Worker
from ttc.grading.values import EQUATION, SCALAR, Meaning, of_number, pairs_to_ask, told_apart
from ttc.grading.worker import math_questions, parse_in_two_stages

PROGRAM = (str(Path(__file__).parents[2] / "support/misbehaving_worker.py"),)


@pytest.fixture
def worker():
    worker = Worker(PROGRAM)
    yield worker
    worker.close()


def result(worker, *question, limit=20.0):
    reply = worker.ask(question, limit)
    return reply.result, reply.ended


def test_what_uses_up_its_cpu_time_is_killed(worker):
    assert result(worker, "count", "a") == (1, "well")
    assert worker.ask(("spin",), 0.3).ended == "timeout"
    assert result(worker, "count", "a") == (1, "well")  # in a new process


def test_what_stands_still_is_killed(worker, monkeypatch):
    monkeypatch.setattr(processes, "PATIENCE", 2.0)
    assert result(worker, "count", "a") == (1, "well")
    started = time.monotonic()
    assert worker.ask(("sleep",), 0.2).ended == "timeout"
    assert 0.4 <= time.monotonic() - started < 10.0
    assert result(worker, "count", "a") == (1, "well")


def test_time_is_counted_anew_for_each_question(worker):
    for turn in range(1, 5):
        assert result(worker, "count", "a", limit=0.05) == (turn, "well")
    reply = worker.ask(("grow", "400"), 20.0)
    assert 0 < reply.seconds < 20.0


def test_a_death_is_held_against_the_question_only_in_a_new_process(worker, tmp_path):
    assert result(worker, "count", "a") == (1, "well")
    assert result(worker, "die_once", str(tmp_path / "note")) == ("alive", "well")
    assert result(worker, "die") == (None, "died")
    assert result(worker, "count", "a") == (1, "well")


def test_the_first_question_of_a_process_is_not_asked_twice(worker, tmp_path):
    assert result(worker, "die_once", str(tmp_path / "note")) == (None, "died")


def test_a_process_that_grew_is_replaced_and_its_reply_marked(worker):
    ballast = b"1" * (
        700 << 20
    )  # a process starts with the peak memory of the one that started it, by some counts
    assert result(worker, "count", "a") == (1, "well")
    assert worker.ask(("grow", "100"), 20.0).heavy is False
    assert result(worker, "count", "a") == (2, "well")
    reply = worker.ask(("grow", "900"), 20.0)
    assert (reply.result, reply.heavy) == (900, True)
    assert len(ballast)
    assert result(worker, "count", "a") == (1, "well")


def test_memory_beyond_the_limit_is_an_error(worker):
    assert result(worker, "grow", "8000") == ({"error": "MemoryError"}, "well")
    assert result(worker, "swallow") == ("hidden", "well")
    assert result(worker, "count", "a") == (1, "well")


def test_deaths_and_errors_are_no_equality(monkeypatch):
    with Grader() as grader:
        monkeypatch.setattr(Worker, "ask", lambda *_: Reply(None, ended="died"))
        assert grader.equal("x+x", "2x").how == "error"
        graded = grader.grade("x", ["x + x + x", "3x"])
    assert [each.own.how for each in graded.values()] == ["error", "error"]
    assert graded["3x"].canonical == "3x"


def test_a_program_that_does_not_start_is_named():
    with pytest.raises(RuntimeError, match="did not start"):
        Worker(("-c", "raise SystemExit(1)")).ask(("count",), 1.0)


NOTATIONS = [
    *("2", "-3", "0.5", r"\frac{1}{3}", "0.333333", "10", "0.1", "1000", "0.000067"),
    *(r"10\%", r"0.1\%", r"10\text{ percent}", r"30^\circ", r"\sqrt{4}", r"2\sqrt{3}", r"\sqrt{12}", r"\pi"),
    r"\frac{\sqrt{4}}{30000}",
    *("x", "X", "e", "E", "2e", "x+1", "1+x", r"\frac{x^2-1}{x-1}", "abc", r"\text{abc}", "ABC", "cab", "f(x)"),
    *("x=2", "2=x", "2x=4", "y=2", "x=-3", "y=x+1", "x=y-1", "2y=2x+2", "x^2=4", "x^2=-1", "x=x+1", "a=b=2"),
    *("1,2", "2,1", r"\{1,2\}", "(1,2)", "(2,1)", "[1,2]", "[1,2)", r"\{2,2\}", r"\{-2,2\}", "(1,2,3)", r"x=1,x=2"),
    *(r"(-\infty,3)", r"(-\infty,3]", r"(3,\infty)", r"(-\infty,1)\cup[1,3)", r"[0,1)\cup(1,2]", r"(1,2]\cup[0,1)"),
    *("x<3", "3>x", r"x \le 3", "1<x<2", r"x \in [1,2]", r"x \in (-\infty,3)", r"\emptyset", r"\infty", r"-\infty"),
    *(r"\begin{pmatrix}1\\2\end{pmatrix}", r"\begin{pmatrix}2\\1\end{pmatrix}", r"\begin{pmatrix}1&2\end{pmatrix}"),
    *(r"\frac{", "!!", "north east", r"1 \pm 2", "i", "-i", "1+i", r"\frac{1}{0}"),
]  # fmt: skip


def test_answers_told_apart_are_not_equal_in_math_verify():
    """Against asking about a sixth of all pairs, in either order.

    But for one pair: 0.000067 and 0.00006667, which it rounds to six decimals.
    """
    rounded = {"0.000067", r"\frac{\sqrt{4}}{30000}"}
    ask = math_questions()
    meanings = {
        answer: of_number(number)
        if (number := exact_number(answer)) is not None
        else Meaning.from_json(ask["meaning"](answer))
        for answer in NOTATIONS
    }
    kinds = {meaning.kind for meaning in meanings.values()}
    assert kinds == {"scalar", "set", "list", "union", "equation", "relation", "text", "opaque"}
    apart = 0
    for turn, (one, other) in enumerate(product(NOTATIONS, repeat=2)):
        if one != other and told_apart(meanings[one], meanings[other]):
            apart += 1
            if turn % 6 == 0 and None in (exact_number(one), exact_number(other)):
                assert ask["compare"](one, other) == ({one, other} == rounded), (one, other)
    assert apart > 0.7 * len(NOTATIONS) ** 2
    # the neighbours found in order of size are those found among all pairs
    listed = [meanings[answer] for answer in NOTATIONS]
    every = [
        (first, second)
        for first in range(len(listed))
        for second in range(first + 1, len(listed))
        if not told_apart(listed[first], listed[second])
    ]
    assert list(pairs_to_ask(listed)) == every


# Neighbours state the same, or nearly
EQUATIONS = ["x=2", "2x=4", "x^2=4", "x^2=-1", "x=x+1", "y=x+1", "2y=2x+2", "3x+2y=6", "y=3-1.5x", "x+y+z=1"]
EQUATIONS += [r"x=\sin(x)+2", r"2+\sin(x)=x", "a=1,3", "a=3, 1", "a=1,4", "b=1,3"]


def test_equations_are_told_apart_by_residual_and_solutions():
    """All neighbours, and of the other pairs every fourth: Math-Verify takes half a second for one."""
    ask = math_questions()
    pairs = [
        pair if place % 2 else pair[::-1]
        for place, pair in enumerate(combinations(EQUATIONS, 2))
        if place % 4 == 0 or EQUATIONS.index(pair[1]) - EQUATIONS.index(pair[0]) == 1
    ]
    with Grader() as grader:
        decided = {pair: grader.equal(*pair).equal for pair in pairs}
        compared = grader.counts["math"]
        assert grader.questions["asked"] < compared
    for (one, other), equal in decided.items():
        assert equal == ask["compare"](one, other), (one, other)
    assert any(decided.values())


def test_both_stages_of_parsing_give_the_same():
    from latex2sympy2_extended import latex2sympy2
    from sympy import srepr

    parse_in_two_stages()
    fast, full = latex2sympy2.latex2sympy, latex2sympy2._Latex2Sympy.full_parse
    parsed = 0
    for answer in NOTATIONS:
        try:
            expected = srepr(
                full(
                    latex2sympy2._Latex2Sympy(),
                    latex2sympy2.normalize_latex(answer, latex2sympy2.NormalizationConfig()),
                )
            )
        except Exception as error:  # whatever the full parser ends in, the fast one has to end in it, too
            with pytest.raises(type(error)):
                fast(answer)
        else:
            parsed += 1
            assert srepr(fast(answer)) == expected
    assert parsed > len(NOTATIONS) / 2


def test_a_meaning_survives_the_pipe():
    import json

    meaning = Meaning(
        EQUATION, "x=1", (frozenset({0.1 + 0.2 + 1j, -0.0j}), frozenset()), True, frozenset({1 / 3 + 0j})
    )
    assert Meaning.from_json(json.loads(json.dumps(meaning.as_json()))) == meaning
    assert told_apart(
        Meaning(SCALAR, values=(frozenset({1.0}),)), Meaning(SCALAR, values=(frozenset({1.001}),))
    )
