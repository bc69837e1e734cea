"""The cache of verdicts: replies of the Math-Verify worker, kept across runs for each version of the code.

A side store, no artifact: nothing depends on it, it may be deleted at any time, and a study is the same to the byte
with an empty, a full and no cache.  For that, only replies that are a function of the question are kept: not those
that ran out of time, ended in an exception or made the process grow, and none that took more than a quarter of the
time allowed, so that one machine remembers nothing another could not have found.  The file's name holds the version,
so changed code or libraries read none of the old replies.

SQLite, because several jobs may write at once, a killed job leaves no half-written file, and adding a reply does not
rewrite the others.  A cache that cannot be read or written costs one sentence in the log.
"""

import contextlib
import hashlib
import json
import platform
import re
import sqlite3
import sys
import time
from collections.abc import Iterable, Iterator
from importlib import metadata
from pathlib import Path

from ttc.grading.processes import Reply

# Share of the time allowed up to which a reply does not depend on the machine
SAFELY = 0.25
# Seconds between writes, so that a killed job loses little
EVERY = 5.0
LIBRARIES = ("math-verify", "sympy", "latex2sympy2_extended", "antlr4-python3-runtime", "mpmath", "gmpy2")
# What decides: what a worker runs, and what asks it
DECIDING = ("worker", "grader")

Question = tuple[str, ...]
_IMPORTED = re.compile(r"^\s*from ttc\.grading\.(\w+) import", re.MULTILINE)


def version(code: Iterable[Path] = (), libraries: Iterable[str] = LIBRARIES) -> str:
    """Digest of all that a reply depends on but the question: the `code` that decides, `libraries`, Python."""
    sha = hashlib.sha256(platform.python_version().encode())
    for path in code or deciding_code():
        sha.update(hashlib.sha256(path.read_bytes()).digest())
    for name in libraries:
        sha.update(f"{name} {_installed(name)}\n".encode())
    return sha.hexdigest()[:16]


def deciding_code() -> list[Path]:
    """The modules of this package that `DECIDING` import, directly or not, and these; all but the cache itself."""
    folder, found, left = Path(__file__).parent, {"cache"}, list(DECIDING)
    while left:
        name = left.pop()
        if name not in found:
            found.add(name)
            left += _IMPORTED.findall((folder / f"{name}.py").read_text(encoding="utf-8"))
    return [folder / f"{name}.py" for name in sorted(found - {"cache"})]


class ReplyCache:
    """The replies in `<folder>/<version>.sqlite`: read when made, written every few seconds and by `close`."""

    def __init__(self, folder: Path, name: str | None = None):
        self.path = Path(folder) / f"{name or version()}.sqlite"
        self.usable = True
        self._known: dict[Question, Reply] = {}
        self._new: dict[Question, Reply] = {}
        self._written = time.monotonic()
        self._guarded(self._read)

    def __len__(self) -> int:
        return len(self._known)

    def get(self, question: Question, limit: float) -> Reply | None:
        """The reply remembered for a question that may take `limit` seconds, if it took much less."""
        reply = self._known.get(question)
        return reply if reply is not None and reply.seconds <= SAFELY * limit else None

    def put(self, question: Question, reply: Reply, limit: float) -> None:
        """Remember the reply, if it is one that would come out the same anywhere."""
        failed = isinstance(reply.result, dict) and "error" in reply.result
        if reply.ended != "well" or reply.heavy or failed or reply.seconds > SAFELY * limit:
            return
        self._known[question] = self._new[question] = reply
        if time.monotonic() - self._written > EVERY:
            self.write()

    def write(self) -> None:
        """Add the new replies to the file."""
        if self.usable and self._new:
            self._guarded(self._write)
        self._written = time.monotonic()

    def _read(self) -> None:
        self.path.parent.mkdir(parents=True, exist_ok=True)
        with self._connected() as connection:
            for question, reply, seconds, check in connection.execute("SELECT * FROM replies"):
                if check == _check(question, reply, seconds):  # else the row was damaged: it is asked anew
                    self._known[tuple(json.loads(question))] = Reply(json.loads(reply), seconds)

    def _write(self) -> None:
        rows = []
        for question, reply in self._new.items():
            texts = json.dumps(question), json.dumps(reply.result)
            rows.append((*texts, reply.seconds, _check(*texts, reply.seconds)))
        with self._connected() as connection:
            connection.executemany("INSERT OR REPLACE INTO replies VALUES (?, ?, ?, ?)", rows)
            connection.commit()
        self._new.clear()

    @contextlib.contextmanager
    def _connected(self) -> Iterator[sqlite3.Connection]:
        with contextlib.closing(sqlite3.connect(self.path, timeout=10.0)) as connection:
            connection.execute(
                "CREATE TABLE IF NOT EXISTS replies (question TEXT PRIMARY KEY, reply TEXT, seconds REAL, digest TEXT)"
            )
            yield connection

    def _guarded(self, action) -> None:
        """Do it, or say in one sentence that the cache is of no use and go on without."""
        try:
            action()
        except (sqlite3.Error, OSError, ValueError) as error:
            self.usable = False
            print(f"  the cache of verdicts {self.path} is not used: {error}", file=sys.stderr, flush=True)


def _check(question: str, reply: str, seconds: float) -> str:
    return hashlib.blake2b(f"{question}\n{reply}\n{seconds!r}".encode(), digest_size=8).hexdigest()


def _installed(name: str) -> str:
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return "absent"
