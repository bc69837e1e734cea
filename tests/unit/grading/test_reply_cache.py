"""The cache of verdicts: a study is the same with an empty, a full, a damaged and no cache."""

import json
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support import specs
from ttc.grading import cache as reply_cache
from ttc.grading.cache import ReplyCache, version
from ttc.grading.grader import Grader
from ttc.grading.processes import Reply, Worker
from ttc.runtime import Runtime
from ttc.stages import import_pool

QUESTION = ("compare", "x+x", "2x")
TOWER = "9^{9^{9^{9^{9}}}} + y"


SPEC = specs.pools({"pools": {"policy": {"step_separator": None}}, "grading": {"timeout": 60}})


def files(tmp_path: Path) -> dict[str, list[Path]]:
    """A problem and a pool of answers to it."""
    problems, pool = tmp_path / "problems.jsonl", tmp_path / "pool.jsonl"
    problems.write_text('{"problem_id": "a", "question": "?", "answer": "(r+5)^2"}\n')
    answers = ["(r+5)(r+5)", "r^2+10r+25", "r+5", "x=3", "(1,2)", "7"]
    pool.write_text(
        "".join(f'{{"problem_id": "a", "text": "\\\\boxed{{{answer}}}"}}\n' for answer in answers)
    )
    return {"problems": [problems], "pool_policy": [pool]}


def tables_of(output: Path) -> dict[str, bytes]:
    """The bytes of every table in a folder."""
    return {path.name: path.read_bytes() for path in sorted(output.iterdir())}


def imported(tmp_path: Path, name: str, cache: Path | None) -> dict[str, bytes]:
    """The tables of a small study of a pool."""
    import_pool.run(SPEC, files(tmp_path), tmp_path / name, Runtime(cache=cache))
    return tables_of(tmp_path / name)


@pytest.fixture(scope="module")
def without(tmp_path_factory):
    """The tables that are made without a cache."""
    return imported(tmp_path_factory.mktemp("study"), "without", None)


def test_the_command_line_takes_a_cache_and_threads(tmp_path, without):
    words = [sys.executable, "-m", "ttc.run", "import_pool", "--spec", json.dumps(SPEC)]
    words += ["--output", tmp_path / "with", "--threads", "2", "--cache", tmp_path / "cache"]
    given = [word for role, paths in files(tmp_path).items() for word in (f"--{role}", *paths)]
    subprocess.run([*words, *given], check=True, stdout=subprocess.DEVNULL)
    assert tables_of(tmp_path / "with") == without
    assert len(ReplyCache(tmp_path / "cache" / "verdicts")) > 5


def test_a_study_is_the_same_with_an_empty_a_full_and_no_cache(tmp_path, without, monkeypatch, capsys):
    cache = tmp_path / "cache"
    assert imported(tmp_path, "empty", cache) == without
    assert len(list((cache / "verdicts").glob("*.sqlite"))) == 1
    capsys.readouterr()
    monkeypatch.setattr(Worker, "ask", lambda *_: pytest.fail("a worker was asked"))
    assert imported(tmp_path, "full", cache) == without
    assert "asked 0 questions" in capsys.readouterr().out


