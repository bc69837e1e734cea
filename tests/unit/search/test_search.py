"""Beam search and lookahead against trees worked out by hand, and the bill against what the engine made."""

import pytest

from tests.support.toy import (
    STREAM,
    ToyEngine,
    ToyStepVerifier,
    ToyVerifier,
    found,
    random_policy,
    random_score,
    run,
    scripted,
    solution,
    string,
    text,
)
from ttc.errors import InputError
from ttc.search.options import Options
from ttc.search.strategy import Strategy

FIRST_FOUR = {(0, 0): 0.1, (0, 1): 0.3, (0, 2): 0.6, (0, 3): 0.9}  # quarters: the four characters in order
XY = {(1, 0): 0.1, (1, 1): 0.9, (1, 2): 0.9, (1, 3): 0.1}  # x, y, y, x


def two_steps(first):
    """Prompt `p`; a first step of one of `first`, equally likely (`e` ends at once), then `x$` or `y$`."""

    def policy(prefix):
        solution = prefix[1:]
        if not solution:
            return dict.fromkeys(first, 1 / len(first))
        if solution[-1] == ".":
            return {"x": 0.5, "y": 0.5}
        return {"$": 1.0} if solution[-1] in "xye" else {".": 1.0}

    return policy


def kept(result):
    return [solution(result, node) for node in result.nodes if node.kept]


def case(first, draws, scores, verifier=ToyVerifier):
    return ToyEngine(two_steps(first), scripted(STREAM, draws)), verifier(scores)


# -- beam search by hand -------------------------------------------------------------------------------------


def test_the_best_first_steps_are_kept_and_continued():
    engine, verifier = case(
        "abcd", FIRST_FOUR | XY, {"a.": 0.1, "b.": 0.9, "c.": 0.5, "d.": 0.2, "b.y$": 0.7}
    )
    [result] = run(engine, verifier, 4, Strategy("beam", 2))
    assert found(result) == ["b.x$", "b.y$", "c.y$", "c.x$"]
    assert kept(result) == ["b.", "c.", "b.x$", "b.y$", "c.y$", "c.x$"]
    assert [candidate.step_scores for candidate in result.candidates] == [
        [0.9, 0.5],
        [0.9, 0.7],
        [0.5] * 2,
        [0.5] * 2,
    ]
    assert {candidate.finish for candidate in result.candidates} == {"stop"}
    assert [node.parent for node in result.nodes] == [-1, -1, -1, -1, 1, 1, 2, 2]
    assert [node.round for node in result.nodes] == [0, 0, 0, 0, 1, 1, 1, 1]
    assert [string(node.tokens) for node in result.nodes[:5]] == ["a.", "b.", "c.", "d.", "x$"]


# Four first steps of 2 tokens and four last ones of 2, behind a prompt of 1
WHAT_IS_READ = [
    (ToyStepVerifier, 1 + 4 * 2 + 4 * 2),  # the prompt once, each step once
    (ToyVerifier, 4 * 3 + 4 * 5),  # each step with all that is before it
]


@pytest.mark.parametrize(("kind", "read"), WHAT_IS_READ)
def test_the_bill_counts_dropped_branches_and_shared_prefixes_once(kind, read):
    engine, verifier = case("abcd", FIRST_FOUR | XY, {"b.": 0.9, "c.": 0.6}, kind)
    [result] = run(engine, verifier, 4, Strategy("beam", 2))
    bill = result.bill
    assert (
        bill.generated_tokens == engine.tokens_generated == 8 + 8
    )  # not 4 whole solutions of 4 and 2 dropped steps of 2
    assert bill.discarded_tokens == 4  # `a.` and `d.`
    assert bill.rollout_tokens == 0
    assert bill.verifier_tokens == verifier.tokens_scored == read
    assert bill.generations == 4
    assert engine.prefilled == 1  # the prompt is computed once, then forked


def test_one_generation_and_one_scoring_call_a_round():
    engine, verifier = case("abcd", FIRST_FOUR | XY, {})
    run(engine, verifier, 4, Strategy("beam", "sqrt"))
    assert [rows for rows, *_ in engine.calls] == [4, 4]
    assert [len(solutions) for solutions in verifier.calls] == [4, 4]


def test_width_equal_to_the_budget_keeps_one_beam():
    draws = FIRST_FOUR | {(1, place): 0.1 for place in range(4)}
    engine, verifier = case("abcd", draws, {"c.": 0.6})
    assert found(run(engine, verifier, 4, Strategy("beam", 4))[0]) == ["c.x$"] * 4


