"""A real model that is asked again for its answers, and one behind a real server of vLLM."""

import polars as pl
import pytest
import torch

from tests.support import fault_proxy
from tests.support.fault_proxy import Proxied, check_bill, finished, proxied
from tests.support.real_model import QUESTIONS, Study, check_same, only_if_asked_for
from tests.support.real_model import SAMPLES as ANSWERS
from tests.support.text_verifiers import model_directory
from tests.support.vllm_server import interpreter, serving
from ttc.models.tokenizers import load_tokenizer
from ttc.models.weights import weights_of
from ttc.problems import prompts
from ttc.problems.formats import open_form
from ttc.runtime import Runtime
from ttc.stages import fetch_model, revise, sample, search
from ttc.tables.generation import PROBLEMS, SAMPLES
from ttc.tables.revisions import CHAINS
from ttc.tables.search import CANDIDATES

only_if_asked_for()

NAME, WINDOW, MEMORY = "smollm2", 1024, 1024
GREEDY, LENGTH = 4, 3  # questions, and answers of each chain
SEARCHED = 5  # questions
# The study's prompt has examples of one line
STEPS = prompts.Prompt("{problem}\nSolve it in steps, each on a line of its own.", extract=("last_number",))
GO_ON = {"continue_final_message": True, "add_generation_prompt": False}
VLLM = interpreter()
REVISION = {"use": True, "by": "prompt", "max_context": 2, "max_generations": 4, "ratios": "all"}
REQUEST = {"engine": "openai", "request": {"top_k": -1, "repetition_penalty": 1.0}}
REVISION |= {"verifier": {"use": False}}


@pytest.fixture(scope="module")
def asked_again(gguf, folder):
    return Study(gguf, folder, revision=REVISION)


def conversation(prompt, question, before):
    """The turns of a chain so far, written out from the prompt's content."""
    turns = [("system", prompt["system"])]
    for problem, solution in prompt["examples"]:
        turns += [("user", problem), ("assistant", solution)]
    turns.append(("user", question))
    for answer in before:
        turns += [("assistant", answer), ("user", prompt["again"])]
    return [{"role": role, "content": content} for role, content in turns]


@torch.inference_mode()
def test_a_chain_is_a_conversation(asked_again, policy, network, tmp_path):
    """Tokens read are those of the chat template; greedily, each answer is `generate`'s, up to ties of two logits."""
    (problems,), (made,) = asked_again.made("problems"), asked_again.made("revise")
    (planned,) = asked_again.plan.of("revise")
    prompt, words = planned.spec["form"]["prompt"], load_tokenizer(weights_of(policy).folder)
    greedy = planned.spec | {"temperature": 0.0, "lengths": [LENGTH], "problems": [0, GREEDY]}
    inputs = {"problems": [problems], "policy": [policy], "reviser": [policy]}
    revise.run(greedy, inputs, tmp_path / "greedy.parquet", Runtime(device="cpu"))
    questions = dict(PROBLEMS.read(problems).select("problem_id", "question").iter_rows())

    def conversations(table):
        """Each answer of a table of chains, and the tokens of the conversation before it."""
        before = {}
        for row in CHAINS.read([table]).sort("problem_id", "chain", "step").iter_rows(named=True):
            said = before.setdefault((row["problem_id"], row["chain"]), [])
            turns = conversation(prompt, questions[row["problem_id"]], said[-2:])
            yield row, words.apply_chat_template(turns, add_generation_prompt=True, return_dict=False)
            said.append(row["text"])

    drawn = list(conversations(made))
    assert len(drawn) == QUESTIONS * (4 + 2 + 1 + 1)
    assert all(row["context_tokens"] == len(read) for row, read in drawn)
    same = 0
    for row, read in conversations(tmp_path / "greedy.parquet"):
        tokens, limit = torch.tensor([read]), planned.spec["max_tokens"]
        expected = network.generate(tokens, do_sample=False, max_new_tokens=limit)[0, len(read) :]
        text = words.decode(expected, skip_special_tokens=True).split("\n")[0]
        ours, theirs = (words(each, add_special_tokens=False)["input_ids"] for each in (row["text"], text))
        same += check_same(network, read, ours, theirs)
    assert same >= GREEDY * LENGTH - 1


