"""Plans of studies whose policy is asked again, without a reviser: what is made and what is not, words, mistakes."""

import pytest

from tests.support import published_study
from tests.support.published_study import GIVEN, PLAIN, TESTS, TRAINED
from tests.support.workflow_project import Project
from ttc.errors import InputError
from ttc.study.build import ROOT, plan_study
from ttc.study.config import load, merge, parse
from ttc.study.relevant import shown_configuration

WORDS = "Once more."
CHAINS = {"max_context": 2, "max_generations": 4, "ratios": "all", "block_problems": 8}
ASKED = {"revision": {"use": True, "by": "prompt", "verifier": {"use": False}} | CHAINS}
UNTRAINED = {"problems": {"train": None}}
TRAINERS = {"pair_revisions", "train_reviser", "train_revision_orm"}


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    return Project(tmp_path_factory.mktemp("project")).folder


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    """Those of a published study, as far as a plan sees them, and prompts with and without `ask_again`."""
    folder = published_study.stand_in(tmp_path_factory.mktemp("files"), f"{PLAIN}ask_again: {WORDS}\n")
    (folder / "plain.yaml").write_text(PLAIN)
    (folder / "other.yaml").write_text(f"{PLAIN}ask_again: Try again.\n")
    return folder


def planned(files, root, study=GIVEN, *sections):
    for each in sections:
        study = merge(study, each)
    return plan_study(published_study.configuration(files, study), root)


def keys(plan):
    return {(each.stage, each.label): each.key for each in plan.artifacts}


@pytest.fixture(scope="module")
def plan(files, root):
    """With a published PRM and no training problems."""
    return planned(files, root, GIVEN, UNTRAINED, ASKED)


def test_the_policy_writes_every_answer_and_nothing_is_trained(plan):
    assert {"revise", "score_revisions", "trace_revisions"} <= set(plan.stages)
    assert not TRAINERS & set(plan.stages)
    (policy,) = (each for each in plan.of("fetch_model") if each.label == "policy")
    assert len(plan.of("revise")) == TESTS / 8
    for each in plan.of("revise"):
        assert each.inputs["reviser"] == [policy] and each.inputs["policy"] == []
        assert each.spec["first_answer"] == "reviser" and each.spec["lengths"] == [4, 2, 1, 1]
        assert each.spec["max_context"] == 2 and each.spec["form"]["prompt"]["again"] == WORDS
    (outcomes,) = plan.of("evaluate")
    assert outcomes.inputs["reviser"] == [policy] and outcomes.spec["ratios"]
    (found,) = plan.of("find")
    assert (found.spec["first_answer"], found.spec["max_context"]) == ("reviser", None)


def test_what_is_sampled_and_searched_keeps_its_name(files, root, plan):
    """The words that ask again are no part of it, nor is it whether they are used."""
    without, other = (
        planned(files, root, GIVEN, UNTRAINED, {"problems": {"prompt": str(files / f"{name}.yaml")}}, given)
        for name, given in (("plain", {}), ("other", ASKED))
    )
    before, now, said = keys(without), keys(plan), keys(other)
    for name in ("fetch_model", "sample", "score", "search", "preflight"):
        same = {each: key for each, key in now.items() if each[0] == name}
        assert same and same.items() <= before.items() and same.items() <= said.items(), name
    differ = {stage for (stage, _), key in now.items() if key not in said.values()}
    assert {"revise", "score_revisions", "evaluate"} <= differ


def test_a_published_verifier_reads_the_answers_alone(plan):
    (prm,) = (each for each in plan.of("fetch_model") if each.label == "prm")
    for each in plan.of("score_revisions"):
        assert each.inputs["verifier"] == [prm] and each.inputs["preflight"] == plan.of("preflight")
        assert each.spec == {"max_context": 0, "format": "qwen_extra0"}
    (outcomes,) = plan.of("evaluate")
    assert outcomes.inputs["chain_scores"] == plan.of("score_revisions")
    assert outcomes.inputs["revision_orm"] == [prm] and outcomes.inputs["chain_scores_prm"] == []
    # What is called a revision ORM is measured under that name, and this is none
    (measured,) = plan.of("measure_verifiers")
    assert measured.inputs["chain_scores"] == [] and plan.of("find")[0].spec["chain_verifier"] == "prm"


def test_without_a_verifier_majority_decides(files, root):
    made = planned(
        files, root, GIVEN, UNTRAINED, ASKED, {"prm": {"use": False}, "search": {"strategies": []}}
    )
    assert "revise" in made.stages and "score_revisions" not in made.stages
    (outcomes,) = made.of("evaluate")
    assert outcomes.inputs["chains"] == made.of("revise") and outcomes.inputs["chain_scores"] == []


