"""Judges behind a server: the same scores whatever the server does, each question asked once."""

import json
from collections import Counter

import polars as pl
import pytest

from tests.support import fault_server
from tests.support.fault_server import MODEL, SECRET, Faults, answer, likely, served
from tests.support.killed_work import Killed, KilledWork
from tests.support.served_judges import (
    CASES,
    HOW,
    NAME,
    NO,
    PLACE,
    TEXTS,
    YES,
    by_hand,
    judge_directory,
    questions,
    run,
    running,
    spec,
    write,
)
from ttc.engines import verdicts
from ttc.errors import InputError
from ttc.run import job
from ttc.run.work import KeptWork
from ttc.runtime import Runtime
from ttc.stages import fetch_model, preflight, score_revisions
from ttc.store.sidecars import read as read_record
from ttc.tables import revisions
from ttc.tables.generation import PREFLIGHT
from ttc.verifiers.open import open_verifier


@pytest.fixture
def folder(tmp_path):
    write(tmp_path)
    return tmp_path


@pytest.mark.parametrize("asks", ["solution", "steps"])
def test_a_score_is_the_probability_of_yes_among_yes_and_no(folder, asks):
    state, said = Faults(), spec(asks=asks)
    with served(state) as url:
        made, told = run(folder, url, said)
    asked = {}
    for name, index, scores, tokens, written in made.iter_rows():
        wanted = questions(said, name, TEXTS[index]) if TEXTS[index] else []
        asked |= dict.fromkeys(wanted)
        expected = [by_hand([{"role": "user", "content": each}]) for each in wanted] or [0.0]
        assert scores == pytest.approx(expected, abs=1e-6)
        assert (tokens, written) == (6 * len(wanted), len(wanted))
    assert Counter(body["messages"][-1]["content"] for body in state.bodies) == dict.fromkeys(asked, 1)
    for body in state.bodies:
        assert body == {
            "model": MODEL,
            "messages": body["messages"],
            "temperature": 0.0,
            "top_p": 1.0,
            "seed": body["seed"],
            "max_tokens": 1,
            "logprobs": True,
            "top_logprobs": 20,
        }
    assert told["described"]["id"] == MODEL and told["answers"] == len(asked)
    assert told["read"] == {"tokens": 5 * len(asked), "unknown": 0}
    assert told["verdicts"]["answers"] == len(asked) and told["verdicts"]["undecided"] == 0
    assert 0 < told["verdicts"]["least_seen"] <= told["verdicts"]["mean_seen"] < 0.9


def test_as_many_tokens_are_looked_at_as_the_study_asks_for(folder):
    state, said = Faults(), spec(request={"top_logprobs": 5, "top_k": -1})
    with served(state) as url:
        made, _ = run(folder, url, said)
    assert {(body["top_logprobs"], body["top_k"]) for body in state.bodies} == {(5, -1)}
    for name, index, scores, *_ in made.iter_rows():
        for each in questions(said, name, TEXTS[index]) if TEXTS[index] else []:
            found = dict(likely({"messages": [{"role": "user", "content": each}], "top_logprobs": 5}))
            if set(found) & {*YES, *NO}:
                assert scores == pytest.approx([by_hand([{"role": "user", "content": each}], 5)], abs=1e-6)


