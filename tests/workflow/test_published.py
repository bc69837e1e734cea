"""Published models and real problems, in miniature: two whole studies on checkpoints of three architectures."""

import json
import re

import polars as pl
import pytest

from tests.support import preloaded, published_study
from tests.support.published_study import GIVEN, TESTS, TRAINED, configuration, snakemake
from tests.support.workflow_project import job_counts
from ttc.store import compare
from ttc.store.manifest import content
from ttc.study.stages import STAGES

OTHER_KINDS = {"train_policy", "train_larger_policy", "import_pool", "import_search"}
OTHER_KINDS |= {"compare_pools", "compare_votes", "compare_replicates"}
OTHER_KINDS |= {"check_thoughts", "think", "evaluate_thinking", "evaluate_money"}
# Other shards and batches: how a study is run
OTHERWISE = {
    "sampling": {"block_problems": 5, "block_samples": 4, "train_block_problems": 10},
    "runtime": {"batch_rows": 24},
}


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    return published_study.write(tmp_path_factory.mktemp("published"), steps=150)


@pytest.fixture(scope="module")
def jobs(tmp_path_factory):
    with preloaded.environment(tmp_path_factory.mktemp("jobs")) as environment:
        yield environment


def finish(folder, configured, jobs, *targets):
    """Run a study to its end or to some stages; the jobs that ran, by stage."""
    result = snakemake(folder, configured, *targets, environment=jobs)
    assert result.returncode == 0, result.stdout[-4000:]
    return job_counts(result.stdout)


@pytest.fixture(scope="module")
def results(files, jobs, tmp_path_factory):
    """A folder with both studies, and the jobs that each took."""
    folder = tmp_path_factory.mktemp("results")
    given = finish(folder, configuration(files), jobs)
    return folder, given, finish(folder, configuration(files, TRAINED), jobs)


def manifest(folder, study):
    return json.loads((folder / f"results/{study}/manifest.json").read_text())


def table(folder, stage, label):
    return pl.concat(
        pl.read_parquet(path) for path in sorted(folder.glob(f"results/store/{stage}/{label}-*.parquet"))
    )


def card(folder, stage, label):
    (path,) = folder.glob(f"results/store/{stage}/{label}-*/card.json")
    return json.loads(path.read_text())


def test_all_stages_ran_and_are_in_the_manifests(results):
    folder, given, trained = results
    assert {*given, *trained} == STAGES.keys() - OTHER_KINDS
    assert given["preflight"] == 1 and "train_prm" not in given and "revise" not in given
    listed = {
        each["stage"] for study in ("given", "trained") for each in manifest(folder, study)["artifacts"]
    }
    assert listed == STAGES.keys() - OTHER_KINDS - {"publish"}
    stored = {
        f"results/store/{path.parent.name}/{path.name}" for path in (folder / "results/store").glob("*/[!.]*")
    }
    stored = {path for path in stored if not path.endswith(".json")}
    listed = [each["path"] for study in ("given", "trained") for each in manifest(folder, study)["artifacts"]]
    assert {"/".join(path.split("/")[:4]) for path in listed} == stored


def test_the_second_study_took_what_the_first_had_sampled(results):
    """Another verifier resamples nothing: of the policies only training samples were missing."""
    _, given, trained = results
    assert not {"problems"} & trained.keys() and given["fetch_model"] == 3
    assert "fetch_model" not in trained
    assert (given["sample"], trained["sample"]) == (
        5,
        2,
    )  # two blocks of each policy, greedy; training, pairs


def test_a_finished_study_has_nothing_to_do(results, files, jobs):
    folder = results[0]
    for study in (GIVEN, TRAINED):
        result = snakemake(folder, configuration(files, study), "--dry-run", environment=jobs)
        assert result.returncode == 0 and "Nothing to be done" in result.stdout, result.stdout


