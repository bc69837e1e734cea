"""The ablation of verifier quality: random and flipped scores against known answers and brute force."""

from dataclasses import replace
from itertools import combinations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.specs import method
from ttc import noise
from ttc.errors import InputError
from ttc.evaluation.outcomes import COLUMNS, Outcomes, evaluate_pool
from ttc.evaluation.pool import Pool, Steps
from ttc.evaluation.selection import best_of_n_weighted, majority
from ttc.evaluation.verifier_noise import noisy_scores


def pool(groups, right, lengths=None, seed=0, name="p0"):
    """A pool whose samples have `lengths` steps of random scores; answers of class `right` are correct."""
    groups = np.asarray(groups)
    lengths = np.full(len(groups), 3) if lengths is None else np.asarray(lengths)
    values = np.random.default_rng(seed).random(lengths.sum()).round(2)
    return Pool(
        problem_id=name,
        index=np.arange(len(groups)),
        groups=groups,
        correct=(groups == right).astype(float),
        steps={"prm": Steps(values, lengths)},
        tokens=10.0,
        verifier_tokens={"prm": 20.0},
        logprob=-1.0,
    )


def rows(given, noisy, budgets=None, seed=0, compared=()):
    """Outcomes of a pool as {(strategy, budget): row}."""
    parameters = {"policy": 1, "prm": 1}
    outcomes = Outcomes(parameters)
    how = method(
        seed=seed,
        budgets=budgets,
        aggregations_compared=compared,
        noisy_verifiers=noisy,
        parameters=parameters,
    )
    evaluate_pool(given, how, outcomes)
    named = [dict(zip(COLUMNS, row[: len(COLUMNS)], strict=True)) for row in outcomes.rows]
    return {(row["strategy"], row["budget"]): row for row in named}


STANDARD, FLIPPED, RANDOM = (
    "best_of_n_weighted",
    "best_of_n_weighted(verifier=flipped)",
    "best_of_n_weighted(verifier=random)",
)


@pytest.mark.parametrize("acts_on", ["step", "solution"])
@pytest.mark.parametrize("how", ["last", "min", "prod", "mean"])
def test_no_flips_are_the_standard_and_all_flips_the_opposite(acts_on, how):
    given = pool([0, 1, 1, 2], 1, [1, 4, 0, 2])
    steps = given.steps["prm"]
    assert np.array_equal(noisy_scores(given, "flipped", how, 0, 0.0, acts_on), steps.aggregated(how))
    opposite = 1 - steps.aggregated(how)
    if acts_on == "step":
        opposite = replace(steps, values=1 - steps.values).aggregated(how)
    assert np.array_equal(noisy_scores(given, "flipped", how, 0, 1.0, acts_on), opposite)


def test_the_share_that_is_asked_for_is_flipped_and_nothing_else():
    given = pool(np.zeros(20_000, dtype=int), 0, np.ones(20_000, dtype=int))
    before, after = given.steps["prm"].values, noisy_scores(given, "flipped", "last", 5, 0.2)
    changed = before != after
    assert np.array_equal(after[changed], 1 - before[changed])
    assert changed.mean() == pytest.approx(0.2, abs=4 * np.sqrt(0.16 / 20_000))


def test_every_step_is_flipped_by_a_draw_of_its_own():
    given = pool(np.zeros(4000, dtype=int), 0)
    ones = replace(given, steps={"prm": Steps(np.ones(12_000), given.steps["prm"].lengths)})
    # the product of three scores of 1 survives if none is flipped
    assert noisy_scores(ones, "flipped", "prod", 0, 0.2).mean() == pytest.approx(0.8**3, abs=0.03)
    assert noisy_scores(ones, "flipped", "prod", 0, 0.2, "solution").mean() == pytest.approx(0.8, abs=0.03)
    # where the last step counts, both are alike in distribution
    last = [noisy_scores(ones, "flipped", "last", 0, 0.2, acts_on).mean() for acts_on in ("step", "solution")]
    assert last == pytest.approx([0.8, 0.8], abs=0.03)


def test_the_noise_is_the_stream_of_its_problem_sample_and_step():
    given = pool([0, 1], 1, [2, 3], name="p7")
    root = noise.stream(9, "verifier_quality", "random", "p7")
    expected = [noise.uniform(noise.substreams(root, sample), step) for sample, step in ((0, 1), (1, 2))]
    assert noisy_scores(given, "random", "last", 9).tolist() == [float(each) for each in expected]


