"""Chains of a policy behind a server: each request holds the answers before it, and no answer is asked for twice."""

import shutil

import polars as pl
import pytest

from tests.support import fault_server
from tests.support.fault_server import MODEL, Faults, answer, served
from ttc import noise
from ttc.errors import InputError
from ttc.problems import prompts
from ttc.run.work import KeptWork
from ttc.runtime import Runtime
from ttc.stages import revise
from ttc.tables.revisions import CHAINS

AGAIN, LENGTHS, CONTEXT, QUESTIONS = "Once more.", [5, 2, 1], 2, 4
PROMPT = prompts.Prompt(template="Q: {problem}", again=AGAIN, extract=("hashes",))
SPEC = {
    "seed": 3,
    "split": "test",
    "problems": [0, QUESTIONS],
    "lengths": LENGTHS,
    "max_context": CONTEXT,
    "first_answer": "reviser",
    "temperature": 0.7,
    "max_tokens": 40,
    "engine": "openai",
    "form": {"prompt": prompts.content_of(PROMPT), "equality": "text", "timeout": 5.0},
}


@pytest.fixture
def folder(tmp_path):
    return fault_server.write_study(tmp_path, QUESTIONS)


def run(folder, url, spec=SPEC, work=None, **reached):
    told = {}
    more = {} if work is None else {"work": work}
    reached = {"url": url, "concurrency": 3} | reached
    inputs = {"problems": [folder / "problems.parquet"], "reviser": [folder / "policy"], "policy": []}
    revise.run(spec, inputs, folder / "chains.parquet", Runtime(servers={MODEL: reached}, told=told, **more))
    return CHAINS.read([folder / "chains.parquet"]), told["server"]


def conversation(name, before):
    """The turns after some answers, written out."""
    turns = [("user", f"Q: What is {name[1:]}?")]
    for text in before[-CONTEXT:]:
        turns += [("assistant", text), ("user", AGAIN)]
    return [{"role": role, "content": content} for role, content in turns]


def expected():
    """Every chain, asked here one answer after the other: rows of the table by what names them."""
    found = {}
    for name in (f"p{number}" for number in range(QUESTIONS)):
        for chain, length in enumerate(LENGTHS):
            before = []
            for step in range(length):
                stream = noise.substreams(noise.stream(3, "revise", name, chain), step)
                body = {
                    "model": MODEL,
                    "messages": conversation(name, before),
                    "temperature": 0.7,
                    "top_p": 1.0,
                    "seed": int(stream) >> 11,
                    "max_tokens": 40,
                }
                text, finish, tokens = answer(body)
                found[name, chain, step] = text, finish, tokens
                before.append(text)
    return found


def rows(frame):
    names = ("problem_id", "chain", "step", "text", "finish_reason", "tokens")
    return {row[:3]: row[3:] for row in frame.select(names).iter_rows()}


def test_each_answer_is_asked_for_with_those_before_it(folder):
    state = Faults()
    with served(state) as url:
        frame, told = run(folder, url)
    wanted = expected()
    assert rows(frame) == wanted and len(state.bodies) == len(wanted) == QUESTIONS * sum(LENGTHS)
    assert len({text for text, *_ in wanted.values()}) > 2
    assert set(frame["context_tokens"]) == {5} and frame["logprob"].null_count() == len(frame)
    right = {name: str(int(name[1:]) % 3) for name in frame["problem_id"]}
    for name, text, correct in frame.select("problem_id", "text", "correct").iter_rows():
        assert correct == text.endswith(f"#### {right[name]}")
    assert told["answers"] == len(wanted) and told["decoded"]["tokens"] == frame["tokens"].sum()


@pytest.mark.parametrize("faults", [("429", "500"), ("cut", "nonsense", "abort")], ids="-".join)
def test_chains_are_the_same_whatever_fails(folder, faults):
    state = Faults(faults, retry_after="0")
    with served(state) as url:
        frame, _ = run(folder, url, sleep=_at_once)
    assert rows(frame) == expected()
    assert set(state.answered.values()) == {1}


