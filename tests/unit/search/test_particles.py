"""Particle filtering: by hand, by exact probabilities, and against a second implementation written from the paper.

Every step is one letter: `a` or `b` and a `.`, or `e` and the `$` that ends a solution.
"""

import itertools
import math
from collections import Counter

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.toy import STREAM, ToyEngine, ToyStepVerifier, found, keyed, run, scripted, solution
from ttc import noise, strategies
from ttc.errors import InputError
from ttc.search.methods.particles import Particles, weights
from ttc.search.options import Options
from ttc.search.strategy import Strategy
from ttc.search.tree import Tree

KEEP = Options(finished="keep")
PF = Strategy("particles", temperature=1.0)
A, B, E = 0.1, 0.5, 0.9  # draws of each


def letters(prompt_and_text):
    """The three letters are equally likely, and each is followed by what ends its step."""
    last = prompt_and_text[-1]
    if last in "ab":
        return {".": 1.0}
    return {"$": 1.0} if last == "e" else dict.fromkeys("abe", 1 / 3)


def step_of(draw):
    """The step that a draw makes."""
    letter = "abe"[int(draw * 3)]
    return letter + ("$" if letter == "e" else ".")


def searched(budget, draws, scores, strategy=PF, **changes):
    engine, verifier = ToyEngine(letters, scripted(STREAM, draws)), ToyStepVerifier(scores)
    [result] = run(engine, verifier, budget, strategy, **{"options": KEEP} | changes)
    assert result.bill.generated_tokens == engine.tokens_generated
    assert result.bill.verifier_tokens == verifier.tokens_scored
    assert result.bill.generations == budget
    return result


def resampling(stream, round_, count):
    """The draws of a method after a round, as `ttc.search.beams` documents them."""
    own = noise.substreams(noise.substreams(np.array([stream]), 2**32), round_)[0]
    return [keyed(own, position) for position in range(count)]


def softmax_of_odds(scores, temperature):
    """(score / (1 - score)) ^ (1 / temperature) as shares: the softmax of log odds, another way."""
    powers = [(score / (1 - score)) ** (1 / temperature) for score in scores]
    return [power / math.fsum(powers) for power in powers]


# -- the weights ---------------------------------------------------------------------------------------------


def test_at_temperature_one_the_weights_are_the_odds():
    """Odds of .5, .75, .8: 1, 3, 4."""
    np.testing.assert_allclose(weights([0.5, 0.75, 0.8], 1.0), [1 / 8, 3 / 8, 4 / 8])


@given(
    scores=st.lists(st.floats(0.01, 0.99), min_size=1, max_size=8),
    temperature=st.sampled_from([0.3, 1.0, 2.5]),
)
def test_weights_are_the_softmax_of_log_odds(scores, temperature):
    np.testing.assert_allclose(weights(scores, temperature), softmax_of_odds(scores, temperature), atol=1e-12)


@pytest.mark.parametrize("temperature", [1e-300, 1e-3, 1.0, 1e300])
def test_no_score_and_no_temperature_is_too_extreme(temperature):
    found = weights([0.0, 1.0, 0.5], temperature)
    assert math.fsum(found) == pytest.approx(1) and found[1] == max(found)


# -- resampling ----------------------------------------------------------------------------------------------


def population(stream, scores, temperature=1.0, finish="step"):
    """Particles and their newest steps, one for each score."""
    tree = Tree()
    nodes = [tree.add(None, [number], finish, 0) for number in range(len(scores))]
    for node, score in zip(nodes, scores, strict=True):
        node.score = score
    return Particles(tree, stream, len(scores), temperature, KEEP), nodes


def test_copies_are_unbiased_and_drawn_independently():
    """4,000 streams: a particle of weight w has N·w copies on average, with the multinomial's variance N·w·(1 - w)."""
    scores = [0.2, 0.5, 0.5, 0.8, 0.95]
    shares, copies = np.array(weights(scores, 1.0)), []
    for number in range(4000):
        particles, nodes = population(noise.stream(3, "resampling", number), scores)
        counts = Counter(node.index for node in particles.next_round(nodes))
        copies.append([counts[node.index] for node in nodes])
    copies = np.array(copies)
    assert set(copies.sum(axis=1)) == {len(scores)}
    variance = len(scores) * shares * (1 - shares)
    assert (np.abs(copies.mean(axis=0) - len(scores) * shares) < 4 * np.sqrt(variance / len(copies))).all()
    np.testing.assert_allclose(copies.var(axis=0), variance, rtol=0.12)


