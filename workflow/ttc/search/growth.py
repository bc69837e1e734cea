"""The search of beams that compete with each other: what it asks for, round by round, and what it makes of the answers.

Each round samples one step for every beam, scores it, and asks the rule of the method which steps to continue; for at
most `max_rounds` rounds.  Beams that share a prefix are forks of one row that the engine has computed and the verifier
has read.  Step i of round r is drawn from substream (r, i) of the stream of its beams, so nothing depends on when an
answer comes, or on what else is searched.
"""

from collections.abc import Generator
from dataclasses import dataclass
from typing import Any

import numpy as np

from ttc import noise
from ttc.engines.protocol import Continuation, Engine, State, StepScore, StepVerifier
from ttc.errors import InputError
from ttc.search.beams import Beams
from ttc.search.options import Draw
from ttc.search.tree import Node, Tree


@dataclass(frozen=True)
class Grow:
    """Asks for a step of each row of the engine, as `Queue.put` does; the answer is what each got."""

    rows: State
    streams: np.ndarray
    temperature: float
    limits: np.ndarray


@dataclass(frozen=True)
class Score:
    """Asks for scores of new steps and of the ends of their rollouts (`StepVerifier.score_more`).

    The answer is the verifier's rows behind these steps, and a `StepScore` for each.
    """

    rows: State
    steps: list[list[int]]
    ahead: list[list[int]]


# What is asked for, the answer, and at last all steps that were made, in order
Asking = Generator[Grow | Score, Any, list[Node]]


def grow(
    beams: Beams, engine: Engine, rows: State, verifier: StepVerifier, read: State, ahead: int, draw: Draw
) -> Asking:
    """Search with these beams, from one row of engine and verifier each; ahead: steps of a rollout."""
    grown: list[Node] = []
    parents: list[Node | None] = [None] * beams.budget
    at = np.zeros(beams.budget, dtype=np.int64)  # the row that holds each parent
    for round_ in range(draw.max_rounds):
        last = round_ == draw.max_rounds - 1
        rows, read = engine.fork(rows, at), verifier.fork(read, at)
        roots = np.full(len(parents), beams.stream, dtype=np.uint64)
        streams = noise.substreams(noise.substreams(roots, round_), np.arange(len(parents)))
        lengths = np.array([parent.length if parent else 0 for parent in parents])
        limits = np.minimum(draw.max_step_tokens, draw.max_tokens - lengths)
        made: list[Continuation] = yield Grow(rows, streams, draw.temperature, limits)
        nodes = [
            _add(beams.tree, parent, step, round_, last, draw.max_tokens)
            for parent, step in zip(parents, made, strict=True)
        ]
        grown += nodes
        rollouts = yield from _roll_out(beams.tree, engine, rows, nodes, streams, ahead, draw)
        scores: list[StepScore]
        read, scores = yield Score(read, [node.tokens for node in nodes], rollouts)
        _note(beams.tree, nodes, scores)
        row_of = {id(node): row for row, node in enumerate(nodes)}
        parents = beams.next_round(nodes)
        at = np.array([row_of[id(node)] for node in parents], dtype=np.int64)
        if not parents:
            break
    return grown


def _add(
    tree: Tree, parent: Node | None, step: Continuation, round_: int, last: bool, max_tokens: int
) -> Node:
    """Add a generated step to its tree; one that lacks tokens or rounds to go on is cut, not finished."""
    length = len(step.tokens) + (parent.length if parent else 0)
    finish = "stop" if step.finish == "end" else step.finish
    if finish == "step" and (last or length >= max_tokens):
        finish = "length"
    return tree.add(parent, step.tokens, finish, round_)


def _roll_out(
    tree: Tree, engine: Engine, rows: State, nodes: list[Node], streams: np.ndarray, depth: int, draw: Draw
) -> Generator[Grow, list[Continuation], list[list[int]]]:
    """Tokens of the greedy continuation of each node by at most `depth` steps (paper §5.2, lookahead search).

    A step's score is the verifier's score at the end of its rollout, which is billed, and is part of no candidate.
    Empty for a node that has ended.  A rollout that reaches `draw.max_step_tokens` in a step, or `draw.max_tokens` of
    the solution, stops there.  `rows` (one per node) stay as they are.  streams: uint64, one per node; greedy decoding
    draws nothing from them.
    """
    ahead: list[list[int]] = [[] for _ in nodes]
    going = np.array([place for place, node in enumerate(nodes) if node.finish == "step"], dtype=np.int64)
    alive = going
    for _ in range(depth):
        if not len(going):
            break
        rows = engine.fork(rows, alive)
        left = np.array([draw.max_tokens - nodes[place].length - len(ahead[place]) for place in going])
        made = yield Grow(rows, streams[going], 0.0, np.minimum(draw.max_step_tokens, left))
        for place, step in zip(going, made, strict=True):
            ahead[place] += step.tokens
            tree.rollout_tokens += len(step.tokens)
        alive = np.flatnonzero(
            [step.finish == "step" and len(step.tokens) < most for step, most in zip(made, left, strict=True)]
        )
        going = going[alive]
    return ahead


def _note(tree: Tree, nodes: list[Node], scores: list[StepScore]) -> None:
    """Give the steps of a round their scores, and the tree the bill."""
    for node, score in zip(nodes, scores, strict=True):
        if not (0.0 <= score.step <= 1.0 and 0.0 <= score.ahead <= 1.0):
            raise InputError(
                f"search: the verifier scored a step of {len(node.tokens)} tokens {score.step} and the end of its"
                f" rollout {score.ahead}; every score is from 0 to 1"
            )
        node.step_score, node.score = score.step, score.ahead
        tree.verifier_tokens += score.tokens
