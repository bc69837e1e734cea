"""A server that speaks OpenAI's protocol on loopback and fails on purpose; what it answers depends on the request only.

How a request fails is decided by its place among those with the same content, so that a run may be repeated.  It counts
what it was asked, what it answered, and how many requests were under way at once.
"""

import base64
import hashlib
import json
import math
import socket
import struct
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import polars as pl

from ttc.tables.generation import PROBLEMS

MODEL = "tiny/served"
SECRET = "sk-loopback-0123456789"
USAGES = {  # by name: what `usage` says of an answer of some tokens
    "missing": lambda tokens: None,
    "negative": lambda tokens: {"prompt_tokens": -1, "completion_tokens": -tokens},
    "zero": lambda tokens: {"prompt_tokens": 0, "completion_tokens": 0},
    "too many": lambda tokens: {"prompt_tokens": 5, "completion_tokens": 10**6},
    "text": lambda tokens: {"prompt_tokens": "5", "completion_tokens": "many"},
}


@dataclass
class Faults:
    """faults: how the first tries of each request fail, in order; `ok` is an answer.  usage: what it says of tokens."""

    faults: tuple[str, ...] = ()
    usage: str | None = None
    answers: bool = True  # whether there is an answer in the end
    logprobs: str | None = (
        None  # what it says of likely tokens: `missing`, `neither`, `late` (once nonsense), `ended`
    )
    states: Callable[[list[int]], list[float]] | None = None  # hidden states of the last of some tokens
    secret: str | None = None
    models: tuple[str, ...] = (MODEL,)
    retry_after: str = "7"  # seconds, said with 429
    together: int = 0  # requests that have to be under way before the first is answered
    tries: Counter = field(default_factory=Counter)  # by the digest of a request
    answered: Counter = field(default_factory=Counter)
    under_way: int = 0
    most: int = 0
    lock: threading.Condition = field(default_factory=threading.Condition)
    closing: threading.Event = field(default_factory=threading.Event)
    bodies: list = field(default_factory=list)
    # Text, finish reason and tokens of the answer to a request, and perhaps further fields of choice and usage
    answer: Callable[[dict], tuple] | None = None  # that of below


def answer(body: dict) -> tuple[str, str, int]:
    """Text, finish reason and tokens of the answer to a request: by its content, the seed among it."""
    number = int(hashlib.sha256(json.dumps(body, sort_keys=True).encode()).hexdigest(), 16)
    limit = body.get("max_tokens") or body["max_completion_tokens"]
    if (
        "messages" in body and "Verdict:" in body["messages"][-1]["content"]
    ):  # a judge is asked for a critique
        return f"Verdict: {('Yes', 'No', 'perhaps')[number % 3]}", "stop", 4 + number % 5
    if number % 7 == 0:
        return "I think", "length", limit
    return f"So it is {number % 3}.\n#### {number % 3}", "stop", 6 + number % 5


def likely(body: dict) -> list[tuple[str, float]]:
    """The likeliest tokens after the turns of a request and their probabilities: by their content alone."""
    number = hashlib.sha256(json.dumps(body["messages"], sort_keys=True).encode()).digest()
    tokens = ("Yes", "yes", " Yes", "No", "no", "NO", "The", "I")
    shares = {token: (number[place] + 1) ** 2 for place, token in enumerate(tokens)}
    some = sorted(shares, key=shares.get, reverse=True)[: body["top_logprobs"]]
    return [(token, 0.9 * shares[token] / sum(shares.values())) for token in some]


def write_study(folder: Path, questions: int) -> Path:
    """`problems.parquet`, and in `policy` the card of a policy behind this server."""
    rows = [(f"p{number}", f"What is {number}?", str(number % 3)) for number in range(questions)]
    frame = pl.DataFrame(rows, schema=["problem_id", "question", "answer"], orient="row")
    frame = frame.with_columns(split=pl.lit("test"), level=pl.lit(1), solution=pl.lit(""))
    PROBLEMS.write(frame, folder / "problems.parquet")
    (folder / "policy").mkdir()
    card = {"kind": "policy", "checkpoint": {"served": MODEL}}
    (folder / "policy/card.json").write_text(json.dumps(card), encoding="utf-8")
    return folder


