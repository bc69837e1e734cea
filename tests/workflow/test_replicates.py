"""A study with several seeds, run to its end, beside the same study with one: shared work, tables, figure and page."""

import re

import polars as pl
import pytest
import yaml

from tests.support import preloaded
from tests.support.published_study import ROOT, snakemake
from tests.support.workflow_project import job_counts
from tools.golden.studies import LIGHT
from ttc.study.config import merge
from ttc.tables.studies import REPLICATED_FINDINGS, REPLICATES

SEEDS = [0, 7]


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """A function that runs the study with further keys in one folder: its folder, counts of jobs, and what was said."""
    folder = tmp_path_factory.mktemp("replicates")
    small = merge(yaml.safe_load((ROOT / "tests/support/small_study.yaml").read_text()), LIGHT)
    with preloaded.environment(tmp_path_factory.mktemp("jobs")) as environment:

        def made(*arguments, **more):
            result = snakemake(folder, merge(small, more), *arguments, environment=environment)
            assert result.returncode == 0, result.stdout[-4000:]
            return folder / "results" / small["study"]["name"], job_counts(result.stdout), result.stdout

        yield made


@pytest.mark.slow
def test_more_seeds_go_on_from_one_and_are_compared(run):
    view, alone, _ = run()
    single = {path.name: path.read_bytes() for path in view.glob("tables/*")}
    report = (view / "report.html").read_text()
    assert "with these trained models" in report and "Seeds: 1." in report and 'id="replicates"' not in report
    assert "seeds" not in yaml.safe_load((view / "config.resolved.yaml").read_text())

    view, more, said = run(seeds=SEEDS)
    assert "problems" not in more, said
    for stage in (
        "train_policy",
        "train_larger_policy",
        "train_prm",
        "evaluate",
        "fit_allocator",
        "find",
        "plot",
    ):
        assert more[stage] == 1 == alone[stage], stage
    assert more["sample"] == alone["sample"] and more["compare_replicates"] == 1
    # The first is the study with one seed, the other lies one folder deeper
    assert {name: (view / "tables" / name).read_bytes() for name in single} == single
    outcomes = [pl.read_parquet(view / f"tables/{place}outcomes.parquet") for place in ("", "seed-7/")]
    assert not outcomes[0].equals(outcomes[1])
    asked = [pl.read_parquet(view / f"tables/{place}questions.parquet") for place in ("", "seed-7/")]
    assert asked[0].equals(asked[1])
    table = REPLICATES.read(view / "tables/replicates.parquet")
    for row in table.filter(pl.col("strategy") != "best_fixed", family="search", bins="none").to_dicts():
        key = {name: row[name] for name in ("family", "strategy", "selection", "budget")}
        assert row["values"] == pytest.approx([each.filter(**key)["correct"].mean() for each in outcomes])
        assert row["mean"] == pytest.approx(sum(row["values"]) / 2)
    assert {"compute_optimal", "majority", "beam(width=2)", "pass_at_1"} <= set(table["strategy"])
    found = REPLICATED_FINDINGS.read(view / "tables/replicated_findings.parquet")
    assert found["verdicts"].list.len().to_list() == [2] * len(found) and len(found) > 3
    assert (view / "figures/replicates.svg").is_file()
    report = (view / "report.html").read_text()
    assert 'id="replicates"' in report and "with these trained models" not in report and "Seeds: 2." in report
    assert not re.search(r'src="(?!data:)', report)

    _, nothing, said = run("--dry-run", seeds=SEEDS)
    assert not nothing, said
    _, once, _ = run("--dry-run")
    assert once.keys() == {"publish"}
