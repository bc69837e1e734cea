"""Searches of a policy so small that every solution can be written down: the answers come from enumeration.

A solution has three steps, each `a` or `b`: `a.`, `b.`, and at last `a$` or `b$`; 8 solutions in all, 14 prefixes.
Places draw `a` and `b` in turn, so the two continuations of a kept step are both there are.  Nothing in this file but
`searched` calls the code under test.
"""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.support.exhaustive import (
    A_AND_B_IN_TURN,
    DEPTH,
    DROP,
    PREFIXES,
    SCORES,
    SOLUTIONS,
    by_enumeration,
    policy,
)
from tests.support.toy import STREAM, ToyEngine, ToyStepVerifier, found, run, scripted, solution, string
from ttc.engines.protocol import StepScore
from ttc.search.options import Options
from ttc.search.strategy import Strategy


def searched(strategy, budget, scores=SCORES, likely=None, options=DROP, verifier=ToyStepVerifier):
    engine = ToyEngine(policy(likely or {}), scripted(STREAM, A_AND_B_IN_TURN))
    verifier = verifier(scores)
    [result] = run(engine, verifier, budget, strategy, options=options)
    assert result.bill.generated_tokens == engine.tokens_generated
    assert result.bill.verifier_tokens == verifier.tokens_scored
    return result


def test_the_toy_is_what_the_comments_say():
    assert len(SOLUTIONS) == 8 and len(PREFIXES) == 14 and SCORES.keys() == set(PREFIXES)
    assert max(SOLUTIONS, key=SCORES.get) == "b.a.a$"


def test_a_beam_wide_enough_is_exhaustive_search():
    """N = 8, M = 2: four places hold every prefix of two steps, so all 8 solutions are candidates.

    Round 1: a, b, a, b, a, b, a, b; of equal beams one is kept: `a.`, `b.` (the 8 places: 4 each, so a, b, a, b).
    Round 2: a.a., a.b. twice, b.a., b.b. twice; four distinct ones are kept, 2 places each.
    Round 3: all 8 solutions.
    Billed: 3 rounds of 8 steps of 2 tokens = 48.  On a candidate's way: 2 + 4 + 8 steps, 28 tokens; discarded: 20.
    Verifier: the prompt's 1 and 48.
    """
    result = searched(Strategy("beam", 2), 8)
    assert sorted(found(result)) == SOLUTIONS
    best = max(result.candidates, key=lambda candidate: candidate.step_scores[-1])
    assert string(best.tokens) == "b.a.a$"
    bill = result.bill
    assert (bill.generated_tokens, bill.discarded_tokens, bill.rollout_tokens) == (48, 20, 0)
    assert (bill.verifier_tokens, bill.generations) == (49, 8)


def test_a_beam_of_two_follows_the_best_looking_step():
    """N = 2, M = 2: `a.` (.6) before `b.` (.5), then `a.a.` (.3) before `a.b.` (.1); ends with the two below it.

    Billed: 3 rounds of 2 steps of 2 tokens = 12; discarded: `b.` and `a.b.`, 4; verifier: 1 + 12.
    """
    result = searched(Strategy("beam", 2), 2)
    assert found(result) == ["a.a.a$", "a.a.b$"]
    bill = result.bill
    assert (bill.generated_tokens, bill.discarded_tokens, bill.verifier_tokens, bill.generations) == (
        12,
        4,
        13,
        2,
    )


class StepInsteadOfRollout(ToyStepVerifier):
    """search-and-learn's bug: the rollout is generated and paid for, and the step's own score is used."""

    def score_more(self, state, steps, rollouts):
        return [StepScore(s.step, s.step, s.tokens) for s in super().score_more(state, steps, rollouts)]


def test_lookahead_changes_the_chosen_beam_and_pays_for_it():
    """N = 2, M = 2, k = 1; greedily `a` follows everything but `b.`, which `b` follows.

    Round 1: `a.` is seen as a.a. (.3), `b.` as b.b. (.7): `b.` is kept; beam search kept `a.`.
    Round 2: `b.a.` is seen as b.a.a$ (.9), `b.b.` as b.b.a$ (.3): `b.a.` is kept; beam search would take `b.b.` (.7).
    Round 3: b.a.a$ and b.a.b$; the first is the best of all 8.
    Billed: 12 tokens of steps, 2 rollouts of 2 tokens in rounds 1 and 2 (8), none in the last round; 20 in all.
    Discarded: `a.` and `b.b.`, 4, and the rollouts besides.  Verifier: 1 + 20.  Generations N(k + 1) = 4.
    """
    likely = {"b.": "b"}
    result = searched(Strategy("lookahead", 2, 1), 2, likely=likely)
    assert found(result) == ["b.a.a$", "b.a.b$"]
    assert [(solution(result, node), node.step_score, node.score) for node in result.nodes[:4]] == [
        ("a.", 0.6, 0.3),
        ("b.", 0.5, 0.7),
        ("b.a.", 0.4, 0.9),
        ("b.b.", 0.7, 0.3),
    ]
    bill = result.bill
    assert (bill.generated_tokens, bill.discarded_tokens, bill.rollout_tokens) == (20, 4, 8)
    assert (bill.verifier_tokens, bill.generations) == (21, 4)
    # A candidate's scores are those of its own steps, and no rollout is part of it
    assert result.candidates[0].step_scores == [0.5, 0.4, 0.9]
    # With the step scored instead of the end of the rollout, lookahead would be beam search at twice the price
    wrong = searched(Strategy("lookahead", 2, 1), 2, likely=likely, verifier=StepInsteadOfRollout)
    assert found(wrong) == found(searched(Strategy("beam", 2), 2)) == ["a.a.a$", "a.a.b$"]
    assert wrong.bill.generated_tokens == 20


