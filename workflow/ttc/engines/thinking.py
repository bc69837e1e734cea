"""Samples at several budgets of thought, by budget forcing (s1, Muennighoff et al. 2025, arXiv 2501.19393).

A thought is drawn once, up to the largest budget.  Where a budget is used up before the thought is closed, what marks
the end of a thought is appended to as many of its tokens, and the answer is drawn.  A thought that is closed before may
be made to go on, with a word such as "Wait" in place of the mark.  All budgets cut the same thought, whose noise is
that of the sample of this index without a budget: with an engine that repeats itself it begins like that sample.
"""

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np
import polars as pl

from ttc import noise
from ttc.engines.flow import AHEAD, LEAST
from ttc.engines.protocol import Continuation, Engine
from ttc.engines.sampling import BATCHES, Counted, Draw, solutions_frame
from ttc.problems.formats import Form
from ttc.problems.thoughts import Counted as Thoughts
from ttc.problems.thoughts import Counter
from ttc.runtime import Report, Work, unreported

CLOSE = "{close}"  # in `ending`: the mark


@dataclass(frozen=True)
class Forcing:
    """Rising budgets (tokens of thought), the longest answer behind one, and what is put in, as tokens.

    ending: behind a thought whose budget is used up; wait: in place of a mark that closes one below it, `waits` times.
    """

    budgets: tuple[int, ...]
    answer_tokens: int
    ending: tuple[int, ...]
    wait: tuple[int, ...] = ()
    waits: int = 0

    @classmethod
    def of(cls, spec: dict, form: Form, tokenizer) -> "Forcing":
        """What the spec of a stage says: budgets, answer_tokens, ending, wait and waits."""
        close = form.settle(tokenizer).close
        texts = [spec["ending"].replace(CLOSE, close), spec["wait"]]
        ending, wait = (tuple(ids) for ids in tokenizer(texts, add_special_tokens=False)["input_ids"])
        return cls(tuple(spec["budgets"]), spec["answer_tokens"], ending, wait, spec["waits"])

    @property
    def longest(self) -> int:
        """Tokens of the longest thought that is not cut, and of the answer behind it."""
        return self.budgets[-1] + self.answer_tokens

    def goes_on(self, version: "Version", waited: int, budget: int) -> bool:
        """Whether a thought that was made to wait so often goes on once more: something fits in behind the word."""
        mark = version.thoughts.mark
        return waited < self.waits and mark is not None and mark + len(self.wait) < budget


class Version(NamedTuple):
    """A solution as it was drawn, perhaps behind a thought that was made to go on; `end`: it ended by itself."""

    tokens: list[int]
    end: bool
    thoughts: Thoughts


class Cut(NamedTuple):
    """What a budget makes of a solution: which version of it, and whether its thought is ended."""

    version: int
    forced: bool


class Made(NamedTuple):
    """A solution at one budget."""

    tokens: list[int]
    end: bool
    forced: bool
    waits: int


def cut(versions: list[Version], budget: int, forcing: Forcing) -> Cut:
    """What a budget makes of a solution; a version is there for each time that the largest one lets it go on."""
    for number, each in enumerate(versions):
        closed = each.thoughts.closed
        if closed is None or closed > budget:
            inside = each.thoughts.thinking > 0 and not (each.end and len(each.tokens) <= budget)
            return Cut(number, inside)
        if not forcing.goes_on(each, number, budget):
            return Cut(number, False)
    raise ValueError("a thought that goes on has no further version")


def unforced(version: Version, waits: int, forcing: Forcing) -> Made:
    """A solution whose thought closed within a budget, with as long an answer as any other may have.

    Also one that does not think, and one that ended inside its thought, which has no answer.
    """
    inside = version.thoughts.thinking > 0 and version.thoughts.closed is None
    most = len(version.tokens) if inside else (version.thoughts.closed or 0) + forcing.answer_tokens
    whole = version.end and len(version.tokens) <= most
    return Made(version.tokens[:most], whole, False, waits)


