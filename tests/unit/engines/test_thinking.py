"""Budget forcing: what each budget makes of a thought, held against drawing it alone, token by token."""

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.thinking import CLOSE, OPEN, Signs, policy
from tests.support.toy import ToyEngine
from ttc import noise
from ttc.engines.sampling import Draw, sample
from ttc.engines.thinking import think
from ttc.grading.grader import Grader
from ttc.problems.formats import PromptForm
from ttc.problems.prompts import Prompt
from ttc.runtime import Work

MARKS = Signs((OPEN, CLOSE))
OP, CL = map(chr, MARKS.encode(OPEN + CLOSE))
SPEC = {"budgets": [2, 4, 7], "answer_tokens": 3, "ending": ".{close}", "wait": "W", "waits": 0}


def engine_of(policy, tokenizer=MARKS, **more):
    made = ToyEngine(policy, **more)
    made.tokenizer, made.top = tokenizer, 0
    return made


def form_of(begun=None):
    thought = {"open": OPEN, "close": CLOSE, "begun": begun}
    return PromptForm(
        Prompt("{problem}", format="completion", extract=("last_number",)), Grader("text"), thought
    )


def problems_of(*questions, answer="1"):
    names = [f"p{number}" for number in range(len(questions))]
    return pl.DataFrame({"problem_id": names, "question": list(questions), "answer": [answer] * len(names)})


def drawn(engine, problems, samples=(0, 6), form=None, rows=8, work=None, temperature=1.0, **changes):
    draw = Draw(3, temperature, 40, rows)
    with form or form_of() as opened:
        return think(engine, opened, problems, list(samples), draw, SPEC | changes, work=work)


def random_policy(seed):
    """Odds of signs, marks and the end after every prefix; some are 0."""

    def odds(prefix):
        weights = noise.uniform(np.array([noise.stream(seed, prefix)]), np.arange(5))
        weights = np.where(weights < 0.2, 0.0, weights)
        weights = weights if weights.sum() else np.ones(5)
        return dict(zip(f"1b{OP}{CL}$", weights / weights.sum(), strict=True))

    return odds


def alone(odds, prompt, stream, budget, spec, begun):
    """One sample at one budget by the definition: a token at a time, the text looked at after each.

    LookupError where no thought has begun within the budget.
    """
    engine = engine_of(odds)
    written, waits, own, inside, closed = "", 0, stream, begun, None

    def draw():
        choices = engine._odds(prompt + written)
        return chr(engine._draw(choices, own, len(prompt + written), 1.0)[0])

    while True:
        if closed is None and len(written) == budget:
            break
        sign = draw()
        written += sign
        inside = inside or (sign == OP and closed is None)
        if sign == CL and closed is None:
            if inside and waits < spec["waits"] and len(written) - 1 + len(spec["wait"]) < budget:
                written, waits = written[:-1] + spec["wait"], waits + 1
                own, inside = noise.substreams(stream, waits), begun or OP in written
                continue
            inside, closed = False, len(written)
        if sign == "$" and closed is None and not inside:  # all of it is answer
            return written[: spec["answer_tokens"]], len(written) <= spec["answer_tokens"], False, waits
        if sign == "$" or (closed is not None and len(written) == closed + spec["answer_tokens"]):
            return written, sign == "$", False, waits
    if not inside:
        raise LookupError
    written += f".{CL}"
    own = noise.substreams(stream, waits) if waits else stream
    for _ in range(spec["answer_tokens"]):
        written += draw()
        if written[-1] == "$":
            break
    return written, written[-1] == "$", True, waits


@given(st.integers(0, 10_000), st.booleans(), st.integers(0, 2), st.sampled_from(["W", "WW"]))
def test_each_budget_gives_what_it_gives_alone(seed, begun, waits, wait):
    spec = SPEC | {"waits": waits, "wait": wait}
    odds = random_policy(seed)
    engine = engine_of(odds, shuffled=np.random.default_rng(seed))
    frame = drawn(engine, problems_of("p", "q"), (0, 3), form_of(begun), waits=waits, wait=wait)
    assert len(frame) == 2 * 3 * len(SPEC["budgets"])
    for row in frame.iter_rows(named=True):
        question = "pq"[int(row["problem_id"][1:])]
        stream = noise.substreams(noise.stream(3, "sample", row["problem_id"]), row["sample_index"])
        try:
            written, end, forced, waited = alone(odds, question, stream, row["budget"], spec, begun)
        except LookupError:
            continue
        text = written.removesuffix("$").replace(OP, OPEN).replace(CL, CLOSE)
        assert (row["text"], row["forced"], row["waits"]) == (text, forced, waited)
        assert (row["tokens"], row["finish_reason"]) == (len(written), "stop" if end else "length")


