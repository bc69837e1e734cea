"""Samples from a policy behind a server: the same table whatever the server does, each answer asked for once."""

import asyncio
import json
import subprocess
import sys

import polars as pl
import pytest

from tests.support import fault_server
from tests.support.fault_server import MODEL, SECRET, Faults, answer, served
from tests.support.killed_work import Killed, KilledWork
from ttc import noise
from ttc.engines.backends import openai as backend
from ttc.engines.requests import read
from ttc.errors import InputError
from ttc.models.card import parameters_of
from ttc.problems import prompts
from ttc.run import job
from ttc.run.work import KeptWork
from ttc.runtime import Runtime
from ttc.stages import fetch_model, sample
from ttc.store.sidecars import read as read_record
from ttc.tables.generation import SAMPLES

PROMPT = prompts.Prompt(
    template="Q: {problem}",
    system="Be brief.",
    stop=("\n\n\n",),
    extract=("hashes",),
    variables={"thinking": False},
)
SPEC = {
    "seed": 3,
    "split": "test",
    "problems": [0, 5],
    "samples": [2, 6],
    "temperature": 0.7,
    "max_tokens": 40,
    "engine": "openai",
    "form": {"prompt": prompts.content_of(PROMPT), "equality": "text", "timeout": 5.0},
}
COUNT = 5 * 4
NAME = "TTC_TEST_KEY"


@pytest.fixture
def folder(tmp_path):
    return fault_server.write_study(tmp_path, 5)


class Waits:
    """A sleep that takes no time, a clock on which it did, and how long each was."""

    def __init__(self):
        self.seconds, self.now = [], 0.0

    async def __call__(self, seconds):
        self.seconds.append(seconds)
        self.now += seconds
        await asyncio.sleep(0)

    def clock(self):
        return self.now


def inputs_of(folder):
    return {"problems": [folder / "problems.parquet"], "policy": [folder / "policy"]}


def run(folder, url, spec=SPEC, work=None, **reached):
    """The stage; the table, and what it tells its record."""
    waits = reached.pop("sleep", None) or Waits()
    reached = {"url": url, "sleep": waits, "clock": waits.clock} | reached
    told = {}
    more = {} if work is None else {"work": work}
    runtime = Runtime(servers={MODEL: reached}, told=told, **more)
    output = folder / "samples.parquet"
    sample.run(spec, inputs_of(folder), output, runtime)
    return SAMPLES.read(output), told


def test_a_request_is_what_the_study_says_and_its_answer_is_a_row(folder):
    state = Faults()
    with served(state) as url:
        frame, told = run(folder, url)
    assert len(frame) == len(state.bodies) == COUNT
    bodies = {body["seed"]: body for body in state.bodies}
    for name, index, text, tokens, finish, correct in frame.select(
        "problem_id", "sample_index", "text", "tokens", "finish_reason", "correct"
    ).iter_rows():
        stream = noise.substreams(noise.stream(3, "sample", name), index)
        body = bodies[int(stream) >> 11]
        assert body == {
            "model": MODEL,
            "messages": [
                {"role": "system", "content": "Be brief."},
                {"role": "user", "content": f"Q: What is {name[1:]}?"},
            ],
            "temperature": 0.7,
            "top_p": 1.0,
            "seed": body["seed"],
            "stop": ["\n\n\n"],
            "max_tokens": 40,
            "chat_template_kwargs": {"thinking": False},
        }
        assert (text, finish, tokens) == answer(body)
        assert correct == text.endswith(f"#### {int(name[1:]) % 3}")
    assert frame["logprob"].null_count() == COUNT and set(frame["sample_index"]) == {2, 3, 4, 5}
    assert told["server"] == {
        "described": {"id": MODEL, "owned_by": "tests", "root": "tiny", "max_model_len": 256},
        "model": {f"{MODEL}-0611": COUNT},
        "fingerprint": {"fp_1": COUNT},
        "read": {"tokens": 5 * COUNT, "unknown": 0},
        "decoded": {"tokens": int(frame["tokens"].sum()), "unknown": 0},
        "answers": COUNT,
    }


