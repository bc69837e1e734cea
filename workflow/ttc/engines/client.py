"""The client of a server that speaks OpenAI's protocol, and what is done when it does not answer.

A busy server, a broken one, a cut connection, a time that is up and an answer that cannot be read are tried again,
later each time.  What the server says no to is not: the same request would get the same answer.
"""

import asyncio
import datetime
import email.utils
import os
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, NamedTuple

from ttc.errors import InputError

IN_NO_KEY = "how a request travels; what it says and what is kept of the answer are in `ttc.engines.requests`"
# Seconds before the second try, and before any try at most, unless the server says more
FIRST, LONGEST = 1.0, 60.0
AGAIN = {408, 409, 425, 429}  # and all from 500
PATIENCE = 3600.0  # seconds that a server may ask for; a job that waits longer is in the way of others
SHOWN = 300  # letters of what a server says that are repeated
NO_MONEY = "insufficient_quota"


class Unreadable(Exception):
    """What a server sent is no answer; the text says what is wrong with it."""


class Request(NamedTuple):
    """A request: what it is called, whether it is turns or a text, its fields, and numbers in [0, 1) for its waits.

    path: of one that asks for something else.
    """

    key: Any
    chat: bool
    body: dict
    jitter: Callable[[int], float]
    path: str | None = None


@dataclass(frozen=True)
class Server:
    """How a server is reached; no part of any key.  The key itself is in the environment, under `key_variable`.

    place: where the configuration says so.
    """

    url: str
    key_variable: str | None = None
    length_field: str = "max_tokens"
    send_seed: bool = True
    concurrency: int = 16
    requests_per_minute: float | None = None
    timeout: float = 600.0
    tries: int = 8
    # Of a model that searches ask to go on with answers: how they do (`ttc.engines.served_check.check_usual`)
    continued: dict | None = None
    place: str = "policy.served"
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep
    clock: Callable[[], float] = time.monotonic

    @classmethod
    def of(cls, model: str, servers: dict[str, dict], place: str | None = None) -> "Server":
        """The server of a model, of those that a job was told of; InputError where it was told of none.

        place: where the configuration speaks of it, under which a verifier's is told; of a policy's, the model's name.
        """
        told = servers.get(place or model) or {}
        if not told.get("url"):
            raise InputError(
                f"model '{model}' is behind a server, and {place or cls.place}.url does not say where that is"
            )
        return cls(**told, **({"place": place} if place else {}))

    @property
    def secret(self) -> str | None:
        """The key; InputError where the variable that is to hold it does not."""
        if self.key_variable is None:
            return None
        if not (found := os.environ.get(self.key_variable, "").strip()):
            raise InputError(
                f"the environment variable {self.key_variable}, which holds the key of {self.url} "
                f"({self.place}.key_variable), is not set or empty"
            )
        return found


class Client:
    """The package's client, with tries and waits of our own."""

    def __init__(self, server: Server):
        self.server, self.secret = server, server.secret
        self.begins = 0.0  # before this time, by the server's clock, no request begins
        self.held = 0.0
        self.asleep: set[asyncio.Task] = set()
        self.over = False

    async def __aenter__(self) -> "Client":
        import openai

        self.openai = openai
        self.client = openai.AsyncOpenAI(
            base_url=self.server.url,
            api_key=self.secret or "none",
            max_retries=0,
            timeout=self.server.timeout,
        )
        return self

    async def __aexit__(self, *_) -> None:
        await self.client.close()

    async def get(self, path: str) -> dict | None:
        """What is at a path; None where there is nothing."""

        async def once() -> dict | None:
            try:
                return _object(await self.client.get(path, cast_to=object))
            except self.openai.NotFoundError:
                return None

        return await self._tried(once, lambda number: 0.5)

    async def answer(self, request: Request, read: Callable[[object], Any]) -> Any:
        """The answer to a request."""
        path = request.path or ("/chat/completions" if request.chat else "/completions")

        async def once() -> Any:
            await self._turn()
            return read(_object(await self.client.post(path, body=request.body, cast_to=object)))

        return await self._tried(once, request.jitter)

    def wake(self) -> None:
        """End the requests that wait for another try: there will be none."""
        self.over = True
        for each in self.asleep:
            each.cancel()

    async def _sleep(self, seconds: float) -> None:
        if self.over:
            raise asyncio.CancelledError
        task = asyncio.current_task()
        self.asleep.add(task)
        try:
            await self.server.sleep(seconds)
        finally:
            self.asleep.discard(task)

    async def _turn(self) -> None:
        """Wait until a request may begin."""
        server = self.server
        begin = max(self.begins, self.held, server.clock())
        if server.requests_per_minute is not None:
            self.begins = begin + 60 / server.requests_per_minute
        while (wait := max(begin, self.held) - server.clock()) > 0:
            await self._sleep(wait)

    async def _tried(self, once: Callable[[], Awaitable[Any]], jitter: Callable[[int], float]) -> Any:
        server = self.server
        for number in range(server.tries):
            try:
                return await once()
            except self.openai.APIStatusError as error:
                wrong = f"it answered {error.status_code}{self._said(error)}"
                busy = error.status_code in AGAIN or error.status_code >= 500
                if not busy or error.code == NO_MONEY:
                    raise InputError(f"{server.url} refuses the request: {wrong}") from None
                asked = _asked_for(error.response.headers)
            except self.openai.APITimeoutError:
                asked, wrong = 0.0, f"no answer came in {server.timeout:g} seconds ({server.place}.timeout)"
            except self.openai.APIConnectionError as error:
                asked, wrong = 0.0, f"there is no connection ({self._clean(error.__cause__ or error)})"
            except (self.openai.OpenAIError, ValueError, Unreadable) as error:
                asked, wrong = 0.0, f"what came back cannot be read ({self._clean(error)})"
            if asked > PATIENCE:
                raise InputError(
                    f"{server.url} asks to be left alone for {asked / 3600:.1f} hours: {wrong}; what was answered "
                    "before is kept, and the same command goes on"
                )
            if number + 1 < server.tries:
                own = min(LONGEST, FIRST * 2**number) * (0.5 + jitter(number) / 2)
                if asked:  # all others wait, too
                    self.held = max(self.held, server.clock() + asked)
                await self._sleep(max(own, asked))
        times = "once" if server.tries == 1 else f"{server.tries} times"
        raise InputError(
            f"{server.url}: a request was made {times} ({server.place}.tries) and brought no answer: {wrong}; what was "
            "answered before is kept, and the same command goes on"
        )

    def _said(self, error) -> str:
        """What the server says of an error, without the key, which some repeat."""
        told = error.body.get("message") if isinstance(error.body, dict) else error.body
        return f" ({self._clean(told)})" if told else ""

    def _clean(self, told: object) -> str:
        text = " ".join(str(told).split()) or type(told).__name__
        if self.secret:
            text = text.replace(self.secret, f"${self.server.key_variable}")
        return text[:SHOWN]


def _object(response: object) -> dict:
    if not isinstance(response, dict):
        raise Unreadable("it is no JSON object")
    return response


def _asked_for(headers) -> float:
    """Seconds that a server asks to be left alone for; 0 where it asks for none."""
    given = headers.get("retry-after")
    try:
        if (milliseconds := headers.get("retry-after-ms")) is not None:
            return max(0.0, float(milliseconds) / 1000)
        return max(0.0, float(given))
    except (TypeError, ValueError):
        pass
    try:
        until = email.utils.parsedate_to_datetime(given)
        return max(0.0, (until - datetime.datetime.now(datetime.UTC)).total_seconds())
    except (TypeError, ValueError):
        return 0.0
