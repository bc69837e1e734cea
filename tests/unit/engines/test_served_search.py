"""Searches by a policy behind a server: those of the same policy here, whatever fails, and nothing is asked twice."""

import functools
import json
from dataclasses import replace

import polars as pl
import pytest

from tests.support import continuing, fault_server
from tests.support.fault_server import MODEL, Faults, served
from tests.support.text_verifiers import Scorer
from tests.support.toy import END
from tests.support.toy import text as tokens
from ttc import plugins
from ttc.engines.served import KEPT
from ttc.errors import InputError
from ttc.problems import prompts
from ttc.problems.formats import open_form
from ttc.problems.stops import Stops
from ttc.run.work import KeptWork
from ttc.runtime import Runtime
from ttc.search.loop import search
from ttc.search.options import Draw, Options
from ttc.search.strategy import METHODS, from_spec
from ttc.stages import search as stage
from ttc.tables.search import CANDIDATES, TREE
from ttc.verifiers.follow import TextSteps

QUESTIONS = 3
CHAT = prompts.Prompt(template="Q {problem}", system="Be brief.", extract=("hashes",))
COMPLETION = prompts.Prompt(template="Q {problem}\nA:", format="completion", extract=("hashes",))
PROMPTS = {"chat": CHAT, "completion": COMPLETION}
GO_ON = {"continue_final_message": True, "add_generation_prompt": False}
STRATEGIES = {
    "beam": ({"kind": "beam", "width": 2}, 4),
    "lookahead": ({"kind": "lookahead", "width": 2, "depth": 2}, 4),
    "dvts": ({"kind": "dvts", "width": 2}, 4),
    "rebase": ({"kind": "rebase", "temperature": 0.2}, 4),
    "particles": ({"kind": "particles", "temperature": 1.0}, 4),
    "best of steps": ({"kind": "beam", "width": 4}, 4),
}


