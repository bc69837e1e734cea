"""FLOPs matching: the published multipliers, budgets between and beyond the measured ones."""

import json

import numpy as np
import pytest

from ttc.errors import InputError
from ttc.evaluation.exchange import (
    VERSIONS,
    at_budget,
    model_parameters,
    multiplier,
    verified_generations,
)
from ttc.flops import forward
from ttc.study.config import resolve


@pytest.mark.parametrize(
    ("version", "ratio", "expected"),
    [
        ("v1", 0.16, 257.75),
        ("v1", 0.79, 63.37),
        ("v1", 22, 15.77),
        ("camera_ready", 0.08, 257.75),
        ("camera_ready", 0.40, 62.75),
        ("camera_ready", 11, 15.77),
    ],
)
def test_published_multipliers_for_a_model_14_times_larger(version, ratio, expected):
    assert multiplier(14, ratio, version) == pytest.approx(expected, abs=0.005)
    assert ratio in resolve({})["exchange"]["ratios"][version]


@pytest.mark.parametrize("version", VERSIONS)
def test_multipliers_are_near_powers_of_two_that_a_study_measures(version):
    """For M = 14 the paper's three ratios pay for about 2^8, 2^6 and 2^4 generations."""
    ratios = sorted(resolve({})["exchange"]["ratios"][version])
    factors = [multiplier(14, ratio, version) for ratio in ratios]
    assert [round(np.log2(factor)) for factor in factors] == [8, 6, 4]


@pytest.mark.parametrize(("version", "per_token"), [("v1", 2), ("camera_ready", 4)])
def test_multiplier_balances_the_flops(version, per_token):
    small, times, pretraining, inference = 3e6, 9.5, 7e9, 2e9
    k = multiplier(times, inference / pretraining, version)
    ours = 6 * small * pretraining + k * per_token * small * inference
    theirs = 6 * small * times * pretraining + per_token * small * times * inference
    assert ours == pytest.approx(theirs)


def test_the_camera_ready_factor_counts_verified_generations():
    """Both sides' FLOPs by hand: the factor is spent on generations that cost 2 + 2 per parameter and token."""
    small, times, pretraining, ratio = 3e6, 14, 1e9, 0.4
    k = verified_generations(multiplier(times, ratio, "camera_ready"), "camera_ready")
    assert k == pytest.approx(62.75)
    generated = read = k * ratio * pretraining
    ours = 6 * small * pretraining + 2 * small * generated + 2 * small * read
    assert ours == pytest.approx(times * (6 * small * pretraining + 4 * small * ratio * pretraining))
    # moved right by one point, the curve is read where half as many generations were made
    assert verified_generations(62.75, "camera_ready", "moved_right") == 62.75 / 2
    assert verified_generations(62.75, "v1", "moved_right") == 62.75  # v1 charges no verifier
    with pytest.raises(InputError, match="did you mean 'moved_right'"):
        verified_generations(4, "v1", "move_right")


def test_a_model_of_the_same_size_gets_the_same_inference():
    assert multiplier(1, 0.5) == 1


def test_bad_arguments():
    with pytest.raises(InputError, match="did you mean 'camera_ready'"):
        multiplier(14, 1, "camera-ready")
    with pytest.raises(InputError, match="positive ratio"):
        multiplier(14, 0)
    with pytest.raises(InputError, match="larger model"):
        multiplier(0.5, 1)


def test_fractional_budgets_are_linear_in_the_logarithm():
    values = np.array([[0.0, 0.2, 0.6], [0.4, 0.4, 0.8]])
    read = at_budget([1, 4, 16], values, 8)
    assert read.values == pytest.approx([0.4, 0.6]) and read.budget == 8 and not read.clipped
    assert at_budget([1, 4, 16], values, 4).values == pytest.approx([0.2, 0.4])


def test_budgets_beyond_the_measured_are_clipped_and_flagged():
    values = np.array([[0.0, 0.2, 0.6]])
    read = at_budget([1, 4, 16], values, 257.75)
    assert read.values == [0.6] and read.budget == 16 and read.clipped
    assert not at_budget([1, 4, 16], values, 16).clipped
    below = at_budget([2, 4, 16], values, 1.0)
    assert below.values == [0.0] and below.budget == 2 and not below.clipped


def test_unknown_cost_stays_unknown():
    assert forward(10, 3.0) == 60
    assert forward(None, 3.0) is None and forward(10, None) is None


def test_parameters_come_from_the_card(tmp_path):
    (tmp_path / "card.json").write_text(json.dumps({"parameters": 123}))
    found = model_parameters({"policy": 5, "prm": 7}, {"policy": [tmp_path], "samples": []})
    assert found["policy"] == 123 and found["prm"] == 7 and found["orm"] is None
    (tmp_path / "card.json").write_text("{")
    with pytest.raises(InputError, match="number of parameters cannot be read"):
        model_parameters(None, {"policy": [tmp_path]})
