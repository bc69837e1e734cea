"""Flat examples and batches: built by hand, every example once an epoch, little padding, equal ones merged."""

from itertools import islice

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from ttc.training.batches import (
    batches,
    by_length,
    collate,
    in_phases,
    language_examples,
    merge_equal,
    value_examples,
)

CPU = torch.device("cpu")
TOKENS = st.lists(st.integers(1, 9), min_size=1, max_size=6)
PAIRS = st.lists(st.tuples(TOKENS, TOKENS), min_size=1, max_size=12)


def columns(pairs):
    return [list(each) for each in zip(*pairs, strict=True)]


def test_a_language_example_learns_the_solution_after_the_prompt():
    examples = language_examples([[1, 7, 4], [1]], [[10, 11, 2], [12]])
    assert examples.tokens.tolist() == [1, 7, 4, 10, 11, 2, 1, 12] and examples.bounds.tolist() == [0, 6, 8]
    # The last prompt token predicts the first of the solution; the last token predicts nothing
    assert examples.mask.tolist() == [False, False, True, True, True, False, True, False]
    assert [each.tolist() for each in examples.masked_targets()] == [[10, 11, 2], [12]]


def test_a_value_example_learns_values_at_positions_of_the_solution():
    positions, values = [np.array([1, 3]), np.array([0])], [[0.25, 1.0], [0.5]]
    examples = value_examples([[1, 7], [1]], [[10, 4, 11, 2], [2]], positions, values)
    assert examples.tokens.tolist() == [1, 7, 10, 4, 11, 2, 1, 2]
    assert np.flatnonzero(examples.mask).tolist() == [3, 5, 7]
    assert [each.tolist() for each in examples.masked_targets()] == values
    assert examples.targets.dtype == np.float32 and examples.targets.sum() == 1.75


def test_batches_are_padded_on_the_right():
    batch = collate(language_examples([[1, 5], [1], [1]], [[6, 2], [9], [2, 3]]), np.array([2, 0]), CPU)
    assert batch.tokens.tolist() == [[1, 2, 3, 0], [1, 5, 6, 2]]
    assert batch.places.tolist() == [0, 1, 5, 6] and batch.targets.tolist() == [2, 3, 6, 2]


@given(PAIRS, st.randoms(use_true_random=False))
@settings(max_examples=60)
def test_a_batch_is_what_a_loop_over_its_examples_makes(pairs, random):
    examples = language_examples(*columns(pairs))
    chosen = np.array(random.sample(range(len(pairs)), random.randint(1, len(pairs))))
    batch = collate(examples, chosen, CPU)
    width = max(len(pairs[index][0]) + len(pairs[index][1]) for index in chosen)
    places, targets = [], []
    for row, index in enumerate(chosen):
        prompt, solution = pairs[index]
        expected = [*prompt, *solution]
        assert batch.tokens[row].tolist() == expected + [0] * (width - len(expected))
        places += [row * width + len(prompt) - 1 + step for step in range(len(solution))]
        targets += solution
    assert batch.places.tolist() == places and batch.targets.tolist() == targets
    taken = examples.take(chosen)
    again = collate(taken, np.arange(len(chosen)), CPU)
    assert torch.equal(again.tokens, batch.tokens) and torch.equal(again.targets, batch.targets)


@pytest.mark.parametrize(("count", "size"), [(10, 3), (1000, 4), (3, 8)])
def test_an_epoch_takes_every_example_once(count, size):
    lengths = np.random.default_rng(0).integers(1, 50, count)
    endless = batches(lengths, size, seed=1)
    epochs = [list(islice(endless, -(-count // size))) for _ in range(2)]
    for epoch in epochs:
        assert sorted(np.concatenate(epoch).tolist()) == list(range(count))
        assert all(len(batch) <= size for batch in epoch)
    if count > size:
        assert [each.tolist() for each in epochs[0]] != [each.tolist() for each in epochs[1]]
    if count == 1000:  # sorted by length inside groups of 64 batches: little padding
        assert sum(len(each) * lengths[each].max() for each in epochs[0]) < 1.1 * lengths.sum()


def test_validation_goes_from_short_to_long():
    lengths = np.array([5, 2, 9, 2, 7])
    assert [each.tolist() for each in by_length(lengths, 2)] == [[1, 3], [0, 4], [2]]


@given(PAIRS)
@settings(max_examples=60)
def test_equal_examples_are_merged_with_their_mean_target(pairs):
    """Against a dictionary of tokens; sums of targets over equal examples stay what they were."""
    prompts, solutions = columns(pairs)
    rng = np.random.default_rng(len(pairs))
    values = [rng.random(1) for _ in pairs]
    last = [np.array([len(each) - 1]) for each in solutions]
    merged, counts = merge_equal(value_examples(prompts, solutions, last, values))
    expected: dict[tuple, list[float]] = {}
    for (prompt, solution), value in zip(pairs, values, strict=True):
        expected.setdefault((*prompt, *solution), []).append(value[0])
    found = {
        tuple(merged.tokens[start:stop].tolist()): (count, targets[0])
        for start, stop, count, targets in zip(
            merged.bounds[:-1], merged.bounds[1:], counts, merged.masked_targets(), strict=True
        )
    }
    assert found.keys() == expected.keys() and len(merged) == len(expected)
    for key, given_values in expected.items():
        assert found[key] == (len(given_values), pytest.approx(np.mean(given_values), abs=1e-6))


def test_examples_that_learn_at_different_places_are_not_merged():
    prompts, solutions = [[1], [1, 2]], [[2, 3], [3]]
    assert len(merge_equal(language_examples(prompts, solutions))[0]) == 2


def test_phases_take_their_examples_for_their_steps():
    lengths = np.arange(1, 31)
    early, late = np.arange(0, 20, 2), np.arange(15, 30)
    made = list(in_phases(lengths, [(early, 5), (late, 7)], 2, seed=1))
    assert [len(part) for part in made[:5]] == [2] * 5 and len(made) == 12
    # Ten examples, two a step: five steps are their epoch
    assert sorted(np.concatenate(made[:5]).tolist()) == early.tolist()
    assert set(np.concatenate(made[5:]).tolist()) <= set(late.tolist())
    assert [part.tolist() for part in in_phases(lengths, [(early, 0), (late, 7)], 2, seed=1)] == [
        part.tolist() for part in made[5:]
    ]
