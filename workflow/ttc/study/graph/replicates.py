"""Replicates: a study whose models are trained, and whose solutions are sampled, with several seeds."""

from ttc.study.artifact import Artifact, Part
from ttc.study.graph.base import Add
from ttc.study.sections.configuration import Configuration

TABLES = ("replicates", "replicated_findings")


def plan_replicates(
    configuration: Configuration, add: Add, measured: list[dict[str, list[Artifact]]]
) -> dict[str, list[Part]]:
    """Add the comparison of the replicates; its tables and its figure, by role of the report."""
    figures = [f"replicates.{suffix}" for suffix in configuration.figures.formats]
    parts = (*(f"{name}.parquet" for name in TABLES), *figures)
    spec = {
        "seed": configuration.seed,
        "seeds": configuration.replicates,
        "bootstrap": configuration.allocation.bootstrap,
    }
    spec |= configuration.figures.model_dump(include={"formats", "dpi"})
    roles = ("outcomes", "allocation", "findings")
    read = {role: [artifact for each in measured for artifact in each[role]] for role in roles}
    made = add("compare_replicates", "seeds", spec, parts=parts, **read)
    return {name: [made.part(f"{name}.parquet")] for name in TABLES} | {
        "replicates_figure": [made.part(figures[0])]
    }
