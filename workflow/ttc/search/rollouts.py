"""Rollouts: what a step may lead to, seen by continuing it greedily (paper §5.2, lookahead search).

A step's score is the verifier's score at the END of a rollout of k further steps at temperature 0, which
stops earlier where the solution ends.  The rollout itself is thrown away: it is billed, and is part of no
candidate.
"""

from collections.abc import Sequence

import numpy as np

from ttc.search.options import Draw
from ttc.search.rows import Rows
from ttc.search.tree import Node


def roll_out(
    rows: Rows, nodes: Sequence[Node], streams: np.ndarray, depth: int, draw: Draw
) -> list[list[int]]:
    """Tokens of the greedy continuation of each node by at most `depth` steps.

    `rows` (one per node) stay as they are.

    Empty for a node that has ended.  A rollout that reaches `draw.max_step_tokens` in a step, or `draw.max_tokens` of
    the solution, stops there.  streams: uint64, one per node; greedy decoding draws nothing from them.
    """
    ahead: list[list[int]] = [[] for _ in nodes]
    going = [number for number, node in enumerate(nodes) if node.finish == "step"]
    if not depth or not going:
        return ahead
    rows = rows.fork(going)
    for _ in range(depth):
        left = [draw.max_tokens - nodes[number].length - len(ahead[number]) for number in going]
        made = rows.extend_step(
            streams[going], [min(draw.max_step_tokens, tokens) for tokens in left], temperature=0.0
        )
        alive = []
        for place, (number, step) in enumerate(zip(going, made, strict=True)):
            ahead[number] += step.tokens
            if step.finish == "step" and len(step.tokens) < left[place]:
                alive.append(place)
        if not alive:
            break
        if len(alive) < len(going):
            rows, going = rows.fork(alive), [going[place] for place in alive]
    return ahead