THINKS = {  # a problem that is solved at once, and one that takes a while
    "p": {f"{OP}12{CL}1$": 1.0},
    "q": {f"{OP}345678901{CL}1$": 1.0},
    "": {f".{CL}9$": 1.0},
}


def test_a_budget_bites_where_the_thought_is_longer():
    frame = drawn(engine_of(policy(THINKS)), problems_of("p", "q"), (0, 1)).sort("problem_id", "budget")
    assert frame["text"].to_list() == [
        f"{OPEN}1.{CLOSE}9",
        f"{OPEN}12{CLOSE}1",
        f"{OPEN}12{CLOSE}1",
        f"{OPEN}3.{CLOSE}9",
        f"{OPEN}345.{CLOSE}9",
        f"{OPEN}345678.{CLOSE}9",
    ]
    assert frame["forced"].to_list() == [True, False, False, True, True, True]
    assert frame["correct"].to_list() == [False, True, True, False, False, False]
    assert frame["thinking_tokens"].to_list() == [4, 4, 4, 4, 6, 9]
    assert frame["tokens"].to_list() == [6, 6, 6, 6, 8, 11]  # the answer and the end behind each thought
    assert frame["logprob"].null_count() == len(frame)


def test_a_thought_that_closes_too_early_is_made_to_go_on():
    texts = {"p": {f"{OP}12{CL}1$": 0.5, f"{OP}12W34{CL}5$": 0.5}, "": {f".{CL}9$": 1.0}}
    frame = drawn(engine_of(policy(texts)), problems_of("p"), (0, 8), waits=1)
    waited = frame.filter(pl.col("waits") == 1)
    assert set(waited.filter(pl.col("budget") == 7)["text"]) == {f"{OPEN}12W34{CLOSE}5"}
    # At 4 nothing fits behind the word, so the thought ends as it did by itself
    assert set(frame.filter(pl.col("budget") == 4)["waits"]) == {0}


def test_a_solution_without_a_thought_and_one_that_ends_inside_it_are_left_as_they_are():
    texts = {"p": {"1$": 1.0}, "q": {f"{OP}12$": 1.0}, "": {f".{CL}9$": 1.0}}
    frame = drawn(engine_of(policy(texts)), problems_of("p", "q"), (0, 1)).sort("problem_id", "budget")
    assert frame["text"].to_list() == ["1"] * 3 + [f"{OPEN}1.{CLOSE}9", f"{OPEN}12", f"{OPEN}12"]
    assert frame["answer"].to_list() == ["1"] * 3 + ["9", None, None]
    assert frame["forced"].to_list() == [False] * 3 + [True, False, False]


@given(st.integers(0, 1000))
def test_a_budget_that_nothing_reaches_gives_the_samples_of_the_study(seed):
    odds = random_policy(seed)
    problems = problems_of("p", "q")
    with form_of() as form:
        plain = sample(engine_of(odds), form, problems, [0, 4], Draw(3, 1.0, 40, 8)).sort(
            "problem_id", "sample_index"
        )
    wide = drawn(engine_of(odds), problems, (0, 4), budgets=[50], answer_tokens=40).sort(
        "problem_id", "sample_index"
    )
    ended = plain["finish_reason"] == "stop"
    same = ["text", "answer", "tokens", "thinking_tokens", "finish_reason"]
    assert wide.filter(ended).select(same).equals(plain.filter(ended).select(same))


@pytest.mark.parametrize("rows", [1, 3, 100])
def test_no_sample_depends_on_how_many_are_in_work_or_on_a_kill(rows):
    problems = problems_of("p", "q", "r")
    whole = drawn(engine_of(random_policy(5)), problems, waits=1)
    kept = Work()
    kept.add(samples=whole.filter(pl.col("problem_id") == "p1"))
    resumed = drawn(engine_of(random_policy(5)), problems, rows=rows, work=kept, waits=1)
    key = ["problem_id", "sample_index", "budget"]
    assert resumed.sort(key).equals(whole.sort(key))


def test_marks_of_several_tokens_cut_alike():
    texts = {"p": {f"{OPEN}12{CLOSE}1$": 1.0}, "": {f".{CLOSE}9$": 1.0}}
    frame = drawn(engine_of(policy(texts), Signs()), problems_of("p"), (0, 1), budgets=[4, 9, 12]).sort(
        "budget"
    )
    assert frame["text"].to_list() == [f"{OPEN}1.{CLOSE}9", f"{OPEN}12{CLOSE}1", f"{OPEN}12{CLOSE}1"]
    assert frame["forced"].to_list() == [True, False, False]
