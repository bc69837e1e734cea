"""FLOPs matching (paper §7): the generations that a small model may spend at the price of a larger one.

Pretraining costs X = 6·N·D_pre FLOPs and inference Y = 2·N·D_inf for N parameters and D tokens; the
camera-ready version charges the verifier as well, Y = 4·N·D_inf.  A model M times larger costs M·(X + Y).
The small model spends the same on X + k·Y, which gives the factor k on its inference.

With Y = 4·N·D_inf, k counts generations that the verifier has read, and a curve over such generations is read at k.
The camera-ready figures move verifier curves right by one point besides, a factor of two in generations.  Both together
charge the verifier twice, so the move is an option and not the default.
"""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ttc.errors import InputError, nearest
from ttc.flops import ROLES
from ttc.models.card import parameters_of
from ttc.statistics.bootstrap import bootstrap_means, percentile_interval, with_ends

# Version -> (FLOPs of a pretraining token) / (FLOPs of an inference token), both per parameter
VERSIONS = {"v1": 6 / 2, "camera_ready": 6 / 4}
# How the camera-ready formula is read -> generations that one verified generation counts as
VERIFIER_CURVES = {"as_measured": 1, "moved_right": 2}


def multiplier(parameters: float, ratio: float, version: str = "v1") -> float:
    """Factor on the small model's inference compute at equal FLOPs.

    `parameters` M is the larger model's parameter count over the small model's, `ratio` R = D_inf / D_pre.
    v1: M + 3·(1/R)·(M−1); camera-ready: M + 3/2·(1/R)·(M−1) (paper §7).  Follows from
    X + k·Y = M·(X + Y)  ⇒  k = M + (X/Y)·(M−1).
    """
    if version not in VERSIONS:
        raise InputError(
            f"FLOPs version '{version}' is not one of {', '.join(VERSIONS)}{nearest(version, VERSIONS)}"
        )
    if parameters < 1 or ratio <= 0:
        raise InputError(
            f"FLOPs matching needs a larger model (M = {parameters:g} >= 1) and a positive ratio (R = {ratio:g} > 0)"
        )
    return parameters + VERSIONS[version] / ratio * (parameters - 1)


def verified_generations(factor: float, version: str, curves: str = "as_measured") -> float:
    """Generations of the small model, all read by the verifier, that a factor on its inference compute pays for.

    `curves` acts on the camera-ready version only: v1 does not charge the verifier.
    """
    if curves not in VERIFIER_CURVES:
        raise InputError(
            f"verifier curves '{curves}' is not one of {', '.join(VERIFIER_CURVES)}{nearest(curves, VERIFIER_CURVES)}"
        )
    return factor / VERIFIER_CURVES[curves] if version == "camera_ready" else factor


@dataclass(frozen=True)
class Budgeted:
    """A value read off a curve: per question, at the budget used, and whether that is less than was asked for."""

    values: np.ndarray
    budget: float
    clipped: bool


def at_budget(budgets: np.ndarray, values: np.ndarray, budget: float) -> Budgeted:
    """Values at a fractional budget, linear in log(budget) between the neighbouring measured budgets.

    `budgets` (k,) rising, `values` (questions, k).  Above the largest measured budget the value there is used
    and `clipped` is set: nothing is extrapolated.  Below the smallest, the value there.  Linear interpolation
    of each question's value interpolates their mean in the same way, so accuracies and paired differences
    agree.
    """
    budgets = np.asarray(budgets, dtype=np.float64)
    used = float(np.clip(budget, budgets[0], budgets[-1]))
    right = int(np.searchsorted(budgets, used))
    if budgets[right] == used:
        return Budgeted(values[:, right], used, budget > budgets[-1])
    left = right - 1
    share = np.log(used / budgets[left]) / np.log(budgets[right] / budgets[left])
    return Budgeted((1 - share) * values[:, left] + share * values[:, right], used, False)


def against(
    small: np.ndarray,
    larger: np.ndarray,
    copies: np.ndarray,
    random: np.random.Generator,
    resampled: np.ndarray | None = None,
) -> tuple[float, ...]:
    """Accuracy of `small` and of `larger` (questions,) and their paired difference, each with its 95 % interval.

    Means are over the questions that both have (NaN = not measured) and that one draw of each holds: `copies`
    (1 + replicates, questions) are the questions meant, each once, and below them those of every resample.
    `resampled` (replicates,): means of `small` in every resample where it holds a choice that was made anew.
    """
    values = np.column_stack([small, larger, small - larger])
    values[np.isnan(values).any(axis=1)] = np.nan
    means = bootstrap_means(values, copies)
    mean, replicates = means[0], means[1:]
    if resampled is not None:
        replicates[:, 0] = resampled
        replicates[:, 2] = resampled - replicates[:, 1]
    size = int(copies[0] @ ~np.isnan(values[:, 0]))
    replicates[:, :2] = with_ends(replicates[:, :2], np.full(2, size), (0.0, 1.0), random)
    replicates[:, 2:] = with_ends(replicates[:, 2:], np.full(1, size), (-1.0, 1.0), random)
    low, high = percentile_interval(replicates)
    mean[:2], low[:2], high[:2] = (np.clip(part[:2], 0.0, 1.0) for part in (mean, low, high))
    return tuple(float(number) for ends in zip(mean, low, high, strict=True) for number in ends)


def winner(difference: float, low: float, high: float, names: tuple[str, str]) -> str:
    """Which of two is ahead, by the interval of their difference: `undecided` where it contains 0."""
    return names[0] if low > 0 else names[1] if high < 0 else "undecided"


def model_parameters(
    given: dict[str, int] | None, directories: dict[str, list[Path]]
) -> dict[str, int | None]:
    """Parameters of each model by role: from its directory's card where that says it, else those `given`.

    `directories`: role -> list of at most one model directory; other roles are ignored.  None = unknown.
    """
    parameters = dict.fromkeys(ROLES) | (given or {})
    for role in ROLES:
        for directory in directories.get(role, []):
            if (found := parameters_of(directory)) is not None:
                parameters[role] = found
    return parameters
