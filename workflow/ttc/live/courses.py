"""Courses: rules that say of one question, after each of its samples, how many more it gets."""

from typing import Protocol

import numpy as np

from ttc.evaluation.spending.probes import Samples, features
from ttc.evaluation.spending.rules import PRICE
from ttc.evaluation.spending.shares import at_price
from ttc.evaluation.spending.take_home import Spender
from ttc.live.seen import Seen
from ttc.stopping.ballots import VOTES, weights
from ttc.stopping.take_home import Taken


class Course(Protocol):
    """The rule of one question.  It is a function of the samples in order, so it may be asked again from the start.

    `vote`: how the answer is chosen; `reason`: by what it stopped, `rule`, `price` or `budget`; `value`: the rule's
    number after the last sample, None where it watches none.
    """

    vote: str
    reason: str
    value: float | None

    def more(self, seen: Seen) -> int:
        """How many samples are wanted before it is asked again; 0 = it has stopped."""


class Fixed:
    """The same number of samples whatever they say."""

    reason, value = "budget", None

    def __init__(self, vote: str, budget: int):
        self.vote, self.budget = vote, budget

    def more(self, seen: Seen) -> int:
        """See `Course`."""
        return max(0, self.budget - len(seen))


class Stopping:
    """A stopping rule at a threshold, with the largest number of samples `budget`: as `ttc.stopping.replay` has it."""

    def __init__(self, taken: Taken, threshold: float, budget: int):
        self.taken, self.rule, self.budget = taken, taken.rule, budget
        self.vote, self.reason, self.value = taken.rule.vote, "budget", None
        self.limit = self.rule.signed(np.array([threshold]))[0]
        # One path; there are at most as many answers as samples, and verdicts decide nothing
        self.ballot = VOTES[self.vote].ballot(np.zeros((1, budget)))
        self.watch = self.rule.module.Watch(1, budget, budget)
        self.looked = 0

    def more(self, seen: Seen) -> int:
        """See `Course`."""
        if self.looked < len(seen) and self.reason == "budget":
            fresh = seen.question(self.looked)
            heavy, numbers = weights(fresh, self.vote), self.taken.numbers(fresh)
            for place in range(len(fresh.groups)):
                group = fresh.groups[place : place + 1]
                self.ballot.add(group, heavy[place : place + 1])
                reading = None if numbers is None else numbers[place : place + 1]
                value = self.watch.see(self.ballot, group, reading)
                self.looked, self.value = self.looked + 1, float(value[0])
                if self.rule.signed(value)[0] >= self.limit:
                    self.reason = "rule"
                    return 0
        return int(self.reason == "budget" and len(seen) < self.budget)


class Priced:
    """A price of a sample: after a probe, once (`price`) or again at every later look (`price_by_steps`)."""

    def __init__(self, spender: Spender, rule: str, probe: int, price: float):
        self.spender, self.rule, self.probe, self.cost = spender, rule, probe, price
        self.vote, self.reason, self.value = spender.vote, "price", None
        later = sorted(size for size in spender.looks if size >= probe)
        self.looks = later[:1] if rule == PRICE else later
        self.wanted, self.least, self.passed = probe, np.inf, 0

    def more(self, seen: Seen) -> int:
        """See `Course`."""
        while len(seen) >= self.wanted and self.passed < len(self.looks):
            look = self.looks[self.passed]
            self.passed += 1
            following = self._after(look, features_of(seen, look))
            if following == look:
                break
            self.wanted = following
        # Stopped, or waiting for the samples up to the next look
        missing = self.wanted - len(seen)
        if missing <= 0:
            self.reason = "budget" if self.wanted == self.spender.sizes[-1] else "price"
            self.passed = len(self.looks)
        return max(0, missing)

    def _after(self, look: int, named: dict[str, np.ndarray]) -> int:
        """The size to go on to after a look: the look itself where no sample is worth its price."""
        pieces, curves, _ = self.spender.pieces(look, named)
        sizes = self.spender.later(look)
        slopes = (curves[0, 1:] - curves[0, 0]) / (sizes[1:] - sizes[0])
        self.value = float(slopes.max())
        if self.rule == PRICE:
            return int(sizes[at_price(pieces, self.cost)[0]])
        self.least = min(self.least, self.value)
        if self.least <= 0 or self.least < self.cost:
            return look
        return self.looks[self.passed] if self.passed < len(self.looks) else int(sizes[-1])


def features_of(seen: Seen, size: int) -> dict[str, np.ndarray]:
    """Features of the first `size` samples of a question, (1,) each (`ttc.evaluation.spending.probes`)."""
    question = seen.question()
    logprobs = np.array(seen.logprobs, dtype=np.float64)
    scores = None if question.scores is None else question.scores[None]
    samples = Samples(question.groups[None], scores, logprobs[None], question.tokens[None])
    return features(samples.first(size))