@dataclass
class _Row:
    """One sample: its noise, and its versions so far."""

    stream: np.uint64
    versions: list[Version] = field(default_factory=list)
    made: dict[int, Made] = field(default_factory=dict)  # by budget


@dataclass
class _Problem:
    place: int
    prompt: list[int]
    rows: list[_Row]


class _Asked(NamedTuple):
    """A group in the queue: whose rows it has, with the tokens that each of them goes on from, and for which budget.

    budgets: None for thoughts.
    """

    problem: _Problem
    rows: list[_Row]
    before: list[list[int]]
    budgets: list[int] | None


class Thinking:
    """Problems that wait, and those whose thoughts and answers an engine draws."""

    def __init__(self, engine: Engine, form: Form, draw: Draw, forcing: Forcing, tell):
        """tell: see `ttc.engines.protocol.Engine.queue`; it hears of every group, thoughts and answers."""
        self.engine, self.draw, self.forcing = engine, draw, forcing
        self.counter = Counter(form.settle(engine.tokenizer), engine.tokenizer)
        self.queue = engine.queue("end", keep=False, tell=tell)
        self.asked: dict[int, _Asked] = {}
        self.number = self.growing = 0

    def run(self, prompts: list[list[int]], streams: list[np.ndarray]) -> Iterator[_Problem]:
        """Problems as they are complete, those with short prompts first; `streams` (uint64) of each one's samples."""
        order = sorted(range(len(prompts)), key=lambda place: len(prompts[place]))
        waiting = deque(
            _Problem(place, prompts[place], [_Row(each) for each in streams[place]]) for place in order
        )
        while waiting or self.asked:
            while waiting and self.growing <= LEAST * self.draw.rows:
                self._begin(waiting)
            for key, made in self.queue.take():
                asked = self.asked.pop(key)
                self.growing -= len(made)
                if self._taken(asked, made):
                    yield asked.problem

    def _begin(self, waiting: deque) -> None:
        """Read prompts until the engine has enough, and ask for thoughts behind them."""
        chosen = []
        while waiting and (not chosen or self.growing < AHEAD * self.draw.rows):
            chosen.append(waiting.popleft())
            self.growing += len(chosen[-1].rows)
        state = self.engine.prefill([each.prompt for each in chosen])
        for place, each in enumerate(chosen):
            self.growing -= len(each.rows)  # `_put` counts them
            own = self.engine.fork(state, np.full(len(each.rows), place))
            streams = np.array([row.stream for row in each.rows], dtype=np.uint64)
            limits = np.full(len(each.rows), self.forcing.longest)
            self._put(_Asked(each, each.rows, [[] for _ in each.rows], None), own, streams, limits)

    def _put(self, asked: _Asked, state, streams: np.ndarray, limits: np.ndarray) -> None:
        self.asked[self.number] = asked
        groups = [(self.number, len(asked.rows))]
        self.queue.put(groups, state, streams, self.draw.temperature, limits)
        self.number += 1
        self.growing += len(asked.rows)

    def _taken(self, asked: _Asked, made: list[Continuation]) -> bool:
        """Take in what a group has got, and ask for what comes next; whether its problem is complete."""
        for number, (row, before, each) in enumerate(zip(asked.rows, asked.before, made, strict=True)):
            tokens, end = before + each.tokens, each.finish == "end"
            if asked.budgets is None:
                row.versions.append(Version(tokens, end, self.counter.count(tokens)))
            else:
                waits = cut(row.versions, asked.budgets[number], self.forcing).version
                row.made[asked.budgets[number]] = Made(tokens, end, True, waits)
        if asked.budgets is not None:
            return True
        return not (self._go_on(asked.problem) or self._force(asked.problem))

    def _go_on(self, problem: _Problem) -> bool:
        """Ask for thoughts behind those that closed too early; whether there are any."""
        rows, before, streams = [], [], []
        for row in problem.rows:
            waited, last = len(row.versions) - 1, row.versions[-1]
            if self.forcing.goes_on(last, waited, self.forcing.budgets[-1]):
                rows.append(row)
                before.append([*last.tokens[: last.thoughts.mark], *self.forcing.wait])
                # What was drawn behind the mark is not drawn on
                streams.append(noise.substreams(row.stream, waited + 1))
        limits = np.array([self.forcing.longest - len(each) for each in before])
        return self._read(problem, rows, before, streams, limits, None)

    def _force(self, problem: _Problem) -> bool:
        """Ask for answers behind thoughts whose budgets are used up; whether there are any."""
        rows, before, streams, budgets = [], [], [], []
        for row in problem.rows:
            for budget in self.forcing.budgets:
                version, forced = cut(row.versions, budget, self.forcing)
                if not forced:
                    row.made[budget] = unforced(row.versions[version], version, self.forcing)
                    continue
                rows.append(row)
                before.append([*row.versions[version].tokens[:budget], *self.forcing.ending])
                streams.append(noise.substreams(row.stream, version) if version else row.stream)
                budgets.append(budget)
        limits = np.full(len(rows), self.forcing.answer_tokens)
        return self._read(problem, rows, before, streams, limits, budgets)

    def _read(self, problem, rows, before, streams, limits, budgets) -> bool:
        if rows:
            state = self.engine.prefill([problem.prompt + each for each in before])
            asked = _Asked(problem, rows, before, budgets)
            self._put(asked, state, np.array(streams, dtype=np.uint64), limits)
        return bool(rows)


