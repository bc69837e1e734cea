"""Reward-balanced search (REBASE; Wu et al. 2024): better steps get more of the budget, none is cut by a fixed rank.

N first steps are sampled.  A solution that ends leaves as a candidate and takes its place from the width, so
with E ended the width is W = N - E.  The open steps get shares of W by softmax(score / temperature): in order
of score, each gets ceil(W·w/Σw) with w = exp(score / temperature), after which W and Σw shrink by its share
and its weight, until W is used up (so the authors' code).  The shares sum to W, and N candidates come out.

An ended solution takes its place by definition, so `finished` is always `shrink`.  `duplicates: drop` gives a
share to the first of equal steps only.  Ties in score go to the earlier step.
"""

import itertools
import math

import numpy as np

from ttc.search.beams import Beams
from ttc.search.options import Options
from ttc.search.strategy import Strategy
from ttc.search.tree import Node, Tree

DECLARATION = {
    "description": "the budget shared out by the scores",
    "legend": "REBASE",
    "parameters": {
        "temperature": {"type": "positive", "letter": "t", "description": "of the softmax over scores"},
    },
    "looks_ahead": None,
    "at_full_width": None,
    "finished": "shrink",
    "competes": False,
    "beyond_paper": True,
}

# A share is a ceiling, so an error of rounding above a whole number must not add a place: 3·(1/3) is 1 place.
ROUNDING = 1e-9


class BalancedBeams(Beams):
    """Beams of one problem that share the budget by their scores."""

    def __init__(self, tree: Tree, stream: np.uint64, budget: int, temperature: float, options: Options):
        """budget: N, the width at the start; temperature of the softmax over scores."""
        # A step has as many continuations as its share
        super().__init__(tree, stream, budget, 1, options)
        self.temperature = temperature

    def share(self, going: list[Node], places: int) -> list[tuple[Node, int]]:
        """The steps that go on and the places of each: ceil(W·w/Σw), best first, W and Σw shrinking."""
        ranked = self.best(going)
        # Relative to the best, so that no temperature overflows
        weights = [math.exp((node.score - ranked[0].score) / self.temperature) for node in ranked]
        left = list(itertools.accumulate(reversed(weights)))[::-1]  # the sum from each weight to the last
        chosen = []
        for node, weight, total in zip(ranked, weights, left, strict=True):
            if not places:
                break
            share = math.ceil(places * weight / total - ROUNDING)
            chosen.append((node, share))
            places -= share
        return chosen


def start(tree: Tree, stream: np.uint64, strategy: Strategy, budget: int, options: Options) -> list[Beams]:
    """N beams that share the budget by their scores."""
    return [BalancedBeams(tree, stream, budget, strategy.temperature, options)]
