"""The check that a server continues answers, before a search is paid for: its own greedy answer, cut and given back.

What it writes behind the first part has to be the rest.  A cut behind a line end shows a server that takes white space
away from what it is given, one before a space shows one that begins a new turn or a new answer: none begins with a
space.  A search also has to know of each step whether it ended at a line end or with the answer.
"""

import asyncio
import re
from collections.abc import Sequence
from itertools import islice

import numpy as np

from ttc.engines import requests
from ttc.engines.client import Client, Request, Server, Unreadable
from ttc.engines.recording import jitter
from ttc.engines.requests import Answer
from ttc.engines.server import complete
from ttc.errors import InputError
from ttc.problems.prompts import PLACE, Prompt
from ttc.problems.text import SEPARATOR

ASKED = 64  # tokens of an answer
ALIKE = 12  # letters of the rest that have to come: a tie of two tokens may part them later
TRIES = 2  # cuts of each kind
QUESTIONS = 3
SHOWN = 40  # letters of a text in a sentence
# Behind all line ends, so that no token is cut, and before a space, with which most tokens of words begin
CUTS = {"line": re.compile(r"\S\n+(?=\S)"), "word": re.compile(r"\S(?= \S)")}
# What is asked where there is no study to ask about, by the form of its prompts
USUAL = {
    "chat": (
        "Write the numbers from one to forty as words, five of them on each line.",
        "Write the names of the twelve months, and behind each how many days it has, one on each line.",
    ),
    "completion": (
        "one two three four five\nsix seven eight nine ten\neleven twelve",
        "January has 31 days.\nMarch has 31 days.\nApril has 30 days.\nMay has",
    ),
}


def step_request(fields: dict, written: str, more: dict, step_end: str | None) -> dict:
    """A request (`ttc.engines.requests.body`) for the next step of an answer; for all the rest where no text ends it.

    written: what there is of it; more: see `ttc.engines.requests.going_on`.
    """
    fields = requests.going_on(fields, written, more)
    return fields if step_end is None else fields | {"stop": [*fields.get("stop", ()), step_end]}


def read_step(response: object, limit: int) -> Answer:
    """The answer in a response, with the text of `stop` that ended it.  Raises Unreadable also for one without a bill.

    A search counts the tokens of each step: they are its limits.
    """
    said = requests.read(response, limit)
    if said.tokens is None:
        raise Unreadable("it does not say how many tokens it wrote (`usage`), which a search counts")
    text = said.text
    if said.finish == "stop" and said.matched and not text.endswith(said.matched):
        text += said.matched
    return said._replace(text=text, tokens=max(said.tokens, 1) if text else said.tokens)


def check_usual(
    server: Server, model: str, form: str, variables: dict, request: dict, continuation: dict, step_end: str
) -> None:
    """`check_continues` with questions of our own.

    form: that of the prompts, `chat` or `completion`; variables: what the chat template is given besides.
    """
    prompt = Prompt(template=PLACE, format=form, variables=variables)
    check_continues(server, model, prompt, USUAL[form], request, continuation, step_end)


def check_continues(
    server: Server,
    model: str,
    prompt: Prompt,
    questions: Sequence[str],
    request: dict,
    more: dict,
    step_end: str = SEPARATOR,
) -> list[Answer]:
    """InputError unless a server continues answers to one of these questions; what it answered, for the bill.

    request: further fields of each request; more: of those that go on; step_end: the text that ends a step.
    """
    return asyncio.run(_Check(server, model, prompt, request, more, step_end).run(questions))


