"""DVTS and REBASE: by hand, and against a second implementation of each, written from their papers.

Every step is one letter: `a`, `b` or `c` and a `.`, or `e` and the `$` that ends a solution.
"""

import decimal
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.support.toy import STREAM, ToyEngine, ToyStepVerifier, found, run, scripted, solution
from ttc import noise
from ttc.errors import InputError
from ttc.search.options import Options
from ttc.search.strategy import Strategy

LETTERS = "abce"
A, B, C, E = 0.1, 0.3, 0.6, 0.9  # draws of each
SHARP = Strategy("rebase", temperature=0.2)


def letters(prompt_and_text):
    """The four letters are equally likely, and each is followed by what ends its step."""
    last = prompt_and_text[-1]
    if last in "abc":
        return {".": 1.0}
    return {"$": 1.0} if last == "e" else dict.fromkeys(LETTERS, 0.25)


def searched(strategy, budget, draws, scores, **changes):
    engine, verifier = ToyEngine(letters, scripted(STREAM, draws)), ToyStepVerifier(scores)
    [result] = run(engine, verifier, budget, strategy, **changes)
    assert result.bill.generated_tokens == engine.tokens_generated
    assert result.bill.verifier_tokens == verifier.tokens_scored
    return result


def rounds(result):
    """The solutions up to each step, by round."""
    made = {}
    for node in result.nodes:
        made.setdefault(node.round, []).append(solution(result, node))
    return list(made.values())


# -- DVTS by hand --------------------------------------------------------------------------------------------

# Subtree 0 draws a, b; then c, e below its best; subtree 1 draws c, a; then e, e.
TWO_SUBTREES = {(0, 0, 0): A, (0, 0, 1): B, (1, 0, 0): C, (1, 0, 1): A}
TWO_SUBTREES |= {(0, 1, 0): C, (0, 1, 1): E, (1, 1, 0): E, (1, 1, 1): E}


def test_dvts_keeps_the_best_of_each_subtree():
    """N = 4, M = 2.  Scores: a .9, b .8, c .1.  Beam search would keep `a.` twice, or `a.` and `b.`.

    Subtree 0 keeps `a.` of a, b; subtree 1 keeps its own `a.` of c, a, though `b.` has the same rank as a third.
    Round 2: a.c., a.e$ in subtree 0 and a.e$, a.e$ in subtree 1.  Three have ended; in subtree 0 one place is left,
    and goes to `a.c.`; its only step is e$.  So N = 4 candidates.
    Billed: 9 steps of 2 tokens; discarded: b., c. (4 tokens); verifier 1 + 18.
    """
    result = searched(
        Strategy("dvts", 2), 4, TWO_SUBTREES | {(0, 2, 0): E}, {"a.": 0.9, "b.": 0.8, "c.": 0.1}
    )
    assert rounds(result) == [["a.", "b.", "c.", "a."], ["a.c.", "a.e$", "a.e$", "a.e$"], ["a.c.e$"]]
    assert [node.parent for node in result.nodes] == [-1, -1, -1, -1, 0, 0, 3, 3, 4]
    assert found(result) == ["a.e$", "a.e$", "a.e$", "a.c.e$"]
    bill = result.bill
    assert (bill.generated_tokens, bill.discarded_tokens, bill.verifier_tokens, bill.generations) == (
        18,
        4,
        19,
        4,
    )


def test_a_subtree_that_is_worse_goes_on_and_one_that_ended_frees_nothing():
    """N = 4, M = 2.  All of subtree 0 scores below `b.` of subtree 1, which beam search would keep alone.

    Subtree 1 is over after round 1 (e$, e$ drawn); subtree 0 is not given its places: it goes on with 2.
    """
    draws = {(0, 0, 0): A, (0, 0, 1): C, (1, 0, 0): E, (1, 0, 1): E, (0, 1, 0): E, (0, 1, 1): E}
    result = searched(Strategy("dvts", 2), 4, draws, {"a.": 0.1, "c.": 0.2, "e$": 0.9})
    assert rounds(result) == [["a.", "c.", "e$", "e$"], ["c.e$", "c.e$"]]
    assert found(result) == ["e$", "e$", "c.e$", "c.e$"]


