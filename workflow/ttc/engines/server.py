"""A server that is asked for many answers, by requests in a thread of their own, a bounded number at once."""

import asyncio
import queue
import threading
from collections.abc import Callable, Iterable, Iterator
from typing import Any

from ttc.engines.client import Client, Request, Server
from ttc.errors import InputError, nearest

IN_NO_KEY = "how requests travel; what they say and what is kept of the answers are in `ttc.engines.requests`"
# Of a model that a server lists: what does not change by the hour
TOLD = ("id", "root", "owned_by", "max_model_len")


def describe(server: Server, model: str) -> dict:
    """What a server says of one of its models.  InputError where it is not reached, or does not have the model."""

    async def ask() -> dict:
        async with Client(server) as client:
            return await client.get("/models")

    listed = asyncio.run(ask())
    if listed is None:  # it has no list, as some proxies: the first request will tell
        return {}
    known = {each.get("id"): each for each in listed.get("data") or [] if isinstance(each, dict)}
    if model not in known:
        names = ", ".join(sorted(map(str, known))[:20]) or "none"
        raise InputError(
            f"{server.url} does not serve '{model}' ({server.place}.model); it serves "
            f"{names}{nearest(model, map(str, known))}"
        )
    return {name: known[model][name] for name in TOLD if isinstance(known[model].get(name), str | int)}


def answers(
    server: Server,
    requests: Iterable[Request],
    max_tokens: int | None,
    read: Callable[[object], Any],
    follow: Callable[[Request, Any], Request | None] | None = None,
) -> Iterator[tuple[Any, Any] | None]:
    """Key and answer of each request, as they come; None once in a while when none does, so that what is
    there can be kept.

    max_tokens: of an answer at most; None where nothing is written.  read: makes an answer of a response, or raises;
    then the request is made again.  follow: called in the thread that asks, with a request and its answer; says what is
    to be asked after it, or None.  InputError where the server says no, or no try of a request brings an answer; the
    answers that are there come before it.
    """
    done: queue.Queue = queue.Queue()
    stop = threading.Event()
    limits = {} if max_tokens is None else {server.length_field: max_tokens}
    thread = threading.Thread(
        target=_work, args=(server, limits, iter(requests), read, follow, done, stop), daemon=True
    )
    thread.start()
    try:
        while True:
            try:
                kind, *said = done.get(timeout=1.0)
            except queue.Empty:
                yield None
                continue
            if kind == "end":
                return
            if kind == "error":
                raise said[0]
            yield said[0], said[1]
    finally:
        stop.set()
        thread.join()


def complete(server: Server, request: Request, limits: dict) -> Request:
    """A request with the fields that servers disagree about."""
    fields = request.body | limits
    if not server.send_seed:
        fields.pop("seed", None)
    return request._replace(body=fields)


def _work(
    server: Server,
    limits: dict,
    requests: Iterator[Request],
    read,
    follow,
    done: queue.Queue,
    stop: threading.Event,
) -> None:
    """The thread: workers, each of which makes one request after the other, and those that follow from its answer.

    After an error none begins another; requests that are under way bring their answers, which are paid for.
    """
    errors: list[BaseException] = []

    async def worker(client: Client) -> None:
        try:
            for first in requests:
                request: Request | None = first
                while request is not None:
                    answer = await client.answer(complete(server, request, limits), read)
                    done.put(("answer", request.key, answer))
                    if errors:
                        return
                    request = follow(request, answer) if follow else None
        except Exception as error:  # whatever it is, the one who waits for the answers is told
            errors.append(error)
            client.wake()

    async def all_of_them() -> None:
        async with Client(server) as client:
            workers = [asyncio.ensure_future(worker(client)) for _ in range(server.concurrency)]
            watch = asyncio.ensure_future(cancel_when(stop, workers))
            await asyncio.gather(*workers, return_exceptions=True)
            watch.cancel()

    try:
        asyncio.run(all_of_them())
    except BaseException as error:  # of a thread nobody else would hear
        errors.append(error)
    # Errors are raised where the answers are waited for
    done.put(("error", errors[0]) if errors else ("end",))


async def cancel_when(event: threading.Event, workers: list[asyncio.Future]) -> None:
    """Cancel the workers once nobody waits for answers any more."""
    while not event.is_set():
        await asyncio.sleep(0.05)
    for each in workers:
        each.cancel()