def test_ties_go_to_the_earlier_candidate():
    engine, verifier = case("abcd", FIRST_FOUR | XY, {})
    assert found(run(engine, verifier, 4, Strategy("beam", 2))[0]) == ["a.x$", "a.y$", "b.y$", "b.x$"]


def test_width_one_drops_nothing():
    engine = ToyEngine(random_policy(3))
    [result] = run(engine, ToyVerifier(random_score(3)), 8, Strategy("beam", 1))
    assert len(result.candidates) == 8 and result.bill.discarded_tokens == 0


# -- lookahead -----------------------------------------------------------------------------------------------


def roll_policy(prefix):
    """First step `a.` or `b.`; greedily `a.` leads to `w.` and then `w$`, `b.` to `r.` and then `r$`."""
    solution = prefix[1:]
    if not solution:
        return {"a": 0.5, "b": 0.5}
    if solution[-1] == ".":
        return {"w": 0.6, "q": 0.4} if solution[0] == "a" else {"r": 0.6, "s": 0.4}
    return {"$": 1.0} if solution.count(".") == 2 else {".": 1.0}


ROLL_SCORES = {
    "a.": 0.9,
    "b.": 0.4,
    "a.w.": 0.1,
    "b.r.": 0.8,
    "a.w.w$": 0.95,
    "b.r.r$": 0.3,
    "a.q.": 0.99,
    "b.s.": 0.2,
}


def roll(strategy, verifier=ToyVerifier):
    # The draws would sample `q` after `a.` and `s` after `b.`: a rollout that is not greedy scores .99 and
    # .2.
    draws = {(0, 0): 0.1, (0, 1): 0.9} | {(round_, place): 0.9 for round_ in (1, 2) for place in (0, 1)}
    engine, verifier = ToyEngine(roll_policy, scripted(STREAM, draws)), verifier(ROLL_SCORES)
    return engine, verifier, run(engine, verifier, 2, strategy)[0]


def test_lookahead_chooses_by_the_end_of_its_rollout():
    assert found(roll(Strategy("beam", 2))[2])[0].startswith("a.")
    _, verifier, result = roll(Strategy("lookahead", 2, 1))
    assert verifier.calls[0] == ["a.w.", "b.r."]
    assert [node.score for node in result.nodes[:2]] == [0.1, 0.8]
    assert all(solution.startswith("b.") for solution in found(result))
    assert found(roll(Strategy("lookahead", 2, 2))[2])[0].startswith("a.")


def test_rollouts_stop_at_the_end_of_the_solution():
    _, verifier, deep = roll(Strategy("lookahead", 2, 9))
    assert verifier.calls[0] == ["a.w.w$", "b.r.r$"]
    assert found(deep) == found(roll(Strategy("lookahead", 2, 2))[2])


def test_rollouts_are_greedy_and_only_they_are():
    engine, _, result = roll(Strategy("lookahead", 2, 1))
    # rounds: sample, roll out 1; sample, roll out 1; sample (all end, nothing to roll out)
    assert [temperature for _, temperature, _ in engine.calls] == [1.0, 0.0, 1.0, 0.0, 1.0]
    assert found(result) == ["b.s.s$"] * 2  # the beams themselves are sampled: greedy would have been `r`


@pytest.mark.parametrize(
    ("kind", "read"),
    [
        (
            ToyStepVerifier,
            1 + 2 * (2 + 2) + 2 * (2 + 2) + 2 * 2,
        ),  # the prompt, then each step and its rollout
        (ToyVerifier, 2 * 5 + 2 * 7 + 2 * 7),
    ],
)
def test_lookahead_bill(kind, read):
    engine, verifier, result = roll(Strategy("lookahead", 2, 1), kind)
    assert result.bill.generations == 2 * 2
    assert result.bill.rollout_tokens == 2 * 2 + 2 * 2  # `w.` and `r.`, then twice `r$`
    assert result.bill.discarded_tokens == 2 + 2  # `a.`, and one of the two `s.`
    assert result.bill.generated_tokens == engine.tokens_generated == 3 * 4 + 8
    assert result.bill.verifier_tokens == verifier.tokens_scored == read


def test_candidates_carry_the_scores_of_their_own_steps():
    for strategy in (Strategy("beam", 2), Strategy("lookahead", 2, 3)):
        for rounds in (2, 40):
            engine, verifier = ToyEngine(random_policy(5)), ToyVerifier(random_score(5))
            [result] = run(engine, verifier, 8, strategy, max_rounds=rounds)
            for candidate in result.candidates:
                assert candidate.step_scores == verifier.score([text("p")], [candidate.tokens])[0]


