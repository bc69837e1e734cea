"""The preflight of a published verifier: golden examples, and what is refused."""

import math
import re

import polars as pl
import pytest

from tests.support.published import PROBLEM, STEPS
from ttc.errors import InputError
from ttc.verifiers.preflight import Example, golden_examples, preflight

# Preflight


class Given:
    """A verifier whose scores are a function of the step and its verdict in the golden examples."""

    def __init__(self, score):
        self.verdicts = {
            step: verdict
            for each in golden_examples()
            for step, verdict in zip(each.steps, each.verdicts, strict=True)
        }
        self.of = score

    def score(self, problems, solutions):
        return [[self.of(self.verdicts[step]) for step in steps] for steps in solutions]


def test_golden_examples_are_sums_with_one_wrong_step_each():
    examples = golden_examples()
    assert len(examples) == 4
    for each in examples:
        assert len(each.steps) == len(each.verdicts) > 1
        assert each.verdicts == [True] * (len(each.steps) - 1) + [False]


def test_the_sums_of_the_golden_examples_are_as_their_verdicts_say():
    """Every equation in a right step holds; a wrong step has one that does not, or ends in another number."""
    checked = 0
    for each in golden_examples():
        for step, verdict in zip(each.steps, each.verdicts, strict=True):
            for left, right in re.findall(r"([\d]+(?: [-+*/] \d+)+) = (\d+)", step):
                assert (eval(left) == int(right)) == verdict, step
                checked += 1
    assert checked == 8


def test_preflight_gives_a_table():
    table = preflight(Given(lambda verdict: 0.9 if verdict else 0.2))
    assert table.schema == {"example": pl.Int64, "step": pl.Int64, "verdict": pl.Boolean, "score": pl.Float64}
    assert table.rows()[:4] == [(0, 0, True, 0.9), (0, 1, True, 0.9), (0, 2, False, 0.2), (1, 0, True, 0.9)]
    assert len(table) == sum(len(each.steps) for each in golden_examples())


@pytest.mark.parametrize(
    "score, numbers",
    [
        (
            lambda verdict: 0.2 if verdict else 0.9,
            "6 right steps score 0.200 on average and 4 wrong ones 0.900",
        ),
        (lambda verdict: 0.5, "wrong ones 0.500, with an AUC of 0.500 where 0.75 is needed"),
        (lambda verdict: math.nan, "right steps score nan"),
    ],
)
def test_preflight_refuses_a_verifier_that_does_not_tell_right_from_wrong(score, numbers):
    with pytest.raises(InputError, match=numbers):
        preflight(Given(score))


class Listed:
    def __init__(self, *scores):
        self.scores = [list(each) for each in scores]

    def score(self, problems, solutions):
        return self.scores


def test_preflight_by_hand():
    """Right .9 .4 .8, wrong .5 .1: five of six pairs are in order."""
    examples = [Example("a", ["x", "y", "z"], [True, True, False]), Example("b", ["x", "y"], [True, False])]
    verifier = Listed([0.9, 0.4, 0.5], [0.8, 0.1])
    assert len(preflight(verifier, examples, least_auc=5 / 6 - 1e-9)) == 5
    with pytest.raises(InputError, match=r"score 0.700 .* 0.300, with an AUC of 0.833 where 0.9 is needed"):
        preflight(verifier, examples, least_auc=0.9)


def test_preflight_needs_both_verdicts():
    for examples in ([], [Example("a", ["x"], [True])]):
        with pytest.raises(InputError, match="needs examples with right and with wrong steps"):
            preflight(Listed(*([0.5] for _ in examples)), examples)


def test_preflight_of_a_random_checkpoint_fails_or_passes_by_its_numbers(verifiers, folders, tmp_path):
    """A real verifier goes through it: all its golden texts are read, one score for each step."""
    examples = [Example(PROBLEM, STEPS, [True, True, False])]
    verifier = verifiers["qwen_extra0"]
    (scores,) = verifier.score([PROBLEM], [STEPS])
    right = max(scores[:2]) == max(scores) and min(scores[:2]) > scores[2]
    assert right  # of this seed
    assert preflight(verifier, examples)["score"].to_list() == scores
    upside_down = [Example(PROBLEM, STEPS, [False, False, True])]
    with pytest.raises(InputError, match="does not tell right steps"):
        preflight(verifier, upside_down)