def think(
    engine: Engine,
    form: Form,
    problems: pl.DataFrame,
    samples: list[int],
    draw: Draw,
    thinking: dict,
    *,
    report: Report = unreported,
    work: Work | None = None,
) -> pl.DataFrame:
    """Samples [start, stop) of each problem at each budget: the table of samples with a column `budget`.

    thinking: see `Forcing.of`.  `work` keeps problems whose samples are complete, once a minute or whenever there are
    many of them.
    """
    work = work or Work()
    indices = np.arange(*samples)
    forcing = Forcing.of(thinking, form, engine.tokenizer)
    finished = work.finished("samples", ["problem_id"])
    each = len(indices) * len(forcing.budgets)
    progress = Counted(report, len(finished) * each, len(problems) * each)
    problems = problems.filter(~pl.col("problem_id").is_in(finished))
    prompts = form.prompts(engine.tokenizer, problems["question"].to_list())
    roots = [noise.stream(draw.seed, "sample", name) for name in problems["problem_id"]]
    streams = [noise.substreams(root, indices) for root in roots]
    # Solutions are told of where they are complete, tokens as they are made
    drawing = Thinking(engine, form, draw, forcing, lambda rows, tokens: progress.tell(0, tokens))
    done: list[_Problem] = []
    for problem in drawing.run(prompts, streams):
        done.append(problem)
        progress.tell(each, 0)
        if work.due() or len(done) * each >= BATCHES * draw.rows:
            work.add(samples=_frame(engine, form, problems, indices, forcing, done))
            done = []
    if done:
        work.add(samples=_frame(engine, form, problems, indices, forcing, done))
    return work.table("samples")


def _frame(engine, form, problems, indices, forcing, done: list[_Problem]) -> pl.DataFrame:
    """The rows of complete problems, by place, sample and budget."""
    done = sorted(done, key=lambda each: each.place)
    made = [row.made[budget] for each in done for row in each.rows for budget in forcing.budgets]
    owners = [each.place for each in done for _ in each.rows for _ in forcing.budgets]
    chosen = problems[owners]
    drawn = [Continuation(each.tokens, 0.0, "end" if each.end else "length") for each in made]
    frame = solutions_frame(form, engine.tokenizer, drawn, chosen["answer"].to_list())
    return frame.with_columns(
        problem_id=chosen["problem_id"],
        sample_index=pl.Series([index for _ in done for index in indices for _ in forcing.budgets]),
        budget=pl.Series([budget for _ in done for _ in indices for budget in forcing.budgets]),
        # Of a thought that is cut the sum is not known
        logprob=pl.lit(None, dtype=pl.Float32),
        forced=pl.Series([each.forced for each in made], dtype=pl.Boolean),
        waits=pl.Series([each.waits for each in made], dtype=pl.Int32),
    )