def test_of_a_lost_answer_nothing_behind_it_is_taken(folder):
    """A block that a crash has damaged: its answers and those behind them are asked for again, and billed once more."""
    work = KeptWork(folder / "work", SPEC, 0.0).open()
    with served(Faults()) as url:
        frame, told = run(folder, url, work=work)
    blocks = sorted((folder / "work").glob("block-*"))
    assert len(blocks) > 2
    lost = pl.read_parquet(blocks[1] / "chains.parquet")
    shutil.rmtree(blocks[1])
    state = Faults()
    with served(state) as url:
        again, told_again = run(folder, url, work=KeptWork(folder / "work", SPEC, 0.0).open())
    assert again.sort("problem_id", "chain", "step").equals(frame.sort("problem_id", "chain", "step"))
    assert len(lost) <= len(state.bodies) < len(frame)
    assert told_again["answers"] == told["answers"] - len(lost) + len(state.bodies)


def test_chains_go_on_where_they_stopped(folder):
    """The first run ends with an error in the midst of chains; the second asks only for what is missing."""

    first, second = Faults(), Faults()
    first.faults = _AfterNine(first)
    with served(first) as url, pytest.raises(InputError, match=r"refuses the request.*400"):
        run(folder, url, work=KeptWork(folder / "work", SPEC, 60.0).open())
    kept = sum(first.answered.values())
    assert 9 <= kept < QUESTIONS * sum(LENGTHS)
    with served(second) as url:
        frame, told = run(folder, url, work=KeptWork(folder / "work", SPEC, 60.0).open())
    assert rows(frame) == expected()
    assert not set(first.answered) & set(second.answered)
    assert kept + sum(second.answered.values()) == told["answers"] == len(frame)


async def _at_once(seconds):
    """No wait."""


class _AfterNine(tuple):
    """The fault of every request's first try: the server says no once it has answered nine times."""

    def __new__(cls, state):
        made = super().__new__(cls, ("400",))
        made.state = state
        return made

    def __getitem__(self, place):
        return "400" if sum(self.state.answered.values()) >= 9 else "ok"


def test_a_completion_is_continued(folder):
    prompt = prompts.Prompt(
        template="Q: {problem}\nA:", format="completion", again="Once more.\nA:", extract=("hashes",)
    )
    spec = SPEC | {"form": SPEC["form"] | {"prompt": prompts.content_of(prompt)}, "lengths": [2]}
    state = Faults()
    with served(state) as url:
        frame, _ = run(folder, url, spec)
    first = dict(frame.filter(pl.col("step") == 0).select("problem_id", "text").iter_rows())
    asked = {body["prompt"] for body in state.bodies}
    for name, text in first.items():
        question = f"Q: What is {name[1:]}?\nA:"
        assert {question, f"{question} {text}\n\nOnce more.\nA:\n\n"} <= asked


def test_a_bill_that_cannot_be_is_unknown(folder):
    with served(Faults(usage="missing")) as url:
        frame, told = run(folder, url)
    assert frame["context_tokens"].null_count() == told["read"]["unknown"] == len(frame)
    cut = frame.filter(finish_reason="length")
    assert frame["tokens"].null_count() == len(frame) - len(cut) and set(cut["tokens"]) <= {40}


def test_a_policy_that_thinks_is_asked_again_without_its_thoughts(folder):
    thought = {"open": "So it is", "close": ".\n", "begun": False}
    state = Faults()
    with served(state) as url:
        table, told = run(folder, url, SPEC | {"form": SPEC["form"] | {"thought": thought}})
    said = [
        each["content"] for body in state.bodies for each in body["messages"] if each["role"] == "assistant"
    ]
    assert (
        said
        and not any("So it is" in each for each in said)
        and any(each.startswith("####") for each in said)
    )
    assert table["text"].str.contains("So it is").any()
    # The server does not say what it thought
    assert told["thinking"]["unknown"] == len(table) == table["thinking_tokens"].null_count()
