"""What the plan of a study said it would cost, beside what its tables say it did.

python -m tools.estimate_check --study results/default                    a study that was published
python -m tools.estimate_check --config FILE.yaml --directory FOLDER      whatever is finished of one in a folder

The estimate is that of the plan alone, as it was before anything ran.  What a table does not hold is left out: tokens
that validate a training; prompts of samples and what rollouts read are counted by the questions that there were.
"""

import argparse
from dataclasses import dataclass
from pathlib import Path

from ttc.estimate.counts import Work, expected
from ttc.estimate.measured import assumed, measure, used
from ttc.estimate.sizes import flops
from ttc.estimate.table import short
from ttc.study.build import ROOT, plan_study
from ttc.study.config import load
from ttc.study.plan import Plan

BOUND = 0.2  # relative difference that is wanted for the default study, of each stage's tokens
UNITS = ("generations", "decoded", "read", "learnt", "FLOPs")


@dataclass(frozen=True)
class Row:
    """One stage and one unit of work, over its finished jobs."""

    stage: str
    unit: str
    expected: float
    used: float

    @property
    def difference(self) -> float:
        """Of the estimate from what was used, relative to it."""
        return self.expected / self.used - 1 if self.used else 0.0


def compare(plan: Plan, root: Path) -> list[Row]:
    """A row for each stage and unit that it has, then those of all together, of the jobs finished under `root`."""
    before, known = assumed(plan), measure(plan, root)[0]
    sums: dict[tuple[str, str], list[float]] = {}
    for artifact in plan.artifacts:
        real = used(artifact, known, root)
        if real is None:
            continue
        for name in (artifact.stage, "all"):
            for side, work in enumerate((expected(artifact, before), real)):
                for unit, value in _units(artifact, work).items():
                    sums.setdefault((name, unit), [0.0, 0.0])[side] += value
    rows = [Row(*name, *values) for name, values in sums.items() if any(values)]
    return sorted(rows, key=lambda row: row.stage == "all")


def _units(artifact, work: Work) -> dict[str, float]:
    trains = artifact.stage.startswith("train_")
    read = 0 if trains else work.prompted + work.verified
    arithmetic = flops(artifact, work)
    if trains:
        arithmetic["read"] = 0  # validation
    values = (work.generations, work.decoded, read, work.trained, sum(arithmetic.values()))
    return dict(zip(UNITS, values, strict=True))


def text(rows: list[Row]) -> str:
    """The rows for people, as a table in Markdown."""
    lines = ["| stage | unit | estimated | used | difference |", "|---|---|---|---|---|"]
    lines += [
        f"| `{row.stage}` | {row.unit} | {short(row.expected)} | {short(row.used)} | {row.difference:+.1%} |"
        for row in rows
    ]
    return "\n".join(lines)


def main() -> None:
    """Print the table and, of the stages' tokens, those beyond the bound."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--study", type=Path, help="folder of a published study")
    parser.add_argument("--config", type=Path, nargs="*", default=[], help="files laid over config.yaml")
    parser.add_argument("--directory", type=Path, default=Path(), help="where Snakemake ran")
    given = parser.parse_args()
    if given.study is None:
        plan, root = plan_study(load(ROOT / "config.yaml", *given.config)), given.directory
    else:
        plan, root = plan_study(load(given.study / "config.resolved.yaml")), given.study.resolve().parents[1]
    rows = compare(plan, root)
    print(text(rows))
    far = [row for row in rows if abs(row.difference) > BOUND and row.unit != "FLOPs"]
    print(f"\n{len(far)} of {len(rows)} rows differ by more than {BOUND:.0%}:", end=" ")
    print(", ".join(f"{row.stage} {row.unit}" for row in far) or "none")


if __name__ == "__main__":
    main()
