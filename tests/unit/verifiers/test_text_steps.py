"""A verifier of texts that follows a search: equal to brute force, every token billed."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.support import exhaustive
from tests.support.text_verifiers import MERGED, Scorer, Written, drawn, follower, started, words_of
from tests.support.toy import END, STREAM, ToyEngine, found, random_policy, run, scripted, text
from tests.support.ways import WAYS
from ttc import noise
from ttc.engines.protocol import StepScore
from ttc.errors import InputError
from ttc.problems.steps import steps_of
from ttc.problems.stops import Stops
from ttc.search.strategy import Strategy
from ttc.verifiers.follow import TextSteps

NO_TEXTS = Stops((END,), (ord("."),))
LINES = Written({".": "\n"})  # it is a line end alone: a step may be empty
SPACED = Written({"a": " a", "b": "  ", ".": "\n"})  # a step, and the last one, may be white space


# What is read


def test_steps_are_the_lines_that_are_not_blank():
    assert steps_of(" a \n\nb\n \n\tc d\n") == ["a", "b", "c d"]
    assert steps_of("") == steps_of("\n \n") == []


def test_what_is_new_of_a_row_is_billed():
    verifier = Scorer()
    steps = follower(verifier)
    state, read = steps.prefill(["What?", "Why?"])
    assert read == [1, 1] and steps.tokens_scored == 2
    made = steps.score_more(state, [text("a."), text("b.")], [[], []])
    assert verifier.read == [("What?", ("a.",)), ("Why?", ("b.",))]
    assert made == [StepScore(drawn(p, s), drawn(p, s), 1) for p, s in verifier.read]
    state = steps.fork(state, np.array([1, 1, 0]))
    made = steps.score_more(state, [text("a$"), text("b$"), text("ab.")], [[], [], text("b.a$")])
    assert verifier.read[2:] == [
        ("Why?", ("b.", "a")),
        ("Why?", ("b.", "b")),
        ("What?", ("a.", "ab.", "b.", "a")),
    ]
    assert made[2] == StepScore(drawn("What?", ["a.", "ab."]), drawn(*verifier.read[4]), 3)
    assert steps.tokens_scored == verifier.tokens_scored == 2 + 1 + 1 + 1 + 1 + 3
    assert verifier.calls == 2  # one for each step of the search


def test_a_fork_leaves_the_rows_as_they_were():
    steps = follower(Scorer())
    state = started(steps)
    steps.score_more(state, [text("a.")], [[]])
    forked = steps.fork(state, np.array([0, 0]))
    steps.score_more(forked, [text("a."), text("b.")], [[], []])
    steps.score_more(state, [text("b.")], [[]])
    assert [row.written for row in (*state, *forked)] == ["a.\n\nb.\n\n", "a.\n\na.\n\n", "a.\n\nb.\n\n"]


@pytest.mark.parametrize("last", ["$", ".", "b$", "bb."])
def test_a_step_without_anything_to_read_keeps_the_score_before_it(last):
    verifier = Scorer()
    steps = follower(verifier, SPACED)
    state = started(steps)
    (before,) = steps.score_more(state, [text("aa.")], [[]])
    assert steps.score_more(state, [text(last)], [[]]) == [StepScore(before.step, before.step, 0)]
    assert verifier.read == [("p", ("a a",))] and steps.tokens_scored == 3


def test_a_solution_without_steps_can_never_win():
    steps = follower(Scorer(lambda problem, read: 0.7), LINES)
    state = started(steps)
    assert steps.score_more(state, [text(".")], [[]]) == [StepScore(0.0, 0.0, 0)]
    assert steps.score_more(state, [text(".")], [text("a.")]) == [StepScore(0.0, 0.7, 1)]  # read: the rollout
    assert steps.score_more(state, [text("$")], [[]]) == [StepScore(0.0, 0.0, 0)]
    assert steps.score_more(started(steps), [text("$")], [[]]) == [StepScore(0.0, 0.0, 0)]


def test_an_empty_step_with_a_rollout_keeps_its_score_and_sees_ahead():
    verifier = Scorer()
    steps = follower(verifier, LINES)
    state = started(steps)
    (before,) = steps.score_more(state, [text("a.")], [[]])
    made = steps.score_more(state, [text(".")], [text(".b..ab.$")])
    assert made == [StepScore(before.step, drawn("p", ["a", "b", "ab"]), 2)]
    assert steps.score_more(state, [text("b.")], [text("..")]) == [
        StepScore(*[drawn("p", ["a", "b"])] * 2, 1)
    ]


@pytest.mark.parametrize(
    ("ending", "steps", "rollout", "read"),
    [
        ("Q:", ["a.", "Q: b$"], "", [["a."]]),  # begins the step
        (
            "\n\nQ:",
            ["a.", "Q: b$"],
            "",
            [["a."]],
        ),  # lies across two, as a blank line and the next question do
        (" Q:", ["a.", "b Q: b$"], "", [["a."], ["a.", "b"]]),  # within it: what is before it counts
        ("Q:", ["a.", "b."], "Q: a.b.", [["a."], ["a.", "b."]]),  # in the rollout
        ("\n\nQ:", ["a.", "b."], "Q: a.b.", [["a."], ["a.", "b."]]),
        ("\nQ:", ["a.", "b."], "a.Q: a.b.", [["a."], ["a.", "b.", "a."]]),
    ],
)
def test_what_follows_an_end_text_is_not_read(ending, steps, rollout, read):
    verifier = Scorer()
    followed = follower(verifier, texts=("never", ending))
    state, made = started(followed), []
    for step in steps:
        made = followed.score_more(state, [text(step)], [text(rollout) if step == steps[-1] else []])
    assert [list(steps) for _, steps in verifier.read] == read
    assert made[0][:2] == (drawn("p", read[-1][:2]), drawn("p", read[-1]))


def test_an_end_text_that_begins_in_the_step_and_ends_in_the_rollout():
    verifier = Scorer()
    followed = follower(verifier, LINES, texts=("b\nQ",))
    made = followed.score_more(started(followed), [text("ab.")], [text("Q.a.")])
    assert verifier.read == [("p", ("a",))] and made[0] == StepScore(*[drawn("p", ["a"])] * 2, 1)


def test_equal_rows_are_billed_each():
    verifier = Scorer()
    steps = follower(verifier)
    state = steps.fork(started(steps), np.array([0, 0, 0]))
    made = steps.score_more(state, [text("ab.")] * 3, [[]] * 3)
    assert len(set(made)) == 1 and steps.tokens_scored == 1 + 3 * made[0].tokens == 4


def test_a_verifier_of_outcomes_is_refused():
    class Outcome(Scorer):
        def scored(self, problems, solutions, names=None):
            return [each._replace(scores=each.scores[-1:]) for each in super().scored(problems, solutions)]

    steps = follower(Outcome())
    state = started(steps)
    steps.score_more(state, [text("a.")], [[]])
    with pytest.raises(
        InputError, match="gave 1 scores to a solution of 2 steps; a search needs a process verifier"
    ):
        steps.score_more(state, [text("b.")], [[]])


# Searches


@settings(max_examples=40)
@given(
    values=st.permutations(range(len(exhaustive.PREFIXES))),
    likely=st.fixed_dictionaries({prefix: st.sampled_from("ab") for prefix in exhaustive.PREFIXES}),
    kept=st.sampled_from([1, 2]),
    depth=st.integers(0, 3),
)
def test_a_search_finds_what_enumeration_finds(values, likely, kept, depth):
    scores = {prefix: value / 20 for prefix, value in zip(exhaustive.PREFIXES, values, strict=True)}

    def score(problem, steps):
        assert problem == "the problem"
        return scores["".join(steps) + ("" if steps[-1][-1] == "." else "$")]

    verifier = Scorer(score)
    strategy = Strategy("lookahead", 2, depth) if depth else Strategy("beam", 2)
    engine = ToyEngine(exhaustive.policy(likely), scripted(STREAM, exhaustive.A_AND_B_IN_TURN))
    [result] = run(
        engine,
        follower(verifier),
        2 * kept,
        strategy,
        options=exhaustive.DROP,
        verifier_prompts=["the problem"],
    )
    expected, rollout_tokens = exhaustive.by_enumeration(scores, likely, kept, depth)
    assert sorted(found(result)) == expected
    assert result.bill.rollout_tokens == rollout_tokens
    assert (
        result.bill.verifier_tokens
        == verifier.tokens_scored
        == words_of("the problem", []) + result.bill.generated_tokens // 2  # a letter and what ends its step
    )


def by_the_rules(result, tokenizer, problem):
    """The score of each node, from the text of its path alone."""
    scores = []
    for node in result.nodes:
        path = [node]
        while path[-1].parent >= 0:
            path.append(result.nodes[path[-1].parent])
        before, after = (
            steps_of(tokenizer.batch_decode([[t for each in part for t in each.tokens]], True, False)[0])
            for part in (path[:0:-1], path[::-1])
        )
        kept = scores[node.parent] if node.parent >= 0 else 0.0
        scores.append(kept if before == after else drawn(problem, after))
    return scores


@settings(max_examples=100)
@given(
    seed=st.integers(0, 10**6),
    way=st.sampled_from(WAYS),
    budget=st.sampled_from([4, 16]),
    tokenizer=st.sampled_from([MERGED, LINES, SPACED]),
)
def test_any_search_follows_the_rules_and_bills_what_was_read(seed, way, budget, tokenizer):
    strategy, options = way
    names, problems = ["p", "longer"], ["What?", "Why is that so?"]
    streams = [noise.stream(seed, name) for name in names]

    def searched(order):
        verifier = Scorer()
        engine = ToyEngine(random_policy(seed))
        results = run(
            engine,
            follower(verifier, tokenizer),
            budget,
            strategy,
            [names[i] for i in order],
            [streams[i] for i in order],
            options=options,
            max_tokens=9,
            max_step_tokens=4,
            verifier_prompts=[problems[i] for i in order],
        )
        assert sum(each.bill.verifier_tokens for each in results) == verifier.tokens_scored
        assert sum(each.bill.generated_tokens for each in results) == engine.tokens_generated
        return results

    results = searched([0, 1])
    assert searched([1, 0]) == results[::-1]
    for problem, result in zip(problems, results, strict=True):
        assert [node.step_score for node in result.nodes] == by_the_rules(result, tokenizer, problem)
        for candidate in result.candidates:
            steps = steps_of(tokenizer.batch_decode([candidate.tokens], True, False)[0])
            assert candidate.step_scores[-1] == (drawn(problem, steps) if steps else 0.0)


def test_without_other_prompts_the_verifier_is_given_the_engines():
    given = []

    class Remembering(TextSteps):
        def prefill(self, prompts):
            given.append(prompts)
            return super().prefill(["p"] * len(prompts))

    for changes in ({}, {"verifier_prompts": ["What?"]}):
        run(
            ToyEngine(random_policy(1)),
            Remembering(Scorer(), MERGED, NO_TEXTS),
            4,
            Strategy("beam", 2),
            **changes,
        )
    assert given == [[text("p")], ["What?"]]
