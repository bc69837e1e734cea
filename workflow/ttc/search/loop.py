"""The loop of every search: many problems, each at its own pace (paper §5.2).

What a search asks for is `ttc.search.growth`.  Here its rows are put into the engine's queue, where those of all
problems are in work together, and come out group by group, in any order; steps are scored as soon as they are a part
of all rows that is worth a call, or when nothing else can go on; the next problem begins when another leaves it room.
Noise is keyed, and neither a row nor a score depends on its batch, so nothing depends on this order.

What is billed, by every method alike:

* Generations: N, or N(k + 1) for lookahead, also where rollouts or beams end early; more only where the option
  `finished: refill` ran more beams.
* Generated tokens: each step once, however many beams continue it, dropped ones and rollouts included.
* Tokens the verifier reads: the prompt once, each new step once, with its rollout behind it; of a published verifier
  with the marks of its format.  Of equal steps each is billed, as each was sampled, even if the verifier computes them
  once, and none is billed twice, even if the verifier has to read a prefix again.

Lookahead makes no rollouts in the last round (nothing is chosen after it) or from ended solutions.  A candidate's
scores are always those of its own steps, never of a rollout.
"""

from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np

from ttc import plugins
from ttc.engines.protocol import Engine, State, StepVerifier, Tell, unheard
from ttc.errors import InputError
from ttc.search.beams import Beams
from ttc.search.growth import Asking, Grow, Score, grow
from ttc.search.options import Draw, Options
from ttc.search.strategy import METHODS, Strategy
from ttc.search.tree import Node, SearchResult, Tree

SCORE_AT = (
    1 / 4
)  # share of the rows in the search that are scored in one call; the others keep the engine busy
PROMPTS = 64  # that are read in one call


@dataclass(eq=False)
class Problem:
    """A problem in work."""

    place: int  # among all problems
    tree: Tree
    start: list[Beams]  # before the first round
    grown: dict[Beams, list[Node]] = field(default_factory=dict)  # the steps of those that are done


@dataclass(eq=False)
class Line:
    """Beams that compete with each other, on their way through the rounds."""

    problem: Problem
    beams: Beams
    asking: Asking


