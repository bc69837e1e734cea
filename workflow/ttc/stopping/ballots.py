"""Ballots: votes that grow sample by sample, along many orders of samples at a time.

What a vote would select now is kept up to date, so that a rule may stop anywhere.  Tied answers are averaged, as in
`ttc.evaluation.selection`, and two sums of weights are a tie if rounding alone may tell them apart.
"""

from typing import NamedTuple

import numpy as np

from ttc.evaluation.selection import TIE
from ttc.stopping.questions import Question


class Ballot:
    """A vote by sums of weights, none negative.

    Of each path: `totals` (paths, classes), the largest sum `lead`, the answer `leader` that had it first (-1: nobody
    yet), the next largest sum `second` of any other answer, the sum of all `whole`, samples drawn `drawn`, and the
    expected correctness `value` of what is selected.
    """

    def __init__(self, verdicts: np.ndarray):
        """`verdicts` (paths, classes): the verdict of each answer."""
        paths = len(verdicts)
        self.verdicts = verdicts
        self.totals = np.zeros(verdicts.shape)
        self.lead, self.second, self.whole = np.zeros(paths), np.zeros(paths), np.zeros(paths)
        self.leader = np.full(paths, -1)
        self.drawn = 0
        self._seen = np.zeros(verdicts.shape, dtype=bool)
        # Answers that share the lead: how many, their verdicts, and which lead each answer had a part in last
        self._tied, self._right = np.zeros(paths, dtype=int), np.zeros(paths)
        self._turn, self._part = np.zeros(paths, dtype=int), np.full(verdicts.shape, -1)

    @property
    def value(self) -> np.ndarray:
        """Expected correctness of the answer selected now; 0 where there is none."""
        return self._right / np.maximum(self._tied, 1)

    @property
    def share(self) -> np.ndarray:
        """The leader's share of all weight; 0 where there is none."""
        return np.divide(self.lead, self.whole, out=np.zeros(len(self.lead)), where=self.whole > 0)

    def add(self, group: np.ndarray, weight: np.ndarray) -> None:
        """One more sample in each path: its answer class (-1 = none, which is no vote) and its weight."""
        self.drawn += 1
        # A weight of 0 changes nothing, unless the answer is new: answers of weight 0 tie, absent ones do not
        rows = np.flatnonzero(group >= 0)
        rows = rows[(weight[rows] > 0) | ~self._seen[rows, group[rows]]]
        answer, added = group[rows], weight[rows]
        self._seen[rows, answer] = True
        total = self.totals[rows, answer] + added
        self.totals[rows, answer] = total
        self.whole[rows] += added
        lead, second, tied = self.lead[rows], self.second[rows], self._tied[rows]
        right = self.verdicts[rows, answer]
        inside = self._part[rows, answer] == self._turn[rows]  # this answer has a part in the lead
        over = (total > lead * (1 + TIE)) | (self.leader[rows] < 0)
        joins = ~over & ~inside & (total >= lead * (1 - TIE))

        alone = inside & (tied == 1)
        self.second[rows] = np.where(
            over, np.where(alone, second, lead), np.where(inside, second, np.maximum(second, total))
        )
        self.lead[rows] = np.where(over, total, np.where(inside | joins, np.maximum(lead, total), lead))
        self.leader[rows] = np.where(over, answer, self.leader[rows])
        self._tied[rows] = np.where(over, 1, tied + joins)
        self._right[rows] = np.where(over, right, self._right[rows] + joins * right)
        self._turn[rows] += over
        part = self._part[rows, answer]
        self._part[rows, answer] = np.where(over | joins, self._turn[rows], part)


class Best(Ballot):
    """The best-scored sample, equal scores averaged.  `lead` is the best score, -1 before there is one."""

    def __init__(self, verdicts: np.ndarray):
        super().__init__(verdicts)
        self.lead = np.full(len(verdicts), -1.0)

    def add(self, group: np.ndarray, weight: np.ndarray) -> None:
        """One more sample in each path: its answer class (-1 = none, which is passed over) and its score."""
        self.drawn += 1
        rows = np.flatnonzero(group >= 0)
        answer, score = group[rows], weight[rows]
        over, joins = score > self.lead[rows], score == self.lead[rows]
        right = self.verdicts[rows, answer]
        self._tied[rows] = np.where(over, 1, self._tied[rows] + joins)
        self._right[rows] = np.where(over, right, self._right[rows] + joins * right)
        self.leader[rows] = np.where(over, answer, self.leader[rows])
        self.lead[rows] = np.maximum(self.lead[rows], score)


class Vote(NamedTuple):
    """How an answer is chosen: a ballot, what of a question weighs its samples (None: all alike), and a name in figures
    where the study's curves have no such vote.
    """

    ballot: type[Ballot]
    column: str | None
    title: str | None = None


# By name, those without a verifier first
VOTES = {
    "majority": Vote(Ballot, None),
    "confidence_weighted": Vote(Ballot, "confidence", "vote by own confidence"),
    "deepconf_mean": Vote(Ballot, "confidence_mean", "vote by mean confidence"),
    "deepconf_tail": Vote(Ballot, "confidence_tail", "vote by tail confidence"),
    "deepconf_bottom": Vote(Ballot, "confidence_bottom", "vote by bottom confidence"),
    "deepconf_lowest": Vote(Ballot, "confidence_lowest", "vote by lowest confidence"),
    "best_of_n_weighted": Vote(Ballot, "scores"),
    "best_of_n": Vote(Best, "scores"),
}


def weights(question: Question, vote: str) -> np.ndarray:
    """What each sample of a question weighs in a vote, (n,)."""
    column = VOTES[vote].column
    return np.ones(len(question.groups)) if column is None else getattr(question, column)