@given(
    scores=st.lists(st.integers(0, 20), min_size=1, max_size=9, unique=True),
    seed=st.integers(0, 10**6),
)
def test_near_temperature_zero_all_copies_follow_the_best(scores, seed):
    particles, nodes = population(noise.stream(seed), [score / 20 for score in scores], temperature=1e-9)
    best = nodes[scores.index(max(scores))]
    assert particles.next_round(nodes) == [best] * len(nodes)


# -- by hand -------------------------------------------------------------------------------------------------


def test_an_ended_particle_competes_with_the_weight_of_its_last_step():
    """N = 3, cold.  Round 1: a, b, e$ with scores .4, .6, .9: e$ takes all three places, and the search is over.

    Generated are 3 steps of 2 tokens; those of a and b are discarded; all three candidates are the one solution.
    """
    result = searched(
        3,
        {(0, 0): A, (0, 1): B, (0, 2): E},
        {"a.": 0.4, "b.": 0.6, "e$": 0.9},
        Strategy("particles", temperature=1e-3),
    )
    assert found(result) == ["e$"] * 3
    assert {candidate.node for candidate in result.candidates} == {2}
    assert (result.bill.generated_tokens, result.bill.discarded_tokens, result.bill.verifier_tokens) == (
        6,
        4,
        7,
    )
    assert [node.kept for node in result.nodes] == [False, False, True]


def test_an_ended_particle_that_is_beaten_is_gone():
    """N = 2, cold.  Round 1: e$ (.3) and a. (.7): both places go on below `a.`; round 2 ends both."""
    result = searched(
        2,
        {(0, 0): E, (0, 1): A, (1, 0): E, (1, 1): E},
        {"e$": 0.3, "a.": 0.7},
        Strategy("particles", temperature=1e-3),
    )
    assert found(result) == ["a.e$", "a.e$"]
    assert [node.parent for node in result.nodes] == [-1, -1, 1, 1]
    assert result.bill.discarded_tokens == 2


def test_nothing_is_drawn_once_all_have_ended():
    """Both solutions of the last round stay, though one has nearly all of the weight."""
    result = searched(2, {(0, 0): E, (0, 1): E}, {"e$": 0.99}, Strategy("particles", temperature=1e-3))
    assert [candidate.node for candidate in result.candidates] == [0, 1]


@pytest.mark.parametrize("finished", ["shrink", "refill"])
def test_ended_particles_have_no_other_way(finished):
    with pytest.raises(
        InputError, match="particles has its own way with solutions that end; allowed is keep"
    ):
        searched(2, {}, {}, options=Options(finished=finished))


# -- exact probabilities -------------------------------------------------------------------------------------


@pytest.mark.parametrize("temperature", [0.5, 1.0, 2.0])
def test_final_particles_have_the_probabilities_of_the_whole_tree(temperature):
    """Two rounds, N = 2: the first steps are a or b, the second ends; who the parents are follows by enumeration."""

    def policy(prompt_and_text):
        if prompt_and_text[-1] in "ab":
            return {".": 1.0}
        return {"a": 0.25, "b": 0.75} if len(prompt_and_text) == 1 else {"$": 1.0}

    scores = {"a.": 0.8, "b.": 0.4}
    expected = Counter()
    for first in itertools.product("ab", repeat=2):
        chance = math.prod({"a": 0.25, "b": 0.75}[letter] for letter in first)
        shares = softmax_of_odds([scores[f"{letter}."] for letter in first], temperature)
        for chosen in itertools.product(range(2), repeat=2):
            name = "".join(sorted(first[place] for place in chosen))
            expected[name] += chance * math.prod(shares[place] for place in chosen)
    assert math.fsum(expected.values()) == pytest.approx(1)
    count = 2000
    streams = [noise.stream(11, "exact", number) for number in range(count)]
    strategy = Strategy("particles", temperature=temperature)
    results = run(
        ToyEngine(policy), ToyStepVerifier(scores), 2, strategy, ["p"] * count, streams, options=KEEP
    )
    measured = Counter("".join(sorted(text[0] for text in found(result))) for result in results)
    for name, chance in expected.items():
        assert abs(measured[name] / count - chance) < 4 * math.sqrt(chance * (1 - chance) / count), name


# -- a second implementation ---------------------------------------------------------------------------------


