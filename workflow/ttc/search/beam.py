"""Beam search over solution steps, with or without lookahead (paper §5.2).

With N beams (the budget) and width M: sample N first steps, keep the N/M with the best verifier score, sample
M next steps of each, and so on for at most `max_rounds` rounds.  A beam's score is the verifier's score of
its newest step.  All problems advance together: one generation and one scoring call a round.  Beams that
share a prefix are forks of one row that the engine has computed and the verifier has read.  Step i of round r
of a problem is drawn from substream (r, i) of the problem's stream, so nothing depends on which other problems
are searched at the same time.

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
  it is cut in the problem's last round.
* Ties in score go to the earlier candidate: beams are numbered in order of generation, children of the
  best-scored beam first.
* Equal beams (`duplicates`).  `keep` (default): each was sampled, so each competes.  `drop`: of beams with
  equal tokens only the first is kept, and its place goes to the next best.  All of them are billed, and
  candidates that happen to be equal stay, because each is a sample of its own and votes as one.  Nothing is
  ever padded with copies.
* Billed budget: N for beam search, N(k + 1) for lookahead, also where rollouts or beams end early.
* Lookahead makes no rollouts in the last round (nothing is chosen after it) or from ended solutions.  A
  candidate's scores are always those of its own steps, never of a rollout.
* Tokens the verifier reads: the prompt once, each new step once, with its rollout behind it.  Of equal steps each is
  billed, as each was sampled, even if the verifier computes them once.
"""

from collections.abc import Sequence

import numpy as np

from ttc import noise
from ttc.engines.base import Continuation, Engine, State, StepVerifier
from ttc.errors import InputError
from ttc.search.lookahead import roll_out
from ttc.search.rows import Rows
from ttc.search.strategy import Options, Strategy
from ttc.search.tree import Node, SearchResult, Tree

# A place in the next round: the problem's tree, the step to continue (None: the prompt), the row that holds
# it.
Place = tuple[Tree, Node | None, int]


def search(
    engine: Engine,
    verifier: StepVerifier,
    prompts: list[list[int]],
    streams: np.ndarray,
    strategy: Strategy,
    budget: int,
    temperature: float,
    max_step_tokens: int,
    max_tokens: int,
    max_rounds: int,
    options: Options = Options(),  # noqa: B008 - frozen
) -> list[SearchResult]:
    """Search the problems whose prompts (token ids) are given; one result per problem, in order.

    streams: uint64, one noise stream per problem.  budget: N, beams per problem.  max_step_tokens and
    max_tokens limit a step and a solution (tokens).  InputError for a budget that the strategy cannot use and
    for limits below 1.
    """
    for name, limit in (
        ("max_step_tokens", max_step_tokens),
        ("max_tokens", max_tokens),
        ("max_rounds", max_rounds),
    ):
        if limit < 1:
            raise InputError(f"search: {name} is {limit}; allowed is a whole number from 1")
    if temperature < 0:
        raise InputError(f"search: temperature is {temperature}; allowed is 0 (greedy) or more")
    width = strategy.width_at(budget)
    if not prompts:
        return []
    trees = [Tree(prompt, stream) for prompt, stream in zip(prompts, streams, strict=True)]
    rows = Rows.prefill(engine, prompts)
    read, counts = verifier.prefill(prompts)
    for tree, count in zip(trees, counts, strict=True):
        tree.verifier_tokens += count
    places: list[Place] = [(tree, None, row) for row, tree in enumerate(trees) for _ in range(budget)]
    for round_ in range(max_rounds):
        last = round_ == max_rounds - 1
        forked = np.array([row for _, _, row in places])
        rows, read = rows.fork(forked), verifier.fork(read, forked)
        noises = _streams(places, round_)
        limits = [min(max_step_tokens, max_tokens - (node.length if node else 0)) for _, node, _ in places]
        made = rows.extend_step(noises, limits, temperature)
        grown = [
            (tree, _grow(tree, parent, step, round_, last, max_tokens))
            for (tree, parent, _), step in zip(places, made, strict=True)
        ]
        nodes = [node for _, node in grown]
        ahead = roll_out(rows, nodes, noises, strategy.depth, max_step_tokens, max_tokens)
        _score(verifier, read, grown, ahead)
        row_of = {id(node): row for row, node in enumerate(nodes)}
        by_tree: dict[Tree, list[Node]] = {}
        for tree, node in grown:
            by_tree.setdefault(tree, []).append(node)
        places = [
            (tree, node, row_of[id(node)])
            for tree, own in by_tree.items()
            for node in _next_round(tree, own, budget, width, options)
        ]
        if not places:
            break
    return [_close(tree, strategy, budget, options) for tree in trees]


