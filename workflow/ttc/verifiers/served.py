"""Judges behind servers: a question is one request, and a critique and the verdict behind it are two.

What is asked is what a judge that is here is asked (`ttc.verifiers.kinds.judge`, `judge_critique`); the chat template
and the tokens are the server's.  What it answers is kept as it comes, and nothing that is kept is asked for again.
"""

import hashlib
import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np
import polars as pl

from ttc import noise
from ttc.engines import requests, verdicts
from ttc.engines.client import Request, Server
from ttc.engines.recording import BILL, billed, jitter, take
from ttc.engines.requests import Answer
from ttc.engines.sampling import Counted
from ttc.engines.server import answers, describe
from ttc.engines.verdicts import Verdict
from ttc.errors import InputError
from ttc.problems.steps import steps_of
from ttc.runtime import Runtime
from ttc.verifiers.judging import SOLUTION, UNDECIDED, Asking
from ttc.verifiers.protocol import Solution, Spent, problem_with_context

CRITIQUE, VERDICT = "critique", "verdict"  # what is asked for
# Of an answer: what was asked, by the digest of the question; which critique of it, from 0; and what for
KEY = {"question": pl.String, "number": pl.Int64, "part": pl.String}
ANSWER = {"text": pl.String, "yes": pl.Float64, "no": pl.Float64}
TABLE = "answers"
# The model goes on in the turn that is given back, as vLLM and SGLang call it
GOES_ON = {"continue_final_message": True, "add_generation_prompt": False}
Key = tuple[str, int, str]


class Asked(NamedTuple):
    """What a judge is asked about a solution: one question, or one for each step."""

    questions: tuple[str, ...]

    @property
    def tokens(self) -> tuple[int, ...]:
        """None are known here; what is billed the server says (`ServedJudge.spent`)."""
        return ()

    @property
    def places(self) -> tuple[int, ...]:
        """One for each score."""
        return tuple(range(len(self.questions)))


class Kept(NamedTuple):
    """What is kept of an answer: a critique's text, or the probabilities of yes and no; and the tokens of its bill."""

    text: str | None
    yes: float | None
    no: float | None
    read: int | None
    decoded: int | None


