"""A study whose small chat model is asked again: chains by prompt, chosen by a published verifier or by majority."""

import polars as pl
import pytest
import yaml

from tests.support import preloaded, published_study, small_models
from tests.support.published_study import QUICK, TESTS, configuration, snakemake
from ttc.tables.revisions import CHAINS

WORDS = "Look again, then answer."
ASKED = QUICK | {
    "study": {"name": "given"},
    "problems": {"train": None},
    "larger_policy": {"checkpoint": None},
    "orm": {"use": False},
    "search": {"strategies": []},
    "revision": {
        "by": "prompt",
        "max_context": 2,
        "max_generations": 4,
        "ratios": "all",
        "block_problems": 8,
        "verifier": {"use": False},
    },
}
ALONE = {"study": {"name": "alone"}, "prm": {"use": False}}


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    folder = published_study.write(tmp_path_factory.mktemp("published"), steps=60)
    (folder / "prompt.yaml").write_text(yaml.safe_dump(small_models.PROMPT | {"ask_again": WORDS}))
    return folder


@pytest.fixture(scope="module")
def results(files, tmp_path_factory):
    """A folder with two studies: chosen by a published verifier, and with no verifier at all."""
    folder = tmp_path_factory.mktemp("results")
    with preloaded.environment(tmp_path_factory.mktemp("jobs")) as jobs:
        for more in ({}, ALONE):
            result = snakemake(folder, configuration(files, ASKED, **more), environment=jobs)
            assert result.returncode == 0, result.stdout[-4000:]
    return folder


def chains_of(folder):
    return CHAINS.read(sorted(folder.glob("results/store/revise/test-*.parquet")))


def test_nothing_was_trained_and_both_studies_share_their_chains(results):
    made = {path.name for path in (results / "results/store").iterdir()}
    assert not [name for name in made if name.startswith("train_")] and "pair_revisions" not in made
    chains = chains_of(results)
    assert chains.group_by("problem_id").agg(pl.len())["len"].to_list() == [4 + 2 + 1 + 1] * TESTS


def test_what_was_read_is_the_conversation_so_far(results, files):
    """Written out here: the question, then the last two answers as turns of the model's, each asked for again."""
    (problems,) = results.glob("results/store/problems/*.parquet")
    questions = dict(pl.read_parquet(problems).select("problem_id", "question").iter_rows())
    words, before = small_models.tokenizer(), {}
    for row in chains_of(results).sort("problem_id", "chain", "step").iter_rows(named=True):
        said = before.setdefault((row["problem_id"], row["chain"]), [])
        text = f"<|im_start|>user\n{questions[row['problem_id']]}<|im_end|>\n"
        for answer in said[-2:]:
            text += f"<|im_start|>assistant\n{answer}<|im_end|>\n<|im_start|>user\n{WORDS}<|im_end|>\n"
        read = words(f"{text}<|im_start|>assistant\n", add_special_tokens=False)["input_ids"]
        assert row["step"] == len(said) and row["context_tokens"] == len(read)
        said.append(row["text"])


def table(results, study, name):
    return pl.read_parquet(results / "results" / study / "tables" / f"{name}.parquet")


def test_chains_are_chosen_among_as_those_of_revisers_are(results):
    for study, rules in (("given", {"hierarchical", "majority"}), ("alone", {"majority"})):
        outcomes = table(results, study, "outcomes")
        ratios = outcomes.filter(family="revisions", selection="majority")
        assert {"sequential", "parallel", "revisions(sequential=2, parallel=2)"} <= set(ratios["strategy"])
        assert set(outcomes.filter(family="revisions")["selection"]) == rules
        curves = table(results, study, "curves").filter(family="revisions", strategy="compute_optimal")
        assert set(curves["selection"]) == rules
    # Of a policy that is its own reviser a token costs as much as in a sample
    costs = (
        outcomes.filter(family="baseline")
        .group_by("strategy")
        .agg(pl.col("flops").sum() / pl.col("tokens").sum())
    )
    found = dict(costs.iter_rows())
    assert found["revision_step"] == pytest.approx(found["pass_at_1"])


def test_what_there_is_not_is_said(results):
    for study, measured in (("given", True), ("alone", False)):
        found = {row["claim"]: row for row in table(results, study, "findings").iter_rows(named=True)}
        assert (found["sequential_verifier"]["verdict"] != "not measured") == measured
        assert found["sequential_majority"]["verdict"] != "not measured"
        beyond = found["revisions_rise_beyond"]
        assert beyond["verdict"] == "not measured" and "the study trained no reviser" in str(beyond)
        assert found["rest_falls"]["verdict"] == "not measured"
        figures = {path.stem for path in (results / "results" / study / "figures").glob("*.svg")}
        assert {"revision_steps", "revision_ratio_majority", "transitions"} <= figures
        assert ("revision_ratio" in figures) == measured and "rest_em" not in figures
        page = (results / "results" / study / "report.html").read_text()
        assert "No reviser was trained; the policy itself was asked again" in page
