"""Worker processes that compare answers; those that hang, die or grow are replaced.

A request has a limit of CPU time, which a busy machine does not use up, and ten times that of wall time, for a process
that stands still.  Either ends the process for good: nothing inside it is relied on.  A process that died in any
other way, and one that a request made grow, say nothing about the request that was not also due to earlier ones, so
that request is asked once more in a new process, and what comes of that is its result.
"""

import contextlib
import json
import os
import selectors
import signal
import subprocess
import sys
import time
from dataclasses import dataclass

RESOURCES = ("worker.py",)  # started by name, so its code is part of this module's all the same
PROGRAM = ("-m", "ttc.grading.worker")
START_SECONDS = 120.0  # for a worker to import SymPy, on a busy machine too
PATIENCE = 10.0  # wall seconds for each second of CPU time


@dataclass(frozen=True)
class Reply:
    """`result` of a request (None where there is none), CPU `seconds` it took, and how it ended.

    ended: `well`, `timeout`, or `died` (killed, or crashed).  `heavy`: it made the process grow much.
    """

    result: object
    seconds: float = 0.0
    ended: str = "well"
    heavy: bool = False


class Worker:
    """A process of `program`, started when first asked, ended when late or grown, then started anew."""

    def __init__(self, program: tuple[str, ...] = PROGRAM):
        self._program = program
        self._process: subprocess.Popen | None = None
        self._unread = b""
        self._asked = 0  # requests that this process has answered

    def ask(self, question: tuple[str, ...], limit: float) -> Reply:
        """The reply to a question `(kind, text, ...)` that may take `limit` seconds of CPU time."""
        reply, asked_before = self._ask_once(question, limit)
        if asked_before and (reply.ended == "died" or reply.heavy):
            reply, _ = self._ask_once(question, limit)
        return reply

    def close(self) -> None:
        """Kill the process, if there is one."""
        if self._process is not None:
            self._process.kill()
            with contextlib.suppress(BrokenPipeError):  # closing flushes what a dead process never read
                self._process.stdin.close()
            self._process.stdout.close()
            self._process.wait()
            self._process = None
        self._unread = b""
        self._asked = 0

    def _ask_once(self, question: tuple[str, ...], limit: float) -> tuple[Reply, int]:
        """The reply, and how many requests its process had answered before."""
        if self._process is None:
            self._start()
        asked_before, line = self._asked, None
        with contextlib.suppress(BrokenPipeError):
            self._process.stdin.write(json.dumps([limit, *question]).encode() + b"\n")
            self._process.stdin.flush()
            line = self._line(PATIENCE * limit)
        if line is None:
            return Reply(None, ended=self._how_it_ended()), asked_before
        result, seconds, heavy = json.loads(line)
        self._asked += 1
        if heavy:
            self.close()
        return Reply(result, seconds, "well", heavy), asked_before

    def _how_it_ended(self) -> str:
        """End the process; `timeout` if it stood still or had used up its CPU time, `died` otherwise."""
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(0.5)  # its pipe closes a moment before it is gone
        code = self._process.poll()
        self.close()
        return "timeout" if code in (None, -signal.SIGPROF) else "died"

    def _start(self) -> None:
        self.close()
        environment = os.environ | {"PYTHONHASHSEED": "0"}  # SymPy orders some arguments by hash
        self._process = subprocess.Popen(
            [sys.executable, *self._program],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env=environment,
        )
        if self._line(START_SECONDS) is None:
            self.close()
            raise RuntimeError("the Math-Verify worker did not start; is math-verify installed?")

    def _line(self, timeout: float) -> bytes | None:
        deadline = time.monotonic() + timeout
        descriptor = self._process.stdout.fileno()
        with selectors.DefaultSelector() as selector:
            selector.register(descriptor, selectors.EVENT_READ)
            while b"\n" not in self._unread:
                if not selector.select(max(0.0, deadline - time.monotonic())):
                    return None
                block = os.read(descriptor, 65536)
                if not block:
                    return None
                self._unread += block
        line, self._unread = self._unread.split(b"\n", 1)
        return line