class ServedJudge:
    """`ttc.verifiers.protocol.Verifier` that asks a server; the answers are in the table `answers` of the job's work.

    An answer of which neither yes nor no is among the likeliest tokens has no score of its own; it is taken for
    undecided (1/2), as a critique without a verdict is, and the job's record says how many there were.
    """

    reads_end = False
    keeps = True

    def __init__(self, model: str, asking: Asking, request: dict, runtime: Runtime, place: str):
        """request: further fields of each request; place: where the configuration speaks of the server.

        InputError where the server is not reached, or does not have the model.
        """
        self.model, self.asking, self.request, self.work = model, asking, request, runtime.work
        self.server = Server.of(model, runtime.servers, place)
        self.told_of, self.report = runtime.told, runtime.progress("answers of the judge")
        self.described = describe(self.server, model)
        self.tokens_scored = 0
        self.spent: dict[Asked, Spent] = {}  # of the readings of the last call
        self.waiting: list[tuple[Key, Answer | Verdict]] = []
        self.known: dict[Key, Kept] = {}
        for block in self.work.blocks:
            self._learn(block[TABLE])

    def readings(self, solutions: Sequence[Solution]) -> list[Asked | None]:
        """See `ttc.verifiers.protocol.Reader.readings`; a solution's steps are the lines that are not blank."""
        made = []
        for each in solutions:
            problem, steps = problem_with_context(each.problem, each.context), steps_of(each.text)
            beginnings = [steps] if self.asking.asks == SOLUTION else _beginnings(steps)
            made.append(
                Asked(tuple(self.asking.filled(problem, some) for some in beginnings)) if steps else None
            )
        return made

    def scores(self, readings: Sequence[Asked], names: Sequence[str]) -> list[list[float]]:
        """See `ttc.verifiers.protocol.Verifier.scores`; equal questions are asked once, and each is billed."""
        asked = {_named(question): question for each in readings for question in each.questions}
        critique = self.asking.critique
        count = 1 if critique is None else critique.count
        keys = [(name, number) for name in asked for number in range(count)]
        if critique is not None:
            wanted = [(*key, CRITIQUE) for key in keys]
            # Servers refuse fields about probabilities where none are asked for
            more = {name: self.request[name] for name in self.request if name not in verdicts.ASKED}
            self._ask(wanted, asked, critique.max_tokens, critique.temperature, self._written, more)
        if self.asking.by_probability:
            wanted = [(*key, VERDICT) for key in keys]
            more = verdicts.ASKED | self.request
            self._ask(wanted, asked, verdicts.LENGTH, verdicts.TEMPERATURE, self._verdict, more)
        self._tell()
        parts = [part for part, made in ((CRITIQUE, critique), (VERDICT, self.asking.by_probability)) if made]
        found = {name: [self._score(name, number) for number in range(count)] for name in asked}
        bills = {
            name: self._bill((name, number, part) for number in range(count) for part in parts)
            for name in asked
        }
        self.spent = {each: _sum(bills[_named(question)] for question in each.questions) for each in readings}
        self.tokens_scored += sum(self.spent[each].tokens or 0 for each in readings)
        return [[float(np.mean(found[_named(question)])) for question in each.questions] for each in readings]

    def score(self, problems: list[str], solutions: list[list[str]]) -> list[list[float]]:
        """For each problem and its solution (texts of steps), one score per step: as if it ended with each of them.

        InputError where no answer has a verdict: other words are needed, or a model that follows them.
        """
        readings = [
            Asked(tuple(self.asking.filled(problem, some) for some in _beginnings(steps)))
            for problem, steps in zip(problems, solutions, strict=True)
        ]
        made = self.scores(readings, [])
        if not any(self._decided(key) for key in self.known):
            raise InputError(
                f"model '{self.model}' ({self.server.place}) gives no verdict: no answer has "
                f"{', '.join(map(repr, (*self.asking.yes, *self.asking.no)))} where one is looked for; take a model "
                "that follows instructions, other words (prm.checkpoint.judge.prompt), or leave its thoughts out "
                "(`variables` there)"
            )
        return made

    def told(self) -> str:
        """What was billed, for the log."""
        return f"verifier: {self.tokens_scored:,} tokens billed, {len(self.known):,} answers of {self.model}"

    def _ask(
        self,
        wanted: list[Key],
        asked: dict[str, str],
        limit: int,
        temperature: float,
        read: Callable[[object], Any],
        more: dict,
    ) -> None:
        """Have the server asked for what is not known yet.  more: further fields of each request."""
        missing = [key for key in wanted if key not in self.known]
        if not missing:
            return
        progress = Counted(self.report, len(wanted) - len(missing), len(wanted))

        def tell(came: tuple[Key, Any]) -> None:
            answer = came[1].answer if isinstance(came[1], Verdict) else came[1]
            progress.tell(1, answer.tokens or 0)

        made = self._requests(missing, asked, temperature, more)
        take(answers(self.server, made, limit, read), self.waiting, self.work, self._keep, tell)

    def _requests(
        self, keys: Iterable[Key], asked: dict, temperature: float, more: dict
    ) -> Iterator[Request]:
        seed = 0 if self.asking.critique is None else self.asking.critique.seed
        for name, number, part in keys:
            root = noise.stream(seed, part, name)
            (stream,) = noise.substreams(np.array([root]), np.array([number]))
            body = requests.body(self.asking.turns, asked[name], self.model, temperature, stream, more)
            begun = self._begun(name, number) if part == VERDICT else ""
            if begun:
                turn = {"role": "assistant", "content": begun}
                body |= {"messages": [*body["messages"], turn]} | GOES_ON
            yield Request((name, number, part), True, body, jitter(stream))

    def _begun(self, name: str, number: int) -> str:
        """What stands in the model's turn before a verdict."""
        if self.asking.critique is None:
            return self.asking.verdict or ""
        return self.asking.concluded(self.known[name, number, CRITIQUE].text)

    def _written(self, response: object) -> Answer:
        return requests.read(response, self.asking.critique.max_tokens)

    def _verdict(self, response: object) -> Verdict:
        return verdicts.read(response, self.asking.yes, self.asking.no, self.server)

    def _keep(self) -> None:
        """Keep what has come since the last time."""
        if not self.waiting:
            return
        taken = sorted(self.waiting, key=lambda each: each[0])
        self.waiting.clear()
        rows = []
        for key, each in taken:
            answer = each.answer if isinstance(each, Verdict) else each
            chances = (each.yes, each.no) if isinstance(each, Verdict) else (None, None)
            text = (
                None
                if isinstance(each, Verdict)
                else requests.written(self.asking.turns, [answer.text])[0][0]
            )
            bill = answer.model, answer.fingerprint, answer.read, answer.tokens
            rows.append((*key, text, *chances, *bill))
        table = pl.DataFrame(rows, schema=KEY | ANSWER | BILL, orient="row")
        self._learn(table)
        self.work.add(**{TABLE: table})

    def _learn(self, table: pl.DataFrame) -> None:
        for name, number, part, *kept in table.select(*KEY, *ANSWER, "read", "decoded").iter_rows():
            self.known[name, number, part] = Kept(*kept)

    def _score(self, name: str, number: int) -> float:
        if not self.asking.by_probability:
            return self.asking.parsed(self.known[name, number, CRITIQUE].text)
        kept = self.known[name, number, VERDICT]
        made = verdicts.score(kept.yes, kept.no)
        return UNDECIDED if made is None else made

    def _decided(self, key: Key) -> bool:
        """Whether an answer says yes or no."""
        if self.asking.by_probability:
            return key[2] == VERDICT and self._seen(key) > 0
        return self.asking.parsed(self.known[key].text) != UNDECIDED

    def _seen(self, key: Key) -> float:
        return self.known[key].yes + self.known[key].no

    def _bill(self, keys: Iterable[Key]) -> Spent:
        return _sum(_spent(self.known[key]) for key in keys)

    def _tell(self) -> None:
        """The server's bill, and how much its answers say, for the output's record."""
        if not self.work.blocks:
            return
        counted = VERDICT if self.asking.by_probability else CRITIQUE
        last = [key for key in self.known if key[2] == counted]
        said = {"answers": len(last), "undecided": sum(not self._decided(key) for key in last)}
        if self.asking.by_probability:
            seen = [self._seen(key) for key in last]
            said |= {"least_seen": min(seen), "mean_seen": math.fsum(seen) / len(seen)}
        bill = billed(self.work.table(TABLE))
        self.told_of["server"] = {"described": self.described} | bill | {"verdicts": said}


def open_judge(model: str, judge: dict, request: dict, runtime: Runtime, place: str) -> ServedJudge:
    """The judge of a model behind a server.  judge: how it is asked (`Asking.content`)."""
    return ServedJudge(model, Asking.of(judge), request, runtime, place)


def _named(question: str) -> str:
    return hashlib.sha256(question.encode()).hexdigest()


def _beginnings(steps: Sequence[str]) -> list[Sequence[str]]:
    return [steps[: count + 1] for count in range(len(steps))]


def _spent(kept: Kept) -> Spent:
    """Tokens of one answer; None where the server does not say them."""
    known = kept.read is not None and kept.decoded is not None
    return Spent(kept.read + kept.decoded if known else None, kept.decoded)


def _sum(bills: Iterable[Spent]) -> Spent:
    """The sum of some bills; None where one of them is not known."""
    return Spent(*(None if None in column else sum(column) for column in zip(*bills, strict=True)))
