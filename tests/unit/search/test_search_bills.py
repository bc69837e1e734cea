"""Searches of random policies: what is billed was made, and no problem changes the search of another."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.support.toy import (
    ToyEngine,
    ToyStepVerifier,
    ToyVerifier,
    found,
    random_policy,
    random_score,
    run,
    string,
    text,
)
from tests.support.ways import WAYS
from ttc import noise
from ttc.search.strategy import Strategy


@pytest.mark.parametrize(("strategy", "options"), [way for way in WAYS if way[0] != Strategy("beam", 1)])
def test_results_do_not_depend_on_the_other_problems(strategy, options):
    names = ["p", "pq", "r", "longer"]
    streams = [noise.stream(1, name) for name in names]

    def searched(order):
        engine, verifier = ToyEngine(random_policy(11)), ToyStepVerifier(random_score(11))
        results = run(
            engine,
            verifier,
            4,
            strategy,
            [names[i] for i in order],
            [streams[i] for i in order],
            options=options,
            max_tokens=9,
            max_step_tokens=4,
        )
        assert sum(result.bill.generated_tokens for result in results) == engine.tokens_generated
        assert sum(result.bill.verifier_tokens for result in results) == verifier.tokens_scored
        return dict(zip(order, results, strict=True))

    together = searched([0, 1, 2, 3])
    assert together == searched([3, 1, 0, 2])
    assert together == {i: searched([i])[i] for i in range(4)}
    assert len({str(found(result)) for result in together.values()}) > 1


@settings(max_examples=150)
@given(
    seed=st.integers(0, 10**6),
    way=st.sampled_from(WAYS),
    budget=st.sampled_from([4, 16]),
    temperature=st.sampled_from([0.0, 0.5, 1.0]),
    max_tokens=st.integers(1, 12),
    max_step_tokens=st.integers(1, 6),
    max_rounds=st.integers(1, 5),
)
def test_bills_are_conserved_on_random_trees(
    seed, way, budget, temperature, max_tokens, max_step_tokens, max_rounds
):
    strategy, options = way
    searches = []
    for kind in (ToyVerifier, ToyStepVerifier):
        engine, verifier = ToyEngine(random_policy(seed)), kind(random_score(seed))
        [result] = run(
            engine,
            verifier,
            budget,
            strategy,
            options=options,
            temperature=temperature,
            max_tokens=max_tokens,
            max_step_tokens=max_step_tokens,
            max_rounds=max_rounds,
        )
        assert result.bill.verifier_tokens == verifier.tokens_scored
        searches.append((result.candidates, result.nodes))
    # A verifier that reads each step once leads the search where one that reads whole prefixes does
    assert searches[0] == searches[1]
    bill, nodes, candidates = result.bill, result.nodes, result.candidates
    assert bill.generated_tokens == engine.tokens_generated
    assert bill.verifier_tokens == len("p") + bill.generated_tokens
    assert engine.prefilled == 1
    # every step is on the way to a candidate or dropped, whichever beams share it
    used = set()
    for candidate in candidates:
        at = candidate.node
        while at >= 0:
            used.add(at)
            at = nodes[at].parent
    paid = sum(len(nodes[index].tokens) for index in used)
    assert bill.generated_tokens == paid + bill.discarded_tokens + bill.rollout_tokens
    assert all(nodes[index].kept for index in used)
    # candidates: at most N, each a step of its own (no copies), none longer than the limit, `stop` only at
    # the end
    assert 1 <= len(candidates) <= budget
    assert len({candidate.node for candidate in candidates}) == len(candidates)
    for candidate in candidates:
        assert len(candidate.tokens) <= max_tokens
        assert (candidate.finish == "stop") == (string(candidate.tokens)[-1] == "$")
        assert candidate.step_scores == verifier.score([text("p")], [candidate.tokens])[0]
    beams, left_over = divmod(bill.generations, strategy.steps_ahead + 1)
    assert left_over == 0
    if options.finished == "shrink":
        assert len(candidates) == beams == budget
    elif options.finished == "keep":
        assert beams == budget
    else:
        assert beams >= budget
    for round_ in range(max_rounds):
        assert sum(node.round == round_ for node in nodes) <= budget