@pytest.mark.parametrize("damage", ["garbage", "cut", "folder", "file for folder", "read-only"])
def test_a_cache_of_no_use_changes_nothing_and_says_so(tmp_path, without, damage, capsys):
    cache = tmp_path / "cache"
    path = cache / "verdicts" / f"{version()}.sqlite"
    if damage == "file for folder":
        cache.write_text("a file")
    elif damage == "folder":
        path.mkdir(parents=True)
    elif damage == "read-only":
        path = Path("/proc/1") / path.name  # nobody may write there, not even root
        cache = Path("/proc/1")
    else:
        imported(tmp_path, "first", cache)
        content = path.read_bytes()
        path.write_bytes(b"no database at all" * 99 if damage == "garbage" else content[: len(content) // 2])
    capsys.readouterr()
    assert imported(tmp_path, "second", cache) == without
    said = capsys.readouterr().err
    assert said.count("\n") == 1 and "the cache of verdicts" in said and "is not used" in said


def test_a_damaged_row_is_asked_anew(tmp_path):
    cache = ReplyCache(tmp_path)
    cache.put(QUESTION, Reply(True, 0.1), limit=10)
    cache.put(("compare", "x", "y"), Reply(False, 0.1), limit=10)
    cache.write()
    with sqlite3.connect(cache.path) as connection:
        connection.execute("UPDATE replies SET reply = 'true' WHERE reply = 'false'")
    connection.close()
    again = ReplyCache(tmp_path)
    assert again.get(QUESTION, 10) == Reply(True, 0.1) and len(again) == 1


def test_only_what_would_come_out_the_same_anywhere_is_remembered(tmp_path):
    cache = ReplyCache(tmp_path)
    for number, reply in enumerate(
        [
            Reply(None, ended="timeout"),
            Reply(None, ended="died"),
            Reply(True, 0.1, heavy=True),
            Reply({"error": "MemoryError"}, 0.1),
            Reply(True, 2.6),  # more than a quarter of the time
        ]
    ):
        cache.put(("compare", "x", str(number)), reply, limit=10)
    assert len(cache) == 0
    cache.put(QUESTION, Reply(True, 2.4), limit=10)
    cache.write()
    again = ReplyCache(tmp_path)
    assert again.get(QUESTION, limit=10) == Reply(True, 2.4)
    assert again.get(QUESTION, limit=5) is None  # a study with less time has to find out for itself


def test_a_timeout_is_found_again_and_counted(tmp_path):
    for _ in range(2):
        with Grader(timeout=60.0, cache=tmp_path) as grader:
            assert grader.equal("x+x", "2x").equal
            grader.timeout = 1.0
            assert grader.equal("y", TOWER).how == "timeout"
            assert grader.questions["late"] == 1
    assert grader.questions["remembered"] == 4 and grader.questions["asked"] == 1


def test_changed_code_or_libraries_read_no_old_verdicts(tmp_path, monkeypatch):
    code = tmp_path / "worker.py"
    code.write_text("answer = 1\n")
    old = version([code], ["sympy"])
    assert version([code], ["sympy"]) == old
    assert version([code], ["sympy", "polars"]) != old
    code.write_text("answer = 2\n")
    assert version([code], ["sympy"]) != old

    cache = ReplyCache(tmp_path)
    cache.put(QUESTION, Reply(False, 0.1), limit=60)  # as an old and wrong grader left it
    cache.write()
    with Grader(timeout=60.0, cache=tmp_path) as grader:
        assert not grader.equal("x+x", "2x").equal
    monkeypatch.setattr(reply_cache, "version", lambda: "changed")
    with Grader(timeout=60.0, cache=tmp_path) as grader:
        assert grader.equal("x+x", "2x").equal and grader.questions["asked"] == 3


def test_the_version_covers_every_module_that_decides():
    found = {file.stem for file in reply_cache.deciding_code()}
    everything = {file.stem for file in Path(reply_cache.__file__).parent.glob("*.py")}
    assert {"grader", "normal_form", "characters", "quantities", "exact", "worker"} < found
    # how an answer is found in a text, and the cache itself
    assert everything - found == {"__init__", "answers", "cache"}


def test_two_jobs_may_write_at_once(tmp_path):
    first, second = ReplyCache(tmp_path), ReplyCache(tmp_path)
    first.put(QUESTION, Reply(True, 0.1), limit=10)
    second.put(QUESTION, Reply(True, 0.2), limit=10)
    second.put(("compare", "x", "y"), Reply(False, 0.1), limit=10)
    first.write()
    second.write()
    third = ReplyCache(tmp_path)
    assert len(third) == 2 and third.get(QUESTION, 10).result is True
