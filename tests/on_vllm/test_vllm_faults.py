"""Faults in a tenth of the tries before a real server of vLLM: nothing is lost, and nothing is paid for twice."""

import json
import os
import signal
import subprocess
import sys
import time
from collections import Counter

import polars as pl
import pytest

from tests.support import fault_proxy, fault_server
from tests.support import vllm_models as tiny
from tests.support.fault_proxy import Proxied, check_bill, finished, proxied
from tests.support.fault_server import MODEL, SECRET
from tests.support.vllm_server import serving
from ttc.errors import InputError
from ttc.problems import prompts
from ttc.run.files import work_folder
from ttc.run.threads import thread_variables
from ttc.run.work import KeptWork
from ttc.runtime import Runtime, Work
from ttc.stages import sample
from ttc.tables.generation import SAMPLES

QUESTIONS, ANSWERS, AT_ONCE, LONGEST = 8, 32, 64, 24
COUNT = QUESTIONS * ANSWERS
PROMPT = prompts.Prompt(template="{problem}\n", format="completion", extract=("last_number",))
SPEC = {
    "seed": 0,
    "split": "test",
    "problems": [0, QUESTIONS],
    "samples": [0, ANSWERS],
    "temperature": 1.0,
    "max_tokens": LONGEST,
    "engine": "openai",
    "form": {"prompt": prompts.content_of(PROMPT), "equality": "text", "timeout": 5.0},
}
VARIABLE = "TTC_TEST_KEY"
# A time limit that only answers that are held back exceed, and more tries than faults could use up
REACHED = {"key_variable": VARIABLE, "concurrency": AT_ONCE, "timeout": 8, "tries": 30}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Problems, a checkpoint, and the card of a policy behind a server."""
    folder = tmp_path_factory.mktemp("faults")
    tiny.checkpoint(folder / "model", "qwen3")
    return fault_server.write_study(folder, QUESTIONS)


@pytest.fixture(scope="module")
def upstream(folder):
    with serving(
        sys.executable, folder / "model", MODEL, folder / "server.log", tiny.WINDOW, memory=256
    ) as url:
        yield url


@pytest.fixture(autouse=True)
def key(monkeypatch):
    monkeypatch.setenv(VARIABLE, SECRET)


def before(upstream, **changes):
    """A proxy's state; 429 asks for a second."""
    return Proxied(upstream=upstream, secret=SECRET, retry_after="1", **changes)


def inputs_of(folder):
    return {"problems": [folder / "problems.parquet"], "policy": [folder / "policy"]}


def run(folder, url, spec=SPEC, work=None, **reached):
    """The stage; its table, and what it tells its record."""
    told = {}
    runtime = Runtime(servers={MODEL: {"url": url} | REACHED | reached}, told=told, work=work or Work())
    sample.run(spec, inputs_of(folder), folder / "samples.parquet", runtime)
    return SAMPLES.read(folder / "samples.parquet"), told["server"]


def test_a_tenth_of_all_tries_fails_and_every_answer_is_there_once(folder, upstream):
    state, first = before(upstream, together=AT_ONCE), finished(upstream)
    with proxied(state) as url:
        frame, told = run(folder, url)
    assert len(frame) == COUNT and frame["text"].n_unique() > COUNT // 2
    check_bill(state, frame, told, finished(upstream) - first)
    failed = sum(state.met.values()) - state.met["ok"]
    assert set(state.met) == {"ok", *fault_proxy.KINDS} and COUNT // 20 < failed < COUNT // 5
    assert state.most == AT_ONCE
    # Bills that cannot be are unknown, but for answers of the longest length; "too many" knows what was read
    spoilt = sum(state.met[kind] for kind in fault_proxy.BILLS)
    cut = frame["finish_reason"] == "length"
    assert frame.filter(cut)["tokens"].unique().to_list() == [LONGEST]
    assert told["decoded"]["unknown"] == frame["tokens"].null_count() <= spoilt
    assert told["read"]["unknown"] == spoilt - state.met["usage too many"]
    print(f"{state.tries.total()} tries, {state.lost.total()} answers lost, {dict(state.met)}")