@pytest.mark.parametrize("verdict", ["parsed", "probability"])
def test_critiques_are_drawn_and_their_verdict_read(folder, verdict):
    state, said = Faults(), spec("judge_critique", verdict=verdict, request={"top_logprobs": 19, "top_k": 3})
    with served(state) as url:
        made, told = run(folder, url, said)
    critiques = [body for body in state.bodies if "top_logprobs" not in body]
    verdicts_asked = [body for body in state.bodies if "top_logprobs" in body]
    wanted = {each for name in ("p0", "p1") for text in TEXTS if text for each in questions(said, name, text)}
    drawn = Counter(body["messages"][-1]["content"] for body in critiques)
    assert drawn == dict.fromkeys(wanted, HOW["count"])
    assert {(body["max_tokens"], body["temperature"]) for body in critiques} == {(12, 0.7)}
    assert {body["top_k"] for body in state.bodies} == {3} and not any(
        "logprobs" in body for body in critiques
    )
    assert len({body["seed"] for body in critiques}) == len(critiques)
    values = {}
    for body in critiques:
        text, _, tokens = answer(body)
        question = body["messages"][-1]["content"]
        bill = 5 + tokens
        if verdict == "parsed":
            value = {"Verdict: Yes": 1.0, "Verdict: No": 0.0}.get(text, 0.5)
        else:
            turns = [*body["messages"], {"role": "assistant", "content": "\n\nVerdict:"}]
            found = dict(likely({"messages": turns, "top_logprobs": 19}))
            yes, no = found.get(" Yes", 0.0), found.get(" no", 0.0) + found.get(" No", 0.0)
            value, bill, tokens = yes / (yes + no), bill + 6, tokens + 1
        values.setdefault(question, []).append((value, bill, tokens))
    for name, index, scores, tokens, written in made.iter_rows():
        found = [values[each] for each in (questions(said, name, TEXTS[index]) if TEXTS[index] else [])]
        assert scores == pytest.approx([sum(v for v, *_ in some) / 2 for some in found] or [0.0], abs=1e-6)
        assert tokens == sum(bill for some in found for _, bill, _ in some)
        assert written == sum(own for some in found for *_, own in some)
    if verdict == "probability":
        # Its own verdict is left out, and the model goes on in the turn that is given back
        assert all(body["messages"][-1]["content"] == "\n\nVerdict:" for body in verdicts_asked)
        assert all(
            (body["continue_final_message"], body["add_generation_prompt"]) == (True, False)
            for body in verdicts_asked
        )
        assert len(verdicts_asked) == 2 * len(wanted)
    else:
        assert not verdicts_asked and told["verdicts"]["undecided"] > 0


@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize(
    "faults", [("429", "500", "cut"), ("nonsense", "no json", "abort", "closed"), ("hang",)]
)
def test_the_table_is_the_same_whatever_fails(folder, case, faults):
    said = CASES[case]
    with served(Faults()) as url:
        wanted, told = run(folder, url, said)
    state = Faults(faults, retry_after="0")
    hurried = {"timeout": 0.5, "tries": 50} if "hang" in faults else {}
    with served(state) as url:
        found, told_again = run(folder, url, said, **hurried)
    assert found.equals(wanted) and told_again == told
    assert min(state.tries.values()) >= len(faults) + 1
    if not hurried:
        assert set(state.answered.values()) == {1}


def test_a_probability_that_cannot_be_is_asked_for_again(folder):
    with served(Faults()) as url:
        wanted, _ = run(folder, url, spec())
    state = Faults(logprobs="late")
    with served(state) as url:
        found, _ = run(folder, url, spec())
    assert found.equals(wanted) and set(state.answered.values()) == {2}


@pytest.mark.parametrize("case", CASES)
def test_what_was_answered_is_kept_and_nothing_is_asked_twice(folder, case, monkeypatch):
    """By a server that says no once it has answered half."""
    said = CASES[case]
    with served(Faults()) as url:
        wanted, told = run(folder, url, said)
    half = told["answers"] // 2
    state, original, count = Faults(), fault_server._Handler._answer, Counter()

    def some(handler, state, body, name):
        count["answers"] += 1
        return original(handler, state, body, name) if count["answers"] <= half else handler.fail("400")

    with served(state) as url:
        monkeypatch.setattr(fault_server._Handler, "_answer", some)
        work = KeptWork(folder / "work", {"about": 1}).open()
        with pytest.raises(InputError, match=r"refuses the request: it answered 400"):
            run(folder, url, said, work=work, concurrency=2)
        work.abandon()
        monkeypatch.setattr(fault_server._Handler, "_answer", original)
        kept = KeptWork(folder / "work", {"about": 1}).open()
        assert len(kept.finished("answers", ["question", "number", "part"])) == half
        found, told_again = run(folder, url, said, work=kept)
        before = sum(state.answered.values())
        again, _ = run(folder, url, said, work=kept)
    assert found.equals(wanted) and again.equals(wanted) and told_again == told
    assert set(state.answered.values()) == {1} and sum(state.answered.values()) == before == told["answers"]


