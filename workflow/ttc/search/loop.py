"""The loop of every search: rounds of steps, their scores, and what goes on (paper §5.2).

Each round samples one step for every beam, scores it, and asks the rule of the method which steps to continue;
for at most `max_rounds` rounds.  All problems advance together: one generation and one scoring call a round.
Beams that share a prefix are forks of one row that the engine has computed and the verifier has read.  Step i of
round r is drawn from substream (r, i) of the stream of its beams, so nothing depends on which other problems are
searched at the same time.

What is billed, by every method alike:

* Generations: N, or N(k + 1) for lookahead, also where rollouts or beams end early; more only where the option
  `finished: refill` ran more beams.
* Generated tokens: each step once, however many beams continue it, dropped ones and rollouts included.
* Tokens the verifier reads: the prompt once, each new step once, with its rollout behind it; one that reads whole
  solutions only reads all of it at each step.  Of equal steps each is billed, as each was sampled, even if the verifier
  computes them once.

Lookahead makes no rollouts in the last round (nothing is chosen after it) or from ended solutions.  A candidate's
scores are always those of its own steps, never of a rollout.
"""

from collections.abc import Sequence

import numpy as np

from ttc import noise, plugins
from ttc.engines.protocol import Continuation, Engine, State, StepVerifier
from ttc.errors import InputError
from ttc.search.beams import Beams
from ttc.search.options import Draw, Options
from ttc.search.rollouts import roll_out
from ttc.search.rows import Rows
from ttc.search.strategy import METHODS, Strategy
from ttc.search.tree import Node, SearchResult, Tree

# A place in the next round: the beams it is of, the step to continue (None: the prompt), the row that holds it.
Place = tuple[Beams, Node | None, int]


def search(
    engine: Engine,
    verifier: StepVerifier,
    prompts: list[list[int]],
    streams: np.ndarray,
    strategy: Strategy,
    budget: int,
    draw: Draw,
    options: Options = Options(),  # noqa: B008 - frozen
    verifier_prompts: list[list[int]] | list[str] | None = None,
) -> list[SearchResult]:
    """Search the problems whose prompts (token ids) are given; one result per problem, in order.

    streams: uint64, one noise stream per problem.  budget: N, beams per problem.  draw: how steps are drawn, and the
    limits of steps, solutions and rounds.  verifier_prompts: what the verifier reads of each problem where that is not
    the engine's prompt, such as its text.  InputError for a budget or an option that the strategy cannot use.
    """
    strategy = strategy.at(budget)
    if not prompts:
        return []
    trees = [Tree() for _ in prompts]
    starts = [
        start_beams(tree, stream, strategy, budget, options)
        for tree, stream in zip(trees, streams, strict=True)
    ]
    rows = Rows.prefill(engine, prompts)
    read, counts = verifier.prefill(prompts if verifier_prompts is None else verifier_prompts)
    for tree, count in zip(trees, counts, strict=True):
        tree.verifier_tokens += count
    places: list[Place] = [
        (beams, None, row) for row, start in enumerate(starts) for beams in start for _ in range(beams.budget)
    ]
    for round_ in range(draw.max_rounds):
        last = round_ == draw.max_rounds - 1
        forked = np.array([row for _, _, row in places])
        rows, read = rows.fork(forked), verifier.fork(read, forked)
        noises = _streams(places, round_)
        limits = [
            min(draw.max_step_tokens, draw.max_tokens - (node.length if node else 0)) for _, node, _ in places
        ]
        made = rows.extend_step(noises, limits, draw.temperature)
        grown = [
            (beams, _grow(beams.tree, parent, step, round_, last, draw.max_tokens))
            for (beams, parent, _), step in zip(places, made, strict=True)
        ]
        nodes = [node for _, node in grown]
        ahead = roll_out(rows, nodes, noises, strategy.steps_ahead, draw)
        _score(verifier, read, grown, ahead)
        row_of = {id(node): row for row, node in enumerate(nodes)}
        steps_of: dict[Beams, list[Node]] = {}
        for beams, node in grown:
            steps_of.setdefault(beams, []).append(node)
        places = [
            (beams, node, row_of[id(node)])
            for beams, steps in steps_of.items()
            for node in beams.next_round(steps)
        ]
        if not places:
            break
    return [_close(tree, start, strategy) for tree, start in zip(trees, starts, strict=True)]


def start_beams(
    tree: Tree, stream: np.uint64, strategy: Strategy, budget: int, options: Options
) -> list[Beams]:
    """The beams of one problem before the first round, in groups that do not compete with each other."""
    fixed = strategy.declaration["finished"]
    if fixed not in (None, options.finished):
        raise InputError(
            f"search options: finished is '{options.finished}', and {strategy.kind} has its own way with solutions"
            f" that end; allowed is {fixed}"
        )
    return plugins.load(METHODS, strategy.kind).start(tree, stream, strategy, budget, options)


def _streams(places: list[Place], round_: int) -> np.ndarray:
    """The noise stream of each place: substream (round, index of the place within its beams)."""
    counts: dict[Beams, int] = {}
    for beams, _, _ in places:
        counts[beams] = counts.get(beams, 0) + 1
    # The places of the same beams follow each other.
    index = np.concatenate([np.arange(count) for count in counts.values()])
    roots = np.repeat(np.array([beams.stream for beams in counts], dtype=np.uint64), list(counts.values()))
    return noise.substreams(noise.substreams(roots, round_), index)


def _grow(
    tree: Tree, parent: Node | None, step: Continuation, round_: int, last: bool, max_tokens: int
) -> Node:
    """Add a generated step to its tree; one that lacks tokens or rounds to go on is cut, not finished."""
    length = len(step.tokens) + (parent.length if parent else 0)
    finish = "stop" if step.finish == "end" else step.finish
    if finish == "step" and (last or length >= max_tokens):
        finish = "length"
    return tree.add(parent, step.tokens, finish, round_)


def _score(
    verifier: StepVerifier, read: State, grown: Sequence[tuple[Beams, Node]], ahead: list[list[int]]
) -> None:
    """Score all steps of a round and the ends of their rollouts: the search's only call of the verifier."""
    scores = verifier.score_more(read, [node.tokens for _, node in grown], ahead)
    for (beams, node), rollout, score in zip(grown, ahead, scores, strict=True):
        if not (0.0 <= score.step <= 1.0 and 0.0 <= score.ahead <= 1.0):
            raise InputError(
                f"search: the verifier scored a step of {len(node.tokens)} tokens {score.step} and the end of its"
                f" rollout {score.ahead}; every score is from 0 to 1"
            )
        node.step_score, node.score = score.step, score.ahead
        beams.tree.rollout_tokens += len(rollout)
        beams.tree.verifier_tokens += score.tokens


def _close(tree: Tree, start: list[Beams], strategy: Strategy) -> SearchResult:
    """Candidates and bill of a problem whose search is over."""
    candidates = [node for beams in start for node in beams.candidates()]
    ran = sum(max(beams.budget, beams.peak) for beams in start)
    return tree.result(candidates, strategy.generations(ran))
