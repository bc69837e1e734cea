"""Verdicts on claims: from intervals, and from p-values that are corrected for the number of claims.

A study asks dozens of questions at once.  At 95 % each, nine of ten studies without any effect would find some claim
reproduced, so a verdict needs a p-value that is adjusted for all of them: by Holm over the primary claims, which keeps
the chance of any false verdict among them at 5 %, and by Benjamini and Yekutieli over the others.  That there is no
effect of size is tested, too, and adjusted in the same families, apart from the differences.
"""

from collections.abc import Sequence

import numpy as np
from scipy.stats import norm

from ttc.paper.claim import MARGIN, Claim, Evidence, Measure
from ttc.statistics.significance import benjamini_yekutieli, holm, sign_flip, skew_corrected

LEVEL = 0.05
# Questions below which nothing is decided: intervals and p-values of fewer are not what they say
FEWEST = 20
FAMILIES = {True: "primary", False: "other"}
_CORRECTIONS = {"primary": holm, "other": benjamini_yekutieli}


def p_value(found: Measure, claim: Claim, random: np.random.Generator) -> float | None:
    """Two-sided p-value of a claim: twice the smaller of those for it and against it; None where nothing is tested.

    For `within` both borders must be left behind (two one-sided tests), against it one is enough.
    """
    tested = found.tested
    if tested is None or claim.side == "none":
        return None
    null = claim.threshold if tested.null is None else tested.null
    if claim.side != "within":
        sides = _one_sided(tested, null, found.value, random)
        return min(1.0, 2 * min(sides))
    above, below = (_one_sided(tested, border, found.value, random) for border in (null, -null))
    equal = max(above[1], below[0])
    return min(1.0, 2 * min(equal, above[0], below[1]))


def equivalence(found: Measure, claim: Claim, random: np.random.Generator) -> float | None:
    """P-value of two one-sided tests that a difference lies within two points of none; None where that is no verdict.

    Source: Schuirmann 1987.
    """
    tested = found.tested
    if tested is None or tested.null is not None or not claim.may_have_no_effect:
        return None
    above, _ = _one_sided(tested, -MARGIN, found.value, random)
    _, below = _one_sided(tested, MARGIN, found.value, random)
    return max(above, below)


def _one_sided(
    tested: Evidence, null: float, value: float, random: np.random.Generator
) -> tuple[float, float]:
    """P-values that the number is above `null`, and that it is below."""
    found = []
    mean = value if tested.values is None else float(np.mean(tested.values))
    if tested.values is not None:
        found.append(sign_flip(tested.values, null, random))
        found.append(skew_corrected(tested.values, null))
    if tested.error:
        found.append(
            (float(norm.sf((mean - null) / tested.error)), float(norm.cdf((mean - null) / tested.error)))
        )
    if tested.resamples is not None:
        beyond = [(tested.resamples <= null).sum(), (tested.resamples >= null).sum()]
        found.append(tuple((1 + int(each)) / (1 + len(tested.resamples)) for each in beyond))
    return tuple(max(side) for side in zip(*found, strict=True))


def adjusted(
    p: Sequence[float | None], families: Sequence[str | None], same: Sequence[int | None]
) -> list[float | None]:
    """P-values adjusted within their families; None stays None.

    `same`: the place of an earlier claim about the very same number, which then counts once.
    """
    found: list[float | None] = [None] * len(p)
    for family, correct in _CORRECTIONS.items():
        places = [
            place
            for place, each in enumerate(p)
            if each is not None and families[place] == family and same[place] is None
        ]
        for place, value in zip(places, correct(np.array([p[place] for place in places])), strict=True):
            found[place] = float(value)
    return [found[place] if first is None else found[first] for place, first in enumerate(same)]


def verdict(found: Measure, claim: Claim, p: float | None, equal: float | None = None) -> str:
    """What a study says about a claim; `p` and `equal`, the p-value of no effect of size, are adjusted.

    - `reproduced`: p is at most .05, the interval lies on the claimed side of the threshold, and the estimate beyond it
      by `claim.beyond`; with `within`, the interval lies inside ± the threshold;
    - `opposite`: the same on the other side;
    - `less than claimed`: on the other side of a threshold that is an effect, but not beyond no effect at all;
    - `no effect of size`: `equal` is at most .05, and the interval lies within two points of no difference,
      which is the threshold;
    - `undecided`: none of these, or fewer than 20 questions.
    """
    if found.value is None:
        return "not measured"
    if claim.side == "none":
        return "measured"
    value, low, high, threshold = found.value, found.low, found.high, claim.threshold
    if low is None or high is None or (found.questions is not None and found.questions < FEWEST):
        return "undecided"
    decided = p is not None and p <= LEVEL
    if claim.side == "within":
        if -threshold <= low and high <= threshold:
            return "reproduced" if decided else "undecided"
        return "opposite" if decided and (low > threshold or high < -threshold) else "undecided"
    neutral = threshold if claim.neutral is None else claim.neutral
    if claim.side == "below":
        value, low, high, threshold, neutral = -value, -high, -low, -threshold, -neutral
    if decided and low >= threshold and low != 0 and value - threshold >= claim.beyond:
        return "reproduced"
    if decided and high < threshold:
        if claim.neutral is not None and high > neutral:
            return "less than claimed"
        if threshold - value >= claim.beyond:
            return "opposite"
    settled = equal is not None and equal <= LEVEL and low >= -MARGIN and high <= MARGIN
    if claim.may_have_no_effect and settled:
        return "no effect of size"
    return "undecided"
