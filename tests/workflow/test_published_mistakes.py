"""What is wrong with models or problems of a study is said in one sentence, before anything is sampled or scored."""

import json
import shutil

import pytest

from tests.support import preloaded, published_study, small_models
from tests.support.published_study import configuration, snakemake
from ttc.study.stages import STAGES

# A preflight is what finds out; nothing else that asks for a GPU may begin.
COSTLY = {name for name, stage in STAGES.items() if stage.gpu} - {"preflight"}
COMMIT = 40 * "a"


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    return published_study.write(tmp_path_factory.mktemp("published"))


@pytest.fixture(scope="module")
def jobs(tmp_path_factory):
    with preloaded.environment(tmp_path_factory.mktemp("jobs")) as environment:
        yield environment


def missing_checkpoint(files, folder):
    path = str(folder / "gone")
    return (
        {"prm": {"checkpoint": {"path": path}}},
        "configuration",
        f"prm.checkpoint.path: there is no folder {path}",
    )


def unfinished_checkpoint(files, folder):
    made = shutil.copytree(files / "llama", folder / "cut")
    (made / "model.safetensors").rename(made / "pytorch_model.bin")
    said = (
        f"{made}: it has no weights model.safetensors; pytorch_model.bin is a pickle, which is never loaded"
    )
    return {"larger_policy": {"checkpoint": {"path": str(made)}}}, "fetch_model", said


def not_in_the_cache(files, folder):
    said = f"model 'a/b': it is not in the cache at commit {COMMIT}, and the hub cannot be reached; run `snakemake"
    return {"policy": {"checkpoint": {"path": None, "hub": "a/b", "revision": COMMIT}}}, "fetch_model", said


def unknown_column(files, folder):
    test = {"columns": {"question": "problem"}}
    said = (
        f"{files / 'test.jsonl'}: the column 'problem', which is to be 'question', is missing; the file has "
    )
    return {"problems": {"test": test}}, "problems", said


def long_problem(files, folder):
    lines = (files / "test.jsonl").read_text().splitlines()
    long = {"question": "Tom buys 1 apples, " * 40, "answer": "#### 3"}
    (folder / "test.jsonl").write_text("\n".join([*lines[1:], json.dumps(long)]) + "\n")
    said = "the prompt of problem test/00015 has "
    return {"problems": {"test": {"path": str(folder / "test.jsonl")}}}, "check_prompts", said


def verifier_without_its_mark(files, folder):
    made = shutil.copytree(files / "qwen2", folder / "prm")
    for name in ("tokenizer.json", "tokenizer_config.json"):
        text = (made / name).read_text()
        assert "<extra_0>" in text
        (made / name).write_text(text.replace("<extra_0>", "<extra_1>"))
    said = (
        f"{made}: kind 'qwen_extra0' needs a tokenizer with one token for '<extra_0>', and this one makes ["
    )
    return {"prm": {"checkpoint": {"path": str(made)}, "preflight": None}}, "fetch_model", said


def verifier_that_is_wrong(files, folder):
    made = small_models.verifier(folder / "prm", flipped=True)
    said = (
        "the verifier does not tell right steps of the golden examples from wrong ones: 6 right steps score "
    )
    return {"prm": {"checkpoint": {"path": str(made)}}}, "preflight", said


MISTAKES = (
    missing_checkpoint,
    unfinished_checkpoint,
    not_in_the_cache,
    unknown_column,
    long_problem,
    verifier_without_its_mark,
    verifier_that_is_wrong,
)


@pytest.mark.parametrize("mistake", MISTAKES, ids=lambda mistake: mistake.__name__)
def test_it_is_said_before_anything_is_sampled(files, jobs, tmp_path, mistake):
    sections, stage, said = mistake(files, tmp_path)
    if mistake is not_in_the_cache:  # a library reads these when it is loaded, so that job is no fork
        jobs = {"HF_HUB_OFFLINE": "1", "HF_HOME": str(tmp_path / "hub")}
    folder = tmp_path / "study"
    result = snakemake(folder, configuration(files, **sections), environment=jobs)
    assert result.returncode != 0
    told = {line for line in result.stdout.splitlines() if line.strip().startswith(f"{stage}: {said}")}
    assert len({line.strip() for line in told}) == 1, result.stdout[-4000:]
    assert "Traceback" not in result.stdout
    store = folder / "results/store"
    begun = {path.name for path in store.iterdir() if any(path.iterdir())} if store.is_dir() else set()
    assert not begun & COSTLY