def test_votes_among_revisions_reach_the_outcomes(asked_again):
    made = asked_again.made("evaluate")[0]
    outcomes = pl.read_parquet(made / "outcomes.parquet" if made.is_dir() else made)
    revised = outcomes.filter(family="revisions", selection="majority")
    assert {"sequential", "parallel", "revisions(sequential=2, parallel=2)"} <= set(revised["strategy"])
    assert revised["problem_id"].n_unique() == QUESTIONS and revised["flops"].null_count() == 0


@pytest.fixture(scope="module")
def server(policy, folder):
    """The model behind a server of vLLM that has shown that it continues answers, and how that is reached."""
    if VLLM is None:
        pytest.skip("no environment of vLLM is here (`make vllm`, or TTC_VLLM_PYTHON)")
    model, log = weights_of(policy).folder, folder / "server.log"
    with serving(VLLM, model, NAME, log, WINDOW, MEMORY) as url:
        servers = {NAME: {"url": url, "concurrency": 8}}
        spec, elsewhere = {"role": "policy", "served": NAME}, folder / "served"
        asked = {"form": "chat", "variables": {}, "request": REQUEST["request"], "continuation": GO_ON}
        asked["step_end"] = "\n"
        shown = {NAME: servers[NAME] | {"continued": asked}}
        fetch_model.run(spec, {"checkpoint": []}, elsewhere, Runtime(servers=shown))
        yield elsewhere, servers


def test_a_server_writes_what_the_model_writes(study, asked_again, policy, network, server, tmp_path):
    """Greedy answers and chains of vLLM's server are those of the engine, up to ties of two logits."""
    (problems,) = study.made("problems")
    (samples,), (chains,) = study.plan.of("sample"), asked_again.plan.of("revise")
    asked = samples.spec | {"temperature": 0.0, "samples": [0, 1]}
    asked = {name: value for name, value in asked.items() if name != "confidence"}
    again = chains.spec | {"temperature": 0.0, "lengths": [3]}
    inputs = {"problems": [problems], "policy": [policy], "reviser": [policy]}
    elsewhere, servers = server
    there = inputs | {"policy": [elsewhere], "reviser": [elsewhere]}
    for stage, given in ((sample, asked), (revise, again)):
        output = tmp_path / f"{stage.__name__}.served.parquet"
        stage.run(given | REQUEST, there, output, Runtime(servers=servers))
    for stage, given in ((sample, asked), (revise, again)):
        stage.run(given, inputs, tmp_path / f"{stage.__name__}.parquet", Runtime(device="cpu"))

    def read(table, stage, name=""):
        columns = (*table.key, "text", "tokens")
        return table.read([tmp_path / f"{stage.__name__}{name}.parquet"]).select(columns).sort(table.key)

    questions = dict(PROBLEMS.read(problems).select("problem_id", "question").iter_rows())
    same = 0
    with open_form(asked["form"]) as form:
        words = load_tokenizer(weights_of(policy).folder)
        pairs = zip(
            *(read(SAMPLES, sample, name).iter_rows(named=True) for name in ("", ".served")), strict=True
        )
        for ours, theirs in pairs:
            (prompt,) = form.prompts(words, [questions[ours["problem_id"]]])
            written = form.continued(words, [ours["text"], theirs["text"]])
            equal = check_same(network, prompt, *written)
            assert not equal or ours["tokens"] == theirs["tokens"]
            same += equal
    assert same >= QUESTIONS - 2
    # Of chains only those are compared whose first answers are the same: the others read something else
    both = read(CHAINS, revise).join(read(CHAINS, revise, ".served"), on=CHAINS.key, suffix="_served")
    alike = both.group_by("problem_id").agg((pl.col("text") == pl.col("text_served")).all())["text"].sum()
    print(f"{same} of {QUESTIONS} answers and {alike} of {QUESTIONS} chains of three answers are equal")
    assert len(both) == 3 * QUESTIONS and alike >= QUESTIONS - 4


