"""Ranking and calibration of a verifier's scores: AUC, Brier score, calibration error; with intervals over questions.

A score is compared with a verdict: did the solution that it is about end correct?  All measures are sums over
questions, so a bootstrap over questions (samples of one question are not independent) is a matrix product and needs no
loop over resamples: the AUC is a sum over pairs of questions of how often a correct one's score is above a wrong one's.
"""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from scipy.sparse import csr_array
from scipy.special import erf

from ttc.statistics.bootstrap import LEVEL, bootstrap_counts, percentile_interval

# Questions; of one there is no interval
FEWEST = 2
# Equal-width bins of scores
BINS = 10
# Cells of the table of scores × questions that are in memory at a time
BLOCK = 1 << 18


@dataclass(frozen=True)
class Judged:
    """Scores in [0, 1] beside verdicts, equal scores of a question as one entry: arrays over entries.

    `question` is an index below `questions`; `right` and `wrong` say how many scores of this value are about solutions
    that ended correct and incorrect.
    """

    questions: int
    question: np.ndarray
    score: np.ndarray
    right: np.ndarray
    wrong: np.ndarray

    @property
    def count(self) -> int:
        """Number of scores."""
        return int(self.right.sum() + self.wrong.sum())

    def totals(self, values: np.ndarray) -> np.ndarray:
        """Sum over each question's entries of `values`, shape (questions,)."""
        return np.bincount(self.question, weights=values, minlength=self.questions)

    @cached_property
    def wins(self) -> np.ndarray:
        """[q, p]: pairs of a correct one of question q and a wrong one of p in which the correct one's score is higher.

        Equal scores count one half.  Float64 (questions, questions).
        """
        values, place = np.unique(self.score, return_inverse=True)
        order = np.argsort(place, kind="stable")
        place, question = place[order], self.question[order]
        right, wrong = self.right[order], self.wrong[order]
        step = max(1, BLOCK // self.questions)
        wins, below = np.zeros((self.questions, self.questions)), np.zeros(self.questions)
        # By rising score: the right ones of a block beat the wrong ones of all blocks before
        for start in range(0, len(values), step):
            stop = min(start + step, len(values))
            here = slice(*np.searchsorted(place, [start, stop]))
            cells, shape = (place[here] - start, question[here]), (stop - start, self.questions)
            tied = csr_array((wrong[here], cells), shape=shape).toarray()
            reached = below + np.cumsum(tied, axis=0)
            wins += csr_array((right[here], cells), shape=shape).T @ (reached - tied / 2)
            below = reached[-1]
        return wins


def condense(scores: np.ndarray, verdicts: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Different scores of one question, and how many of each are about correct and about incorrect solutions."""
    values, place = np.unique(np.asarray(scores, dtype=np.float64), return_inverse=True)
    right = np.bincount(place, weights=verdicts, minlength=len(values))
    return values, right, np.bincount(place, minlength=len(values)) - right


def merge(
    parts: list[tuple[np.ndarray, np.ndarray, np.ndarray]],
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """One part of several of the same question."""
    score, right, wrong = (np.concatenate(each) for each in zip(*parts, strict=True))
    values, place = np.unique(score, return_inverse=True)
    return values, *(np.bincount(place, weights=each, minlength=len(values)) for each in (right, wrong))


def join(parts: list[tuple[np.ndarray, np.ndarray, np.ndarray]]) -> Judged:
    """`Judged` of what `condense` returned for each question; at least one."""
    score, right, wrong = (np.concatenate(each) for each in zip(*parts, strict=True))
    return Judged(
        len(parts), np.repeat(np.arange(len(parts)), [len(part[0]) for part in parts]), score, right, wrong
    )


def auc(scores: np.ndarray, verdicts: np.ndarray) -> float | None:
    """Area under the ROC curve, questions left aside; None where all verdicts are equal: there is nothing to rank."""
    judged = join([condense(scores, verdicts)])
    pairs = judged.right.sum() * judged.wrong.sum()
    return float(judged.wins[0, 0] / pairs) if pairs else None


def auc_within(scores: np.ndarray, verdicts: np.ndarray, question: np.ndarray) -> float | None:
    """The same over pairs of solutions to one question; None where no question has a correct and an incorrect one."""
    order = np.argsort(question, kind="stable")
    wins = pairs = 0.0
    for members in np.split(order, np.flatnonzero(np.diff(question[order])) + 1):
        right = verdicts[members].sum()
        if 0 < right < len(members):
            held = right * (len(members) - right)
            wins += auc(scores[members], verdicts[members]) * held
            pairs += held
    return float(wins / pairs) if pairs else None


@dataclass(frozen=True)
class Measured:
    """A number and its 95 % percentile bootstrap interval over questions; NaN where it is not defined."""

    value: float
    low: float
    high: float


def measures(judged: Judged, replicates: int, generator: np.random.Generator) -> dict[str, Measured]:
    """Measures by name, those that are defined and made of at least `FEWEST` questions.

    - `auc`: probability that a correct one's score is above an incorrect one's, whatever their questions; ties half.
    - `auc_within`: the same for two of one question, which is what selection among its samples needs: a verifier that
      only knows which questions are hard has an `auc` above one half and none of this.
    - `brier`: mean squared difference of score and verdict.
    - `calibration_error`: expected calibration error, Σ over equal-width bins of |Σ score − Σ verdict| / number of
      scores, without what chance adds to it (`_debiased`).
    """
    counts = np.vstack([np.ones(judged.questions), bootstrap_counts(judged.questions, replicates, generator)])
    right, wrong = judged.totals(judged.right), judged.totals(judged.wrong)
    size = counts @ (right + wrong)
    squares = judged.right * (1 - judged.score) ** 2 + judged.wrong * judged.score**2
    found = {
        "auc": _ratio(((counts @ judged.wins) * counts).sum(axis=1), (counts @ right) * (counts @ wrong)),
        "auc_within": _ratio(counts @ np.diag(judged.wins), counts @ (right * wrong)),
        "brier": _ratio(counts @ judged.totals(squares), size),
        "calibration_error": _calibration_errors(judged, counts),
    }
    # Questions that a measure is made of
    questions = {"auc_within": ((right > 0) & (wrong > 0)).sum()}
    return {
        name: _measured(values)
        for name, values in found.items()
        if not np.isnan(values[0]) and questions.get(name, judged.questions) >= FEWEST
    }


@dataclass(frozen=True)
class Bin:
    """One bin of a calibration curve: `number` from 1, mean score, share correct, number of scores."""

    number: int
    score: float
    correct: Measured
    count: int


def calibration(judged: Judged, replicates: int, generator: np.random.Generator) -> list[Bin]:
    """Share of correct solutions by score, in `BINS` bins of equal width, those that hold a score."""
    counts = np.vstack([np.ones(judged.questions), bootstrap_counts(judged.questions, replicates, generator)])
    curve = []
    for number, part in enumerate(_binned(judged), start=1):
        if size := part.number.sum():
            correct = _measured(_ratio(counts @ part.right, counts @ part.number))
            curve.append(Bin(number, float(part.scores.sum() / size), correct, int(size)))
    return curve


@dataclass(frozen=True)
class _Binned:
    """Sums of scores, of correct ones and of all in one bin, by question."""

    scores: np.ndarray
    right: np.ndarray
    number: np.ndarray


def _binned(judged: Judged) -> list[_Binned]:
    """Bin b (from 0) holds scores in [b / BINS, (b + 1) / BINS); the last one 1, too."""
    place = np.minimum((judged.score * BINS).astype(int), BINS - 1)
    number = judged.right + judged.wrong
    return [
        _Binned(
            *(
                judged.totals(np.where(place == b, each, 0.0))
                for each in (number * judged.score, judged.right, number)
            )
        )
        for b in range(BINS)
    ]


def _calibration_errors(judged: Judged, counts: np.ndarray) -> np.ndarray:
    """The calibration error of the questions and, behind it, of every resample, as `_measured` takes them.

    Resamples scatter around the error of the sample at hand, chance included; they are moved by that chance, so that
    they scatter around the debiased one.  Where a calibrated verifier would often show as much as this one, its error
    may be none at all: resamples below the median are then 0.
    """
    number = judged.totals(judged.right + judged.wrong)
    size, questions = counts @ number, counts.sum(axis=1)
    plain, debiased, noise = np.zeros((3, len(counts)))
    for part in _binned(judged):
        gap = part.scores - part.right
        apart = _ratio(counts @ gap, size)
        # Of the sum of gaps over the number of scores, a ratio; samples of a question are one draw
        squares = counts @ gap**2 - 2 * apart * (counts @ (gap * number)) + apart**2 * (counts @ number**2)
        error = np.sqrt(_ratio(np.clip(squares, 0, None) * questions, questions - 1)) / size
        plain += abs(apart)
        debiased += _debiased(apart, error)
        noise += abs(apart - apart[0])
    debiased[1:] += debiased[0] - plain[0]
    if len(counts) > 1 and plain[0] <= np.nanquantile(noise[1:], (1 + LEVEL) / 2):
        debiased[1:][debiased[1:] < np.nanmedian(debiased[1:])] = 0
    return debiased


def _debiased(gap: np.ndarray, error: np.ndarray) -> np.ndarray:
    """|gap| without the bias that a noisy gap's absolute value has: 2·|gap| − E|gap + error·Z|, Z standard normal.

    Source: Kumar et al. 2019 (arXiv 1909.10155), section 5, and their `get_ece`, whose draws are a closed form here;
    the standard `error` is over questions instead of samples.
    """
    size = abs(gap)
    ratio = np.divide(size, error, out=np.full_like(size, np.inf), where=error > 0)
    expected = error * np.sqrt(2 / np.pi) * np.exp(-(ratio**2) / 2) + size * erf(ratio / np.sqrt(2))
    return 2 * size - expected


def _ratio(above: np.ndarray, below: np.ndarray) -> np.ndarray:
    return np.divide(above, below, out=np.full(len(above), np.nan), where=below > 0)


def _measured(values: np.ndarray) -> Measured:
    """The first of `values` is the measure, the others its resamples."""
    low, high = percentile_interval(values[1:, None])
    return Measured(*(float(np.clip(each, 0.0, 1.0)) for each in (values[0], low[0], high[0])))
