"""Plans of studies whose policy is behind a server: what is asked for, what the key holds, and what is refused."""

import json
import re
import shlex
from types import SimpleNamespace

import polars as pl
import pytest
import yaml

from tests.support.planned import few_problems
from ttc.errors import InputError
from ttc.estimate.counts import _requested
from ttc.estimate.lengths import Round
from ttc.estimate.table import jobs as estimated
from ttc.estimate.table import prices
from ttc.sharing.licences import NOT_KNOWN, found
from ttc.store.beside import sidecar_path
from ttc.study.build import ROOT, plan_jobs, plan_study
from ttc.study.config import merge
from ttc.study.relevant import shown_configuration
from ttc.tables.generation import SAMPLES

MODEL = "owner/served"
SERVED = {"model": MODEL, "url": "http://localhost:8000/v1", "key_variable": "SOME_KEY"}
CHECKPOINT = {"hub": "a/b", "revision": 40 * "a", "parameters": 1000}
PRM = {"use": True, "checkpoint": CHECKPOINT | {"kind": "qwen_extra0"}}


@pytest.fixture
def base(tmp_path):
    """A study with votes only."""
    return {
        "problems": few_problems(tmp_path),
        "policy": {"served": SERVED},
        "sampling": {"samples": 4, "max_tokens": 100},
        "difficulty": {"bins": 2},
    } | {name: {"use": False} for name in ("prm", "orm", "revision")}


def planned(base, **sections):
    return plan_study(merge(base, sections), ROOT)


def test_a_served_policy_is_asked_and_nothing_else_is_needed(base):
    plan = planned(base)
    (policy,) = plan.of("fetch_model")
    assert policy.spec == {"role": "policy", "served": MODEL} and policy.inputs == {"checkpoint": []}
    (samples,) = plan.of("sample")
    assert samples.spec["engine"] == "openai" and "request" not in samples.spec
    assert not plan.of("check_prompts")
    asked = planned(base, policy={"served": {"request": {"top_k": 3}}}).of("sample")[0]
    assert asked.spec == samples.spec | {"request": {"top_k": 3}}


def test_the_policy_is_asked_again(base, tmp_path):
    again = {"use": True, "by": "prompt", "verifier": {"use": False}, "max_generations": 4}
    served = {"request": {"top_k": 3}, "parameters": 7, "price": {"read": 1.0, "decoded": 2.0}}
    plan = planned(base, revision=again, policy={"served": served})
    (chains,) = plan.of("revise")
    assert chains.inputs["reviser"] == plan.of("fetch_model") and not plan.of("check_prompts")
    assert chains.spec["engine"] == "openai" and chains.spec["request"] == {"top_k": 3}
    assert chains.spec["form"]["prompt"]["again"] == "Again."
    assert plan.of("evaluate")[0].spec["parameters"] == {"policy": 7, "reviser": 7}
    jobs = plan_jobs(plan)
    assert jobs.gpus("revise") == 0 and "--servers" in jobs.how("revise")(None, 1)
    alone = planned(base, policy={"served": served})
    assert alone.of("sample")[0].key == plan.of("sample")[0].key
    bills = []
    for each in (alone, plan):
        (said,) = prices(each, estimated(each, tmp_path)[0])
        bills.append(float(re.search(r"([\d.]+) USD", said).group(1)))
    assert 0 <= bills[0] < bills[1]


def test_where_a_server_is_and_how_it_is_asked_is_in_no_key_and_shown_nowhere(base):
    plan = planned(base)
    elsewhere = {
        "url": "https://example.org/v1",
        "key_variable": "OTHER",
        "length_field": "max_completion_tokens",
        "send_seed": False,
        "concurrency": 3,
        "requests_per_minute": 2.5,
        "timeout": 3.0,
        "tries": 2,
    }
    other = planned(base, policy={"served": elsewhere})
    assert [each.key for each in plan.artifacts] == [each.key for each in other.artifacts]
    assert shown_configuration(plan.configuration)["policy"] == {
        "served": {"model": MODEL, "request": {}, "parameters": None, "active_parameters": None}
    }
    for sections in ({"model": "owner/other"}, {"request": {"top_k": 3}}):
        changed = planned(base, policy={"served": sections})
        assert changed.of("sample")[0].key != plan.of("sample")[0].key
    sized = planned(base, policy={"served": {"parameters": 7}})
    assert sized.of("sample")[0].key == plan.of("sample")[0].key
    assert sized.of("evaluate")[0].key != plan.of("evaluate")[0].key
    assert sized.of("evaluate")[0].spec["parameters"] == {"policy": 7}