def test_a_killed_job_goes_on_where_it_was(folder):
    said = CASES["critiques of steps"]
    with served(Faults()) as url:
        wanted, told = run(folder, url, said)

    killed = KilledWork(folder / "work", {}, every=0)
    killed.lives = 3
    state = Faults()
    with served(state) as url:
        with pytest.raises(Killed):
            run(folder, url, said, work=killed.open(), concurrency=1)
        work = KeptWork(folder / "work", {}).open()
        kept = work.finished("answers", ["question", "number", "part"])
        before = state.answered.copy()
        assert 0 < len(kept) < told["answers"]
        found, told_again = run(folder, url, said, work=work)
    assert found.equals(wanted) and told_again == told
    again = [name for name, count in state.answered.items() if count > 1]
    assert len(again) <= len(before) - len(kept) + 1


@pytest.mark.parametrize("usage", fault_server.USAGES)
def test_a_bill_that_cannot_be_is_unknown(folder, usage):
    with served(Faults()) as url:
        wanted, _ = run(folder, url, spec())
    with served(Faults(usage=usage)) as url:
        found, told = run(folder, url, spec())
    assert found["step_scores"].equals(wanted["step_scores"])
    asked = pl.Series([bool(TEXTS[index]) for index in found["sample_index"]])
    unread = usage != "too many"  # one token is written, whatever is said
    assert found.filter(asked)["tokens"].null_count() == (asked.sum() if unread else 0)
    assert told["read"]["unknown"] == (told["answers"] if unread else 0)
    assert set(found.filter(asked)["written"]) == {1} and set(found.filter(~asked)["tokens"]) == {0}


def test_an_answer_without_a_verdict_is_undecided_and_counted(folder):
    for logprobs in ("neither", "ended"):
        with served(Faults(logprobs=logprobs)) as url:
            made, told = run(folder, url, spec())
        scored = [
            scores for index, scores in made.select("sample_index", "step_scores").iter_rows() if TEXTS[index]
        ]
        assert scored == [[0.5]] * len(scored)
        assert told["verdicts"] == {
            "answers": told["answers"],
            "undecided": told["answers"],
            "least_seen": 0.0,
            "mean_seen": 0.0,
        }


EXAMPLES = [
    {"problem": "1 + 1?", "steps": ["1 + 1 = 2.", "#### 2"], "verdicts": [True, True]},
    {"problem": "1 + 1?", "steps": ["1 + 1 = 2.", "#### 3", "7"], "verdicts": [True, False, False]},
]


def checked(folder, url, said, **changes):
    """Stage `preflight`; its table."""
    said = {name: said[name] for name in said if name != "kind"}
    how = said | {"least_auc": 0.0, "examples": EXAMPLES} | changes
    given = {"verifier": [judge_directory(folder, said["format"])]}
    preflight.run(how, given, folder / "preflight.parquet", running(url))
    return PREFLIGHT.read(folder / "preflight.parquet")


@pytest.mark.parametrize("asks", ["solution", "steps"])
def test_a_preflight_asks_as_if_a_solution_ended_with_each_step(folder, asks):
    said = spec(asks=asks)
    words = said["judge"]["question"]
    scores = [
        by_hand(
            [
                {
                    "role": "user",
                    "content": words.replace("{problem}", "1 + 1?").replace("{solution}", "\n".join(some)),
                }
            ]
        )
        for each in EXAMPLES
        for some in (each["steps"][: end + 1] for end in range(len(each["steps"])))
    ]
    order = sorted(scores)
    right = [{**each, "verdicts": []} for each in EXAMPLES]
    for place, value in enumerate(scores):
        right[place >= 2]["verdicts"].append(value >= order[2])
    with served(Faults()) as url:
        made = checked(folder, url, said, examples=right, least_auc=1.0)
        turned = [each | {"verdicts": [not verdict for verdict in each["verdicts"]]} for each in right]
        with pytest.raises(
            InputError, match="does not tell right steps of the golden examples from wrong ones"
        ):
            checked(folder, url, said, examples=turned)
    assert made["score"].to_list() == pytest.approx(scores, abs=1e-6)


def test_a_server_without_probabilities_is_told_in_the_preflight(folder):
    state = Faults(logprobs="missing")
    with (
        served(state) as url,
        pytest.raises(InputError, match=r"holds no log-probabilities .*verdict: parsed"),
    ):
        checked(folder, url, spec())
    assert set(state.tries.values()) == {1}
    with served(Faults(logprobs="missing")) as url:
        run(folder, url, spec("judge_critique", verdict="parsed"))  # needs none


