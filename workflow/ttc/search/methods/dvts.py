"""Diverse verifier tree search (DVTS; Beeching, Tunstall and Rush 2024): several beam searches that do not compete.

N/M subtrees start from the prompt.  Each is a beam search with M beams and width M: of its M candidate steps
only the best is kept, and continued M times.  So no subtree can crowd out another, which keeps the solutions
diverse where one beam search ends with N descendants of a few first steps.

Left open by the authors, and done here:

* Candidates: N, as in the authors' code.  A subtree ends with M, as beam search with M beams does; all M last
  steps count, not only the best of them: they are generated and billed, and the vote weighs them.
* Only ended solutions are candidates.  (The authors' code also hands on the unfinished siblings of a best step
  that ends.)  What a beam that ends does to its subtree is the option `finished` of beam search, within the
  subtree: with `shrink` (default) the M - E others go on from the best open step; with `keep` the subtree is
  over once its best step has ended, and its solutions of that round are the candidates, M or fewer; with
  `refill` M beams go on until M have ended.
* `duplicates` makes no difference: one step is kept, and equal steps have equal scores.
* Steps of subtree j are drawn from substream j of the problem's stream: a subtree is a search of its own.
"""

import numpy as np

from ttc import noise
from ttc.search.beams import Beams
from ttc.search.options import Options
from ttc.search.strategy import Strategy
from ttc.search.tree import Tree

DECLARATION = {
    "description": "beam searches of M beams that do not compete",
    "legend": "DVTS",
    "parameters": {
        "width": {
            "type": "count_or_sqrt",
            "letter": "m",
            "divides": True,
            "description": "M: beams of a subtree, a whole number or `sqrt` of N",
        },
    },
    "looks_ahead": None,
    # One subtree is beam search
    "at_full_width": "beam",
    "finished": None,
    "competes": False,
    "beyond_paper": True,
}


def start(tree: Tree, stream: np.uint64, strategy: Strategy, budget: int, options: Options) -> list[Beams]:
    """The N/M subtrees of a problem."""
    count, width = budget // strategy.width, strategy.width
    streams = noise.substreams(np.full(count, stream, dtype=np.uint64), np.arange(count))
    return [Beams(tree, each, width, width, options) for each in streams]