def test_what_a_study_shows_is_enough_for_who_has_its_samples(base):
    plan = planned(base, policy={"served": {"request": {"top_k": 3}, "parameters": 7}})
    shown = shown_configuration(plan.configuration)["policy"]
    again = plan_study(base | {"policy": shown}, ROOT)
    assert [each.key for each in plan.artifacts] == [each.key for each in again.artifacts]
    assert {"role": "policy", "name": MODEL, "revision": None, "licence": NOT_KNOWN} in found(plan)


def test_a_job_is_told_how_the_server_is_reached_and_takes_no_gpu(base):
    jobs = plan_jobs(planned(base, runtime={"device": "cuda"}))
    assert jobs.gpus("sample") == 0 and "--gpus" not in jobs.how("sample")(None, 1)
    words = jobs.how("sample")(None, 1).split("--servers ")[1].split("' ")[0].strip("'")
    assert json.loads(words) == {
        MODEL: {
            "url": "http://localhost:8000/v1",
            "key_variable": "SOME_KEY",
            "length_field": "max_tokens",
            "send_seed": True,
            "concurrency": 16,
            "requests_per_minute": None,
            "timeout": 600.0,
            "tries": 8,
        }
    }
    assert "--servers" in jobs.how("fetch_model")(None, 1) and "--servers" not in jobs.how("evaluate")(
        None, 1
    )
    (samples,) = jobs.plan.of("sample")
    label, key = samples.name.rsplit("-", 1)
    command = jobs.command("sample")(SimpleNamespace(label=label, key=key))
    assert "localhost" not in command and "SOME_KEY" not in command


def test_a_study_without_servers_shows_what_it_showed(base):
    plan = planned(base, policy={"served": None, "checkpoint": CHECKPOINT})
    assert "served" not in json.dumps(shown_configuration(plan.configuration))
    assert plan.of("evaluate")[0].spec["parameters"] is None
    assert "--servers" not in plan_jobs(plan).how("sample")(None, 1)


