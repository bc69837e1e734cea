"""P-values of paired differences by sign flips, and their correction for the number of claims.

A difference between two strategies is one number for each question.  If there is none, each number might as well have
had the other sign; the p-value is the share of all choices of signs whose sum is as far out as the one measured.
"""

import numpy as np
from scipy.stats import binom, false_discovery_control, t

# Choices of signs that are tried; all of them where there are no more
FLIPS = 20_000
# Signs in memory at a time
BLOCK = 1 << 22
# Sums that are equal but for rounding
TIE = 1e-9


def sign_flip(
    values: np.ndarray, null: float, random: np.random.Generator, flips: int = FLIPS
) -> tuple[float, float]:
    """One-sided p-values of the mean of `values` (questions,): that it is above `null`, and that it is below.

    Exact where 2^questions choices of signs are at most `flips`; else (1 + as extreme ones) / (1 + flips), which is
    valid, too (Phipson and Smyth 2010).  Questions that do not differ from `null` say nothing: six at least must, or
    no p-value is below .025.  The null is that values are symmetric about `null`.
    """
    apart = np.asarray(values, dtype=np.float64) - null
    apart = apart[abs(apart) > TIE]
    total = apart.sum()
    above = below = tried = 0
    for signs in _signs(len(apart), flips, random):
        sums = signs @ apart
        above += int((sums >= total - TIE).sum())
        below += int((sums <= total + TIE).sum())
        tried += len(sums)
    own = 0 if 1 << len(apart) <= flips else 1
    return (above + own) / (tried + own), (below + own) / (tried + own)


def mcnemar(gained: int, lost: int) -> float:
    """Exact two-sided p-value of McNemar's test: of the questions that only one of two gets right, each is as likely
    the one's as the other's.

    It is what all choices of signs give where every difference is 0 or ±1.  Source: McNemar 1947, in its exact form.
    """
    return float(min(1.0, 2 * binom.cdf(min(gained, lost), gained + lost, 0.5)))


def skew_corrected(values: np.ndarray, null: float) -> tuple[float, float]:
    """One-sided p-values of the mean of `values` (questions,), as `sign_flip`, by a t statistic without its skewness.

    Sign flips suppose symmetry, and are too bold where a few questions are far off on one side.  Hall's transformation
    (1992, "On the removal of skewness by transformation") is a cubic in t that takes the skewness of `values` out.
    Values that do not differ give (0, 1), (1, 0) or, at the null itself, (1, 1).
    """
    apart = np.asarray(values, dtype=np.float64) - null
    number, mean, spread = len(apart), float(apart.mean()), float(apart.std())
    if spread <= TIE:
        return float(mean <= TIE), float(mean >= -TIE)
    skew = float((((apart - mean) / spread) ** 3).mean()) / number**0.5
    plain = mean / spread * (number - 1) ** 0.5
    moved = plain + skew * plain**2 / 3 + skew**2 * plain**3 / 27 + skew / 6
    return float(t.sf(moved, number - 1)), float(t.cdf(moved, number - 1))


def _signs(questions: int, flips: int, random: np.random.Generator):
    """Blocks of choices of signs, float (choices, questions): all there are, or `flips` at random."""
    if 1 << questions <= flips:
        yield 1.0 - 2.0 * (np.arange(1 << questions)[:, None] >> np.arange(questions) & 1)
        return
    step = max(1, BLOCK // questions)
    for start in range(0, flips, step):
        rows = min(step, flips - start)
        bits = np.frombuffer(random.bytes(rows * -(-questions // 8)), dtype=np.uint8).reshape(rows, -1)
        yield 1.0 - 2.0 * np.unpackbits(bits, axis=1, count=questions)


def holm(p: np.ndarray) -> np.ndarray:
    """P-values adjusted so that any false claim among them is made with the stated probability at most (Holm 1979)."""
    p = np.asarray(p, dtype=np.float64)
    order = np.argsort(p, kind="stable")
    adjusted = np.empty(len(p))
    adjusted[order] = np.maximum.accumulate(p[order] * np.arange(len(p), 0, -1))
    return np.minimum(adjusted, 1.0)


def benjamini_yekutieli(p: np.ndarray) -> np.ndarray:
    """P-values adjusted so that the share of false ones among those claimed is bounded, whatever their dependence.

    Source: Benjamini and Yekutieli 2001, theorem 1.3.
    """
    return false_discovery_control(p, method="by") if len(p) else np.zeros(0)