def particle_filter(budget, temperature, draws, score, most_rounds):
    """Final particles as strings, by Algorithm 1 of the paper."""
    particles = [step_of(draws[0, place]) for place in range(budget)]
    for round_ in range(1, most_rounds):
        if all(text.endswith("$") for text in particles):
            break
        shares = softmax_of_odds([score(text) for text in particles], temperature)
        drawn = []
        for number in resampling(STREAM, round_ - 1, budget):
            place = 0
            while number >= math.fsum(shares[: place + 1]) and place < budget - 1:
                place += 1
            drawn.append(place)
        particles = [particles[place] for place in sorted(drawn)]
        ended = [text for text in particles if text.endswith("$")]
        going = [text for text in particles if not text.endswith("$")]
        particles = ended + [text + step_of(draws[round_, place]) for place, text in enumerate(going)]
    return sorted(particles)


@given(
    seed=st.integers(0, 10**9),
    budget=st.integers(1, 16),
    most_rounds=st.integers(1, 5),
    levels=st.sampled_from([2, 7, 1000]),
    temperature=st.sampled_from([0.3, 1.0, 3.0]),
)
def test_a_search_is_what_the_second_implementation_finds(seed, budget, most_rounds, levels, temperature):
    paths = [(round_, place) for round_ in range(most_rounds) for place in range(budget)]
    draws = dict(zip(paths, np.random.default_rng(seed).random(len(paths)).tolist(), strict=True))

    def score(prefix):
        return (1 + int(noise.stream(seed, prefix)) % levels) / (levels + 2)

    strategy = Strategy("particles", temperature=temperature)
    result = searched(budget, draws, score, strategy, max_rounds=most_rounds)
    assert sorted(found(result)) == particle_filter(budget, temperature, draws, score, most_rounds)
    bill, nodes = result.bill, result.nodes
    assert len(result.candidates) == budget
    assert bill.generated_tokens == sum(len(node.tokens) for node in nodes)
    assert bill.verifier_tokens == 1 + bill.generated_tokens
    used = {place for candidate in result.candidates for place in _path(nodes, candidate.node)}
    assert bill.discarded_tokens == sum(len(node.tokens) for node in nodes if node.index not in used)
    for candidate in result.candidates:
        assert (candidate.finish == "stop") == solution(result, nodes[candidate.node]).endswith("$")


def _path(nodes, at):
    while at >= 0:
        yield at
        at = nodes[at].parent


# -- noise ---------------------------------------------------------------------------------------------------


def test_equal_streams_find_equal_particles_whatever_else_is_searched():
    names = ["p", "pq", "r", "longer"]
    streams = [noise.stream(1, name) for name in names]

    def search(order):
        engine, verifier = (
            ToyEngine(letters),
            ToyStepVerifier(lambda prefix: 0.1 + 0.8 * keyed(noise.stream(2, prefix), 0)),
        )
        prompts, own = [names[i] for i in order], [streams[i] for i in order]
        results = run(engine, verifier, 8, PF, prompts, own, options=KEEP, max_tokens=9)
        assert sum(result.bill.generated_tokens for result in results) == engine.tokens_generated
        assert sum(result.bill.verifier_tokens for result in results) == verifier.tokens_scored
        return dict(zip(order, results, strict=True))

    together = search([0, 1, 2, 3])
    assert together == search([3, 1, 0, 2])
    assert together == {i: search([i])[i] for i in range(4)}
    assert len({str(found(result)) for result in together.values()}) > 1


def test_draws_of_the_method_are_not_those_of_steps():
    """Streams of steps are substreams (round, place); the method's own lie apart from them in every round."""
    particles, _ = population(STREAM, [0.5] * 64)
    own = {int(particles.choices(round_)) for round_ in range(40)}
    rounds = noise.substreams(np.full(40, STREAM, dtype=np.uint64), np.arange(40))
    steps = {int(each) for root in rounds for each in noise.substreams(np.full(64, root), np.arange(64))}
    assert len(own) == 40 and not own & (steps | {int(each) for each in rounds})


# -- what follows from the declaration -----------------------------------------------------------------------


def test_it_is_named_by_its_declaration():
    assert PF.name == "particles(temperature=1)"
    assert strategies.label(PF.name) == "particle filtering, temperature 1"
    assert strategies.file_label(PF.name, 16) == "particles-t1-n16"
    assert strategies.is_search(PF.name) and strategies.is_beyond_paper(PF.name)
    assert PF.at(7) == PF and PF.generations(16) == 16
