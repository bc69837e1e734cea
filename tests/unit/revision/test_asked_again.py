"""A small chat model that is asked again, from plan to findings: what it reads, and what chooses among its answers."""

import polars as pl
import pytest
import yaml

from tests.support import small_models
from tests.support.published_study import QUICK, SOURCE
from tools.golden import jobs
from ttc.study.build import ROOT, plan_study
from ttc.study.config import merge
from ttc.tables.revisions import CHAINS

TESTS, WORDS = 6, "Look again, then answer."
# What shows results is left out
PAGES = {"plot", "gallery", "report", "browse", "notebook", "publish"}
ASKED = QUICK | {
    "orm": {"use": False},
    "search": {"strategies": []},
    "spending": {"use": False},
    "stopping": {"rules": []},
    "revision": {
        "by": "prompt",
        "max_context": 2,
        "max_generations": 4,
        "ratios": "all",
        "block_problems": None,
        "verifier": {"use": False},
    },
}


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    folder = tmp_path_factory.mktemp("files")
    small_models.write_problems(folder / "test.jsonl", TESTS, 1)
    (folder / "prompt.yaml").write_text(yaml.safe_dump(small_models.PROMPT | {"ask_again": WORDS}))
    small_models.checkpoint(folder / "policy", "qwen3", 60)
    small_models.verifier(folder / "prm")
    return folder


@pytest.fixture(scope="module")
def studies(files, tmp_path_factory):
    """Of a study with a published verifier and of one without: its plan, run in this process, and its folder."""

    def model(name):
        return {"path": str(files / name), "dtype": "float32"}

    problems = {"test": SOURCE | {"path": str(files / "test.jsonl"), "rows": TESTS}, "equality": "text"}
    problems["prompt"] = str(files / "prompt.yaml")
    given = merge(ASKED, {"problems": problems, "policy": {"checkpoint": model("policy")}})
    prm = {"checkpoint": model("prm") | {"kind": "qwen_extra0"}, "preflight": None}
    folder, found = tmp_path_factory.mktemp("results"), {}
    with pytest.MonkeyPatch.context() as patched:
        patched.chdir(folder)
        for name, section in (("prm", prm), ("majority", {"use": False})):
            found[name] = plan_study(merge(given, {"prm": section}), ROOT)
            for each in found[name].artifacts:
                if each.stage not in PAGES and not (folder / each.path).exists():
                    inputs = {role: [one.path for one in given] for role, given in each.inputs.items()}
                    job = {"stage": each.stage, "spec": each.spec, "inputs": inputs}
                    jobs.run(job, folder / each.path)
    return found, folder


def table(studies, name, stage):
    plans, folder = studies
    return pl.concat(pl.read_parquet(folder / each.path) for each in plans[name].of(stage))


def test_what_was_read_is_the_conversation_so_far(studies):
    """Written out here: the question, then the last two answers as turns of the model's, each asked for again."""
    questions = dict(table(studies, "prm", "problems").select("problem_id", "question").iter_rows())
    chains = CHAINS.check(table(studies, "prm", "revise"), "here").sort("problem_id", "chain", "step")
    assert chains.group_by("problem_id").len()["len"].to_list() == [4 + 2 + 1 + 1] * TESTS
    words, before = small_models.tokenizer(), {}
    for row in chains.iter_rows(named=True):
        said = before.setdefault((row["problem_id"], row["chain"]), [])
        text = f"<|im_start|>user\n{questions[row['problem_id']]}<|im_end|>\n"
        for answer in said[-2:]:
            text += f"<|im_start|>assistant\n{answer}<|im_end|>\n<|im_start|>user\n{WORDS}<|im_end|>\n"
        read = words(f"{text}<|im_start|>assistant\n", add_special_tokens=False)["input_ids"]
        assert row["step"] == len(said) and row["context_tokens"] == len(read)
        said.append(row["text"])


def test_answers_are_chosen_by_the_verifier_or_by_majority(studies):
    for name, rules in (("prm", {"hierarchical", "majority"}), ("majority", {"majority"})):
        outcomes = table(studies, name, "evaluate")
        revised = outcomes.filter(family="revisions")
        assert set(revised["selection"]) == rules
        for rule in rules:
            strategies = set(revised.filter(selection=rule)["strategy"])
            assert {"sequential", "parallel", "revisions(sequential=2, parallel=2)"} <= strategies
        (fitted,) = studies[0][name].of("fit_allocator")
        curves = pl.read_parquet(studies[1] / fitted.path / "curves.parquet")
        optimal = curves.filter(family="revisions", strategy="compute_optimal")
        assert set(optimal["selection"]) == rules
        # Who revises is the policy: a token costs what it costs in a sample
        alone = outcomes.filter(family="baseline").select("strategy", each=pl.col("flops") / pl.col("tokens"))
        costs = {strategy: each for strategy, each in alone.iter_rows() if each is not None}
        assert costs["revision_step"] == pytest.approx(costs["pass_at_1"])


def test_what_was_not_measured_is_said(studies):
    for name, scored in (("prm", True), ("majority", False)):
        found = {row["claim"]: row for row in table(studies, name, "find").iter_rows(named=True)}
        measured = {claim for claim, row in found.items() if row["verdict"] != "not measured"}
        assert {"sequential_majority", "revisions_rise"} <= measured
        assert ("sequential_verifier" in measured) == ("sequential_verifier_reviser" in measured) == scored
        assert not {"revisions_rise_beyond", "rest_falls", "history_helps"} & measured
        assert "the study trained no reviser" in str(found["revisions_rise_beyond"])
        if scored:
            assert "weighted by the PRM" in str(found["sequential_verifier_reviser"])