def test_a_verifier_may_be_trained_on_chains_of_the_policy(files, root):
    made = planned(files, root, TRAINED, {"revision": {"by": "prompt"}})
    assert {each.label for each in made.of("train_revision_orm")} == {
        "revision_orm",
        "revision_orm_no_history",
    }
    (chains,) = (each for each in made.of("revise") if each.spec["split"] == "train")
    (policy,) = (each for each in made.of("fetch_model") if each.label == "policy")
    for each in made.of("train_revision_orm"):
        assert each.inputs == {"problems": made.of("problems"), "reviser": [policy], "chains": [chains]}
    assert {each.label.split("-")[0] for each in made.of("score_revisions")} == {"test", "no_history", "prm"}
    assert not {"pair_revisions", "train_reviser"} & set(made.stages)  # nor one of ReST^EM
    assert made.of("find")[0].spec.get("chain_verifier") is None


def test_a_trained_reviser_may_do_without_a_verifier(files, root):
    made = planned(files, root, TRAINED, {"revision": {"verifier": {"use": False}}})
    assert "train_reviser" in made.stages and "train_revision_orm" not in made.stages
    (prm,) = made.of("train_prm")
    assert [each.inputs["verifier"] for each in made.of("score_revisions")] == [[prm]]


def test_prompts_are_checked_with_the_words_that_are_read(plan):
    (check,) = (each for each in plan.of("check_prompts") if each.label == "policy-revisions")
    assert check.spec["contexts"] == 2 and check.spec["form"]["prompt"]["again"] == WORDS
    assert all(each.inputs["checked"] == [check] for each in plan.of("revise"))


def test_defaults_give_way_only_where_they_are_used(files, root):
    """A small set of training problems lowers what the verifier is trained on, and nothing of a reviser is told."""
    quick = {"revision": {"use": True, "by": "prompt"} | CHAINS}
    told = planned(files, root, GIVEN, quick).told
    assert any("revision.verifier.train_problems: 48" in each for each in told)
    assert not any("revision.pairs" in each or "revision.rest" in each for each in told)


def test_the_configuration_shows_what_decides(files):
    def shown(*sections):
        given = published_study.configuration(files, TRAINED)
        for each in sections:
            given = merge(given, each)
        return shown_configuration(parse(given))["revision"]

    usual = shown()
    assert "by" not in usual and "use" not in usual["verifier"] and {"pairs", "rest"} <= usual.keys()
    asked = shown(ASKED)
    assert asked["by"] == "prompt" and asked["verifier"] == {"use": False}
    assert not {"pairs", "fine_tuning", "rest", "first_answer"} & asked.keys()


def test_a_policy_of_generated_problems_is_asked_again_too(root):
    """As its training text has it; the verifier of revisions learns from the policy's own chains."""
    given = load(ROOT / "config.yaml")
    usual, asked = (plan_study(merge(given, {"revision": {"by": by}}), root) for by in ("training", "prompt"))
    (policy,) = asked.of("train_policy")
    assert TRAINERS & set(asked.stages) == {"train_revision_orm"}
    chains = asked.of("revise")
    assert {each.spec["split"] for each in chains} == {"train", "test"}
    assert all(each.inputs["reviser"] == [policy] for each in chains)
    others = [each for each in usual.of("revise") if not each.label.startswith("rest")]
    assert [each.spec for each in chains] == [each.spec for each in others]
    assert {each.key for each in usual.of("sample")} > {each.key for each in asked.of("sample")}


MISTAKES = {
    "no words": (
        [ASKED, {"problems": {"prompt": "math_4shot"}}],
        "prompt 'math_4shot': it has no `ask_again`, the words in which `revision.by: prompt` asks the policy for "
        "another answer; add them to the file, or take a prompt that has them",
    ),
    "first answer": (
        [ASKED, {"revision": {"first_answer": "policy"}}],
        "revision.first_answer: policy was given, and with revision.by: prompt the policy writes every answer; leave "
        "it out",
    ),
    "verifier without problems": (
        [ASKED, UNTRAINED, {"revision": {"verifier": {"use": True}}}],
        "revision.verifier.use: the verifier of revisions is trained, and problems.train is missing: give it, or set "
        "it to false",
    ),
    "reviser without problems": (
        [UNTRAINED, {"revision": {"use": True}}],
        "revision.use: the reviser is trained, and problems.train is missing: give it, or set it to false, or "
        "revision.by to prompt",
    ),
}


@pytest.mark.parametrize("case", MISTAKES)
def test_a_mistake_is_told_in_planning(files, root, case):
    sections, said = MISTAKES[case]
    with pytest.raises(InputError) as caught:
        planned(files, root, GIVEN, *sections)
    assert str(caught.value) == said