@pytest.mark.parametrize("logprobs", ["neither", "ended"])
def test_a_model_that_gives_no_verdicts_is_told_in_the_preflight(folder, logprobs):
    with (
        served(Faults(logprobs=logprobs)) as url,
        pytest.raises(InputError, match=r"gives no verdict: no answer has 'Yes', 'yes', 'No', 'no' where"),
    ):
        checked(folder, url, spec())


def test_revisions_are_judged_alone(folder):
    given = {name: [folder / f"{name}.parquet"] for name in ("problems", "chains")}
    said = {name: each for name, each in spec().items() if name != "kind"} | {"max_context": 0}
    state = Faults(usage="missing")
    with served(state) as url:
        given |= {"verifier": [judge_directory(folder, "judge")]}
        score_revisions.run(said, given, folder / "made.parquet", running(url))
    made = revisions.CHAIN_SCORES.read(folder / "made.parquet")
    turns = [[{"role": "user", "content": questions(spec(), "p0", text)[0]}] for text in TEXTS[:2]]
    assert made["score"].to_list() == pytest.approx([*map(by_hand, turns), 0.0], abs=1e-6)
    assert made["tokens"].to_list() == [None, None, 0]


def test_the_key_is_in_no_file_and_in_nothing_that_is_said(folder, monkeypatch, capfd):
    monkeypatch.setenv(NAME, SECRET)
    output = folder / "store/scores.parquet"
    output.parent.mkdir()
    verifier = judge_directory(folder, "judge")
    words = ["--spec", json.dumps(spec()), "--output", str(output), "--verifier", str(verifier)]
    words += [
        each for name in ("problems", "samples") for each in (f"--{name}", str(folder / f"{name}.parquet"))
    ]

    def command(url, tries=2):
        for name, value in job.thread_variables(1).items():
            monkeypatch.setenv(name, value)
        reached = {PLACE: {"url": url, "key_variable": NAME, "tries": tries}}
        job.main("score", [*words, "--servers", json.dumps(reached)])

    with served(Faults(secret=SECRET)) as url:
        command(url)
    record = read_record(output)
    assert record["server"]["verdicts"]["answers"] > 5 and "127.0.0.1" not in json.dumps(record)
    output.unlink()
    monkeypatch.setenv(NAME, f"{SECRET}-wrong")
    with served(Faults(secret=SECRET)) as url, pytest.raises(SystemExit):
        command(url)
    with served(Faults(("500",) * 3)) as url, pytest.raises(SystemExit):
        command(url, tries=1)
    said = "".join(capfd.readouterr())
    assert f"(Incorrect API key provided: Bearer ${NAME})" in said and f"({PLACE}.tries)" in said
    assert SECRET not in said
    files = [path for path in folder.rglob("*") if path.is_file()]
    assert files and not [path for path in files if SECRET.encode() in path.read_bytes()]


def test_the_card_of_a_judge_and_what_is_refused(folder):
    output, said = folder / "made", {"role": "prm", "served": MODEL, "format": "judge"}
    with served(Faults()) as url:
        fetch_model.run(said, {"checkpoint": []}, output, running(url))
        with pytest.raises(InputError, match=r"neither leads a search nor answers live"):
            open_verifier(output, "judge", running(url), beside=True, judge=spec()["judge"])
    card = json.loads((output / "card.json").read_text())
    assert (card["kind"], card["format"], card["checkpoint"]) == ("prm", "judge", {"served": MODEL})
    with pytest.raises(InputError, match=r"prm\.checkpoint\.served\.url does not say where that is"):
        open_verifier(output, "judge", Runtime(), judge=spec()["judge"])
    with (
        served(Faults(models=("tiny/serve",))) as url,
        pytest.raises(
            InputError, match=r"\(prm\.checkpoint\.served\.model\); it serves tiny/serve; did you mean"
        ),
    ):
        open_verifier(output, "judge", running(url), judge=spec()["judge"])


@pytest.mark.parametrize("value", [0.5, "-1", None, True, float("nan")])
def test_a_log_probability_that_is_none_is_not_read(value):
    top = [{"token": "Yes", "logprob": -0.1}, {"token": "No", "logprob": value}]
    said = {"content": [{"token": "Yes", "logprob": -0.1, "top_logprobs": top}]}
    choice = {"message": {"content": "Yes"}, "finish_reason": "length", "logprobs": said}
    with pytest.raises(verdicts.Unreadable, match="no number up to 0"):
        verdicts.read({"choices": [choice]}, YES, NO, None)