# -- beams that end early ------------------------------------------------------------------------------------

EARLY = {"a.": 0.9, "b.": 0.5, "c.": 0.1}


def early(finished, score, **changes):
    engine, verifier = case("abce", FIRST_FOUR | XY, EARLY | {"e$": score, "a.x$": 0.05})
    return run(engine, verifier, 4, Strategy("beam", 2), options=Options(finished=finished), **changes)[0]


def test_shrink_takes_the_place_of_an_ended_beam_from_the_width():
    result = early("shrink", 0.3)
    assert found(result) == ["e$", "a.x$", "a.y$", "b.y$"]  # three places: two for the best, one for the next
    assert result.bill.generations == 4
    assert result.bill.discarded_tokens == 2  # `c.`


def test_shrink_is_the_default():
    assert Options() == Options(finished="shrink", duplicates="keep")


def test_keep_lets_ended_beams_compete():
    assert found(early("keep", 0.3)) == ["a.x$", "a.y$", "b.y$", "b.x$"]  # beaten by `a.` and `b.`
    held = early("keep", 0.7)
    assert found(held) == ["e$", "a.x$", "a.y$"]  # holds one of two places
    assert held.bill.discarded_tokens == 4 and held.bill.generations == 4
    assert kept(held) == ["a.", "e$", "a.x$", "a.y$"]


def test_keep_is_over_when_only_ended_beams_are_kept():
    engine, verifier = case("abce", FIRST_FOUR, EARLY | {"e$": 0.95})
    [result] = run(engine, verifier, 4, Strategy("beam", 4), options=Options(finished="keep"))
    assert found(result) == ["e$"] and len(engine.calls) == 1


def test_refill_goes_back_to_the_full_width_and_bills_it():
    result = early("refill", 0.3)
    assert len(result.nodes) == 8
    assert found(result) == ["e$", "a.y$", "b.y$", "b.x$"]  # five ended, the worst of them is `a.x$`
    assert result.bill.generations == 5
    assert result.bill.discarded_tokens == 2 + 2  # `c.` and the `x$` of `a.x$`


def test_refill_prefers_finished_to_cut_solutions():
    """`e$` ends; four others go on and are cut by the tokens; three of them are candidates beside it."""
    result = early("refill", 0.0, max_tokens=3)
    assert found(result) == ["e$", "a.x", "a.y", "b.y"]


def test_the_search_stops_when_every_beam_has_ended():
    engine, verifier = case("e", FIRST_FOUR, {})
    for finished in ("shrink", "keep", "refill"):
        [result] = run(engine, verifier, 4, Strategy("beam", 2), options=Options(finished=finished))
        assert found(result) == ["e$"] * 4 and len(result.nodes) == 4


# -- cut solutions -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("limits", "solutions"),
    [
        ({"max_tokens": 3}, ["b.x", "b.y", "c.y", "c.x"]),
        ({"max_tokens": 2}, ["a.", "b.", "c.", "d."]),  # ends with a step, but no token is left for another
        ({"max_step_tokens": 1}, ["a", "b", "c", "d"]),
        ({"max_rounds": 1}, ["a.", "b.", "c.", "d."]),
    ],
)
@pytest.mark.parametrize("finished", ["shrink", "keep", "refill"])
@pytest.mark.parametrize("strategy", [Strategy("beam", 2), Strategy("lookahead", 2, 2)])
def test_a_cut_solution_is_not_finished(limits, solutions, finished, strategy):
    scores = {
        f"{first}.{more}": score for first, score in (("b", 0.9), ("c", 0.6)) for more in ("", "x", "x$")
    }
    engine, verifier = case("abcd", FIRST_FOUR | XY, scores)
    [result] = run(engine, verifier, 4, strategy, options=Options(finished=finished), **limits)
    assert found(result) == solutions
    assert {candidate.finish for candidate in result.candidates} == {"length"}
    assert result.bill.generated_tokens == engine.tokens_generated


def test_no_row_is_made_longer_than_its_own_limit():
    """`a.` leaves 3 of 5 tokens and `bbb.` leaves 1: none makes a token in vain."""

    def policy(prefix):
        solution = prefix[1:]
        if not solution:
            return {"a": 0.5, "b": 0.5}
        if solution in ("a", "bbb"):
            return {".": 1.0}
        return {"b": 1.0} if solution in ("b", "bb") else {"z": 1.0}

    engine = ToyEngine(policy, scripted(STREAM, {(0, 0): 0.1, (0, 1): 0.9, (1, 0): 0.5, (1, 1): 0.5}))
    [result] = run(engine, ToyVerifier({}), 2, Strategy("beam", 1), max_tokens=5, max_step_tokens=4)
    assert found(result) == ["a.zzz", "bbb.z"]
    assert engine.calls == [(2, 1.0, [4, 4]), (2, 1.0, [3, 1])]
    assert result.bill.generated_tokens == engine.tokens_generated == 10