ENDS_EARLY = {(0, 0, 0): E, (0, 0, 1): A, (1, 0, 0): B, (1, 0, 1): C}
ENDS_EARLY |= {(1, 1, 0): E, (1, 1, 1): E}


@pytest.mark.parametrize(
    ("finished", "more", "second_round", "solutions", "generations"),
    [
        # e$ takes one of subtree 0's two places; `a.` gets the other
        ("shrink", {(0, 1, 0): E}, ["a.e$", "b.e$", "b.e$"], ["e$", "a.e$", "b.e$", "b.e$"], 4),
        # e$ (.9) is the best of subtree 0, which is over: M/M = 1 place, and it holds it; `a.` is no candidate
        ("keep", {}, ["b.e$", "b.e$"], ["e$", "b.e$", "b.e$"], 4),
        # both places go on below `a.`; three have ended, the best two of them are subtree 0's
        (
            "refill",
            {(0, 1, 0): E, (0, 1, 1): E},
            ["a.e$", "a.e$", "b.e$", "b.e$"],
            ["e$", "a.e$", "b.e$", "b.e$"],
            3 + 2,
        ),
    ],
)
def test_a_subtree_whose_best_step_ends(finished, more, second_round, solutions, generations):
    """search-and-learn would hand on `a.`, which is no solution, beside e$."""
    scores = {"e$": 0.9, "a.": 0.2, "b.": 0.6, "c.": 0.5}
    options = Options(finished=finished)
    result = searched(Strategy("dvts", 2), 4, ENDS_EARLY | more, scores, options=options)
    assert rounds(result) == [["e$", "a.", "b.", "c."], second_round]
    assert found(result) == solutions
    assert {candidate.finish for candidate in result.candidates} == {"stop"}
    assert result.bill.generations == generations


@settings(max_examples=60)
@given(
    seed=st.integers(0, 10**6),
    subtrees=st.integers(1, 4),
    width=st.integers(1, 4),
    finished=st.sampled_from(["shrink", "keep", "refill"]),
    max_tokens=st.integers(1, 9),
)
def test_dvts_is_as_many_beam_searches_as_it_has_subtrees(seed, subtrees, width, finished, max_tokens):
    def score(prefix):
        return int(noise.stream(seed, prefix)) % 4 / 3

    def search(strategy, budget, streams):
        engine = ToyEngine(letters)
        changes = {"max_tokens": max_tokens, "options": Options(finished=finished)}
        return run(engine, ToyStepVerifier(score), budget, strategy, ["p"] * len(streams), streams, **changes)

    [whole] = search(Strategy("dvts", width), subtrees * width, [STREAM])
    streams = noise.substreams(np.full(subtrees, STREAM, dtype=np.uint64), np.arange(subtrees))
    parts = search(Strategy("beam", width), width, list(streams))
    if subtrees == 1:  # the search has one name, and its stream is the problem's own
        parts = search(Strategy("beam", width), width, [STREAM])
    assert sorted(found(whole)) == sorted(text for part in parts for text in found(part))
    for cost in ("generated_tokens", "discarded_tokens", "generations"):
        assert getattr(whole.bill, cost) == sum(getattr(part.bill, cost) for part in parts)
    # the prompt is read once, not once a subtree
    assert whole.bill.verifier_tokens == sum(part.bill.verifier_tokens - 1 for part in parts) + 1


# -- REBASE by hand ------------------------------------------------------------------------------------------


