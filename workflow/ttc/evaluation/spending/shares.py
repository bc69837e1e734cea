"""Shares of a budget: who gets further samples, for a batch of questions with one budget, and at a price."""

import numpy as np

from ttc.evaluation.spending.envelope import Envelope


class Queue:
    """Pieces of envelopes in the order in which they are bought: by falling gain for each generation.

    Ties: the narrower piece, then the earlier question.  `copies` (questions,): how often each question counts, all of
    them alike; without it once.
    """

    def __init__(self, pieces: Envelope, copies: np.ndarray | None = None):
        questions, most = pieces.end.shape
        number = np.ones(questions) if copies is None else np.asarray(copies, dtype=float)
        question = np.repeat(np.arange(questions), most)
        width, gain = pieces.width.ravel(), pieces.gain.ravel()
        real = np.flatnonzero((gain > 0) & (width > 0) & (number[question] > 0))
        # A stable sort: questions that tie stay in their order
        order = real[np.lexsort((width[real], -gain[real]))]
        self.questions, self.number = questions, number
        self.question, self.end, self.gain = question[order], pieces.end.ravel()[order], gain[order]
        self.width = width[order] * number[self.question]
        self.spent = np.cumsum(self.width)
        # What is the least width of all that come later
        self.least = np.minimum.accumulate(self.width[::-1])[::-1]

    def batch(self, budget: float) -> np.ndarray:
        """Index of the size that each question gets, int (questions,), if together they get at most `budget` more.

        Pieces are bought until one does not fit; then those that still do, of questions whose earlier pieces were all
        bought.  Where no piece was passed over and the budget is spent, no other shares have a larger expected sum
        (Everett 1963; Fox 1966); else the sum is less than the best by no more than the first piece passed over.
        """
        found = np.zeros(self.questions, dtype=int)
        fits = int(np.searchsorted(self.spent, budget * (1 + 1e-12), side="right"))
        # Within a question pieces follow each other by falling gain, so the last bought is the farthest
        np.maximum.at(found, self.question[:fits], self.end[:fits])
        left = budget - (self.spent[fits - 1] if fits else 0.0)
        passed: set[int] = set()
        for place in range(fits, len(self.question)):
            if left < self.least[place]:
                break
            owner = int(self.question[place])
            if owner in passed:
                continue
            if self.width[place] <= left:
                left -= self.width[place]
                found[owner] = self.end[place]
            else:
                passed.add(owner)
        return found

    def prices(self, budgets: list[float], kept: np.ndarray | None = None) -> list[float]:
        """The lowest price of a generation at which questions spend at most each budget more on average.

        `kept`, bool (questions,): of these questions only.  inf where even the piece of the highest gain is too much.
        """
        own = slice(None) if kept is None else kept[self.question]
        gain, whole = self.gain[own], self.number.sum() if kept is None else self.number[kept].sum()
        spent = self.spent if kept is None else np.cumsum(self.width[own])
        # At a price everything that gains as much is bought
        last = np.append(gain[1:] < gain[:-1], True)[: len(gain)]
        gain, spent = gain[last], spent[last]
        places = [np.searchsorted(spent, budget * whole * (1 + 1e-12), side="right") for budget in budgets]
        return [float(gain[place - 1]) if place else float("inf") for place in places]


def at_price(pieces: Envelope, price: float) -> np.ndarray:
    """Index of the size that each question gets where a generation costs `price`, int (questions,).

    A piece is bought if it gains at least that much for each generation: no question needs to know of the others.
    """
    if not pieces.end.shape[1]:
        return np.zeros(len(pieces.end), dtype=int)
    return np.where(pieces.gain >= price, pieces.end, 0).max(axis=1)
