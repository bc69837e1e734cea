"""A server that is asked while its answers are waited for: requests are put in at any time and come out answered.

`ttc.engines.server.answers` is for requests that are known when the asking begins, or follow from one answer.
"""

import asyncio
import contextlib
import queue
import threading
from collections.abc import Callable
from typing import Any

from ttc.engines.client import Client, Request, Server
from ttc.engines.server import cancel_when, complete

IN_NO_KEY = "how requests travel; what they say and what is kept of the answers are in `ttc.engines.requests`"
_END, _REQUEST = 0, 1  # what workers take first


class Asking:
    """Requests in a thread of their own, `server.concurrency` at once, in the order in which they were put in.

    read(response, limit): makes an answer of a response, or raises; then the request is made again.  `close` ends it.
    """

    def __init__(self, server: Server, read: Callable[[object, int], Any]):
        self._server, self._read = server, read
        self._done: queue.Queue = queue.Queue()
        self._over = threading.Event()
        self._loop = asyncio.new_event_loop()
        self._wanted: asyncio.PriorityQueue = asyncio.PriorityQueue()
        self._number = 0
        self._errors: list[BaseException] = []
        self._thread = threading.Thread(target=self._work, daemon=True)
        self._thread.start()

    def put(self, request: Request, limit: int) -> None:
        """Let a request wait for its turn; limit: tokens of its answer at most."""
        self._number += 1
        wanted = _REQUEST, self._number, request, limit
        with contextlib.suppress(
            RuntimeError
        ):  # after an error nothing is asked any more, and `take` says why
            self._loop.call_soon_threadsafe(self._wanted.put_nowait, wanted)

    def take(self, seconds: float) -> tuple[Any, Any] | None:
        """Key and answer of the next request that is answered; None where none is within `seconds`.

        InputError where the server says no, or no try of a request brings an answer; what was answered comes before.
        """
        try:
            kind, *said = self._done.get(timeout=seconds)
        except queue.Empty:
            return None
        if kind == "error":
            self._done.put((kind, *said))  # whoever asks again is told again
            raise said[0]
        return said[0], said[1]

    def close(self) -> None:
        """End it; requests that are under way are given up."""
        self._over.set()
        self._thread.join()

    def _work(self) -> None:
        try:
            self._loop.run_until_complete(self._ask())
        except BaseException as error:  # of a thread nobody else would hear
            self._errors.append(error)
        finally:
            self._loop.close()
        if self._errors:
            self._done.put(("error", self._errors[0]))

    async def _ask(self) -> None:
        async with Client(self._server) as client:
            workers = [
                asyncio.ensure_future(self._worker(client, number))
                for number in range(self._server.concurrency)
            ]
            watch = asyncio.ensure_future(cancel_when(self._over, workers))
            await asyncio.gather(*workers, return_exceptions=True)
            watch.cancel()

    async def _worker(self, client: Client, number: int) -> None:
        """Make one request after the other; after an error none begins, and those under way bring their answers."""
        try:
            while True:
                kind, _, *wanted = await self._wanted.get()
                if kind == _END:
                    return
                request, limit = wanted
                fields = complete(self._server, request, {self._server.length_field: limit})
                answer = await client.answer(fields, lambda said, most=limit: self._read(said, most))
                self._done.put(("answer", request.key, answer))
        except Exception as error:  # whatever it is, the one who waits for the answers is told
            self._errors.append(error)
            client.wake()
            # The others get these before any request
            for each in range(self._server.concurrency):
                self._wanted.put_nowait((_END, each, None, 0))
