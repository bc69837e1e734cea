"""First steps of one's own study: what is not given is counted or fits, and no verifier is needed."""

import polars as pl
import pytest

from tests.support import published_study
from tests.unit.study.test_plan_published import files, root  # noqa: F401 (fixtures)
from ttc.errors import InputError
from ttc.study.build import ROOT, plan_jobs, plan_study
from ttc.study.config import load, merge, parse, resolve

NO_VERIFIER = {"prm": {"use": False}, "orm": {"use": False}, "revision": {"use": False}}
PLAIN = {"study": {"name": "plain"}} | NO_VERIFIER


def own(files, study=PLAIN, **sections):  # noqa: F811
    """A study as somebody writes it who has two files: laid over config.yaml, without numbers of rows."""
    given = published_study.configuration(files, study, **sections)
    for role in ("test", "train"):
        given["problems"][role].pop("rows")
    return merge(load(ROOT / "config.yaml"), given)


def test_rows_of_local_files_are_counted(files, root):  # noqa: F811
    plan = plan_study(own(files), root)
    (problems,) = plan.of("problems")
    rows = {role: source["rows"] for role, source in problems.spec["sources"].items()}
    assert rows == {"test": published_study.TESTS, "train": published_study.TRAINING}
    given = merge(own(files), {"problems": {"test": {"rows": published_study.TESTS}}})
    assert plan_study(given, root).of("problems")[0].key == problems.key
    blocks = {tuple(each.spec["problems"]) for each in plan.of("sample") if each.label.startswith("test")}
    assert blocks == {(0, published_study.TESTS)}


def test_several_files_are_counted_together(files, root, tmp_path):  # noqa: F811
    second = tmp_path / "more.parquet"
    pl.DataFrame({"question": ["a", "b"], "answer": ["#### 1", "#### 2"]}).write_parquet(second)
    given = own(files)
    given["problems"]["test"]["path"] = [given["problems"]["test"]["path"], str(second)]
    assert plan_study(given, root).configuration.problems.test.rows == published_study.TESTS + 2


def test_defaults_give_way_to_a_smaller_study(files, root):  # noqa: F811
    sections = {
        "problems": {"test": {"take": 3}},
        "sampling": {"samples": 8, "train_samples": 4, "max_tokens": 36},
        "revision": {"max_generations": 16},
    }
    base = {"study": {"name": "small"}}
    given = own(files, base, **sections)
    plan = plan_study(given, root)
    made = plan.configuration
    training = published_study.TRAINING
    assert made.sampling.train_problems == training
    assert [part.train_problems for part in (made.revision.pairs, made.revision.verifier)] == [training] * 2
    assert made.revision.rest.train_problems == training
    assert (made.prm.samples, made.orm.samples, made.difficulty.bins) == (4, 4, 3)
    assert made.evaluation.budgets == [1, 2, 4, 8]
    assert made.figures.sweep_budgets == [4] and made.figures.ratio_budget == 16
    assert f"sampling.train_problems: {training} instead of the default 3000, because problems.train has" in (
        " ".join(plan.told)
    )
    assert len(plan.told) == len(set(plan.told)) == 10
    assert plan_jobs(plan).command("publish")


def test_numbers_of_ones_own_are_never_changed(files, root):  # noqa: F811
    for sections, said in (
        ({"sampling": {"train_problems": 2999}}, "sampling.train_problems: 2999 was given"),
        ({"prm": {"samples": 7}, "sampling": {"train_samples": 4}}, "prm.samples: 7 was given"),
        ({"evaluation": {"budgets": [1, 512]}}, "evaluation.budgets: 512 was given"),
        ({"figures": {"sweep_budgets": [512]}}, "figures.sweep_budgets: 512 was given"),
    ):
        with pytest.raises(InputError, match=said):
            plan_study(own(files, {"study": {"name": "own"}}, **sections), root)


def test_the_default_study_is_what_it_was():
    assert resolve({}) == resolve(load(ROOT / "config.yaml"))
    assert parse({}).evaluation.budgets == [2**power for power in range(9)]


def test_generated_studies_fit_as_well():
    made = parse({"task": {"train_problems": 60, "test_problems": 4}, "sampling": {"samples": 2}})
    assert (made.sampling.train_problems, made.revision.rest.train_problems) == (60, 60)
    assert (made.difficulty.bins, made.evaluation.budgets, made.figures.sweep_budgets) == (4, [1, 2], [2])


def test_half_of_the_samples_bound_budgets_where_the_others_make_bins():
    made = parse({"sampling": {"samples": 8}, "difficulty": {"samples": "disjoint"}})
    assert made.evaluation.budgets == [1, 2, 4]


@pytest.mark.parametrize("train", [True, False])
def test_a_study_without_any_verifier_is_planned(files, root, train):  # noqa: F811
    given = own(files)
    if not train:
        given["problems"]["train"] = None
    plan = plan_study(given, root)
    assert not {"search", "score", "train_prm", "train_orm", "roll_out", "preflight"} & set(plan.stages)
    assert {"sample", "measure_difficulty", "evaluate", "fit_allocator", "plot", "report"} <= set(plan.stages)
    shown = plan.of("publish")[0].spec["configuration"]
    assert "search" not in shown and shown["prm"] == {"use": False}


def test_a_verifier_that_is_switched_off_is_not_fetched(files, root):  # noqa: F811
    given = own(files, prm={"checkpoint": {"hub": "owner/name", "kind": "qwen_extra0"}})
    plan = plan_study(given, root)
    assert {each.label for each in plan.of("fetch_model")} == {"policy", "larger"}
    plan.configuration.check_pinned()


def test_a_default_that_cannot_give_way_is_called_one():
    with pytest.raises(InputError, match=r"policy.model.window: 256 is the default, and 4 earlier answers"):
        parse({"sampling": {"max_tokens": 200}})
    with pytest.raises(InputError, match=r"policy.model.window: 250 was given, and 4 earlier answers"):
        parse({"sampling": {"max_tokens": 200}, "policy": {"model": {"window": 250}}})
    with pytest.raises(
        InputError, match=r"model.heads: 4 is the default; it has to divide .*hidden, which is 50"
    ):
        parse({"policy": {"model": {"hidden": 50}}})