MISTAKES = {
    "both": ({"policy": {"checkpoint": CHECKPOINT}}, r"policy\.served: it was given beside policy\.checkpoint"),
    "generated": ({"problems": None}, r"policy\.served: a model behind a server answers real problems"),
    "no address": (
        {"policy": {"served": {"url": "localhost:8000"}}},
        r"policy\.served\.url: 'localhost:8000' was given; an address is such as http://localhost:8000/v1",
    ),
    "a password in it": (
        {"policy": {"served": {"url": "https://me:hidden@example.org/v1"}}},
        r"policy\.served\.url: the address has a user, a password or a query in it; a key stands in .*key_variable",
    ),
    "a key in a query": ({"policy": {"served": {"url": "https://example.org/v1?key=hidden"}}}, "or a query in it"),
    "the key itself": (
        {"policy": {"served": {"key_variable": "sk-hidden"}}},
        r"policy\.served\.key_variable: what was given is no name of an environment variable",
    ),
    "said elsewhere": (
        {"policy": {"served": {"request": {"temperature": 0.5}}}},
        r"policy\.served\.request\.temperature: it is said by sampling\.temperature; leave it out",
    ),
    "going on": (
        {"policy": {"served": {"continuation": {"seed": 5}}}},
        r"policy\.served\.continuation\.seed: it is said by seed; leave it out",
    ),
    "not read": ({"policy": {"served": {"request": {"stream": True}}}}, r"request\.stream: what comes back with it is"),
    "orm": ({"orm": {"use": True}}, r"orm\.use: a policy behind a server cannot be trained from: set it to false"),
    "revision": (
        {"revision": {"use": True}},
        r"revision\.use: a policy behind a server cannot be trained from: set it to false, or revision\.by to prompt",
    ),
    "verifier of revisions": (
        {"revision": {"use": True, "by": "prompt"}},
        r"revision\.verifier\.use: a policy behind a server cannot be trained from: set it to false",
    ),
    "prm": ({"prm": {"use": True}}, r"prm\.use: a policy .*set it to false, or give prm\.checkpoint"),
    "searching engine": (
        {"engine": {"search": "openai"}},
        r"engine\.search: openai was given, and a policy behind a server is asked by it .*only engine\.sample takes it",
    ),
    "no server": (
        {"policy": {"served": None, "checkpoint": CHECKPOINT}, "engine": {"sample": "openai"}},
        r"engine\.sample: openai was given, and no policy is behind a server; policy\.served names one",
    ),
    "confidences": ({"sampling": {"confidence": {"window": 8}}}, r"sampling\.confidence\.window: it was given, and a"),
    "no size": (
        {"larger_policy": {"served": {"model": "owner/larger"}}},
        r"policy\.served\.parameters: none was given, and the comparison with the larger policy is at equal FLOPs",
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", MISTAKES)
def test_what_a_server_is_not_asked_for_is_refused_in_planning(base, case):
    sections, said = MISTAKES[case]
    with pytest.raises(InputError, match=said) as caught:
        planned(base, **sections)
    assert "hidden" not in str(caught.value)


def test_a_published_verifier_may_score_what_a_server_wrote(base):
    plan = planned(base, prm=PRM, search={"strategies": []})
    assert plan.of("score") and not plan.of("search")


def test_searches_ask_a_server_to_go_on(base, tmp_path):
    """How it is told belongs to the key of searches alone: samples that are paid for stay."""
    search = {"strategies": [{"kind": "beam", "width": 2}], "budgets": [4]}
    go_on = {"continue_final_message": True, "add_generation_prompt": False}
    plan, without = (
        planned(base, prm=PRM, search=each, policy={"served": {"request": {"top_k": 3}}})
        for each in (search, {"strategies": []})
    )
    (made,) = plan.of("search")
    assert made.spec["engine"] == "openai" and made.inputs["policy"] == plan.of("fetch_model")[:1]
    assert made.spec["request"] == {"top_k": 3} and made.spec["continuation"] == go_on
    for stage in ("fetch_model", "sample", "score"):
        assert [each.key for each in plan.of(stage)] == [each.key for each in without.of(stage)]
    other = planned(base, prm=PRM, search=search, policy={"served": {"continuation": {"prefix": True}}})
    assert other.of("search")[0].key != made.key
    assert shown_configuration(other.configuration)["policy"]["served"]["continuation"] == {"prefix": True}
    assert "continuation" not in shown_configuration(plan.configuration)["policy"]["served"]
    # Before anything is paid for the server has to show that it goes on, if searches ask for that
    asked = {
        "form": "chat",
        "variables": {},
        "request": {"top_k": 3},
        "continuation": go_on,
        "step_end": "\n",
    }
    fetched, searched = (_told(plan_jobs(plan), stage) for stage in ("fetch_model", "search"))
    assert fetched == searched | {"continued": asked} and searched["url"] == SERVED["url"]
    assert "continued" not in _told(plan_jobs(without), "fetch_model")
    assert "--gpus" in plan_jobs(plan).how("search")(None, 1)
    blank = planned(base, prm=PRM, search=search, policy={"served": {"step_end": "\n\n"}}).of("search")[0]
    assert blank.spec["step_end"] == "\n\n" and "step_end" not in made.spec
    (tmp_path / "completion.yaml").write_text("template: '{problem}'\nformat: completion\n")
    text = planned(base, prm=PRM, search=search, problems={"prompt": str(tmp_path / "completion.yaml")})
    assert "continuation" not in text.of("search")[0].spec
    assert _told(plan_jobs(text), "fetch_model")["continued"]["form"] == "completion"


def _told(jobs, stage):
    """How the job of a stage reaches the server."""
    words = shlex.split(jobs.how(stage)(None, 1))
    return json.loads(words[words.index("--servers") + 1])[MODEL]


def test_a_larger_policy_behind_a_server_searches(base):
    larger = {"served": {"model": "owner/larger", "parameters": 4000}}
    sections = {"ablations": {"larger_search": True}, "search": {"strategies": [], "larger_budgets": [4]}}
    plan = planned(base, prm=PRM, policy={"served": {"parameters": 9}}, larger_policy=larger, **sections)
    (made,) = plan.of("search")
    assert made.inputs["policy"][0].spec["served"] == "owner/larger" and made.spec["engine"] == "openai"


def test_both_policies_may_be_behind_servers(base):
    larger = {"served": {"model": "owner/larger", "parameters": 4000, "active_parameters": 900}}
    plan = planned(base, policy={"served": {"parameters": 100}}, larger_policy=larger)
    assert [each.label for each in plan.of("fetch_model")] == ["policy", "larger"]
    assert {each.spec["engine"] for each in plan.of("sample")} == {"openai"}
    assert plan.of("match_flops")[0].spec["parameters"] == {"policy": 100, "larger_policy": 900}


def test_a_larger_policy_may_be_here_in_an_environment_of_its_own(base):
    served = {"served": {"parameters": 100}}
    larger = {"checkpoint": CHECKPOINT}
    jobs = plan_jobs(planned(base, policy=served, larger_policy=larger, engine={"sample": "vllm"}))
    assert {each.spec["engine"] for each in jobs.plan.of("sample")} == {"openai", "vllm"}
    assert jobs.conda("sample") == "../../envs/vllm.yaml"
    assert "--gpus" in jobs.how("sample")(None, 1) and "--servers" in jobs.how("sample")(None, 1)


def test_the_plan_says_what_the_tokens_cost(base, tmp_path):
    price = {"read": 2.0, "decoded": 10.0, "currency": "EUR"}
    plan = planned(base, policy={"served": {"price": price}})
    every, _, _ = estimated(plan, tmp_path)
    (job,) = [each for each in every if each.artifact.stage == "sample"]
    # 8 questions, 4 requests each, every one with its prompt; an answer is as long as it may be
    assert job.work.decoded == 8 * 4 * 100
    prompt = job.work.prompted / (8 * 4)
    assert 10 < prompt < 500
    money = (job.work.prompted * 2 + job.work.decoded * 10) / 1e6
    (said,) = prices(plan, every)
    assert f"3.2k decoded, {money:.2f} EUR; of these to run" in said
    (said,) = prices(planned(base), every)
    assert "policy.served.price" in said and "EUR" not in said


@pytest.mark.parametrize("unknown", [0, 1])
def test_what_is_there_cost_what_the_server_billed(base, tmp_path, unknown):
    """The bill stands in the record; where it lacks answers, the plan's own numbers are taken."""
    price = {"read": 2.0, "decoded": 10.0, "currency": "EUR"}
    plan = planned(base, policy={"served": {"price": price}})
    (made,) = plan.of("sample")
    rows = [(f"p{each}", 0, "a", "2", True, 10, "stop") for each in range(8)]
    columns = ["problem_id", "sample_index", "text", "answer", "correct", "tokens", "finish_reason"]
    frame = pl.DataFrame(rows, schema=columns, orient="row").with_columns(logprob=pl.lit(None, pl.Float32))
    (tmp_path / made.path).parent.mkdir(parents=True)
    SAMPLES.write(frame, tmp_path / made.path)
    bill = {"read": {"tokens": 1_000_000, "unknown": unknown}, "decoded": {"tokens": 500_000, "unknown": 0}}
    sidecar_path(tmp_path / made.path).write_text(json.dumps({"server": bill}), encoding="utf-8")
    every, _, _ = estimated(plan, tmp_path)
    (job,) = [each for each in every if each.artifact is made]
    assert job.made and job.work.decoded == 500_000
    (said,) = prices(plan, every)
    if unknown:
        assert 0 < job.work.prompted < 1_000_000
        return
    # 1M at 2 and half a million at 10
    assert "1M tokens read and 500k decoded, 7.00 EUR; of these to run" in said and "0.00 EUR" in said


def test_each_step_of_a_search_has_its_prefix_read(base, tmp_path):
    """Worked out: two steps of 10 and 5 tokens, a rollout of the second one, behind a prompt of 100."""
    assert _requested([Round(10, 5), Round(5, 0)], [10, 5], 1, 100) == 100 + (100 + 10) + (100 + 10)
    assert _requested([Round(10, 8), Round(0, 0)], [10, 6, 6], 2, 100) == 100 + 110 + 116 + 110
    search = {"strategies": [{"kind": "beam", "width": 2}], "budgets": [4], "max_rounds": 3}
    price = {"read": 2.0, "decoded": 10.0}
    plan = planned(base, prm=PRM, search=search, policy={"served": {"price": price}})
    every, _, _ = estimated(plan, tmp_path)
    asked = [each for each in every if each.artifact.stage in ("sample", "search")]
    assert {each.artifact.stage for each in asked} == {"sample", "search"}
    read, decoded = (sum(getattr(each.work, name) for each in asked) for name in ("prompted", "decoded"))
    (said,) = prices(plan, every)
    assert f"{(2 * read + 10 * decoded) / 1e6:.2f} USD" in said
    (found,) = [each.work for each in asked if each.artifact.stage == "search"]
    (sampled,) = [each.work for each in asked if each.artifact.stage == "sample"]
    # Three requests of each beam hold the prompt, and two of them what was written before
    assert found.prompted > 3 * sampled.prompted


def test_the_example_of_the_documents_is_a_study(tmp_path):
    text = (ROOT / "docs/served.md").read_text(encoding="utf-8")
    (example,) = [
        part.split("```")[0] for part in text.split("```yaml\n")[1:] if "problems:" in part.split("```")[0]
    ]
    plan = plan_study(yaml.safe_load(example), ROOT)
    assert plan.of("sample")[0].spec["engine"] == "openai"
