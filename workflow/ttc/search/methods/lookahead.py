"""Lookahead search (paper §5.2): beam search in which a step is scored by what it may lead to.

A step's score is the verifier's score at the end of a greedy rollout of k further steps (`ttc.search.growth`).
"""

import numpy as np

from ttc.search.beams import Beams
from ttc.search.options import Options
from ttc.search.strategy import Strategy
from ttc.search.tree import Tree

DECLARATION = {
    "description": "beam search by the scores at the ends of greedy rollouts",
    "legend": "lookahead",
    "parameters": {
        "width": {
            "type": "count_or_sqrt",
            "letter": "m",
            "divides": True,
            "description": "M: continuations of each kept beam, a whole number or `sqrt` of N",
        },
        "depth": {"type": "count", "letter": "k", "description": "k: steps rolled out"},
    },
    "looks_ahead": "depth",
    "at_full_width": None,
    "finished": None,
    "competes": True,
    "beyond_paper": False,
}


def start(tree: Tree, stream: np.uint64, strategy: Strategy, budget: int, options: Options) -> list[Beams]:
    """N beams that all compete with each other, by the scores at the ends of their rollouts."""
    return [Beams(tree, stream, budget, strategy.width, options)]