def test_a_deeper_lookahead_sees_the_end():
    """k = 2 from round 1: `a.` is seen as a.a.a$ (.2), `b.` as b.b.a$ (.3); then as in k = 1: nothing is deeper.

    Rollouts: 2 of 4 tokens in round 1, 2 of 2 tokens in round 2, where the solution ends: 12.  The bill in generations
    stays N(k + 1) = 6.
    """
    result = searched(Strategy("lookahead", 2, 2), 2, likely={"b.": "b"})
    assert [node.score for node in result.nodes[:4]] == [0.2, 0.3, 0.9, 0.3]
    assert found(result) == ["b.a.a$", "b.a.b$"]
    bill = result.bill
    assert (bill.generated_tokens, bill.rollout_tokens, bill.verifier_tokens, bill.generations) == (
        24,
        12,
        25,
        6,
    )


# -- the same for any scores: enumeration, level by level ----------------------------------------------------


@settings(max_examples=60)
@given(
    values=st.permutations(range(len(PREFIXES))),
    likely=st.fixed_dictionaries({prefix: st.sampled_from("ab") for prefix in PREFIXES}),
    kept=st.sampled_from([1, 2]),
    depth=st.integers(0, 3),
)
def test_every_search_is_what_enumeration_finds(values, likely, kept, depth):
    scores = {prefix: value / 20 for prefix, value in zip(PREFIXES, values, strict=True)}
    strategy = Strategy("lookahead", 2, depth) if depth else Strategy("beam", 2)
    result = searched(strategy, 2 * kept, scores, likely)
    expected, rollout_tokens = by_enumeration(scores, likely, kept, depth)
    assert sorted(found(result)) == expected
    # All steps are of 2 tokens; those on the way to a candidate are the distinct prefixes of the solutions found
    used = {text[:cut] for text in expected for cut in (2, 4, 6)}
    bill = result.bill
    assert bill.rollout_tokens == rollout_tokens
    assert bill.generated_tokens == DEPTH * 2 * kept * 2 + rollout_tokens
    assert bill.discarded_tokens == bill.generated_tokens - rollout_tokens - 2 * len(used)
    assert bill.verifier_tokens == 1 + bill.generated_tokens
    assert bill.generations == 2 * kept * (depth + 1)


# -- duplicates and ties -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("duplicates", "solutions"),
    [
        ("keep", ["a.a.a$", "a.a.b$", "a.a.a$", "a.a.b$"]),
        ("drop", ["a.a.a$", "a.a.b$", "b.b.a$", "b.b.b$"]),
    ],
)
def test_duplicates_arise_where_a_round_samples_more_than_there_is(duplicates, solutions):
    """N = 4, M = 2.  Round 1 draws a, b, a, b.

    keep: both `a.` (.6) hold a place; of a.a., a.b., a.a., a.b. both `a.a.` (.3) do: two pairs of equal solutions, each
    sampled and billed, each with its vote.
    drop: `a.` and `b.`; then, of a.a., a.b., b.a., b.b., b.b. (.7) and a.a. (.3).
    """
    scores = SCORES | {"b.a.": 0.2}
    result = searched(Strategy("beam", 2), 4, scores, options=Options(duplicates=duplicates))
    assert sorted(found(result)) == sorted(solutions)
    assert len({candidate.node for candidate in result.candidates}) == 4
    assert (
        result.bill.generated_tokens == 3 * 4 * 2
    )  # what was dropped as a duplicate was sampled, and is billed


def test_where_all_scores_are_equal_the_first_steps_are_kept():
    """Ties go to the earlier step: `a.` before `b.` in every round (compute-optimal-tts compares the nodes instead)."""
    result = searched(Strategy("beam", 2), 2, dict.fromkeys(PREFIXES, 0.5))
    assert found(result) == ["a.a.a$", "a.a.b$"]
    result = searched(Strategy("beam", 2), 4, dict.fromkeys(PREFIXES, 0.5))
    assert sorted(found(result)) == ["a.a.a$", "a.a.b$", "a.b.a$", "a.b.b$"]