class Searches:
    """The searches of problems, to be iterated over once: (place of the problem, result), in the order of their ends.

    Arguments are those of `search`; most_rows: beams of all problems in work together, where one problem has no more.
    tell: see `ttc.engines.protocol.Engine.queue`.
    """

    def __init__(
        self,
        engine: Engine,
        verifier: StepVerifier,
        prompts: Sequence[list[int]],
        streams: np.ndarray,
        strategy: Strategy,
        budget: int,
        draw: Draw,
        options: Options,
        verifier_prompts: Sequence[list[int]] | Sequence[str],
        most_rows: int,
        tell: Tell = unheard,
    ):
        self.engine, self.verifier, self.strategy = engine, verifier, strategy.at(budget)
        self.budget, self.draw, self.options, self.most_rows = budget, draw, options, most_rows
        self.unread = deque(enumerate(zip(prompts, verifier_prompts, streams, strict=True)))
        self.waiting: deque[tuple[Problem, State, State]] = deque()  # whose prompts have been read
        self.queue = engine.queue("step", tell=tell)
        self.ready: list[tuple[Line, Score]] = []
        self.growing = self.scored = 0  # rows in the queue, and rows that are ready to be scored
        self.done: list[Problem] = []
        self.trees: list[Tree] = []

    def billed(self) -> tuple[int, int]:
        """Tokens (generated, scored) that are on the bills so far, also of problems in work."""
        return sum(tree.generated_tokens for tree in self.trees), sum(
            tree.verifier_tokens for tree in self.trees
        )

    def __iter__(self) -> Iterator[tuple[int, SearchResult]]:
        while self._admit():
            if self.scored >= SCORE_AT * (self.growing + self.scored):
                self._score()
            else:
                for line, made in self.queue.take():
                    self.growing -= len(made)
                    self._go_on(line, made)
            done, self.done = self.done, []
            for problem in done:
                yield problem.place, self._close(problem)

    def _admit(self) -> bool:
        """Begin with problems as long as there is room; whether any is in work."""
        while (self.unread or self.waiting) and (
            not (rows := self.growing + self.scored) or rows + self.budget <= self.most_rows
        ):
            if not self.waiting:
                self._read()
            problem, rows, read = self.waiting.popleft()
            ahead = self.strategy.steps_ahead
            for beams in problem.start:
                asking = grow(beams, self.engine, rows, self.verifier, read, ahead, self.draw)
                self._go_on(Line(problem, beams, asking))
        return bool(self.growing or self.scored)

    def _read(self) -> None:
        """Let engine and verifier read the next prompts."""
        most = max(1, min(PROMPTS, self.most_rows // self.budget))
        chosen = [self.unread.popleft() for _ in range(min(most, len(self.unread)))]
        problems = []
        for place, (_, _, stream) in chosen:
            tree = Tree()
            problems.append(
                Problem(place, tree, start_beams(tree, stream, self.strategy, self.budget, self.options))
            )
        rows = self.engine.prefill([prompt for _, (prompt, _, _) in chosen])
        read, counts = self.verifier.prefill([prompt for _, (_, prompt, _) in chosen])
        for number, (problem, count) in enumerate(zip(problems, counts, strict=True)):
            problem.tree.verifier_tokens += count
            self.trees.append(problem.tree)
            own = np.array([number])
            self.waiting.append((problem, self.engine.fork(rows, own), self.verifier.fork(read, own)))

    def _go_on(self, line: Line, answer: object = None) -> None:
        """Give beams the answer to what they asked for, and take what they ask for next."""
        try:
            asked = line.asking.send(answer)
        except StopIteration as end:
            problem = line.problem
            problem.grown[line.beams] = end.value
            if len(problem.grown) == len(problem.start):
                self.done.append(problem)
            return
        if isinstance(asked, Grow):
            self.growing += len(asked.streams)
            groups = [(line, len(asked.streams))]
            self.queue.put(groups, asked.rows, asked.streams, asked.temperature, asked.limits)
        else:
            self.scored += len(asked.steps)
            self.ready.append((line, asked))

    def _score(self) -> None:
        """Score all steps that are ready: the search's only call of the verifier."""
        ready, self.ready, self.scored = self.ready, [], 0
        rows = self.verifier.join([asked.rows for _, asked in ready])
        steps = [step for _, asked in ready for step in asked.steps]
        scores = self.verifier.score_more(rows, steps, [ahead for _, asked in ready for ahead in asked.ahead])
        ends = np.cumsum([len(asked.steps) for _, asked in ready])
        for (line, asked), end in zip(ready, ends.tolist(), strict=True):
            own = np.arange(end - len(asked.steps), end)
            self._go_on(line, (self.verifier.fork(rows, own), scores[own[0] : end]))

    def _close(self, problem: Problem) -> SearchResult:
        """Candidates and bill of a problem whose search is over."""
        problem.tree.number([problem.grown[beams] for beams in problem.start])
        candidates = [node for beams in problem.start for node in beams.candidates()]
        ran = sum(max(beams.budget, beams.peak) for beams in problem.start)
        return problem.tree.result(candidates, self.strategy.generations(ran))


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
    """Search the problems whose prompts (token ids) are given, all together; one result per problem, in order.

    streams: uint64, one noise stream per problem.  budget: N, beams per problem.  draw: how steps are drawn, and the
    limits of steps, solutions and rounds.  verifier_prompts: what the verifier reads of each problem where that is not
    the engine's prompt, such as its text.  InputError for a budget or an option that the strategy cannot use.
    """
    read = prompts if verifier_prompts is None else verifier_prompts
    rows = len(prompts) * budget
    searches = Searches(
        engine, verifier, prompts, streams, strategy, budget, draw, options, read, most_rows=rows
    )
    results = dict(searches)
    return [results[place] for place in range(len(prompts))]


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
