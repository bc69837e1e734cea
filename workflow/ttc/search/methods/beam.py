"""Beam search (paper §5.2): of N beams the best N/M go on, each with M continuations.

What the paper leaves open is the same for all methods and lies in `ttc.search.beams`.
"""

import numpy as np

from ttc.search.beams import Beams
from ttc.search.options import Options
from ttc.search.strategy import Strategy
from ttc.search.tree import Tree

DECLARATION = {
    "description": "the paper's beam search",
    "legend": "beam",
    "parameters": {
        "width": {
            "type": "count_or_sqrt",
            "letter": "m",
            "divides": True,
            "description": "M: continuations of each kept beam, a whole number or `sqrt` of N",
        },
    },
    "looks_ahead": None,
    "at_full_width": None,
    "finished": None,
    "competes": True,
    "beyond_paper": False,
}


def start(tree: Tree, stream: np.uint64, strategy: Strategy, budget: int, options: Options) -> list[Beams]:
    """N beams that all compete with each other."""
    return [Beams(tree, stream, budget, strategy.width, options)]
