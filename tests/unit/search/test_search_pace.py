"""Problems advance each at its own pace, and their searches are those of a loop in lock-step."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.support.lock_step import lock_step
from tests.support.toy import ToyEngine, ToyStepVerifier, random_policy, random_score, text
from tests.support.ways import OPTIONS, WAYS
from ttc import noise
from ttc.search import loop
from ttc.search.options import Draw, Options
from ttc.search.strategy import Strategy

NAMES = ["p", "pq", "r", "p", "longer", "s"]
PROMPTS = [text(name) for name in NAMES]
STREAMS = np.array([noise.stream(1, place, name) for place, name in enumerate(NAMES)], dtype=np.uint64)
PARTICLES = [(Strategy("particles", temperature=1.0), each) for each in OPTIONS if each.finished == "keep"]


def toys(seed, shuffled=None):
    return ToyEngine(random_policy(seed), shuffled=shuffled), ToyStepVerifier(random_score(seed))


def searches(engine, verifier, strategy, budget, draw, options, most_rows):
    """Results by place, and the places in the order in which they ended."""
    given = (PROMPTS, STREAMS, strategy, budget, draw, options, PROMPTS, most_rows)
    made = list(loop.Searches(engine, verifier, *given))
    assert len(dict(made)) == len(made) == len(PROMPTS)
    return [dict(made)[place] for place in range(len(PROMPTS))], [place for place, _ in made]


@settings(max_examples=60)
@given(
    seed=st.integers(0, 10**6),
    way=st.sampled_from(WAYS + PARTICLES),
    budget=st.sampled_from([4, 16]),
    most_rows=st.integers(1, 100),
    temperature=st.sampled_from([0.0, 1.0]),
    max_tokens=st.integers(1, 12),
    max_step_tokens=st.integers(1, 6),
    max_rounds=st.integers(1, 5),
    share=st.sampled_from([1e-9, 0.25, 1.0]),
)
def test_no_order_of_groups_changes_a_search(
    seed, way, budget, most_rows, temperature, max_tokens, max_step_tokens, max_rounds, share
):
    strategy, options = way
    draw = Draw(temperature, max_step_tokens, max_tokens, max_rounds)
    engine, verifier = toys(seed)
    expected = lock_step(engine, verifier, PROMPTS, STREAMS, strategy, budget, draw, options)
    counted = engine.tokens_generated, verifier.tokens_scored
    engine, verifier = toys(seed, np.random.default_rng(seed))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(loop, "SCORE_AT", share)
        results, _ = searches(engine, verifier, strategy, budget, draw, options, most_rows)
    assert results == expected
    assert (engine.tokens_generated, verifier.tokens_scored) == counted


def test_a_problem_begins_as_soon_as_another_leaves_room():
    """No more than two problems of four beams are in work, and what is first in work need not end first."""
    engine, verifier = toys(3, np.random.default_rng(0))
    draw = Draw(1.0, 6, 40, 40)
    _, ended = searches(engine, verifier, Strategy("beam", 2), 4, draw, Options(), 8)
    assert sorted(ended) == list(range(6)) != ended
    sizes = [sum(rows for rows, *_ in groups) for groups in engine.takes]
    assert max(sizes) <= 8
    # Between the first end and the last beginning the two problems are in different rounds
    assert len(engine.takes) < sum(
        1 + max(node.round for node in each.nodes)
        for each in searches(*toys(3), Strategy("beam", 2), 4, draw, Options(), 4)[0]
    )


def test_subtrees_do_not_wait_for_each_other_and_nodes_are_numbered_by_rounds():
    engine, verifier = toys(11, np.random.default_rng(1))
    strategy, draw = Strategy("dvts", 2), Draw(1.0, 4, 30, 30)
    results, _ = searches(engine, verifier, strategy, 8, draw, Options(), 48)
    plain = lock_step(*toys(11), PROMPTS, STREAMS, strategy, 8, draw, Options())
    assert results == plain
    for result in results:
        assert [node.index for node in result.nodes] == list(range(len(result.nodes)))
        assert [node.round for node in result.nodes] == sorted(node.round for node in result.nodes)
        assert all(node.parent < node.index for node in result.nodes)
    assert {rows for rows, *_ in engine.calls} <= {1, 2}


def test_steps_are_scored_in_calls_worth_their_while():
    """With all rows in one queue a call has a quarter of the rows in the search, or all that there are."""
    engine, verifier = toys(5, np.random.default_rng(2))
    shares = []

    class Watched(loop.Searches):
        def _score(self):
            shares.append((self.scored, self.growing))
            super()._score()

    draw, strategy = Draw(1.0, 6, 40, 40), Strategy("beam", 2)
    list(Watched(engine, verifier, PROMPTS, STREAMS, strategy, 16, draw, Options(), PROMPTS, 96))
    assert len(shares) > 5 and any(growing for _, growing in shares)
    assert all(scored >= loop.SCORE_AT * (scored + growing) for scored, growing in shares)


def test_the_bill_is_known_at_any_time():
    """Also while other problems are in work, with rollouts half done."""
    engine, verifier = toys(8, np.random.default_rng(3))
    draw, strategy = Draw(1.0, 4, 20, 20), Strategy("lookahead", 2, 3)
    given = (PROMPTS, STREAMS, strategy, 4, draw, Options(), PROMPTS, 16)
    made = loop.Searches(engine, verifier, *given)
    before = 0
    for _ in made:
        assert made.billed() == (engine.tokens_generated, verifier.tokens_scored)
        assert made.billed()[0] > before
        before = made.billed()[0]