def test_rebase_shares_the_width_by_the_softmax_of_the_scores():
    """N = 8, temperature 1/ln 2, so that w = 2^score … scores 0 and 1 make weights 1 and 2.

    Round 1: a, a, b, c, c, c, e, e.  Two have ended, W = 6.  Scores: a 1, b 0, c 0, so weights 2, 2, 1, 1, 1, 1; Σ = 8.
    In order: a: ceil(6·2/8) = 2; W = 4, Σ = 6.   a: ceil(4·2/6) = 2; W = 2, Σ = 4.   b: ceil(2·1/4) = 1; W = 1, Σ = 3.
    c: ceil(1·1/3) = 1; W = 0: nothing is left for the other two `c.`.
    Round 2 ends all 6.  Billed: 14 steps of 2 tokens; discarded: two `c.`; verifier 1 + 28.
    """
    first = [A, A, B, C, C, C, E, E]
    draws = {(0, place): draw for place, draw in enumerate(first)} | {(1, place): E for place in range(6)}
    scores = {"a.": 1.0, "b.": 0.0, "c.": 0.0, "e$": 0.5}
    result = searched(Strategy("rebase", temperature=1 / math.log(2)), 8, draws, scores)
    assert [node.parent for node in result.nodes[8:]] == [0, 0, 1, 1, 2, 3]
    assert found(result) == ["e$", "e$", "a.e$", "a.e$", "a.e$", "a.e$", "b.e$", "c.e$"]
    bill = result.bill
    assert (bill.generated_tokens, bill.discarded_tokens, bill.verifier_tokens, bill.generations) == (
        28,
        4,
        29,
        8,
    )


def test_rebase_shrinks_further_with_every_solution_that_ends():
    """N = 4.  Round 1: a, b, e, c: W = 3; equal scores, so 1 place each.  Round 2: one of three ends: W = 2.

    Equal scores again: the two open steps get 1 place each.  N candidates in all.
    """
    draws = {
        (0, 0): A,
        (0, 1): B,
        (0, 2): E,
        (0, 3): C,
        (1, 0): A,
        (1, 1): E,
        (1, 2): C,
        (2, 0): E,
        (2, 1): E,
    }
    result = searched(SHARP, 4, draws, lambda prefix: 0.5)
    assert rounds(result) == [["a.", "b.", "e$", "c."], ["a.a.", "b.e$", "c.c."], ["a.a.e$", "c.c.e$"]]
    assert found(result) == ["e$", "b.e$", "a.a.e$", "c.c.e$"]


@pytest.mark.parametrize("beams", range(2, 65))
def test_equal_steps_get_one_place_each(beams):
    """ceil(W·w/Σw) is 1 where all weights are equal."""
    draws = {(0, place): A for place in range(beams)} | {(1, place): E for place in range(beams)}
    result = searched(SHARP, beams, draws, lambda prefix: 0.7)
    assert [node.parent for node in result.nodes[beams:]] == list(range(beams))


@pytest.mark.parametrize(
    ("temperature", "parents"),
    [
        (1e-300, [1, 1, 1]),  # cold: all places to the best step
        (1e-3, [1, 1, 1]),
        (1e6, [1, 1, 2]),  # the best has a little more than a third of the weight: ceil(1.0000005) = 2
        (1e12, [1, 2, 0]),  # hot: the weights are equal within rounding
    ],
)
def test_extreme_temperatures_share_out_exactly_the_width(temperature, parents):
    draws = {(0, 0): A, (0, 1): B, (0, 2): C} | {(1, place): E for place in range(3)}
    result = searched(
        Strategy("rebase", temperature=temperature), 3, draws, {"a.": 0.1, "b.": 0.9, "c.": 0.3}
    )
    assert [node.parent for node in result.nodes[3:]] == parents


def test_of_equal_steps_rebase_can_give_places_to_the_first_only():
    """a, a, b, c with equal scores: one place each; with `drop` W = 4 is shared by three: 2, 1, 1."""
    draws = {(0, 0): A, (0, 1): A, (0, 2): B, (0, 3): C} | {(1, place): E for place in range(4)}
    parents = {}
    for duplicates in ("keep", "drop"):
        result = searched(SHARP, 4, draws, lambda prefix: 0.5, options=Options(duplicates=duplicates))
        parents[duplicates] = [node.parent for node in result.nodes[4:]]
        assert len(result.candidates) == 4
    assert parents == {"keep": [0, 1, 2, 3], "drop": [0, 0, 2, 3]}