def test_a_completion_is_a_text_and_fields_of_the_study_go_first(folder):
    form = {"prompt": prompts.content_of(prompts.Prompt(template="Q: {problem}\nA:", format="completion"))}
    spec = SPEC | {"form": SPEC["form"] | form, "request": {"top_k": 3, "top_p": None}}
    state = Faults()
    with served(state) as url:
        run(folder, url, spec, length_field="max_completion_tokens", send_seed=False)
    assert {json.dumps(sorted(body)) for body in state.bodies} == {
        json.dumps(["max_completion_tokens", "model", "prompt", "temperature", "top_k"])
    }
    assert {body["prompt"] for body in state.bodies} == {f"Q: What is {number}?\nA:" for number in range(5)}


@pytest.mark.parametrize(
    "faults",
    [("429", "500"), ("503", "cut", "closed"), ("nonsense", "no json", "abort"), ("hang",)],
    ids=lambda faults: "-".join(faults),
)
def test_the_table_is_the_same_whatever_fails(folder, faults):
    with served(Faults()) as url:
        wanted, told = run(folder, url)
    state = Faults(faults)
    # Tries enough for a machine so busy that answers are late, too
    hurried = {"timeout": 0.5, "tries": 50} if "hang" in faults else {}
    with served(state) as url:
        found, told_again = run(folder, url, **hurried)
    assert found.equals(wanted) and told_again == told
    assert len(state.tries) == COUNT and min(state.tries.values()) >= len(faults) + 1
    if not hurried:
        assert set(state.answered.values()) == {1}


@pytest.mark.parametrize("usage", fault_server.USAGES)
def test_a_bill_that_cannot_be_is_unknown_but_for_answers_that_were_cut(folder, usage):
    with served(Faults()) as url:
        wanted, _ = run(folder, url)
    with served(Faults(usage=usage)) as url:
        found, told = run(folder, url)
    assert found.drop("tokens", "prompt_tokens").equals(wanted.drop("tokens", "prompt_tokens"))
    assert set(wanted["prompt_tokens"]) == {5}
    assert found["prompt_tokens"].null_count() == told["server"]["read"]["unknown"]
    cut = pl.col("finish_reason") == "length"
    assert 0 < found.select(cut.sum()).item() < COUNT
    known = found.select(pl.when(cut).then(40).alias("tokens"))["tokens"]
    assert found["tokens"].to_list() == known.to_list()
    assert told["server"]["decoded"] == {"tokens": int(known.sum()), "unknown": known.null_count()}
    assert told["server"]["read"]["unknown"] == (0 if usage == "too many" else COUNT)


def test_tokens_of_thoughts_are_those_that_the_server_says(folder, monkeypatch):
    """Without marks in what comes back, since the server keeps thoughts to itself; or in one that never ends."""
    details = {"completion_tokens_details": {"reasoning_tokens": 4}}
    monkeypatch.setitem(
        fault_server.USAGES,
        "thinks",
        lambda tokens: {"prompt_tokens": 5, "completion_tokens": tokens} | details,
    )
    form = SPEC["form"] | {"thought": {"open": "<t>", "close": "</t>", "begun": False}}
    with served(Faults(usage="thinks")) as url:
        plain, told = run(folder, url)
        assert "thinking_tokens" not in plain.columns and "thinking" not in told["server"]
        thinks, told = run(folder, url, SPEC | {"form": form})
        inside = form | {"thought": form["thought"] | {"begun": True}}
        never, _ = run(folder, url, SPEC | {"form": inside})
    assert thinks.drop("thinking_tokens").equals(plain) and set(thinks["thinking_tokens"]) == {4}
    assert told["server"]["thinking"] == {"tokens": 4 * COUNT, "unknown": 0}
    assert never["answer"].null_count() == COUNT and not never["correct"].any()
    with served(Faults()) as url:
        unsaid, told = run(folder, url, SPEC | {"form": form})
    assert unsaid["thinking_tokens"].null_count() == told["server"]["thinking"]["unknown"] == COUNT