def spec_of(prompt=CHAT, name="beam", **changes):
    kind, budget = STRATEGIES[name]
    finished = plugins.declaration(METHODS, kind["kind"])["finished"]
    spec = {
        "seed": 3,
        "split": "test",
        "problems": [0, QUESTIONS],
        "strategy": kind,
        "budget": budget,
        "temperature": 1.0,
        "max_tokens": 40,
        "max_step_tokens": 12,
        "max_rounds": 6,
        "finished": finished or "shrink",
        "duplicates": "keep",
        "engine": "openai",
        "format": "tests",
        "form": {"prompt": prompts.content_of(prompt), "equality": "text", "timeout": 5.0},
    }
    return spec | ({"continuation": GO_ON} if prompt.format == "chat" else {}) | changes


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A study whose verifier is `Scorer`."""
    monkeypatch.setattr(stage, "open_follower", lambda path, reads, runtime, engine, *_: scorer(engine))
    monkeypatch.setattr(stage, "tell", lambda verifier: None)
    return fault_server.write_study(tmp_path, QUESTIONS)


def scorer(engine):
    return TextSteps(Scorer(), engine.tokenizer, engine.stops)


def run(folder, url, spec, work=None, **reached):
    told = {}
    more = {} if work is None else {"work": work}
    reached = {"url": url, "concurrency": 3, "sleep": _at_once} | reached
    inputs = {name: [folder / place] for name, place in PLACES.items()}
    stage.run(spec, inputs, folder / "found", Runtime(servers={MODEL: reached}, told=told, **more))
    read = [table.read([folder / f"found/{table.name}.parquet"]) for table in (CANDIDATES, TREE)]
    return *read, told["server"]


PLACES = {"problems": "problems.parquet", "policy": "policy", "verifier": "verifier"}


async def _at_once(seconds):
    """No wait."""


@functools.cache
def here(form="chat", strategy="beam"):
    """The same search by an engine that is here, as tables."""
    prompt = PROMPTS[form]
    spec = spec_of(prompt, strategy)
    problems = pl.DataFrame(
        [(f"p{number}", f"What is {number}?", str(number % 3)) for number in range(QUESTIONS)],
        schema=["problem_id", "question", "answer"],
        orient="row",
    )
    kind, budget = from_spec(spec["strategy"]), spec["budget"]
    engine, verifier = continuing.engine(), Scorer()
    questions = problems["question"].to_list()
    results = search(
        engine,
        TextSteps(verifier, continuing.WRITTEN, Stops((END,), (ord("."),))),
        [tokens(continuing.letters(read_by(prompt, each))) for each in questions],
        stage.problem_streams(spec["seed"], kind, budget, problems["problem_id"].to_list()),
        kind,
        budget,
        Draw(spec["temperature"], spec["max_step_tokens"], spec["max_tokens"], spec["max_rounds"]),
        Options(spec["finished"]),
        questions,
    )
    with open_form(spec["form"]) as form:
        return (
            stage.candidate_table(problems, results, continuing.WRITTEN, form),
            stage.tree_table(problems, results, continuing.WRITTEN, form),
        )


def read_by(prompt, question):
    """What the policy reads before it answers."""
    if prompt.format == "completion":
        return prompts.render(prompt, question)
    return continuing.turns({"messages": prompts.messages(prompt, question)})


def same(found, wanted):
    for one, other in zip(found, wanted, strict=True):
        order = other.columns[:2]
        assert one.select(other.columns).sort(order).equals(other.sort(order))


def searching(**settings):
    return Faults(answer=continuing.continuing, retry_after="0", **settings)


def checked(folder, spec):
    """The work of a job whose server has shown that it continues answers."""
    work = KeptWork(folder / "work", spec, 60.0).open()
    work.add(asked=pl.DataFrame([("check-0", "", "stop", 1, 1, "m", "f")], schema=list(KEPT), orient="row"))
    return work


def steps_asked(state):
    """Requests of the search: those of the check are greedy, and ask for more."""
    return [body for body in state.bodies if body["temperature"] > 0 or body["max_tokens"] <= 40]


@pytest.mark.parametrize("form", PROMPTS)
@pytest.mark.parametrize("strategy", STRATEGIES)
def test_a_search_is_that_of_the_same_policy_here(folder, form, strategy):
    state, wanted = searching(), here(form, strategy)
    with served(state) as url:
        *found, told = run(folder, url, spec_of(PROMPTS[form], strategy))
    same(found, wanted)
    assert len(found[1]) > 4 * QUESTIONS and found[0]["answer"].is_not_null().any()
    # Each request once, and the bill is the sum of all
    assert set(state.answered.values()) == {1} and told["answers"] == len(state.bodies)
    check = len(state.bodies) - len(steps_asked(state))
    spent = found[0].unique("problem_id")["generated_tokens"].sum()
    assert 0 < check <= 4 * 3 and told["read"]["tokens"] == 5 * len(state.bodies)
    assert found[0].unique("problem_id")["prompt_tokens"].sum() == 5 * (len(state.bodies) - check)
    assert spent < told["decoded"]["tokens"] <= spent + 64 * check


def test_the_reference_has_steps_answers_and_cuts(folder):
    """What is compared above is no trivial search."""
    candidates, tree = here()
    assert set(tree["finish_reason"]) == {"step", "stop", "length"}
    assert candidates["correct"].any() and not candidates["correct"].all()
    assert tree["round"].max() >= 3 and tree["text"].n_unique() > 10


@pytest.mark.parametrize("faults", [("429", "500"), ("cut", "nonsense", "abort")], ids="-".join)
def test_a_search_is_the_same_whatever_fails(folder, faults):
    state = searching(faults=faults)
    with served(state) as url:
        *found, _ = run(folder, url, spec_of())
    same(found, here())
    assert set(state.answered.values()) == {1}


def test_problems_do_not_wait_for_each_other_and_requests_are_bounded(folder):
    state = searching(together=5)
    with served(state) as url:
        *found, _ = run(folder, url, spec_of(), checked(folder, spec_of()), concurrency=5)
    same(found, here())
    assert state.most == 5  # more than the beams of a problem


def test_a_search_goes_on_where_it_stopped(folder):
    """The first run ends with an error in the midst of searches; the second asks only for what is missing."""
    first, second = searching(), searching()
    first.faults = _After(first, 20)
    with served(first) as url, pytest.raises(InputError, match=r"refuses the request.*400"):
        run(folder, url, spec_of(), KeptWork(folder / "work", spec_of(), 60.0).open())
    kept = sum(first.answered.values())
    with served(second) as url:
        *found, told = run(folder, url, spec_of(), KeptWork(folder / "work", spec_of(), 60.0).open())
    same(found, here())
    assert kept >= 20 and second.answered and not set(first.answered) & set(second.answered)
    assert kept + sum(second.answered.values()) == told["answers"]


def test_what_is_kept_is_kept_once_a_minute(folder):
    """A job that is killed has in its folder what came before the last time that it kept something."""
    state = searching()

    class Killed(KeptWork):
        def due(self):
            return True

        def add(self, **tables):
            super().add(**tables)
            if "asked" in tables and len(self.blocks) == 12:
                raise KeyboardInterrupt

    with served(state) as url, pytest.raises(KeyboardInterrupt):
        run(folder, url, spec_of(), Killed(folder / "work", spec_of(), 0.0).open())
    kept = KeptWork(folder / "work", spec_of(), 60.0).open()
    names = set(kept.table("asked")["request"])
    assert len(names) >= 12
    before = set(state.answered)
    with served(state) as url:
        *found, _ = run(folder, url, spec_of(), kept)
    same(found, here())
    # Only what had come after the last keeping is asked for again
    again = [name for name in before if state.answered[name] > 1]
    assert len(again) <= len(before) - len(names) + 1


class _After(tuple):
    """The fault of every request's first try: the server says no once it has answered `count` times."""

    def __new__(cls, state, count):
        made = super().__new__(cls, ("400",))
        made.state, made.count = state, count
        return made

    def __getitem__(self, place):
        return "400" if sum(self.state.answered.values()) >= self.count else "ok"