@given(st.permutations(range(6)), st.integers(1, 5))
def test_noise_is_part_of_no_shard(order, kept):
    whole = pool([0, 1, 2, 0, 1, 0], 1, [1, 2, 0, 3, 1, 2])
    steps = whole.steps["prm"]
    parts = np.split(steps.values, np.cumsum(steps.lengths)[:-1])
    chosen = order[:kept]
    shard = replace(
        whole,
        index=whole.index[chosen],
        groups=whole.groups[chosen],
        correct=whole.correct[chosen],
        steps={"prm": Steps(np.concatenate([parts[i] for i in chosen]), steps.lengths[chosen])},
    )
    for verifier in ("random", "flipped"):
        every = noisy_scores(whole, verifier, "prod", 1, 0.5)
        assert np.array_equal(noisy_scores(shard, verifier, "prod", 1, 0.5), every[chosen])


def test_outcomes_of_a_tiny_pool_by_brute_force():
    given = pool([0, 1, 1, 2, -1], 1)
    found = rows(given, {"share": 0.5, "acts_on": "step"}, [1, 2, 3, 4, 5], seed=3)
    for verifier, strategy in (("flipped", FLIPPED), ("random", RANDOM)):
        scores = noisy_scores(given, verifier, "last", 3, 0.5)
        for size in range(1, 6):
            every = [list(subset) for subset in combinations(range(5), size)]
            expected = np.mean(
                [best_of_n_weighted(given.groups[s], given.correct[s], scores[s]) for s in every]
            )
            assert found[strategy, size]["correct"] == pytest.approx(expected)


def test_without_flips_the_flipped_verifier_is_the_standard_one():
    found = rows(pool([0, 1, 1, 2] * 4, 1), {"share": 0.0, "acts_on": "step"})
    for size in (1, 2, 4, 8, 16):
        flipped = found[FLIPPED, size]
        assert flipped | {"strategy": STANDARD} == found[STANDARD, size]
        # random scores need no verifier to read anything
        assert (found[RANDOM, size]["verifier_tokens"], found[RANDOM, size]["flops"]) == (0, 2 * 10 * size)


def test_a_random_verifier_is_close_to_the_majority_and_not_the_same():
    # two right answers against a wrong one: a + b < c for three uniform numbers in one case of six
    single = [rows(pool([0, 0, 1], 0, name=f"q{i}"), {}, [3])[RANDOM, 3]["correct"] for i in range(3000)]
    assert np.mean(single) == pytest.approx(5 / 6, abs=4 * np.sqrt(5 / 36 / 3000))
    # with a clear lead among many votes, the two agree
    groups = np.repeat([0, 1, 2], [120, 80, 56])
    many = [rows(pool(groups, 0, name=f"r{i}"), {}, [256])[RANDOM, 256]["correct"] for i in range(20)]
    assert np.mean(many) == majority(groups, (groups == 0) * 1.0) == 1.0


def test_aggregations_are_compared_for_the_plain_and_the_weighted_rule():
    given = pool([0, 1, 1, 2], 1, [2, 2, 3, 4])
    found = rows(given, None, [1, 4], compared=["min", "prod", "mean"])
    assert not {strategy for strategy, _ in found} & {FLIPPED, RANDOM}
    for how in ("min", "prod", "mean"):
        scores = given.steps["prm"].aggregated(how)
        best = found[f"best_of_n(aggregation={how})", 4]
        assert (best["selection"], best["correct"]) == ("best_of_n", given.correct[scores.argmax()])
        weighted = found[f"best_of_n_weighted(aggregation={how})", 4]
        assert weighted["correct"] == best_of_n_weighted(given.groups, given.correct, scores)
        assert best["verifier_tokens"] == weighted["verifier_tokens"] == 80


def test_unknown_choices_are_one_sentence():
    with pytest.raises(InputError, match="did you mean 'flipped'"):
        noisy_scores(pool([0], 0), "fliped", "last", 0)
    with pytest.raises(InputError, match="flips act on: 'steps' is not one of step, solution"):
        noisy_scores(pool([0], 0), "flipped", "last", 0, acts_on="steps")
