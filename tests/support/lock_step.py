"""Search as a plain loop has it: all problems in lock-step, one generation and one scoring call a round.

Each round waits for the slowest line of all problems.  What comes out is what `ttc.search.loop` has to give.
"""

import numpy as np

from ttc import noise
from ttc.search.loop import start_beams
from ttc.search.tree import Tree


def lock_step(engine, verifier, prompts, streams, strategy, budget, draw, options, verifier_prompts=None):
    """One `SearchResult` for each prompt; arguments are those of `ttc.search.loop.search`."""
    strategy = strategy.at(budget)
    trees = [Tree() for _ in prompts]
    starts = [
        start_beams(tree, stream, strategy, budget, options)
        for tree, stream in zip(trees, streams, strict=True)
    ]
    rows = engine.prefill(prompts)
    read, counts = verifier.prefill(verifier_prompts or prompts)
    for tree, count in zip(trees, counts, strict=True):
        tree.verifier_tokens += count
    # Each line: the beams it is of, the step before it, the row that holds it
    lines = [
        (beams, None, row) for row, start in enumerate(starts) for beams in start for _ in range(beams.budget)
    ]
    for round_ in range(draw.max_rounds):
        forked = np.array([row for *_, row in lines])
        rows, read = engine.fork(rows, forked), verifier.fork(read, forked)
        noises = noises_of(lines, round_)
        left = [draw.max_tokens - (parent.length if parent else 0) for _, parent, _ in lines]
        made = extend(engine, rows, noises, left, draw, draw.temperature)
        nodes = []
        for (beams, parent, _), step, most in zip(lines, made, left, strict=True):
            over = round_ + 1 == draw.max_rounds or len(step.tokens) == most
            finish = {"end": "stop", "length": "length", "step": "length" if over else "step"}[step.finish]
            nodes.append(beams.tree.add(parent, step.tokens, finish, round_))
        ahead = roll_out(engine, rows, nodes, noises, strategy.steps_ahead, draw)
        scores = verifier.score_more(read, [node.tokens for node in nodes], ahead)
        of = {}
        for (beams, *_), node, rollout, score in zip(lines, nodes, ahead, scores, strict=True):
            node.step_score, node.score = score.step, score.ahead
            beams.tree.rollout_tokens += len(rollout)
            beams.tree.verifier_tokens += score.tokens
            of.setdefault(beams, []).append(node)
        row_of = {id(node): row for row, node in enumerate(nodes)}
        lines = [
            (beams, node, row_of[id(node)]) for beams, steps in of.items() for node in beams.next_round(steps)
        ]
        if not lines:
            break
    return [
        tree.result(
            [node for beams in start for node in beams.candidates()],
            strategy.generations(sum(max(beams.budget, beams.peak) for beams in start)),
        )
        for tree, start in zip(trees, starts, strict=True)
    ]


def extend(engine, rows, noises, left, draw, temperature):
    """One step of each row: all are put in at once, and waited for."""
    queue = engine.queue("step")
    queue.put([(None, len(noises))], rows, noises, temperature, np.minimum(draw.max_step_tokens, left))
    [(_, made)] = queue.take()
    return made


def roll_out(engine, rows, nodes, noises, depth, draw):
    """Greedy continuations of the nodes that go on."""
    ahead = [[] for _ in nodes]
    going = [place for place, node in enumerate(nodes) if node.finish == "step"]
    places = going
    for _ in range(depth):
        if not going:
            break
        rows = engine.fork(rows, np.array(places))
        left = [draw.max_tokens - nodes[place].length - len(ahead[place]) for place in going]
        made = extend(engine, rows, noises[going], left, draw, 0.0)
        for place, step in zip(going, made, strict=True):
            ahead[place] += step.tokens
        places = [
            row
            for row, (step, most) in enumerate(zip(made, left, strict=True))
            if step.finish == "step" and len(step.tokens) < most
        ]
        going = [going[row] for row in places]
    return ahead


def noises_of(lines, round_):
    """Line i of its beams draws from substream (round, i) of their stream."""
    counts, made = {}, []
    for beams, *_ in lines:
        place = counts[beams] = counts.get(beams, -1) + 1
        stream = noise.substreams(np.array([beams.stream], dtype=np.uint64), round_)
        made.append(noise.substreams(stream, place)[0])
    return np.array(made, dtype=np.uint64)