class Failing(BaseHTTPRequestHandler):
    """A handler that counts tries and fails in these ways; `server.state` is a `Faults`."""

    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        """Nothing: tests read what is counted."""

    def do_POST(self):
        """What `respond`, of each kind of handler, makes of a request whose key is right."""
        if (tried := self.tried()) is not None:
            with self.under_way():
                self.respond(*tried)

    def tried(self) -> tuple[dict, str, int] | None:
        """Content of a request, its digest, and which try of it this is; None where the key was wrong."""
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        state = self.server.state
        if self.refused(state):
            return None
        name = hashlib.sha256(json.dumps(body, sort_keys=True).encode()).hexdigest()
        with state.lock:
            place = state.tries[name]
            state.tries[name] += 1
            state.bodies.append(body)
        return body, name, place

    def refused(self, state: Faults) -> bool:
        """Whether the key is not the state's; then the client has been told."""
        if state.secret and self.headers.get("Authorization") != f"Bearer {state.secret}":
            told = f"Incorrect API key provided: {self.headers.get('Authorization')}"
            self.send(401, {"error": {"message": told, "code": "invalid_api_key"}})
            return True
        return False

    @contextmanager
    def under_way(self) -> Iterator[None]:
        """Count a request among those that are under way, and hold it back until there are enough of them."""
        state = self.server.state
        with state.lock:
            state.under_way += 1
            state.most = max(state.most, state.under_way)
            state.lock.notify_all()
            state.lock.wait_for(lambda: state.most >= state.together or state.closing.is_set(), 60)
        try:
            yield
        finally:
            with state.lock:
                state.under_way -= 1

    def fail(self, fault: str) -> None:
        """Fail: a number is a status, and 429 says when to come again unless it is `429 silent`."""
        if fault in ("hang", "unheard"):
            self.server.state.closing.wait(60)
            self.close_connection = True
        elif fault == "cut":
            self.cut(b'{"choices": [{"message": {"content": "So it"}}]}')
        elif fault == "closed":
            self.close_connection = True
        elif fault == "reset":
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            self.connection.close()
            self.close_connection = True
        elif fault == "nonsense":
            self.send(200, {"choices": []})
        elif fault == "abort":
            said = {"message": {"content": "So it"}, "finish_reason": "abort"}
            self.send(200, {"choices": [said], "usage": {"prompt_tokens": 5, "completion_tokens": 2}})
        elif fault == "no json":
            self.send(200, "<html>busy</html>")
        else:
            number = "503" if fault == "ok" else fault
            again = {"Retry-After": self.server.state.retry_after} if number == "429" else {}
            echoed = self.headers.get("Authorization")
            self.send(int(number.split()[0]), {"error": {"message": f"no ({echoed})"}}, again)

    def cut(self, data: bytes) -> None:
        """Send half of an answer."""
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data[: len(data) // 2])
        self.close_connection = True

    def send(self, status: int, content: object, headers: dict | None = None) -> None:
        """Send JSON, or a page of text."""
        data = json.dumps(content).encode() if not isinstance(content, str) else content.encode()
        self.send_response(status)
        kind = "text/html" if isinstance(content, str) else "application/json"
        for name, value in (
            {"Content-Type": kind, "Content-Length": str(len(data))} | (headers or {})
        ).items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(data)


class _Handler(Failing):
    def do_GET(self):
        """The list of models."""
        state = self.server.state
        if self.refused(state):
            return
        listed = [
            {
                "id": name,
                "object": "model",
                "owned_by": "tests",
                "root": "tiny",
                "created": 1,
                "max_model_len": 256,
            }
            for name in state.models
        ]
        self.send(200, {"object": "list", "data": listed})

    def respond(self, body: dict, name: str, place: int) -> None:
        """A turn or a completion, or a fault."""
        state = self.server.state
        fault = state.faults[place] if place < len(state.faults) else "ok"
        self.fail(fault) if fault != "ok" or not state.answers else self._answer(state, body, name)

    def _answer(self, state: Faults, body: dict, name: str) -> None:
        if self.path.endswith("/embeddings"):
            self._embed(state, body, name)
            return
        text, reason, tokens, *more = (state.answer or answer)(body)
        usage = (
            USAGES[state.usage](tokens) if state.usage else {"prompt_tokens": 5, "completion_tokens": tokens}
        )
        likeliest = self._likeliest(state, body, name) if "top_logprobs" in body else {}
        if likeliest:
            text, reason, tokens = "Yes", "length", 1
            usage = USAGES[state.usage](1) if state.usage else {"prompt_tokens": 5, "completion_tokens": 1}
        said = {"message": {"role": "assistant", "content": text}} if "messages" in body else {"text": text}
        said |= likeliest
        with state.lock:
            state.answered[name] += 1
        response = {
            "model": f"{body['model']}-0611",
            "system_fingerprint": "fp_1",
            "choices": [said | {"index": 0, "finish_reason": reason} | (more[0] if more else {})],
            "usage": usage | more[1] if len(more) > 1 else usage,
        }
        self.send(200, response)

    def _embed(self, state: Faults, body: dict, name: str) -> None:
        if state.states is None:
            self.send(404, {"error": {"message": "this model does not embed"}})
            return
        rows = [struct.pack(f"<{len(row)}f", *row) for row in map(state.states, body["input"])]
        data = [
            {"index": index, "object": "embedding", "embedding": base64.b64encode(row).decode()}
            for index, row in enumerate(rows)
        ]
        with state.lock:
            state.answered[name] += 1
        usage = {"prompt_tokens": sum(map(len, body["input"]))}
        self.send(200, {"object": "list", "data": data[::-1], "model": body["model"], "usage": usage})

    def _likeliest(self, state: Faults, body: dict, name: str) -> dict:
        if state.logprobs in ("missing", "ended"):
            return {"logprobs": {"content": []} if state.logprobs == "ended" else None}
        found = likely(body)
        if state.logprobs == "neither":
            found = [(token, share) for token, share in found if token in ("The", "I")]
        top = [{"token": token, "logprob": math.log(share), "bytes": None} for token, share in found]
        if state.logprobs == "late" and state.tries[name] == 1:
            top[0]["logprob"] = 0.5
        return {"logprobs": {"content": [top[0] | {"top_logprobs": top}]}}


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False
    request_queue_size = 128

    def handle_error(self, request, client_address):
        """A client that went away is a part of the tests."""


@contextmanager
def served(state: Faults, handler: type[Failing] = _Handler):
    """Serve as `state` says; yields the address."""
    server = _Server(("127.0.0.1", 0), handler)
    server.state = state
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/v1"
    finally:
        state.closing.set()
        with state.lock:
            state.lock.notify_all()
        server.shutdown()
        server.server_close()
        thread.join()