@pytest.mark.parametrize(("said", "known"), [(4, 4), (0, 0), (10, 10), (11, None), ("4", None), (None, None)])
def test_no_more_tokens_are_of_thoughts_than_there_are(said, known):
    usage = {"completion_tokens": 10, "completion_tokens_details": {"reasoning_tokens": said}}
    response = {"choices": [{"text": "a", "finish_reason": "stop"}], "usage": usage}
    assert read(response, 40).thinking == known


def test_no_more_requests_are_under_way_than_were_asked_for(folder):
    state = Faults(together=3)  # so many have to come before the first gets an answer
    with served(state) as url:
        run(folder, url, concurrency=3)
    assert state.most == 3


def test_a_server_that_asks_for_time_gets_it(folder):
    waits = Waits()
    with served(Faults(("429",))) as url:
        run(folder, url, concurrency=1, sleep=waits)
    assert len([each for each in waits.seconds if each == 7.0]) >= COUNT
    waits = Waits()
    with served(Faults(("500",) * 9)) as url:
        run(folder, url, concurrency=1, tries=10, sleep=waits)
    first = waits.seconds[:9]
    for number, seconds in enumerate(first):
        whole = min(60.0, 2.0**number)
        assert whole / 2 <= seconds <= whole
    assert len(set(waits.seconds)) > len(first)  # requests do not come again at the same times


def test_a_server_that_asks_for_hours_stops_the_job(folder):
    with (
        served(Faults(("429",), retry_after="7200")) as url,
        pytest.raises(InputError, match=r"asks to be left alone for 2\.0 hours: it answered 429"),
    ):
        run(folder, url, concurrency=1)


def test_requests_begin_no_faster_than_they_may(folder):
    waits = Waits()
    with served(Faults()) as url:
        run(folder, url, concurrency=4, requests_per_minute=30, sleep=waits)
    assert waits.now >= (COUNT - 1) * 2.0


def test_what_was_answered_is_kept_when_a_server_gives_up_and_nothing_is_asked_twice(folder):
    state = Faults(together=0)
    with served(Faults()) as url:
        wanted, told = run(folder, url)
    work = KeptWork(folder / "work", {"about": 1}).open()
    answers = 0

    with served(state) as url:
        original = fault_server._Handler._answer

        def some(handler, state, body, name):
            nonlocal answers
            answers += 1
            return original(handler, state, body, name) if answers <= COUNT // 2 else handler.fail("500")

        fault_server._Handler._answer = some
        try:
            with pytest.raises(
                InputError, match=r"a request was made 3 times .*brought no answer: it answered 500"
            ):
                run(folder, url, work=work, tries=3, concurrency=2)
        finally:
            fault_server._Handler._answer = original
        work.abandon()
        assert sum(state.answered.values()) == COUNT // 2
        work = KeptWork(folder / "work", {"about": 1}).open()
        assert len(work.finished("samples", ["problem_id", "sample_index"])) == COUNT // 2
        found, told_again = run(folder, url, work=work)
    assert found.equals(wanted) and told_again == told
    assert set(state.answered.values()) == {1} and len(state.answered) == COUNT


def test_a_killed_job_goes_on_where_it_was(folder):
    with served(Faults()) as url:
        wanted, told = run(folder, url)

    killed = KilledWork(folder / "work", {}, every=0)
    killed.lives = 3
    state = Faults()
    with served(state) as url:
        with pytest.raises(Killed):
            run(folder, url, work=killed.open(), concurrency=1)
        work = KeptWork(folder / "work", {}).open()
        kept = work.finished("samples", ["problem_id", "sample_index"])
        assert 0 < len(kept) < COUNT
        before = state.answered.copy()
        found, told_again = run(folder, url, work=work)
    assert found.equals(wanted) and told_again == told
    again = [name for name, count in state.answered.items() if count > 1]
    # Of the answers that had come, those that were not kept; a worker may have begun one more
    assert len(again) <= len(before) - len(kept) + 1