@pytest.mark.parametrize("kind", fault_proxy.KINDS)
def test_each_kind_of_fault_alone(folder, upstream, kind):
    state, first = before(upstream, kinds=(kind,), seed=1), finished(upstream)
    with proxied(state) as url:
        frame, told = run(folder, url, SPEC | {"samples": [0, ANSWERS // 4]})
    check_bill(state, frame, told, finished(upstream) - first)
    assert set(state.met) == {"ok", kind} and bool(state.lost) >= (kind in fault_proxy.AFTER)


def test_greedy_answers_are_those_without_faults(folder, upstream):
    greedy = SPEC | {"temperature": 0.0}
    with proxied(before(upstream, share=0.0)) as url:
        wanted, _ = run(folder, url, greedy)
    state = before(upstream, kinds=fault_proxy.BEFORE + fault_proxy.AFTER)
    with proxied(state) as url:
        found, _ = run(folder, url, greedy)
    assert found.equals(wanted) and found["text"].n_unique() == QUESTIONS
    assert len(state.met) > 1 and state.lost.total()


def test_a_server_that_goes_away_and_comes_back_elsewhere_is_asked_for_the_rest(folder, upstream):
    """From then on its address refuses connections; all that had come is kept."""
    state, work = before(upstream, until=COUNT // 3), KeptWork(folder / "gone", {}).open()
    with proxied(state) as url:
        with pytest.raises(InputError, match=r"was made 2 times .*brought no answer: there is no connection"):
            run(folder, url, work=work, tries=2)
    with pytest.raises(InputError, match=r"made once .*there is no connection"):
        run(folder, url, work=work, tries=1)
    kept = work.finished("samples", ["problem_id", "sample_index"])
    assert len(kept) == len(state.delivered) >= COUNT // 3
    again = before(upstream, seed=2)
    with proxied(again) as url:
        frame, told = run(folder, url, work=KeptWork(folder / "gone", {}).open())
    assert len(again.delivered) == COUNT - len(kept) and not set(again.tries) & set(state.delivered)
    assert Counter([*state.texts(), *again.texts()]) == Counter(frame["text"].to_list())
    assert told["answers"] == len(frame) == COUNT


def blocks_of(output):
    """The tables that a job has kept."""
    return sorted(work_folder(output).glob("block-*/samples.parquet"))


def test_a_job_that_is_killed_asks_for_nothing_that_is_kept_and_the_key_is_nowhere(folder, upstream):
    output = folder / "store/killed.parquet"
    output.parent.mkdir()
    given = [word for role, [path] in inputs_of(folder).items() for word in (f"--{role}", str(path))]
    command = [sys.executable, "-m", "ttc.run", "sample", "--spec", json.dumps(SPEC), *given]
    command += ["--output", str(output), "--checkpoint-seconds", "0.2"]
    told = os.environ | thread_variables(1)

    def start(url, log):
        servers = ["--servers", json.dumps({MODEL: {"url": url} | REACHED})]
        with (folder / log).open("wb") as file:
            return subprocess.Popen([*command, *servers], env=told, stdout=file, stderr=subprocess.STDOUT)

    # Half of the answers come, and then nothing does until the job is killed
    stalled = {"until": COUNT // 2, "then": "unheard", "kinds": ("429", "500", "closed", "cut")}
    state, first = before(upstream, **stalled), finished(upstream)
    with proxied(state) as url:
        job = start(url, "killed.log")
        while not (state.met["unheard"] and blocks_of(output)):
            assert job.poll() is None, (folder / "killed.log").read_text()
            time.sleep(0.005)
        job.send_signal(signal.SIGKILL)
        assert job.wait() == -signal.SIGKILL and not output.exists()
        while state.under_way > state.met["unheard"]:  # those that the server still answers, for nobody
            time.sleep(0.05)
    kept = pl.concat([pl.read_parquet(block) for block in blocks_of(output)])
    assert 0 < len(kept) < COUNT
    again = before(upstream, seed=3)
    with proxied(again) as url:
        job = start(url, "again.log")
        assert job.wait() == 0, (folder / "again.log").read_text()
    frame = SAMPLES.read(output)
    assert len(frame) == COUNT and kept.join(frame, on=["problem_id", "sample_index", "text"]).height == len(
        kept
    )
    # What is kept is not asked for, and each of the others is delivered once more
    assert len(again.delivered) == len([*again.texts()]) == COUNT - len(kept)
    assert set(again.delivered) == set(again.tries)
    twice = len(set(again.delivered) & set(state.delivered))
    assert twice == len(state.delivered) - len(kept)
    both = state.answered.total() + again.answered.total()
    assert finished(upstream) - first == both == COUNT + twice + state.lost.total() + again.lost.total()
    print(f"{len(kept)} of {COUNT} answers kept, {twice} delivered and not kept, {state.lost.total()} lost")
    files = [path for path in folder.rglob("*") if path.is_file()]
    assert {"killed.log", "again.log", "server.log", output.name} <= {path.name for path in files}
    assert not [path for path in files if SECRET.encode() in path.read_bytes()]