def test_a_line_end_may_be_part_of_the_text(folder):
    state = searching()
    state.answer = functools.partial(continuing.continuing, defect="inside")
    with served(state) as url:
        *found, _ = run(folder, url, spec_of())
    same(found, here())


DEFECTS = {
    "anew": "went on '.*', which is a new answer",
    "closes": "went on '.*', which is not the rest of it",
    "trims": r"went on '\\n.*, which begins with the white space that it had been given",
    "ends": "went on '', which is not the rest",
    "mute": r"does not say of answers .* whether they stopped at a line end.*neither this text nor `stop_reason`",
    "whole": "does not say of answers .* whether they stopped at a line end",
}


@pytest.mark.parametrize("defect", DEFECTS)
def test_a_server_that_does_not_continue_is_refused_before_the_search(folder, defect):
    state = searching()
    state.answer = functools.partial(continuing.continuing, defect=defect)
    with served(state) as url, pytest.raises(InputError, match=DEFECTS[defect]) as refused:
        run(folder, url, spec_of())
    assert not steps_asked(state) and len(state.bodies) <= 15
    assert "\n" not in str(refused.value) and len(str(refused.value)) < 500


def test_a_server_that_is_not_told_how_to_go_on_is_refused(folder):
    with served(searching()) as url, pytest.raises(InputError, match=r"policy\.served\.continuation says"):
        run(folder, url, spec_of(continuation={}))


@pytest.mark.parametrize("usage", ["missing", "zero", "text"])
def test_a_server_without_a_bill_is_refused(folder, usage):
    state = searching(usage=usage)
    state.answer = lambda body: replace_finish(continuing.continuing(body))
    with (
        served(state) as url,
        pytest.raises(InputError, match=r"does not say how many tokens .*usage.*counts"),
    ):
        run(folder, url, spec_of(), tries=2)
    assert not steps_asked(state)


def replace_finish(said):
    """An answer that is not cut, whose tokens would be known."""
    return (said[0], "stop", *said[2:])


def test_of_a_text_whose_halves_are_alike_nothing_can_be_told(folder):
    state = searching()
    state.answer = lambda body: ("\n" if "\n" in body.get("stop", ()) else "a\na\na\na\na", "stop", 9)
    with (
        served(state) as url,
        pytest.raises(InputError, match=r"or it cannot be told: no greedy answer to 3"),
    ):
        run(folder, url, spec_of())


def test_blank_lines_belong_to_the_step_after_them_and_stops_end_solutions(folder):
    """A scripted server: blank lines are asked past, and a text of `stop` ends a solution across two steps."""
    lines = {"": "\n", "\n": " x\n", "\n x\n": "y\nE", "\n x\ny\n": "EE z\n"}
    seeds = []

    def scripted(body):
        last = body["messages"][-1]
        before = last["content"] if last["role"] == "assistant" else ""
        seeds.append(body["seed"])
        text = lines[before]
        before_end = text.index("\n")
        return text[:before_end], "stop", before_end + 1, {"matched_stop": "\n"}

    prompt = replace(CHAT, stop=("\nEE",))
    spec = spec_of(prompt, budget=1, strategy={"kind": "beam", "width": 1}, problems=[0, 1])
    state = searching()
    state.answer = scripted
    with served(state) as url:
        candidates, tree, _ = run(folder, url, spec, checked(folder, spec))
    assert candidates["text"].to_list() == ["\n x\ny"] and candidates["finish_reason"].to_list() == ["stop"]
    assert tree["text"].to_list() == ["\n x", "y", "EE z"] and len(set(seeds)) == 4
    assert candidates["tokens"].to_list() == [1 + 3 + 2 + 5]
    assert [body["max_tokens"] for body in state.bodies] == [12, 11, 12, 12]
    assert len(candidates["step_scores"][0]) == 3
    assert all(body["stop"] == ["\nEE", "\n"] for body in state.bodies)


def test_blank_lines_may_end_steps(folder):
    """The search of the same policy whose line ends are written twice."""
    state = searching()

    def doubled(body):
        """What the policy writes, with blank lines for line ends."""
        body = json.loads(json.dumps(body).replace("\\n\\n", "\\n"))
        text, *rest = continuing.continuing(body)
        more = [{"stop_reason": "\n\n"}] if rest[-1] == continuing.STOPPED else rest[2:]
        return text.replace("\n", "\n\n"), *rest[:2], *more

    state.answer = doubled
    with served(state) as url:
        *found, _ = run(folder, url, spec_of(step_end="\n\n"))
    wanted = here()
    plain = pl.col("text").str.replace_all("\n\n", "\n", literal=True)
    same((found[0].with_columns(plain), found[1].with_columns(pl.col("text").str.strip_chars_end())), wanted)
    assert all("\n\n" in body["stop"] for body in steps_asked(state))