def test_the_key_is_in_no_file_and_in_nothing_that_is_said(folder, monkeypatch, capfd):
    monkeypatch.setenv(NAME, SECRET)
    output = folder / "store/samples.parquet"
    output.parent.mkdir()
    given = [f"--{role}={path}" for role, [path] in inputs_of(folder).items()]
    given = [word for each in given for word in each.split("=")]

    def command(url, tries=2):
        reached = {MODEL: {"url": url, "key_variable": NAME, "tries": tries}}
        words = ["--spec", json.dumps(SPEC), *given, "--output", str(output)]
        for name, value in job.thread_variables(1).items():
            monkeypatch.setenv(name, value)
        job.main("sample", [*words, "--servers", json.dumps(reached)])

    with served(Faults(secret=SECRET)) as url:
        command(url)
    assert len(pl.read_parquet(output)) == COUNT
    record = read_record(output)
    assert record["server"]["answers"] == COUNT and record["spec"] == SPEC
    assert url not in json.dumps(record) and "127.0.0.1" not in json.dumps(record)
    output.unlink()
    monkeypatch.setenv(NAME, f"{SECRET}-wrong")  # the server says it again
    with served(Faults(secret=SECRET)) as url, pytest.raises(SystemExit):
        command(url)
    with served(Faults(("500",) * 3)) as url, pytest.raises(SystemExit):
        command(url, tries=1)
    said = "".join(capfd.readouterr())
    assert f"refuses the request: it answered 401 (Incorrect API key provided: Bearer ${NAME})" in said
    assert "it answered 500 (no (Bearer $" in said
    assert SECRET not in said
    files = [path for path in folder.rglob("*") if path.is_file()]
    assert files and not [path for path in files if SECRET.encode() in path.read_bytes()]


def test_what_cannot_work_is_refused_before_anything_is_asked(folder, monkeypatch):
    monkeypatch.delenv(NAME, raising=False)
    state = Faults(models=("tiny/other", "tiny/serve"))
    with served(state) as url:
        with pytest.raises(
            InputError, match=rf"the environment variable {NAME}, which holds the key of .*not set"
        ):
            run(folder, url, key_variable=NAME)
        with pytest.raises(
            InputError, match=r"does not serve 'tiny/served' .*it serves tiny/other, tiny/serve; did you"
        ):
            run(folder, url)
    with pytest.raises(InputError, match=r"made once .*there is no connection"):
        run(folder, url, tries=1)
    with pytest.raises(InputError, match=r"policy\.served\.url does not say where that is"):
        sample.run(SPEC, inputs_of(folder), folder / "samples.parquet", Runtime())
    assert not state.bodies


def test_a_refused_request_is_made_once(folder):
    state = Faults(("400",) * 9)
    with served(state) as url, pytest.raises(InputError, match=r"refuses the request: it answered 400 \(no "):
        run(folder, url, concurrency=1)
    assert sum(state.tries.values()) == 1


def test_the_card_of_a_model_behind_a_server(folder):
    output = folder / "made"
    with served(Faults()) as url:
        runtime = Runtime(servers={MODEL: {"url": url}})
        fetch_model.run({"role": "policy", "served": MODEL}, {"checkpoint": []}, output, runtime)
    card = json.loads((output / "card.json").read_text())
    assert card["described"]["max_model_len"] == 256 and "created" not in card["described"]
    assert parameters_of(output) is None and "127.0.0.1" not in json.dumps(card)


def test_a_server_costs_no_import_of_a_library_for_models():
    """Such a job starts at once, and its environment need not have them."""
    code = "import sys, ttc.stages.sample, ttc.engines.backends.openai as backend; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert not {"torch", "transformers", "vllm"} & set(done.stdout.split())
    assert backend.DECLARATION["environment"] is None
