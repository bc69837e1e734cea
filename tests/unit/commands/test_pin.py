"""Commits written into a study: where, what of the file stays, and what is said where the hub does not answer."""

from types import SimpleNamespace

import huggingface_hub
import pytest
import yaml
from huggingface_hub import errors

from ttc.commands import pin
from ttc.errors import InputError
from ttc.study.build import plan_jobs, plan_study
from ttc.study.plan import Plan

SHA = "0123456789abcdef0123456789abcdef01234567"
OTHER = "f" * 40
STUDY = """\
# A study
study: {name: t}
policy:
  checkpoint:
    hub: a/policy  # the small one
    parameters: 1000
larger_policy:
  checkpoint: {hub: a/larger, revision: next, parameters: 14000}  # on a branch
prm:
  checkpoint: {kind: chat_plus, hub: a/prm, parameters: 5000}
problems:
  test: {preset: math500}
  train:
    hub: a/problems
    revision: null  # to be pinned
    split: train
    rows: 7
"""


@pytest.fixture
def hub(monkeypatch):
    """A hub that answers every question with a commit, or raises what it is told to; the questions."""
    asked, failure = [], []

    def repo_info(self, repo_id, revision, repo_type, timeout):
        asked.append((repo_type, repo_id, revision))
        if failure:
            raise failure[0]
        return SimpleNamespace(sha=SHA)

    monkeypatch.setattr(huggingface_hub.HfApi, "repo_info", repo_info)
    return SimpleNamespace(asked=asked, failure=failure)


@pytest.fixture
def file(tmp_path):
    file = tmp_path / "study.yaml"
    file.write_text(STUDY)
    return file


def test_every_place_gets_its_commit_and_the_rest_stays(hub, file):
    lines = pin.pin(file)
    assert hub.asked == [
        ("model", "a/policy", "main"),
        ("model", "a/larger", "next"),
        ("model", "a/prm", "main"),
        ("dataset", "a/problems", "main"),
    ]
    assert file.read_text() == STUDY.replace(
        "hub: a/policy  #", f'hub: a/policy\n    revision: "{SHA}"  #'
    ).replace("revision: next", f'revision: "{SHA}"').replace(
        "hub: a/prm", f'hub: a/prm, revision: "{SHA}"'
    ).replace("revision: null", f'revision: "{SHA}"')
    assert lines[1] == f"larger_policy.checkpoint: next of a/larger is {SHA}"
    assert plan_study(yaml.safe_load(file.read_text()) | {"orm": {"use": False}, "revision": {"use": False}})
    hub.asked.clear()
    assert pin.pin(file) == [] and hub.asked == []


def test_a_commit_and_a_folder_stay(hub, file):
    text = (
        f"policy: {{checkpoint: {{hub: a/b, revision: {OTHER}}}}}\nprm: {{checkpoint: {{path: models/x}}}}\n"
    )
    file.write_text(text)
    assert pin.pin(file) == [] and file.read_text() == text and hub.asked == []


def refused(name):
    made = getattr(errors, name).__new__(getattr(errors, name))
    Exception.__init__(made, "nothing to see")
    return made


@pytest.mark.parametrize(
    ("failure", "sentence"),
    [
        (refused("GatedRepoError"), "it is gated; accept its conditions on its page, log in"),
        (refused("RepositoryNotFoundError"), "there is no such model on the hub, or it is private"),
        (refused("RevisionNotFoundError"), "it has no branch 'main'"),
        (errors.OfflineModeIsEnabled("offline"), "the hub cannot be reached; run the same command where"),
        (RuntimeError("another\nreason"), "another reason"),
    ],
)
def test_what_the_hub_does_not_tell_is_one_sentence_and_changes_nothing(hub, file, failure, sentence):
    hub.failure.append(failure)
    with pytest.raises(InputError) as error:
        pin.pin(file)
    assert str(error.value).startswith("policy.checkpoint: model 'a/policy': ") and sentence in str(
        error.value
    )
    assert "\n" not in str(error.value) and file.read_text() == STUDY


@pytest.mark.parametrize(("text", "sentence"), [(None, "cannot be read"), ("a: [", "not valid YAML")])
def test_files_that_are_no_studies(hub, tmp_path, text, sentence):
    if text is not None:
        (tmp_path / "x.yaml").write_text(text)
    with pytest.raises(InputError, match=sentence):
        pin.pin(tmp_path / "x.yaml")


def test_a_study_on_a_branch_is_planned_and_not_run():
    given = yaml.safe_load(STUDY) | {"orm": {"use": False}, "revision": {"use": False}}
    given["problems"] = {"test": {"preset": "math500"}}
    plan = plan_study(given)
    assert isinstance(plan, Plan) and plan.of("fetch_model")
    (fetched,) = [each for each in plan.of("fetch_model") if each.label == "policy"]
    wildcards = SimpleNamespace(label=fetched.label, key=fetched.key)
    with pytest.raises(InputError, match=r"policy\.checkpoint\.revision: none was given.*ttc pin"):
        plan_jobs(plan).inputs("fetch_model")(wildcards)
    for name in ("policy", "larger_policy", "prm"):
        given[name]["checkpoint"]["revision"] = SHA
    fetched = plan_study(given).of("fetch_model")[0]
    wildcards = SimpleNamespace(label=fetched.label, key=fetched.key)
    assert plan_jobs(plan_study(given)).inputs("fetch_model")(wildcards) == {"checkpoint": []}