def _streams(places: list[Place], round_: int) -> np.ndarray:
    """The noise stream of each place: substream (round, index of the place within its problem)."""
    counts: dict[Tree, int] = {}
    for tree, _, _ in places:
        counts[tree] = counts.get(tree, 0) + 1
    # The places of a problem follow each other.
    index = np.concatenate([np.arange(count) for count in counts.values()])
    roots = np.repeat(np.array([tree.stream for tree in counts], dtype=np.uint64), list(counts.values()))
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
    verifier: StepVerifier, read: State, grown: Sequence[tuple[Tree, Node]], ahead: list[list[int]]
) -> None:
    """Score all steps of a round and the ends of their rollouts: the search's only call of the verifier."""
    scores = verifier.score_more(read, [node.tokens for _, node in grown], ahead)
    for (tree, node), rollout, score in zip(grown, ahead, scores, strict=True):
        if not (0.0 <= score.step <= 1.0 and 0.0 <= score.ahead <= 1.0):
            raise InputError(
                f"search: the verifier scored a step of {len(node.tokens)} tokens {score.step} and the end of its"
                f" rollout {score.ahead}; every score is from 0 to 1"
            )
        node.step_score, node.score = score.step, score.ahead
        tree.rollout_tokens += len(rollout)
        tree.verifier_tokens += score.tokens


def _next_round(tree: Tree, nodes: list[Node], budget: int, width: int, options: Options) -> list[Node]:
    """The steps to continue, each as often as it gets continuations; takes the ended ones out of the beam."""
    tree.peak = max(tree.peak, len(tree.ended) + len(nodes))
    going = [node for node in nodes if node.finish == "step"]
    ended = [node for node in nodes if node.finish != "step"]
    if options.finished == "keep":
        pool = tree.ended + [node for node in nodes if node.finish != "length"]
        kept = _best(tree, pool, budget // width, options)
        chosen = [node for node in kept if node.finish == "step"]
        held = [node for node in kept if node.finish == "stop"]
        # Where nothing is left to expand the search is over, and every solution of this round is a candidate.
        tree.ended = held if chosen else tree.ended + ended
        shares = [width] * len(chosen)
    else:
        tree.ended += ended
        slots = budget - len(tree.ended)
        if options.finished == "refill" and slots > 0:
            slots = budget
        kept = chosen = _best(tree, going, -(-slots // width), options) if slots > 0 else []
        shares = [slots // len(chosen) + (rank < slots % len(chosen)) for rank in range(len(chosen))]
    for node in kept:
        node.kept = True
    return [node for node, share in zip(chosen, shares, strict=True) for _ in range(share)]


def _best(tree: Tree, nodes: list[Node], count: int, options: Options) -> list[Node]:
    """The `count` best-scored nodes, best first; ties go to the one generated first."""
    ranked = sorted(nodes, key=lambda node: (-node.score, node.index))
    if options.duplicates == "drop":
        distinct: dict[tuple[int, ...], Node] = {}
        for node in ranked:
            distinct.setdefault(tuple(tree.solution(node)), node)
        ranked = list(distinct.values())
    return ranked[:count]


def _close(tree: Tree, strategy: Strategy, budget: int, options: Options) -> SearchResult:
    """Candidates and bill of a problem whose search is over."""
    candidates = tree.ended
    if options.finished == "refill":
        ranked = sorted(candidates, key=lambda node: (node.finish != "stop", -node.score, node.index))
        candidates = ranked[:budget]
    return tree.result(candidates, strategy.generations(max(budget, tree.peak)))
