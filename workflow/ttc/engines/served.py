"""A policy behind a server that continues texts: the engine of its searches.

Rows are texts, and a step is a request, with the text that ends a step among those that stop it.  The server reads the
whole prefix at each step, unless it keeps what it has read before.  Answers are kept once a minute, by the content of
their requests: a search that begins anew after a kill makes the same requests, and those that are kept are not asked
for again.
"""

import hashlib
from collections import deque
from collections.abc import Hashable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

import numpy as np
import polars as pl

from ttc import noise
from ttc.digests import canonical
from ttc.engines import requests
from ttc.engines.asking import Asking
from ttc.engines.client import Request, Server
from ttc.engines.protocol import Continuation, Engine, Tell, spans, unheard
from ttc.engines.recording import billed, jitter
from ttc.engines.requests import Answer
from ttc.engines.served_check import check_continues, read_step, step_request
from ttc.engines.server import describe
from ttc.grading.characters import without_surrogates
from ttc.models.card import served_model
from ttc.problems.formats import PromptForm
from ttc.problems.stops import Stops
from ttc.problems.text import SEPARATOR
from ttc.runtime import Runtime

KEPT = {
    "request": pl.String,
    "text": pl.String,
    "finish": pl.String,
    "decoded": pl.Int64,
    "read": pl.Int64,
    "model": pl.String,
    "fingerprint": pl.String,
}
TABLE = "asked"  # of what is kept
BLANK = -1  # a token without a text of its own


class Texts:
    """A tokenizer of texts whose tokens only the server knows: a text of n tokens is its number, and n - 1 blanks."""

    all_special_tokens = ()

    def __init__(self):
        self._texts: list[str] = []
        self._numbers: dict[str, int] = {}

    def tokens(self, text: str, count: int) -> list[int]:
        """`count` tokens that are written `text`; one at least, where it is not empty."""
        number = self._numbers.setdefault(text, len(self._texts))
        if number == len(self._texts):
            self._texts.append(text)
        return [number, *[BLANK] * (count - 1)] if count else []

    def batch_decode(self, solutions: Sequence[Sequence[int]], **_) -> list[str]:
        """The texts of some solutions."""
        return ["".join(self._texts[each] for each in tokens if each != BLANK) for tokens in solutions]

    def convert_tokens_to_ids(self, _) -> list[int]:
        """None: no token is special."""
        return []


class Row(NamedTuple):
    """A solution so far."""

    question: str
    number: int  # of the prompt that it answers
    written: str = ""
    ended: bool = False


@dataclass
class Grown:
    """What a row has got, and by how many requests."""

    text: str = ""
    tokens: list[int] = field(default_factory=list)
    requests: int = 0
    finish: str = ""


@dataclass
class Group:
    """Rows that come out together: `rows` of what was put in."""

    key: Hashable
    rows: range
    state: list[Row]
    streams: np.ndarray
    temperature: float
    limits: list[int]
    made: list[Grown]
    going: int  # how many have not stopped


class ServedEngine(Engine):
    """`ttc.engines.protocol.Engine` whose prompts are questions; a context, at whose end what has come is kept.

    The seed of a request is made of the row's stream and of the number of the request in its step.
    """

    top = 0

    def __init__(self, spec: dict, policy: Path, form: PromptForm, runtime: Runtime):
        """spec: `request` and `continuation`, further fields of each request and of those that go on, and `step_end`,
        the text that ends a step (all optional).
        """
        self.form, self.work, self.told = form, runtime.work, runtime.told
        self.model = served_model(policy)
        self.server = Server.of(self.model, runtime.servers)
        self.at_once = self.server.concurrency
        self.more, self.on = spec.get("request", {}), spec.get("continuation", {})
        self.step_end = spec.get("step_end", SEPARATOR)
        self.tokenizer = Texts()
        self.stops = Stops((), (), texts=form.prompt.stop)
        self.tokens_generated = 0
        self.read: list[
            int | None
        ] = []  # for each prompt, tokens that the server read; None where a bill lacks them
        self.known: dict[str, Answer] = {}
        self.fresh: list[tuple[str, Answer]] = []

    def __enter__(self) -> "ServedEngine":
        self.described = describe(self.server, self.model)
        for block in self.work.blocks:
            if TABLE in block:
                for name, *values in block[TABLE].select(*KEPT).iter_rows():
                    text, finish, tokens, read, model, fingerprint = values
                    self.known[name] = Answer(text, finish, tokens, read, model, fingerprint)
        self.asking = Asking(self.server, read_step)
        return self

    def __exit__(self, *_) -> None:
        self.asking.close()
        self.keep()
        if self.known:
            self.told["server"] = {"described": self.described} | billed(self.work.table(TABLE))

    def check(self, questions: Sequence[str]) -> None:
        """InputError unless the server continues answers to one of these questions; not asked where it has before."""
        if not self.known:
            prompt = self.form.prompt
            asked = check_continues(
                self.server, self.model, prompt, questions, self.more, self.on, self.step_end
            )
            for number, answer in enumerate(asked):
                self.take_in(f"check-{number}", answer)

    def prefill(self, prompts: Sequence[str]) -> list[Row]:
        """Rows at the start of answers to questions."""
        first = len(self.read)
        self.read += [0] * len(prompts)
        return [Row(question, first + place) for place, question in enumerate(prompts)]

    def fork(self, state: list[Row], rows: np.ndarray) -> list[Row]:
        """See `ttc.engines.protocol.Engine.fork`."""
        return [state[row] for row in rows]

    def queue(self, stop: str, keep: bool = True, tell: Tell = unheard) -> "ServedQueue":
        """See `ttc.engines.protocol.Engine.queue`."""
        return ServedQueue(self, stop == "step", keep, tell)

    def next_answer(self) -> tuple[str, Answer]:
        """Name and answer of a request that has been answered; keeps what has come when it is time."""
        while True:
            said = self.asking.take(1.0)
            if said is not None:
                self.take_in(*said)
            if self.work.due():
                self.keep()
            if said is not None:
                return said[0], self.known[said[0]]

    def take_in(self, name: str, answer: Answer) -> None:
        """Note an answer, as texts can be written to tables and sent back."""
        text, replaced = without_surrogates(answer.text)
        self.form.replaced += replaced
        self.known[name] = answer._replace(text=text)
        self.fresh.append((name, self.known[name]))

    def keep(self) -> None:
        """Keep what has come since the last time."""
        if self.fresh:
            rows = [
                (name, said.text, said.finish, said.tokens, said.read, said.model, said.fingerprint)
                for name, said in self.fresh
            ]
            self.work.add(**{TABLE: pl.DataFrame(rows, schema=KEPT, orient="row")})
            self.fresh = []