class _Check:
    def __init__(self, server: Server, model: str, prompt: Prompt, request: dict, more: dict, step_end: str):
        self.server, self.model, self.prompt, self.request, self.more = server, model, prompt, request, more
        self.step_end = step_end
        self.answers: list[Answer] = []
        self.held: dict[str, bool] = {}  # by the kind of cut, whether the rest came
        self.trims = False  # whether white space came that the answer had been cut behind
        self.wrong = ""  # what came instead

    async def run(self, questions: Sequence[str]) -> list[Answer]:
        async with Client(self.server) as self.client:
            for question in questions[:QUESTIONS]:
                if not self.held.get("line") or not self.held.get("word"):
                    await self._ask_about(question)
        where = f"{self.server.url} does not continue the answers of '{self.model}', as a search needs"
        if not self.held:
            raise InputError(
                f"{where}, or it cannot be told: no greedy answer to {len(questions[:QUESTIONS])} questions has a rest "
                "that differs from its beginning"
            )
        # Behind line ends a tokenizer may cut a text otherwise than the model had written it, and the rest differs
        if not all(self.held.values()) and (self.trims or not self.held.get("word")):
            raise InputError(f"{where}: {self.wrong}")
        return self.answers

    async def _ask_about(self, question: str) -> None:
        whole = (await self._ask(question)).text
        await self._check_line_end(question, whole)
        for kind, pattern in CUTS.items():
            telling = (cut for cut in _places(pattern, whole) if _differs(whole, cut))
            for cut in islice(telling, TRIES):
                if self.held.get(kind):
                    break
                await self._cut(question, whole, cut, kind)

    async def _cut(self, question: str, whole: str, cut: int, kind: str) -> None:
        came, rest = (await self._ask(question, whole[:cut])).text, whole[cut:]
        self.held[kind] = _alike(came, rest)
        if self.held[kind]:
            return
        again = kind == "line" and came[:1].isspace()
        self.trims |= again
        what = "which is not the rest of it"
        if _alike(came, whole):
            what = "which is a new answer"
        elif again:
            what = "which begins with the white space that it had been given"
        self.wrong = (
            f"given the beginning of its own answer, up to {_shown(whole[:cut][-SHOWN:])}, it went on "
            f"{_shown(came)}, {what}, {_shown(rest)} (policy.served.continuation says by which fields it is told to "
            "go on)"
        )

    async def _check_line_end(self, question: str, whole: str) -> None:
        """Whether a step that ends at a line end can be told from an answer that ends."""
        if self.step_end not in whole.strip():
            return
        step = (await self._ask(question, step_end=self.step_end)).text
        if not step.endswith(self.step_end) or len(step) > len(whole):
            raise InputError(
                f"{self.server.url} does not say of answers of '{self.model}' whether they stopped at a line end, as "
                f"a search needs: asked to stop there it wrote {_shown(step)}, and neither this text nor "
                "`stop_reason` or `matched_stop` ends in one"
            )

    async def _ask(self, question: str, written: str = "", step_end: str | None = None) -> Answer:
        stream = np.uint64(0)
        fields = requests.body(self.prompt, question, self.model, 0.0, stream, self.request)
        fields = step_request(fields, written, self.more, step_end)
        wanted = Request(None, requests.chat(self.prompt), fields, jitter(stream))
        wanted = complete(self.server, wanted, {self.server.length_field: ASKED})
        answer = await self.client.answer(wanted, lambda said: read_step(said, ASKED))
        self.answers.append(answer)
        return answer


def _places(cut: re.Pattern, text: str) -> list[int]:
    """Where a text may be cut, with something to read on both sides; the middle places first."""
    return sorted((found.end() for found in cut.finditer(text)), key=lambda place: abs(2 * place - len(text)))


def _differs(whole: str, cut: int) -> bool:
    """Whether the rest is long enough to be known, and no beginning of the whole."""
    return len(whole[cut:].strip()) > 1 and not _alike(whole, whole[cut:])


def _alike(came: str, rest: str) -> bool:
    """Whether a text begins as the rest does."""
    return came[:ALIKE] == rest[:ALIKE] if len(rest) >= ALIKE else came.startswith(rest)


def _shown(text: str) -> str:
    return repr(text if len(text) <= SHOWN else f"{text[:SHOWN]}…")
