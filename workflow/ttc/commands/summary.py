"""Print where the results of a study lie, and what its jobs cost.

The costs are those of the files that Snakemake's `benchmark:` leaves.
"""

import json
from pathlib import Path

from ttc.study.build import plan_named
from ttc.study.plan import Plan

BENCHMARKS = Path("results/benchmarks")


def rows(plan: Plan, benchmarks: Path = BENCHMARKS) -> list[tuple[str, int, int, float, float, float]]:
    """For each stage: name, artifacts, benchmarks found, seconds in all, seconds of the longest job, MB of memory."""
    table = []
    for stage in plan.stages:
        files = [benchmarks / stage / f"{artifact.name}.jsonl" for artifact in plan.of(stage)]
        found = [
            json.loads(file.read_text(encoding="utf-8").splitlines()[-1]) for file in files if file.is_file()
        ]
        seconds = [float(each["s"]) for each in found]
        # Snakemake samples memory every few seconds: a job that ended before has none.
        memory = [float(each["max_rss"]) for each in found if isinstance(each["max_rss"], int | float)]
        table.append(
            (stage, len(files), len(found), sum(seconds), max(seconds, default=0), max(memory, default=0))
        )
    return table


def text(plan: Plan, benchmarks: Path = BENCHMARKS) -> str:
    """The table for people, slowest stage first, and where the results lie."""
    table = sorted(rows(plan, benchmarks), key=lambda row: -row[3])
    lines = [f"{'stage':<20}{'jobs':>6}{'seconds':>10}{'longest':>10}{'MB':>8}"]
    for stage, jobs, found, seconds, longest, memory in table:
        missing = "" if found == jobs else f"  ({jobs - found} without a benchmark)"
        lines.append(f"{stage:<20}{jobs:>6}{seconds:>10.1f}{longest:>10.1f}{memory:>8.0f}{missing}")
    jobs, seconds = sum(row[1] for row in table), sum(row[3] for row in table)
    lines.append(f"{'all':<20}{jobs:>6}{seconds:>10.1f}")
    lines += late(plan)
    folder = f"results/{plan.study}"
    lines += [
        "",
        f"The study lies in {folder}: report.html, gallery.html, figures/, tables/, notebooks/, manifest.json",
    ]
    return "\n".join(lines)


def late(plan: Plan, root: Path = Path()) -> list[str]:
    """A line for each import of pools in which comparisons ran out of time: the one result that time can change."""
    lines = []
    for artifact in plan.of("import_pool"):
        table = root / artifact.path / "grading.parquet"
        if table.is_file():
            import polars as pl  # only studies of pools have to wait for it

            count = pl.read_parquet(table, columns=["late"])["late"].sum()
            if count:
                lines.append(
                    f"{artifact.name}: {count:,} answers have a comparison that ran out of time (not equal)"
                )
    return lines


def main(arguments: list[str]) -> None:
    """Print where the results of a study lie, and what each stage has cost."""
    print(text(plan_named("ttc summary", __doc__.splitlines()[0], arguments)))
