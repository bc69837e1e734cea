"""Stage `compare_replicates`: a study with several seeds, with what varies between trainings beside questions."""

from pathlib import Path

from ttc.evaluation.replicates import accuracies, findings
from ttc.figures import style
from ttc.figures.replicates import draw
from ttc.runtime import Inputs, Runtime
from ttc.tables.analysis import OUTCOMES, PER_QUESTION, RESAMPLED
from ttc.tables.publication import FINDINGS
from ttc.tables.studies import REPLICATED_FINDINGS, REPLICATES

DECLARATION = {
    "group": "analysis",
    "purpose": "compare replicates with other seeds",
    "suffix": "",
    "memory": 3000,
    "light": True,
    "published": {
        "replicates.parquet": "tables/replicates.parquet",
        "replicated_findings.parquet": "tables/replicated_findings.parquet",
        "replicates.svg": "figures/replicates.svg",
        "replicates.png": "figures/replicates.png",
    },
}


def run(spec: dict, inputs: Inputs, output: Path, runtime: Runtime) -> None:
    """spec: seed, seeds (of the replicates), bootstrap, formats and dpi of the figure.

    Roles: outcomes, allocation (folders of fit_allocator) and findings, each with one entry a replicate in that order.
    """
    outcomes, found = ([table.read(path) for path in inputs[table.name]] for table in (OUTCOMES, FINDINGS))
    fitted = [
        [table.read(folder / f"{table.name}.parquet") for folder in inputs["allocation"]]
        for table in (PER_QUESTION, RESAMPLED)
    ]
    output.mkdir(parents=True, exist_ok=True)
    table = accuracies(outcomes, *fitted, spec["bootstrap"], spec["seed"])
    REPLICATES.write(table, output / "replicates.parquet")
    REPLICATED_FINDINGS.write(findings(found), output / "replicated_findings.parquet")
    with style.context():
        drawn = style.settle(draw(table, spec["seeds"]))
        for suffix in spec["formats"]:
            style.save(drawn, output / f"replicates.{suffix}", spec["dpi"])