def test_keep_gives_no_place_to_a_cut_solution():
    """`z` is cut in its first step, with the best score: the two places go to `b.` and `c.`."""

    def policy(prefix):
        return {"z": 1.0} if prefix[1:] == "d" else two_steps("abcd")(prefix)

    engine = ToyEngine(policy, scripted(STREAM, FIRST_FOUR | XY))
    verifier = ToyVerifier({"dz": 0.9, "b.": 0.8, "c.": 0.7})
    [result] = run(
        engine, verifier, 4, Strategy("beam", 2), options=Options(finished="keep"), max_step_tokens=2
    )
    assert found(result) == ["b.x$", "b.y$", "c.y$", "c.x$"]


def test_a_rollout_that_uses_up_the_tokens_stops():
    """`a.w.` has the 4 tokens of a solution: the third greedy step is not asked for."""
    draws = {(0, 0): 0.1, (0, 1): 0.9, (1, 0): 0.9, (1, 1): 0.9}
    engine, verifier = ToyEngine(roll_policy, scripted(STREAM, draws)), ToyVerifier(ROLL_SCORES)
    [result] = run(engine, verifier, 2, Strategy("lookahead", 2, 3), max_tokens=4)
    assert verifier.calls[0] == ["a.w.", "b.r."]
    assert (result.nodes[0].step_score, result.nodes[0].score) == (
        0.9,
        0.1,
    )  # of `a.`, and after its rollout `w.`
    assert [(c.finish, string(c.tokens)) for c in result.candidates] == [("length", "b.s.")] * 2


# -- duplicates ----------------------------------------------------------------------------------------------


def test_duplicates_are_billed_and_dropped_only_on_request():
    draws = XY | {(0, 0): 0.1, (0, 1): 0.1, (0, 2): 0.3, (0, 3): 0.6}
    results = {}
    for duplicates in ("keep", "drop"):
        engine, verifier = case("abcd", draws, EARLY)
        [results[duplicates]] = run(
            engine, verifier, 4, Strategy("beam", 2), options=Options(duplicates=duplicates)
        )
        assert results[duplicates].bill.generated_tokens == engine.tokens_generated == 16
        assert results[duplicates].bill.discarded_tokens == 4
    assert found(results["keep"]) == [
        "a.x$",
        "a.y$",
        "a.y$",
        "a.x$",
    ]  # both `a.` kept, each with two of its own
    assert found(results["drop"]) == ["a.x$", "a.y$", "b.y$", "b.x$"]


def test_places_of_dropped_duplicates_go_to_other_beams():
    engine, verifier = case("abcd", XY | {(0, place): 0.1 for place in range(4)}, {})
    [result] = run(engine, verifier, 4, Strategy("beam", 2), options=Options(duplicates="drop"))
    assert found(result) == ["a.x$", "a.y$", "a.y$", "a.x$"]
    assert [node.parent for node in result.nodes[4:]] == [0] * 4


# -- mistakes ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"max_tokens": 0}, "max_tokens is 0"),
        ({"max_rounds": 0}, "max_rounds is 0"),
        ({"temperature": -1.0}, "temperature is -1.0"),
    ],
)
def test_impossible_limits_are_refused(changes, message):
    with pytest.raises(InputError, match=message):
        run(ToyEngine(random_policy(1)), ToyVerifier({}), 4, Strategy("beam", 2), **changes)


@pytest.mark.parametrize(
    ("scores", "message"),
    [
        ([], "gave 0 scores to a solution of 1 or more steps"),
        ([float("nan")], "every score is from 0 to 1"),
        ([1.5], "every score is from 0 to 1"),
    ],
)
def test_a_verifier_that_gives_no_score_is_an_error_and_not_a_zero(scores, message):
    class Broken:
        tokens_scored = 0

        def score(self, prompts, solutions):
            return [scores for _ in solutions]

    with pytest.raises(InputError, match=message):
        run(ToyEngine(random_policy(1)), Broken(), 4, Strategy("beam", 2))


def test_no_problems_give_no_results():
    assert run(ToyEngine(random_policy(1)), ToyVerifier({}), 4, Strategy("beam", 2), [], []) == []