@pytest.mark.parametrize("finished", ["keep", "refill"])
def test_rebase_has_no_other_way_with_solutions_that_end(finished):
    with pytest.raises(InputError, match="rebase has its own way with solutions that end; allowed is shrink"):
        searched(SHARP, 4, {}, {}, options=Options(finished=finished))


# -- a second implementation of each -------------------------------------------------------------------------


def step_of(draw):
    """The step that a draw makes."""
    letter = LETTERS[int(draw * 4)]
    return letter + ("$" if letter == "e" else ".")


def dvts(width, subtrees, draws, score, most_rounds):
    """Solutions that DVTS ends with: the best step of each subtree is kept, what ends leaves with its place."""
    done = []
    for subtree in range(subtrees):
        best, places = "", width
        for round_ in range(most_rounds):
            made = [best + step_of(draws[subtree, round_, place]) for place in range(places)]
            done += [text for text in made if text.endswith("$") or round_ == most_rounds - 1]
            open_ = [text for text in made if not text.endswith("$")]
            places = len(open_)
            if not open_:
                break
            best = max(open_, key=score)  # the first of equal ones
    return sorted(done)


def rebase(budget, temperature, draws, score, most_rounds):
    """Solutions that REBASE ends with; weights to 60 digits, so no share depends on rounding."""
    done, parents = [], [""] * budget
    with decimal.localcontext(prec=60):
        for round_ in range(most_rounds):
            made = [text + step_of(draws[round_, place]) for place, text in enumerate(parents)]
            open_ = [text for text in made if not text.endswith("$") and round_ < most_rounds - 1]
            done += [text for text in made if text not in open_]
            width = budget - len(done)
            open_ = sorted(open_, key=score, reverse=True)  # stable
            weights = [(decimal.Decimal(score(text)) / decimal.Decimal(temperature)).exp() for text in open_]
            total, parents = sum(weights), []
            for text, weight in zip(open_, weights, strict=True):
                share = math.ceil(width * weight / total - decimal.Decimal("1e-40")) if width else 0
                parents += [text] * share
                width, total = width - share, total - weight
            if not parents:
                break
    return sorted(done)


SEEDS, ROUNDS, LEVELS = st.integers(0, 10**9), st.integers(1, 5), st.sampled_from([2, 7, 1000])


@settings(max_examples=100)
@given(seed=SEEDS, subtrees=st.integers(1, 4), width=st.integers(2, 5), most_rounds=ROUNDS, levels=LEVELS)
def test_dvts_is_what_the_second_implementation_finds(seed, subtrees, width, most_rounds, levels):
    draws = uniforms(
        seed, [(j, r, i) for j in range(subtrees) for r in range(most_rounds) for i in range(width)]
    )
    scores = scored(seed, levels)
    # One subtree is beam search, whose places draw from the problem's own stream.
    known = draws if subtrees > 1 else {path[1:]: draw for path, draw in draws.items()}
    result = searched(Strategy("dvts", width), subtrees * width, known, scores, max_rounds=most_rounds)
    assert sorted(found(result)) == dvts(width, subtrees, draws, scores, most_rounds)


@settings(max_examples=100)
@given(
    seed=SEEDS,
    budget=st.integers(1, 24),
    most_rounds=ROUNDS,
    levels=LEVELS,
    temperature=st.sampled_from([0.05, 0.2, 1.0]),
)
def test_rebase_is_what_the_second_implementation_finds(seed, budget, most_rounds, levels, temperature):
    draws = uniforms(seed, [(r, i) for r in range(most_rounds) for i in range(budget)])
    scores = scored(seed, levels)
    strategy = Strategy("rebase", temperature=temperature)
    result = searched(strategy, budget, draws, scores, max_rounds=most_rounds)
    assert sorted(found(result)) == rebase(budget, temperature, draws, scores, most_rounds)


def uniforms(seed, paths):
    """A draw for each path."""
    values = np.random.default_rng(seed).random(len(paths))
    return dict(zip(paths, values.tolist(), strict=True))


def scored(seed, levels):
    """Scores of prefixes, of so many different values: with few there are ties."""
    return lambda prefix: int(noise.stream(seed, prefix)) % levels / levels