class ServedQueue:
    """`ttc.engines.protocol.Queue` of a `ServedEngine`."""

    def __init__(self, engine: ServedEngine, by_step: bool, keep: bool, tell: Tell):
        """by_step, keep, tell: see `ttc.engines.protocol.Engine.queue`."""
        self.engine, self.keep, self.tell = engine, keep, tell
        self.step_end = engine.step_end if by_step else None
        self.asked: dict[str, list[tuple[Group, int]]] = {}  # the rows that wait for a request, by its name
        self.answered: deque[tuple[Group, int, Answer]] = deque()  # of what was known before

    def put(
        self,
        groups: Sequence[tuple[Hashable, int]],
        state: list[Row],
        streams: np.ndarray,
        temperature: float,
        limits: np.ndarray,
    ) -> None:
        """See `ttc.engines.protocol.Queue.put`."""
        if any(row.ended for row in state):
            raise ValueError("a row that has ended cannot be extended")
        if limits.min() < 1:
            raise ValueError(f"max_tokens is {limits.min()}; allowed is a whole number from 1")
        made = [Grown() for _ in state]
        for key, rows in spans(groups):
            group = Group(key, rows, state, streams, temperature, limits.tolist(), made, len(rows))
            for place in rows:
                self._ask(group, place)

    def take(self) -> list[tuple[Hashable, list[Continuation]]]:
        """See `ttc.engines.protocol.Queue.take`."""
        done: list[Group] = []
        while not done and (self.answered or self.asked):
            if self.answered:
                done += self._add(*self.answered.popleft())
                continue
            name, answer = self.engine.next_answer()
            for group, place in self.asked.pop(name):
                done += self._add(group, place, answer)
        return [(group.key, self._close(group)) for group in done]

    def _ask(self, group: Group, place: int) -> None:
        """Ask for what a row still lacks, unless it was answered before."""
        engine, row, grown = self.engine, group.state[place], group.made[place]
        (stream,) = noise.substreams(group.streams[place : place + 1], np.array([grown.requests]))
        body = step_request(
            requests.body(
                engine.form.prompt, row.question, engine.model, group.temperature, stream, engine.more
            ),
            row.written + grown.text,
            engine.on,
            self.step_end,
        )
        limit = group.limits[place] - len(grown.tokens)
        grown.requests += 1
        name = hashlib.sha256(canonical([body, limit]).encode()).hexdigest()
        if name in engine.known:
            self.answered.append((group, place, engine.known[name]))
            return
        if name not in self.asked:
            engine.asking.put(Request(name, requests.chat(engine.form.prompt), body, jitter(stream)), limit)
        self.asked.setdefault(name, []).append((group, place))

    def _add(self, group: Group, place: int, answer: Answer) -> list[Group]:
        """Add an answer to its row; the group, if it is complete with it."""
        grown, row = group.made[place], group.state[place]
        before = self.engine.read[row.number]
        self.engine.read[row.number] = None if None in (before, answer.read) else before + answer.read
        grown.text += answer.text
        grown.tokens += self.engine.tokenizer.tokens(answer.text, answer.tokens)
        at_step_end = self.step_end is not None and answer.text.endswith(self.step_end)
        if self.engine.stops.find_text(row.written + grown.text) is not None:
            grown.finish = "end"
        elif answer.finish != "stop":
            grown.finish = "length"
        elif not at_step_end:
            grown.finish = "end"
        elif grown.text.strip():
            grown.finish = "step"
        elif len(grown.tokens) >= group.limits[place]:
            grown.finish = "length"
        self.tell(bool(grown.finish), answer.tokens)
        if not grown.finish:  # blank lines, which belong to the step after them
            self._ask(group, place)
            return []
        group.going -= 1
        return [] if group.going else [group]

    def _close(self, group: Group) -> list[Continuation]:
        """What a group's rows have got; their state then holds what may be extended again."""
        made = [group.made[place] for place in group.rows]
        for place, grown in zip(group.rows, made, strict=True):
            row = group.state[place]
            ended = grown.finish == "end" or not self.keep
            group.state[place] = row._replace(written=row.written + grown.text, ended=ended)
            self.engine.tokens_generated += len(grown.tokens)
        return [Continuation(grown.tokens, float("nan"), grown.finish) for grown in made]
