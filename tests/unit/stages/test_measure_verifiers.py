"""The stage measure_verifiers on a small invented study: over all solutions, step by step, and of pools."""

import polars as pl
import pytest
from sklearn.metrics import roc_auc_score

from tests.support import specs
from tests.support.invented_study import invent, value
from ttc.runtime import Runtime
from ttc.stages import measure_verifiers
from ttc.tables.generation import SAMPLES, SCORES
from ttc.tables.registry import SCHEMAS
from ttc.tables.revisions import CHAIN_SCORES, CHAINS


@pytest.fixture(scope="module")
def inputs(tmp_path_factory):
    return invent(tmp_path_factory.mktemp("study"))


def quality(folder, inputs, **spec):
    """Both tables of measure_verifiers."""
    spec = specs.of("measure_verifiers", seed=1, bootstrap=50, **spec)
    measure_verifiers.run(spec, inputs, folder / "verifiers", None)
    names = ("calibration", "verifier_quality")
    return [SCHEMAS[name].read(folder / "verifiers" / f"{name}.parquet") for name in names]


def test_verifiers_are_measured_over_all_and_step_by_step(inputs, tmp_path):
    curve, found = quality(tmp_path, inputs | {"orm_scores": inputs["scores"]})
    # two steps a solution: the first says nothing, the second is what `last` makes of a solution
    where = {"level": "step", "measure": "auc", "verifier": "prm"}
    assert value(found, **where, step=1)["value"] == 0.5
    solution = value(found, **where | {"level": "solution"})
    assert value(found, **where, step=2)["value"] == solution["value"]
    samples = pl.concat([SAMPLES.read(path) for path in inputs["samples"]])
    together = samples.join(SCORES.read(inputs["scores"][0]), on=["problem_id", "sample_index"])
    last = together["step_scores"].list.last()
    assert solution["value"] == pytest.approx(roc_auc_score(together["correct"], last))
    assert solution["count"] == len(together)
    all_steps = value(found, **where, step=0)
    scores = together["step_scores"].explode()
    verdicts = together["correct"].to_numpy().repeat(2)
    assert all_steps["value"] == pytest.approx(roc_auc_score(verdicts, scores))
    assert all_steps["count"] == 2 * len(together)
    # chains: one score a revision, whose verdict is its own
    revised = CHAINS.read(inputs["chains"][0])["correct"]
    read = CHAIN_SCORES.read(inputs["chain_scores"][0])["score"]
    row = value(found, verifier="revision_orm", measure="auc")
    assert row["value"] == pytest.approx(roc_auc_score(revised, read))
    assert set(found["measure"]) == {"auc", "auc_within", "brier", "calibration_error"}
    assert found.filter(verifier="orm")["level"].unique().to_list() == ["solution"]
    levels = set(curve.select("verifier", "level").iter_rows())
    assert levels == {("prm", "solution"), ("prm", "step"), ("orm", "solution"), ("revision_orm", "solution")}
    totals = dict(curve.filter(level="solution").group_by("verifier").agg(pl.col("count").sum()).iter_rows())
    assert totals == {"prm": len(together), "orm": len(together), "revision_orm": len(read)}


def test_a_step_that_hardly_any_question_reaches_is_not_measured_by_itself(inputs, tmp_path):
    scores = SCORES.read(inputs["scores"][0])
    for reaching, steps in ((["p03"], [0, 1, 2]), (["p03", "p04"], [0, 1, 2, 3])):  # of 15 questions
        longer = pl.col("problem_id").is_in(reaching)
        longer = pl.when(longer).then(pl.col("step_scores").list.concat(0.5)).otherwise(pl.col("step_scores"))
        SCORES.write(scores.with_columns(longer), tmp_path / "longer.parquet")
        found = quality(tmp_path, inputs | {"scores": [tmp_path / "longer.parquet"]})[1]
        rows = found.filter(verifier="prm", level="step", measure="brier").sort("step")
        assert rows["step"].to_list() == steps
        assert rows["count"][0] == 15 * 16 * 2 + 16 * len(reaching)  # all of them count among all steps


def test_the_tables_of_verifiers_do_not_depend_on_shards(inputs, tmp_path):
    first = quality(tmp_path / "a", inputs)
    again = quality(tmp_path / "b", inputs | {"samples": inputs["samples"][::-1]})
    assert all(one.equals(other) for one, other in zip(first, again, strict=True))
    whole = quality(tmp_path / "c", inputs, aggregation="min")[1]
    assert value(whole, verifier="prm", level="solution", measure="auc") != value(
        first[1], verifier="prm", level="solution", measure="auc"
    )


def test_a_pool_without_scores_has_empty_tables_of_verifiers(inputs, tmp_path):
    curve, found = quality(tmp_path, {"samples": inputs["samples"]})
    assert curve.is_empty() and found.is_empty()


def _scored(tmp_path, lengths):
    """Samples of 20 problems, 4 each, whose solutions have `lengths` steps in turn; right ones score higher."""
    samples, scores = [], []
    for problem in range(20):
        for index in range(4):
            correct = (problem + index) % 3 == 0
            steps = lengths[(4 * problem + index) % len(lengths)]
            name = f"p{problem:02}"
            samples.append((name, index, "text", "1" if correct else "2", correct, 10, None, "stop"))
            scores.append((name, index, [0.9 if correct else 0.2] * steps, None))
    tables = ((SCHEMAS["samples"], samples), (SCHEMAS["scores"], scores))
    for schema, rows in tables:
        frame = pl.DataFrame(rows, schema=list(schema.dtypes), orient="row")
        schema.write(frame.cast(dict(schema.dtypes)), tmp_path / f"{schema.name}.parquet")
    spec = {"seed": 0, "aggregation": "last", "bootstrap": 20}
    inputs = {name: [tmp_path / f"{name}.parquet"] for name in ("samples", "scores")}
    measure_verifiers.run(spec, inputs, tmp_path / "out", Runtime())
    return pl.read_parquet(tmp_path / "out/verifier_quality.parquet")


def test_one_score_a_solution_is_an_outcome_verifiers(tmp_path):
    found = _scored(tmp_path, [1])
    assert set(found["verifier"]) == {"orm"} and set(found["level"]) == {"solution"}
    assert found.filter(measure="auc")["value"].item() == 1.0


def test_steps_that_few_solutions_reach_are_measured_together(tmp_path):
    """Of 80 solutions 5 have ten steps: fewer than a tenth reach step 3, and a fifth of the questions do."""
    found = _scored(tmp_path, [2] * 15 + [10])
    steps = found.filter(measure="auc").sort("level", "step")
    assert steps.filter(level="step")["step"].to_list() == [0, 1, 2]
    later = steps.filter(level="later_steps").row(0, named=True)
    assert (later["step"], later["count"]) == (3, 5 * 8)
    assert steps.filter(level="step", step=0)["count"].item() == 75 * 2 + 5 * 10
