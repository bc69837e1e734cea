"""Beams of a search, and the rules by which they go on after a round (paper §5.2).

With N beams (the budget) and width M: sample N first steps, keep the N/M with the best score, sample M next
steps of each, and so on.  A beam's score is the verifier's score of its newest step; with lookahead, that at
the end of a rollout (`ttc.search.growth`).  A method that shares out the places otherwise overrides `share`.

What the paper leaves open, and what is done here:

* A beam that ends before the others (`finished`).  `shrink` (default): it leaves as a candidate and takes its
  place in the budget with it: with E ended, N - E beams go on, from the best ceil((N - E)/M) open ones,
  shared out evenly (the best-scored get the remainder).  Never more than N beams exist, and exactly N
  candidates come out, each a beam of its own.  `keep`: it competes by its score for the N/M kept places;
  while kept it holds one and is not expanded, once beaten it is dropped for good; fewer than N candidates may
  come out.  `refill`: it leaves as a candidate and N beams go on without it, until N or more have ended; the
  best N of them, finished before cut, are the candidates.  This runs, and bills, more than N generations.
* A solution cut by a token limit, or open when the rounds are over, is not finished: its finish is `length`.
  It cannot be expanded; `shrink` and `refill` hand it on as a candidate (it was one of the N), `keep` only if
  it is cut in the last round of these beams.
* Ties in score go to the earlier candidate: beams are numbered in order of generation, children of the
  best-scored beam first.
* Equal beams (`duplicates`).  `keep` (default): each was sampled, so each competes.  `drop`: of beams with
  equal tokens only the first is kept, and its place goes to the next best.  All of them are billed, and
  candidates that happen to be equal stay, because each is a sample of its own and votes as one.  Nothing is
  ever padded with copies.
"""

import numpy as np

from ttc import noise
from ttc.search.options import Options
from ttc.search.tree import Node, Tree

# The substream of a problem's stream that methods make their own choices from; rounds have lower numbers
CHOICES = 2**32


class Beams:
    """Beams of one problem that compete with each other for places in the next round."""

    def __init__(self, tree: Tree, stream: np.uint64, budget: int, width: int, options: Options):
        """budget: N, the beams there are at a time; `stream`: the noise their steps are drawn from."""
        self.tree = tree
        self.stream = stream
        self.budget = budget
        self.width = width
        self.options = options
        self.ended: list[Node] = []  # solutions that left the beam, or hold a place of it (option `keep`)
        self.peak = 0  # most beams at a time: those that ran and those that had ended

    def next_round(self, nodes: list[Node]) -> list[Node]:
        """The steps to continue, each as often as it gets continuations; takes the ended ones out of the beam.

        nodes: the steps that were made in this round, scored.
        """
        self.peak = max(self.peak, len(self.ended) + len(nodes))
        going = [node for node in nodes if node.finish == "step"]
        ended = [node for node in nodes if node.finish != "step"]
        if self.options.finished == "keep":
            finished = [node for node in ended if node.finish == "stop"]
            kept = self.best(self.ended + going + finished)[: self.budget // self.width]
            chosen = [(node, self.width) for node in kept if node.finish == "step"]
            held = [node for node in kept if node.finish == "stop"]
            for node in held:
                node.kept = True
            # Where nothing is left to expand the search is over, and every solution of this round is a candidate.
            self.ended = held if chosen else self.ended + ended
        else:
            self.ended += ended
            places = self.budget - len(self.ended)
            if self.options.finished == "refill" and places > 0:
                places = self.budget
            chosen = self.share(going, places) if places > 0 else []
        for node, _ in chosen:
            node.kept = True
        return [node for node, share in chosen for _ in range(share)]

    def share(self, going: list[Node], places: int) -> list[tuple[Node, int]]:
        """The steps that are kept of those that can go on, and how many of the places each continues in."""
        kept = self.best(going)[: -(-places // self.width)]
        return [(node, places // len(kept) + (rank < places % len(kept))) for rank, node in enumerate(kept)]

    def choices(self, round_: int) -> np.uint64:
        """The noise stream for a method's own choices after a round, apart from all that steps are drawn from.

        `noise.uniform` gives its numbers; like those of steps, they do not depend on the other problems of a batch.
        """
        return noise.substreams(noise.substreams(self.stream, CHOICES), round_)[()]

    def best(self, nodes: list[Node]) -> list[Node]:
        """Nodes by falling score, of equal ones the first if duplicates are dropped; ties: the one made first."""
        ranked = sorted(nodes, key=lambda node: (-node.score, node.index))
        if self.options.duplicates == "drop":
            distinct: dict[tuple[int, ...], Node] = {}
            for node in ranked:
                distinct.setdefault(tuple(self.tree.solution(node)), node)
            ranked = list(distinct.values())
        return ranked

    def candidates(self) -> list[Node]:
        """What is handed to answer selection when the search is over."""
        if self.options.finished != "refill":
            return self.ended
        ranked = sorted(self.ended, key=lambda node: (node.finish != "stop", -node.score, node.index))
        return ranked[: self.budget]
