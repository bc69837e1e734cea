"""Plans of studies whose judge is behind a server: what its key holds, what it costs, and what is refused."""

import json
import re

import pytest

from tests.support.planned import few_problems
from ttc.errors import InputError
from ttc.estimate.measured import assumed
from ttc.estimate.table import jobs as estimated
from ttc.estimate.table import prices
from ttc.sharing.licences import NOT_KNOWN, found
from ttc.study.build import ROOT, plan_jobs, plan_study
from ttc.study.config import merge
from ttc.study.relevant import shown_configuration
from ttc.verifiers import judging

MODEL = "owner/judge"
SERVED = {"model": MODEL, "url": "http://localhost:8000/v1", "key_variable": "SOME_KEY"}
CHECKPOINT = {"hub": "a/b", "revision": 40 * "a", "parameters": 1000}
ALONE = {"search": {"strategies": []}, "ablations": {"larger_search": False}}
CRITIQUE = {"count": 3, "max_tokens": 50}
READ = ("preflight", "score", "score_revisions")


@pytest.fixture
def base(tmp_path):
    """A study with a policy that is here, and a judge that is not."""
    return {
        "problems": few_problems(tmp_path),
        "policy": {"checkpoint": CHECKPOINT},
        "prm": {"checkpoint": {"kind": "judge", "served": SERVED}},
        "sampling": {"samples": 4, "max_tokens": 100},
        "revision": {"by": "prompt", "verifier": {"use": False}, "max_generations": 4},
        "orm": {"use": False},
        "difficulty": {"bins": 2},
    } | ALONE


def planned(base, judge=None, served=(), **sections):
    """judge: what `prm.checkpoint` has besides."""
    given = merge(base, {"prm": {"checkpoint": (judge or {}) | {"served": dict(served)}}})
    return plan_study(merge(given, sections), ROOT)


def test_a_judge_is_asked_and_nothing_of_it_is_here(base):
    plan = planned(base)
    (judge,) = [each for each in plan.of("fetch_model") if each.label == "prm"]
    assert judge.spec == {"role": "prm", "served": MODEL, "format": "judge"}
    assert judge.inputs == {"checkpoint": []}
    asked = {"format": "judge", "engine": "openai", "judge": judging.load("yes_or_no", "solution").content}
    for stage in READ:
        (each,) = plan.of(stage)
        assert {name: each.spec.get(name) for name in asked} == asked and "request" not in each.spec
        assert each.inputs["verifier"] == [judge]
    more = planned(base, served={"request": {"top_logprobs": 5}})
    for stage in READ:
        (each,), (before,) = more.of(stage), plan.of(stage)
        assert each.spec == before.spec | {"request": {"top_logprobs": 5}} and each.key != before.key
    assert plan.of("evaluate")[0].spec["parameters"] is None
    sized = planned(base, served={"parameters": 9, "active_parameters": 7})
    assert sized.of("evaluate")[0].spec["parameters"] == {"prm": 7, "revision_orm": 7}
    assert {"role": "prm", "name": MODEL, "revision": None, "licence": NOT_KNOWN} in found(plan)


def test_where_it_is_and_how_it_is_asked_is_in_no_key_and_shown_nowhere(base):
    plan = planned(base, {"judge": {"asks": "steps"}})
    elsewhere = {
        "url": "https://example.org/v1",
        "key_variable": "OTHER",
        "concurrency": 3,
        "tries": 2,
        "price": {"read": 1.0, "decoded": 2.0},
    }
    other = planned(base, {"judge": {"asks": "steps"}}, elsewhere)
    assert [each.key for each in plan.artifacts] == [each.key for each in other.artifacts]
    shown = shown_configuration(other.configuration)["prm"]["checkpoint"]
    assert shown == {
        "kind": "judge",
        "judge": {"prompt": None, "asks": "steps", "critique": None},
        "served": {"model": MODEL, "request": {}, "parameters": None, "active_parameters": None},
    }
    again = plan_study(merge(base, {"prm": {"checkpoint": None}}) | {"prm": {"checkpoint": shown}}, ROOT)
    assert [each.key for each in plan.artifacts] == [each.key for each in again.artifacts]
    changed = planned(base, {"judge": {"asks": "steps"}}, {"model": "owner/other"})
    assert changed.of("score")[0].key != plan.of("score")[0].key
    assert changed.of("sample")[0].key == plan.of("sample")[0].key


