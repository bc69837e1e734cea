"""Difficulty of questions and their bins (paper §3.2): five quantiles of a number per question, 1 = easiest.

Oracle difficulty is the pass rate over a pool of samples; predicted difficulty is the mean of the verifier's
final score over the same pool and needs no gold answer.  Without a verifier it is the agreement of the answers.
"""

import hashlib

import numpy as np

from ttc.errors import InputError, nearest

TIES = ("split", "together")
SAMPLES = ("shared", "disjoint")
PURPOSES = ("difficulty", "evaluation")
# Samples of a question from which on bins and outcomes may be made of the same ones: with 16 the luck that a question's
# bin and its outcome share makes equal strategies differ by 1 to 3 points, with 64 by up to half a point (simulated,
# docs/statistics.md)
ENOUGH = 128


def pool_half(samples: str, purpose: str) -> int | None:
    """Which half of the pool (`pools.sample_pools`) serves the `purpose` difficulty or evaluation; None = all of it.

    `shared` (the paper): the samples that a question's bin is made from are evaluated, too, so luck that makes it look
    easy also makes it score well.  `disjoint`: bins from the samples of even index, evaluation from those of odd index,
    at half the largest budget.
    """
    if samples not in SAMPLES:
        raise InputError(
            f"difficulty samples '{samples}' is not one of {', '.join(SAMPLES)}{nearest(samples, SAMPLES)}"
        )
    return None if samples == "shared" else PURPOSES.index(purpose)


def shared_luck(samples: str, fewest: int) -> str | None:
    """A warning where bins are made of the very samples that are evaluated, and a question has too few; None else."""
    if samples != "shared" or fewest >= ENOUGH:
        return None
    return (
        f"difficulty.samples is shared and questions have as few as {fewest} samples: below {ENOUGH} a question that "
        "was lucky looks easy and does well by the same luck, so differences in bins, and gains of an allocation, come "
        "out too large; `disjoint` has half of the samples make the bins and the rest evaluated"
    )


def assign_bins(values: np.ndarray, problem_ids: list[str], bins: int = 5, ties: str = "split") -> np.ndarray:
    """Bin of each question, int32, 1 = highest value = easiest.

    Questions are ranked by falling value.  `ties` says what happens where equal values straddle a border:
    - `split`: equal values are ordered by a hash of the problem's id, so bins differ by at most one question,
      and the same question falls on the same side in every run;
    - `together`: equal values share a bin, that of the easiest rank among them, so bins are uneven: the
      paper's oracle bins hold 100, 100, 100, 105 and 95 questions (camera-ready, appendix).  A bin can be
      empty. The bin of rank r (from 0) of n is 1 + floor(r · bins / n).
    """
    if ties not in TIES:
        raise InputError(f"difficulty ties '{ties}' is not one of {', '.join(TIES)}{nearest(ties, TIES)}")
    if bins < 1:
        raise InputError(f"difficulty needs at least one bin, and {bins} were asked for")
    values = np.asarray(values, dtype=np.float64)
    count = len(values)
    if count == 0:
        return np.zeros(0, dtype=np.int32)
    if np.isnan(values).any():
        raise InputError(f"difficulty is not known for {int(np.isnan(values).sum())} of {count} questions")
    order = easiest_first(values, problem_ids)
    ranks = np.empty(count, dtype=np.int64)
    ranks[order] = np.arange(count)
    if ties == "together":
        ordered = -values[order]
        ranks = np.searchsorted(ordered, -values, side="left")
    return (1 + ranks * bins // count).astype(np.int32)


def easiest_first(values: np.ndarray, problem_ids: list[str]) -> np.ndarray:
    """Indices of the questions by falling value, equal ones by a hash of the problem's id; int (questions,)."""
    hashes = np.array([_stable_hash(problem_id) for problem_id in problem_ids], dtype=np.uint64)
    return np.lexsort((hashes, -values))


def _stable_hash(problem_id: str) -> int:
    return int.from_bytes(hashlib.blake2b(problem_id.encode(), digest_size=8).digest(), "little")


def agreement(groups: np.ndarray) -> float:
    """Share of the samples of one problem that have its most frequent answer; "no answer" (-1) agrees with nothing."""
    counts = np.unique(groups[groups >= 0], return_counts=True)[1]
    return float(counts.max() / len(groups)) if len(counts) else 0.0


def answer_entropy(groups: np.ndarray) -> float:
    """Entropy −Σ p ln p (nats) of the distribution of answers of one problem; "no answer" (-1) is one more
    class.
    """
    shares = np.unique(groups, return_counts=True)[1] / len(groups)
    return max(0.0, float(-(shares * np.log(shares)).sum()))
