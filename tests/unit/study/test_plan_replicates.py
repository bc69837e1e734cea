"""Plans of studies with several seeds: what is shared, what is made anew, and that one seed is what it was."""

import pytest

from ttc.errors import InputError
from ttc.study.build import plan_study
from ttc.study.relevant import shown_configuration

MADE_ANEW = {
    "train_policy",
    "sample",
    "train_prm",
    "search",
    "revise",
    "train_reviser",
    "score",
    "evaluate",
    "find",
}


@pytest.fixture(scope="module")
def plans():
    """The default study with one seed, and with three, of which the first is its own."""
    return plan_study({}), plan_study({"seeds": [0, 4, 2]})


def keys(plan):
    return {(artifact.stage, artifact.label): artifact.key for artifact in plan.artifacts}


def test_no_seeds_are_the_same_as_none(plans):
    assert keys(plan_study({"seeds": None})) == keys(plans[0])
    assert "seeds" not in shown_configuration(plans[0].configuration)
    assert shown_configuration(plans[1].configuration)["seeds"] == [0, 4, 2]


def test_a_study_with_more_seeds_holds_that_with_one(plans):
    """All but the report, which shows the others, and what lists everything."""
    one, more = ({(each.stage, each.label, each.key) for each in plan.artifacts} for plan in plans)
    changed = {(stage, label) for stage, label, _ in one - more}
    assert changed == {("report", "policy"), ("publish", "default")}


def test_problems_are_shared_and_what_is_trained_or_sampled_is_not(plans):
    one, more = plans
    assert len(more.of("problems")) == 1
    assert more.of("problems")[0].spec["seed"] == 0
    for stage in MADE_ANEW:
        assert len(more.of(stage)) == 3 * len(one.of(stage)), stage
        assert len({artifact.key for artifact in more.of(stage)}) == len(more.of(stage)), stage
    for stage in ("train_policy", "sample", "search"):
        assert {artifact.spec["seed"] for artifact in more.of(stage)} == {0, 4, 2}
    # The texts to learn from are those of the problems
    for stage in ("train_policy", "train_larger_policy"):
        assert [artifact.spec.get("problems_seed") for artifact in more.of(stage)] == [None, 0, 0]
    # The analysis draws its folds and resamples alike
    for stage in ("evaluate", "fit_allocator", "find"):
        assert {artifact.spec["seed"] for artifact in more.of(stage)} == {0}
        assert [artifact.label for artifact in more.of(stage)] == ["policy", "seed-4", "seed-2"]


def test_the_comparison_reads_every_replicate_in_order(plans):
    (made,) = plans[1].of("compare_replicates")
    assert made.spec["seeds"] == [0, 4, 2]
    for role, stage in (("outcomes", "evaluate"), ("allocation", "fit_allocator"), ("findings", "find")):
        assert made.inputs[role] == plans[1].of(stage)
    assert not plans[0].of("compare_replicates") and not plans[1].of("compare_pools")
    (report,) = plans[1].of("report")
    assert {"replicates", "replicated_findings", "replicates_figure"} <= report.inputs.keys()
    assert "replicates" not in plans[0].of("report")[0].inputs


def test_a_first_seed_that_is_not_the_studys_has_a_name_of_its_own():
    plan = plan_study({"seed": 0, "seeds": [5, 6]})
    assert [artifact.label for artifact in plan.of("evaluate")] == ["seed-5", "seed-6"]
    assert plan.of("report")[0].label == "seed-5"
    assert plan.of("problems")[0].spec["seed"] == 0


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({"seeds": [1]}, "seeds"),
        ({"seeds": [1, 1]}, "seeds"),
        ({"seeds": [-1, 2]}, "seeds"),
        ({"seeds": 3}, "seeds"),
    ],
)
def test_seeds_that_are_none_are_refused(given, expected):
    with pytest.raises(InputError, match=expected):
        plan_study(given)


def test_a_study_of_pools_has_no_seeds():
    pool = {"source": {"pools": {"policy": {"path": "pool.jsonl"}}, "grading": "recorded"}, "seeds": [0, 1]}
    with pytest.raises(InputError, match="seeds: a study of pools trains and samples nothing"):
        plan_study(pool)