def test_jobs_are_told_of_the_servers_that_they_ask(base):
    """A policy of the same name may be elsewhere."""
    there = {"policy": {"checkpoint": None, "served": {"model": MODEL, "url": "http://there/v1"}}}
    jobs = plan_jobs(planned(base, **there, runtime={"device": "cuda"}))
    told = {}
    for stage in (*READ, "fetch_model", "sample"):
        words = jobs.how(stage)(None, 1).split("--servers ")[1].split("' ")[0].strip("'")
        told[stage] = {name: each["url"] for name, each in json.loads(words).items()}
        assert jobs.gpus(stage) == 0 and "--gpus" not in jobs.how(stage)(None, 1)
    judge, policy = {"prm.checkpoint.served": SERVED["url"]}, {MODEL: "http://there/v1"}
    assert told == dict.fromkeys(READ, judge) | {"fetch_model": policy | judge, "sample": policy}
    assert "--servers" not in jobs.how("evaluate")(None, 1)
    here = plan_jobs(planned(base, runtime={"device": "cuda"}))
    assert here.gpus("sample") == 1 and "--servers" not in here.how("sample")(None, 1)


def test_a_study_with_a_judge_that_is_here_says_nothing_of_servers(base):
    given = merge(base, {"prm": {"checkpoint": {"served": None} | CHECKPOINT}})
    plan = plan_study(given, ROOT)
    assert "served" not in json.dumps(shown_configuration(plan.configuration))
    assert all("--servers" not in plan_jobs(plan).how(stage)(None, 1) for stage in READ)
    assert "engine" not in plan.of("preflight")[0].spec


def work_of(plan, tmp_path, stage="score"):
    (job,) = [each for each in estimated(plan, tmp_path)[0] if each.artifact.stage == stage]
    return job.work


def test_the_plan_counts_every_request_with_its_whole_conversation(base, tmp_path):
    """Of a server no reading is shared: what a judge that is here reads once is read and billed with each question."""
    given = merge(base, {"prm": {"checkpoint": {"served": None} | CHECKPOINT}})
    once = work_of(plan_study(given, ROOT), tmp_path)
    whole = work_of(planned(base), tmp_path)
    assert (whole.verified, whole.decoded) == (pytest.approx(once.verified), 8 * 4)
    asks = {"judge": {"asks": "steps"}}
    steps, plan = work_of(planned(base, asks), tmp_path), planned(base, asks)
    once = work_of(plan_study(merge(given, {"prm": {"checkpoint": asks}}), ROOT), tmp_path)
    questions = assumed(plan).questions
    lengths = questions.steps("test")
    ahead, _ = judging.load("yes_or_no", "steps").question.split("{solution}")
    words = len(ahead) / 2.9 + questions.question("test")
    again = sum(words + sum(lengths[:end]) for end in range(1, len(lengths)))
    assert len(lengths) > 2 and steps.decoded == 8 * 4 * len(lengths)
    assert steps.verified - once.verified == pytest.approx(8 * 4 * again)
    critic = {"kind": "judge_critique", "judge": {"critique": CRITIQUE}}
    probability = work_of(planned(base, critic), tmp_path)
    parsed = work_of(planned(base, merge(critic, {"judge": {"critique": {"verdict": "parsed"}}})), tmp_path)
    assert parsed.decoded == 8 * 4 * 3 * 50 and probability.decoded == parsed.decoded + 8 * 4 * 3
    assert probability.verified == pytest.approx(2 * parsed.verified + parsed.decoded)


def test_the_plan_says_what_its_tokens_cost(base, tmp_path):
    plan = planned(base, served={"price": {"read": 2.0, "decoded": 10.0, "currency": "EUR"}})
    every, _, _ = estimated(plan, tmp_path)
    jobs = [job for job in every if job.artifact.stage in READ]
    read, decoded = (sum(getattr(job.work, name) for job in jobs) for name in ("verified", "decoded"))
    (said,) = prices(plan, every)
    assert MODEL in said and f"{(read * 2 + decoded * 10) / 1e6:.2f} EUR" in said and read > 1000
    (said,) = prices(planned(base), every)
    assert "prm.checkpoint.served.price" in said
    policy = {"checkpoint": None, "served": {"model": MODEL}}  # of the same name, and another bill
    both = planned(base, policy=policy)
    bills = [
        re.search(r"([\d.]+k?) tokens read", each).group(1)
        for each in prices(both, estimated(both, tmp_path)[0])
    ]
    assert len(bills) == 2 and bills[0] != bills[1]


