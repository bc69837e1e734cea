"""Independent runs of a search: their mean, its error, and what repeats are worth."""

import math

import numpy as np
import pytest

from ttc.evaluation.runs import Runs

QUESTIONS = 6000


def repeated(random, chances, runs):
    """`means` of searches that are right with these chances, each run `runs` times."""
    collected = Runs()
    for _ in range(runs):
        for question, right in enumerate(random.random(len(chances)) < chances):
            collected.add(f"q{question}", "beam(width=4)", 4, right, 10, 20)
    return list(collected.means())


def test_runs_of_one_search_are_averaged_by_hand():
    runs = Runs()
    for correct, tokens in ((1.0, 10), (0.0, 20), (0.5, 60)):
        runs.add("q", "beam(width=4)", 4, correct, tokens, None)
    runs.add("q", "beam(width=4)", 16, 1.0, 7, 9)
    runs.add("p", "beam(width=4)", 4, 1.0, 7, 9)
    three, other, single = runs.means()
    assert (three.problem_id, three.budget, three.correct, three.generated) == ("q", 4, 0.5, 30)
    assert three.error == pytest.approx(0.5 / math.sqrt(3)) and math.isnan(three.read)
    assert (other.budget, other.correct, other.error) == (16, 1.0, 0.0)
    assert (single.problem_id, single.correct, single.error, single.read) == ("p", 1.0, 0.0, 9)


@pytest.mark.parametrize("count", [2, 4, 8])
def test_the_error_of_the_mean_falls_as_one_over_the_runs_and_mc_error_says_it(count):
    random = np.random.default_rng(count)
    chances = random.beta(0.4, 0.6, QUESTIONS)
    means = repeated(random, chances, count)
    squared = (np.array([mean.correct for mean in means]) - chances) ** 2
    truth = chances * (1 - chances) / count
    # Squared errors of means of 0/1 draws are not normal; their own spread says how near the mean has to be
    assert squared.mean() == pytest.approx(truth.mean(), abs=4 * squared.std() / math.sqrt(QUESTIONS))
    stated = np.array([mean.error for mean in means]) ** 2
    assert stated.mean() == pytest.approx(truth.mean(), abs=4 * stated.std() / math.sqrt(QUESTIONS))