def test_every_architecture_has_its_part(results, files):
    folder = results[0]
    found = {label: card(folder, "fetch_model", label) for label in ("policy", "larger", "prm")}
    assert {label: each["architecture"] for label, each in found.items()} == {
        "policy": "qwen3",
        "larger": "llama",
        "prm": "qwen2",
    }
    assert found["larger"]["parameters"] > 1.5 * found["policy"]["parameters"]
    assert found["prm"]["format"] == "qwen_extra0"
    for each in found.values():
        assert str(files) not in json.dumps(each)
    for stage, label in (("train_prm", "prm"), ("train_orm", "orm"), ("train_reviser", "reviser")):
        made = next(folder.glob(f"results/store/{stage}/{label}-*/config.json"))
        assert json.loads(made.read_text())["model_type"] == "qwen3"


def test_samples_are_solutions_and_are_graded(results):
    folder = results[0]
    problems = table(folder, "problems", "given")
    golds = dict(problems.select("problem_id", "answer").iter_rows())
    samples = table(folder, "sample", "test")
    assert len(samples) == 8 * TESTS
    assert 0.1 < samples["correct"].mean() < 0.9
    for text, answer, correct, problem_id in samples.select(
        "text", "answer", "correct", "problem_id"
    ).iter_rows():
        assert "<|" not in text
        assert correct == (answer == golds[problem_id])
        assert answer is None or "####" in text


def test_every_step_of_every_sample_has_a_score(results):
    """One for each line with something to read, of a published verifier and of a fine-tuned one."""
    folder = results[0]
    samples = table(folder, "sample", "test").select("problem_id", "sample_index", "text")
    scores = table(folder, "score", "prm-test").join(samples, on=["problem_id", "sample_index"])
    assert len(scores) == 2 * len(samples)  # of both studies
    for text, steps in scores.select("text", "step_scores").iter_rows():
        assert len(steps) == len([line for line in text.split("\n") if line.strip()])
        assert all(0 <= score <= 1 for score in steps)


def test_revisions_end_by_themselves(results):
    chains = table(results[0], "revise", "test")
    assert chains["correct"].any()
    assert (chains["finish_reason"] == "stop").mean() > 0.5


@pytest.mark.parametrize("study", ["given", "trained"])
def test_people_find_tables_figures_and_the_report(results, study):
    view = results[0] / "results" / study
    findings = pl.read_parquet(view / "tables/findings.parquet")
    assert len(findings) > 5
    drawn = [path.stem for path in (view / "figures").glob("*.svg")]
    assert "search_sweep" in drawn
    page = (view / "report.html").read_text()
    found = re.search(r'id="answers">How answers were found</h2>(.*?)</table>', page, re.DOTALL)[1]
    rows = re.findall(r'<tr><td>(\w+)</td>.*?<td class="number">(\d+)</td>', found)
    assert rows[0][0] == "hashes" and sum(int(count) for _, count in rows) == 8 * TESTS
    assert "Against published votes" not in page
    assert (view / "notebooks/01_scaling.ipynb").is_file() == (study == "given")  # the other leaves them out


def test_another_folder_and_other_shards_give_the_same_results(results, files, jobs, tmp_path):
    """All tables from which claims and figures are made, of a study with a published verifier."""
    targets = {"evaluate", "measure_difficulty", "measure_verifiers"}
    ran = finish(tmp_path, configuration(files, **OTHERWISE), jobs, *targets)
    assert targets < ran.keys() and ran["sample"] > results[1]["sample"] and ran["preflight"] == 1
    first = [each["path"] for each in manifest(results[0], "given")["artifacts"] if each["stage"] in ran]
    second = [path for path in (tmp_path / "results/store").glob("*/*-*") if path.suffix != ".json"]
    both = [content([results[0] / path for path in first]), content(sorted(second))]
    assert {each["stage"] for each in both[0]} == ran.keys()
    assert compare.differences(*({"content": each, "files": []} for each in both)) == []
