"""The tree that a search grows for one problem, and what it cost.

A node is one generated step.  Every node is kept, whether its branch was dropped or not, so the bill can be
checked against the tree: each step is billed once, however many beams continue it.
"""

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(slots=True)
class Node:
    """One step, generated after the step of its parent."""

    index: int
    parent: int  # index of the node before it, -1 for a first step
    round: int
    tokens: list[int]  # of this step alone
    length: int  # tokens of the solution up to the end of this step
    finish: str  # `step`: goes on; `stop`: the solution ended; `length`: cut by a token or round limit
    step_score: float = 0.0  # the verifier's score of this step
    score: float = 0.0  # what the search chose by: that at the end of its rollout, if it has one
    kept: bool = False  # expanded, held a place of the next round, or a candidate


@dataclass(frozen=True)
class Candidate:
    """A solution that the search hands to answer selection."""

    node: int  # index of its last step in the tree
    tokens: list[int]
    step_scores: list[float]  # verifier's scores of its own steps, never of a rollout
    finish: str  # `stop` or `length`


@dataclass(frozen=True)
class Bill:
    """What the search of one problem cost."""

    generated_tokens: int  # all tokens the engine made: steps of candidates, dropped steps, rollouts
    discarded_tokens: int  # of these, steps that are part of no candidate
    rollout_tokens: int  # of these, lookahead rollouts
    # Tokens the verifier read: the prompt once and every step and rollout once, as tokens of the verifier
    verifier_tokens: int
    generations: int  # billed budget: N, or N(k + 1) for lookahead


@dataclass(frozen=True)
class SearchResult:
    """The search of one problem."""

    candidates: list[Candidate]
    nodes: list[Node]
    bill: Bill


class Tree:
    """The growing tree of one problem."""

    def __init__(self):
        self.nodes: list[Node] = []
        self.rollout_tokens = 0
        self.verifier_tokens = 0

    def add(self, parent: Node | None, tokens: list[int], finish: str, round_: int) -> Node:
        """Record a generated step."""
        before, length = (parent.index, parent.length) if parent else (-1, 0)
        node = Node(len(self.nodes), before, round_, tokens, length + len(tokens), finish)
        self.nodes.append(node)
        return node

    @property
    def generated_tokens(self) -> int:
        """Tokens of all steps and rollouts so far."""
        return self.rollout_tokens + sum(len(node.tokens) for node in self.nodes)

    def number(self, groups: Sequence[Sequence[Node]]) -> None:
        """Number all nodes anew: round by round, and in a round group by group, where each has its nodes in order.

        Groups that do not wait for each other add theirs in an order that means nothing.
        """
        self.nodes = sorted((node for group in groups for node in group), key=lambda node: node.round)
        new = {node.index: number for number, node in enumerate(self.nodes)}
        for node in self.nodes:
            node.index, node.parent = new[node.index], new.get(node.parent, -1)

    def path(self, node: Node) -> list[Node]:
        """The steps of a solution, first to last, of which `node` is the last."""
        steps = [node]
        while steps[-1].parent >= 0:
            steps.append(self.nodes[steps[-1].parent])
        return steps[::-1]

    def solution(self, node: Node) -> list[int]:
        """Tokens of a solution of which `node` is the last step."""
        return [token for step in self.path(node) for token in step.tokens]

    def result(self, candidates: list[Node], generations: int) -> SearchResult:
        """Close the tree with these nodes as candidates, in order of generation."""
        candidates = sorted(candidates, key=lambda node: node.index)
        used: set[int] = set()
        for node in candidates:
            node.kept = True
            at = node.index
            while at >= 0 and at not in used:
                used.add(at)
                at = self.nodes[at].parent
        discarded = sum(len(node.tokens) for node in self.nodes if node.index not in used)
        return SearchResult(
            [
                Candidate(
                    node.index,
                    self.solution(node),
                    [step.step_score for step in self.path(node)],
                    node.finish,
                )
                for node in candidates
            ],
            self.nodes,
            Bill(self.generated_tokens, discarded, self.rollout_tokens, self.verifier_tokens, generations),
        )
