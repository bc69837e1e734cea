"""Budgets of thought that a server keeps itself: what is asked, what is counted, and servers that do not keep them."""

import hashlib

import polars as pl
import pytest

from tests.support import fault_server
from tests.support.fault_server import MODEL, Faults, served
from tests.support.killed_work import Killed, KilledWork
from ttc.errors import InputError
from ttc.problems import prompts
from ttc.runtime import Runtime
from ttc.stages import check_thoughts, think
from ttc.tables.generation import SAMPLES, THOUGHT_PROBES

BUDGETS, FIELD, QUESTIONS = [4, 12], "thinking_token_budget", 5
PROMPT = prompts.Prompt(template="Q: {problem}", extract=("hashes",))
THOUGHT = {"open": "<t>", "close": "</t>", "begun": False}
FORM = {"prompt": prompts.content_of(PROMPT), "equality": "text", "timeout": 5.0, "thought": THOUGHT}
SPEC = {
    "seed": 3,
    "temperature": 0.7,
    "max_tokens": 60,
    "engine": "openai",
    "form": FORM,
    "request": {"top_k": 3},
    "thinking": {"budgets": BUDGETS, "field": FIELD},
}


def own(body):
    """Tokens of the thought that a request would get by itself, 2 to 25: by its content, the budget aside."""
    content = f"{body['messages']} {body['seed']}".encode()
    return 2 + int(hashlib.sha256(content).hexdigest(), 16) % 24


def thinking(body, minds=True, tells=True):
    """An answer whose thought the server keeps to itself, and ends where its budget is used up; who thinks more is
    right.
    """
    budget = body.get(FIELD)
    thought = own(body) if budget is None or not minds else min(own(body), budget)
    number = int(body["messages"][-1]["content"].split()[-1].rstrip("?")) % 3
    details = {"completion_tokens_details": {"reasoning_tokens": thought}} if tells else {}
    return f"#### {number if thought > 8 else 9}", "stop", thought + 3, {}, details


@pytest.fixture
def folder(tmp_path):
    return fault_server.write_study(tmp_path, QUESTIONS)


def inputs_of(folder):
    return {"problems": [folder / "problems.parquet"], "policy": [folder / "policy"]}


def run(folder, url, work=None, told=None, **reached):
    spec = SPEC | {"split": "test", "problems": [0, QUESTIONS], "samples": [0, 3]}
    more = {} if work is None else {"work": work}
    servers = {MODEL: {"url": url, "concurrency": 4} | reached}
    runtime = Runtime(servers=servers, told={} if told is None else told, **more)
    think.run(spec, inputs_of(folder), folder / "thoughts", runtime)
    columns = [*SAMPLES.dtypes, "thinking_tokens", "forced", "prompt_tokens"]
    return {budget: SAMPLES.read(folder / f"thoughts/{budget}.parquet", columns) for budget in BUDGETS}


def test_each_answer_is_asked_for_at_every_budget(folder):
    state, told = Faults(answer=thinking), {}
    with served(state) as url:
        tables = run(folder, url, told=told)
    assert len(state.bodies) == 2 * 3 * QUESTIONS
    assert {body[FIELD] for body in state.bodies} == set(BUDGETS)
    assert {body["top_k"] for body in state.bodies} == {3}
    # The same seed at every budget: differences are paired
    assert len({body["seed"] for body in state.bodies}) == 3 * QUESTIONS
    for budget, table in tables.items():
        asked = [body for body in state.bodies if body[FIELD] == budget]
        wanted = sorted(min(own(body), budget) for body in asked)
        assert sorted(table["thinking_tokens"]) == wanted and set(table["prompt_tokens"]) == {5}
        assert table["forced"].to_list() == [tokens >= budget for tokens in table["thinking_tokens"]]
        assert table["tokens"].to_list() == [tokens + 3 for tokens in table["thinking_tokens"]]
        assert table["correct"].to_list() == [tokens > 8 for tokens in table["thinking_tokens"]]
    assert not tables[4]["correct"].any() and tables[12]["correct"].any()
    assert told["server"]["answers"] == 2 * 3 * QUESTIONS
    assert told["server"]["thinking"]["tokens"] == sum(
        table["thinking_tokens"].sum() for table in tables.values()
    )


def test_a_killed_job_goes_on_and_asks_for_nothing_twice(folder):
    with served(Faults(answer=thinking)) as url:
        wanted = run(folder, url)
    state = Faults(("429", "cut"), answer=thinking, retry_after="0")
    with served(state) as url:
        work = KilledWork(folder / "work", {}, 0.0).open()
        work.lives = 3
        with pytest.raises(Killed):
            run(folder, url, work)
        again = KilledWork(folder / "work", {}, 0.0).open()
        again.lives = 999
        found = run(folder, url, again)
    assert all(found[budget].equals(wanted[budget]) for budget in BUDGETS)
    kept = sum(len(block["thoughts"]) for block in again.blocks)
    assert kept == 2 * 3 * QUESTIONS and len(again.blocks) > 3


def check(folder, url):
    check_thoughts.run(
        SPEC | {"probes": 4},
        inputs_of(folder),
        folder / "probes.parquet",
        Runtime(servers={MODEL: {"url": url}}),
    )
    return THOUGHT_PROBES.read(folder / "probes.parquet")


def test_probes_are_one_answer_without_a_budget_and_one_at_each(folder):
    state = Faults(answer=thinking)
    with served(state) as url:
        table = check(folder, url)
    without = [body for body in state.bodies if FIELD not in body]
    assert len(without) == 4 and len(state.bodies) == 12
    assert sorted(table.filter(budget=4)["tokens"]) == sorted(map(own, without))
    expected = (pl.col("tokens") >= pl.col("budget")).alias("forced")
    assert table["forced"].to_list() == table.select(expected)["forced"].to_list()
    assert table["closed"].all() and table["answered"].all()


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (lambda body: thinking(body, minds=False), "sampling.thinking.field: .* the server does not mind it"),
        (lambda body: thinking(body, tells=False), "of 12 of 12 answers the server does not say how many tokens"),
        (lambda body: ("#### 1", "stop", 3, {}, {"completion_tokens_details": {"reasoning_tokens": 0}}),
         "none of 4 probes has a thought"),
        (lambda body: ("#### 1", "stop", 6, {}, {"completion_tokens_details": {"reasoning_tokens": 3}}),
         "sampling.thinking.budgets: 4 was given, and none of 4 probes uses it up"),
    ],
    ids=["does not mind", "does not tell", "does not think", "is never used up"],
)  # fmt: skip
def test_a_server_that_keeps_no_budget_is_refused_before_the_study(folder, answer, said):
    with served(Faults(answer=answer)) as url, pytest.raises(InputError, match=said):
        check(folder, url)
    assert not (folder / "probes.parquet").exists()