def test_faults_before_a_server_lose_no_answer(study, server, tmp_path):
    """A tenth of the tries fails, 64 are under way at once, and each answer is there as it was delivered, once."""
    (problems,), (samples,) = study.made("problems"), study.plan.of("sample")
    spec = {name: value for name, value in samples.spec.items() if name != "confidence"} | REQUEST
    elsewhere, servers = server
    upstream = servers[NAME]["url"]
    # Answers that are held back until the time is up would take minutes, at this speed
    kinds = tuple(kind for kind in fault_proxy.KINDS if kind not in ("hang", "unheard"))
    state = Proxied(upstream=upstream, together=64, retry_after="1", kinds=kinds)
    first = finished(upstream)
    with proxied(state) as url:
        reached = {NAME: {"url": url, "concurrency": 64, "tries": 30}}
        inputs = {"problems": [problems], "policy": [elsewhere]}
        sample.run(spec, inputs, tmp_path / "samples.parquet", told := Runtime(servers=reached))
    frame = SAMPLES.read([tmp_path / "samples.parquet"])
    assert len(frame) == QUESTIONS * ANSWERS and state.most == 64
    check_bill(state, frame, told.told["server"], finished(upstream) - first)
    print(f"{state.tries.total()} tries, {state.lost.total()} answers lost, {dict(state.met)}")


def test_a_search_by_a_server_is_that_of_the_model(study, policy, network, server, tmp_path):
    """Greedily, the steps that vLLM's server writes behind each prefix are those of the engine, up to ties."""
    (problems,), (samples,) = study.made("problems"), study.plan.of("sample")
    elsewhere, servers = server
    spec = {name: samples.spec[name] for name in ("seed", "split", "form")}
    spec["form"] = spec["form"] | {"prompt": prompts.content_of(STEPS)}
    spec |= {
        "problems": [0, SEARCHED],
        "strategy": {"kind": "lookahead", "width": 1, "depth": 1},
        "budget": 1,
    }
    spec |= {"temperature": 0.0, "max_tokens": 120, "max_step_tokens": 60, "max_rounds": 8}
    spec |= {"finished": "shrink", "duplicates": "keep", "format": "trl_tokencls"}
    inputs = {"problems": [problems], "verifier": [model_directory(tmp_path)]}
    go_on = REQUEST | {"continuation": GO_ON}
    search.run(
        spec | go_on, inputs | {"policy": [elsewhere]}, tmp_path / "there", told := Runtime(servers=servers)
    )
    search.run(spec, inputs | {"policy": [policy]}, tmp_path / "here", Runtime(device="cpu"))
    columns = ("text", "tokens", "step_scores", "generated_tokens", "rollout_tokens", "verifier_tokens")
    found = [
        CANDIDATES.read([tmp_path / f"{place}/candidates.parquet"]).sort("problem_id")
        for place in ("here", "there")
    ]
    questions = dict(PROBLEMS.read(problems).select("problem_id", "question").iter_rows())
    words, same = load_tokenizer(weights_of(policy).folder), 0
    with open_form(spec["form"]) as form:
        for ours, theirs in zip(*(table.iter_rows(named=True) for table in found), strict=True):
            (prompt,) = form.prompts(words, [questions[ours["problem_id"]]])
            equal = check_same(network, prompt, *form.continued(words, [ours["text"], theirs["text"]]))
            if equal and ours["rollout_tokens"] == theirs["rollout_tokens"]:
                assert {name: ours[name] for name in columns} == {name: theirs[name] for name in columns}
                same += 1
    steps = found[0]["step_scores"].list.len()
    print(
        f"{same} of {SEARCHED} searches are equal, of {steps.min()} to {steps.max()} steps; {told.told['server']}"
    )
    assert same >= SEARCHED - 1 and steps.max() > 2
