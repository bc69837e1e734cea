"""A proxy before a real server that speaks OpenAI's protocol, which fails on purpose in a share of the tries.

Which tries fail, and how, is decided by a seed and by what is asked, so that a run may be repeated whatever the order
of its requests.  The proxy counts what the real server was asked and answered, and what of it came to the client.
"""

import hashlib
import http.client
import json
import select
import urllib.request
from collections import Counter
from collections.abc import Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from urllib.parse import urlsplit

import polars as pl

from tests.support.fault_server import USAGES, Failing, Faults, served

BEFORE = ("429", "429 silent", "500", "closed", "reset", "unheard")  # the real server hears nothing of it
AFTER = ("cut", "hang")  # it has answered, and nobody gets the whole answer
BILLS = tuple(f"usage {name}" for name in USAGES)  # the answer comes, and its bill cannot be
KINDS = BEFORE + AFTER + BILLS


@dataclass
class Proxied(Faults):
    """upstream: the address of the real server; share: of the tries, how many fail; kinds: how they do, equally often.

    `answered` counts what the real server answered.  Of its answers, by the request's digest, `delivered` has the texts
    of those that were sent whole, and `lost` how many were not; `met` counts the faults by kind.
    """

    upstream: str = ""
    seed: int = 0
    share: float = 0.1
    kinds: tuple[str, ...] = KINDS
    until: int | None = None
    then: str = "closed"
    delivered: dict[str, list[str]] = field(default_factory=dict)
    lost: Counter = field(default_factory=Counter)
    met: Counter = field(default_factory=Counter)

    def fault(self, name: str, place: int) -> str:
        """How try `place` of the request with digest `name` fails; `ok` where it does not."""
        if self.until is not None and len(self.delivered) >= self.until:
            return self.then
        digest = hashlib.sha256(f"{self.seed} {name} {place}".encode()).digest()
        number = int.from_bytes(digest[:8]) / 2**64
        return self.kinds[int(number / self.share * len(self.kinds))] if number < self.share else "ok"

    def texts(self) -> Iterator[str]:
        """All texts that were sent whole."""
        for several in self.delivered.values():
            yield from several


def check_bill(state: Proxied, frame: pl.DataFrame, told: dict, counted: int) -> None:
    """Assert that a table has each answer once, as it was sent; what the real server answered besides was lost.

    told: what the table's record says of the server; counted: how many answers the real server has counted.
    """
    assert len(state.delivered) == len(frame) and {len(texts) for texts in state.delivered.values()} == {1}
    assert Counter(state.texts()) == Counter(frame["text"].to_list())
    assert told["answers"] == len(frame)
    assert counted == state.answered.total() == len(frame) + state.lost.total()
    assert state.lost.total() >= sum(state.met[kind] for kind in AFTER)
    assert state.tries.total() == counted + sum(state.met[kind] for kind in BEFORE)


def proxied(state: Proxied) -> AbstractContextManager[str]:
    """Serve as `state` says; the address."""
    return served(state, _Proxy)


def finished(url: str) -> int:
    """How many answers a server of vLLM says it has finished since it began: by its own counters, ours apart."""
    place = urlsplit(url)._replace(path="/metrics").geturl()
    with urllib.request.urlopen(place) as response:
        lines = response.read().decode().splitlines()
    counted = (line for line in lines if line.startswith("vllm:request_success_total{"))
    kinds = ('finished_reason="stop"', 'finished_reason="length"')
    return int(sum(float(line.rsplit(" ", 1)[1]) for line in counted if any(kind in line for kind in kinds)))


class _Proxy(Failing):
    def do_GET(self):
        """What the real server says."""
        if not self.refused(self.server.state):
            self.send(*self._forward("GET"))

    def respond(self, body: dict, name: str, place: int) -> None:
        """The real server's answer, or a fault before or after it."""
        state = self.server.state
        fault = state.fault(name, place)
        with state.lock:
            state.met[fault] += 1
        self.fail(fault) if fault in BEFORE else self._answer(state, body, name, fault)

    def _answer(self, state: Proxied, body: dict, name: str, fault: str) -> None:
        status, content = self._forward("POST", body)
        if status != 200:
            self.send(status, content)
            return
        with state.lock:
            state.answered[name] += 1
        choice = content["choices"][0]
        if fault in BILLS:
            content["usage"] = USAGES[fault.removeprefix("usage ")](content["usage"]["completion_tokens"])
        whole = fault not in AFTER and not self._left()
        with state.lock:
            if whole:
                said = choice["message"]["content"] if "message" in choice else choice["text"]
                state.delivered.setdefault(name, []).append(said)
            else:
                state.lost[name] += 1
        if fault == "cut":
            self.cut(json.dumps(content).encode())
        elif fault == "hang":
            self.fail(fault)
        elif whole:
            self.send(status, content)
        else:
            self.close_connection = True

    def _left(self) -> bool:
        """Whether the client has closed the connection, as one does whose time is up or that was killed."""
        return bool(select.select([self.connection], [], [], 0)[0])

    def _forward(self, method: str, body: dict | None = None) -> tuple[int, object]:
        """Status and content of what the real server says to this request, with the client's key."""
        upstream = urlsplit(self.server.state.upstream)
        real = http.client.HTTPConnection(upstream.hostname, upstream.port)
        try:
            kept = ("Authorization", "Content-Type")
            headers = {key: self.headers[key] for key in kept if key in self.headers}
            real.request(method, self.path, None if body is None else json.dumps(body), headers)
            response = real.getresponse()
            return response.status, json.loads(response.read())
        finally:
            real.close()