def test_a_server_may_compute_the_layers_of_a_checkpoint_that_is_here(base, tmp_path):
    search = {"search": {"strategies": [{"kind": "beam", "width": 2}], "budgets": [4]}}
    given = {"kind": "qwen_extra0"} | CHECKPOINT
    plan = planned(base, given, **search, runtime={"device": "cuda"})
    (verifier,) = [each for each in plan.of("fetch_model") if each.label == "prm"]
    assert verifier.spec["hub"] == "a/b" and "served" not in verifier.spec
    own = {"format": "qwen_extra0", "engine": "openai", "served": MODEL}
    for stage in READ:
        (each,) = plan.of(stage)
        assert {name: each.spec.get(name) for name in own} == own and each.inputs["verifier"] == [verifier]
    (found,) = plan.of("search")
    assert found.spec["verifier_engine"] == "openai" and found.spec["verifier_served"] == MODEL
    assert "engine" not in found.spec and "served" not in found.spec
    jobs = plan_jobs(plan)
    for stage in (*READ, "search"):
        words = jobs.how(stage)(None, 1).split("--servers ")[1].split("' ")[0].strip("'")
        assert list(json.loads(words)) == ["prm.checkpoint.served"]
        assert jobs.gpus(stage) == (stage == "search")
    assert "--servers" not in jobs.how("fetch_model")(None, 1)
    checkpoint = shown_configuration(plan.configuration)["prm"]["checkpoint"]
    assert checkpoint["served"] == {"model": MODEL} and checkpoint["hub"] == "a/b"
    elsewhere = planned(base, given, {"url": "http://there/v1", "concurrency": 3}, **search)
    assert [each.key for each in elsewhere.artifacts] == [each.key for each in plan.artifacts]
    other = planned(base, given, {"model": "owner/other"}, **search)
    for stage in (*READ, "search"):
        assert other.of(stage)[0].key != plan.of(stage)[0].key
    here = plan_study(merge(base, {"prm": {"checkpoint": given | {"served": None}}} | search), ROOT)
    assert here.of("search")[0].spec == {
        name: each for name, each in found.spec.items() if not name.startswith("verifier_")
    }
    assert work_of(plan, tmp_path) == work_of(here, tmp_path) and not list(
        prices(plan, estimated(plan, tmp_path)[0])
    )


REFUSED = {
    "a head that is not here": (
        {"prm": {"checkpoint": {"kind": "qwen_extra0"}}},
        r"prm\.checkpoint\.served: kind qwen_extra0 has a head that is read here; give `hub` or `path`, too, or take a "
        r"kind that is asked in words: judge, judge_critique",
    ),
    "critiques of a model that is here": (
        {"prm": {"checkpoint": CHECKPOINT | {"kind": "judge_critique"}}},
        r"prm\.checkpoint\.served: it was given beside a checkpoint, and of kind judge_critique a server of vLLM "
        r"computes no hidden states; leave `hub` and `path` out",
    ),
    "a price of layers": (
        {"prm": {"checkpoint": CHECKPOINT | {"served": {"price": {"read": 1.0, "decoded": 1.0}}}}},
        r"prm\.checkpoint\.served\.price: it was given, and a server that computes layers of a checkpoint is not",
    ),
    "linear layers that a server computes": (
        {"prm": {"checkpoint": CHECKPOINT | {"dtype": "float32", "linear": "onednn"}}},
        r"prm\.checkpoint\.linear: onednn was given, and a server computes the layers; leave it out",
    ),
    "what it computes in": (
        {"prm": {"checkpoint": {"dtype": "float32"}}},
        r"prm\.checkpoint\.dtype: float32 was given beside prm\.checkpoint\.served",
    ),
    "a search": (
        {
            "search": {"strategies": [{"kind": "beam", "width": 2}]},
            "prm": {"checkpoint": {"judge": {"asks": "steps"}}},
        },
        r"prm\.checkpoint\.served: a judge behind a server leads no search, and search\.strategies has 1: set "
        r"search\.strategies to \[\]",
    ),
    "probabilities": (
        {"prm": {"checkpoint": {"served": {"request": {"logprobs": True}}}}},
        r"prm\.checkpoint\.served\.request\.logprobs: it is said by prm\.checkpoint\.kind; leave it out",
    ),
    "temperature": (
        {"prm": {"checkpoint": {"served": {"request": {"temperature": 1.0}}}}},
        r"prm\.checkpoint\.served\.request\.temperature: it is said by prm\.checkpoint\.judge\.critique\.temperature",
    ),
    "an address": (
        {"prm": {"checkpoint": {"served": {"url": "localhost"}}}},
        r"prm\.checkpoint\.served\.url: 'localhost' was given",
    ),
    "generated problems": (
        {"problems": None, "policy": None, "revision": None},
        r"prm\.checkpoint: a published model answers real problems; give `problems`, too",
    ),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_does_not_fit_is_refused(base, case):
    sections, said = REFUSED[case]
    given = merge(base, {name: each for name, each in sections.items() if each is not None})
    given = {name: each for name, each in given.items() if sections.get(name, name) is not None}
    with pytest.raises(InputError, match=said):
        plan_study(given, ROOT)
