"""Studies of completions that somebody else sampled: one import stands in for all stages that generate."""

from pathlib import Path

from ttc.errors import InputError
from ttc.study.artifact import Artifact, External
from ttc.study.graph.base import Add
from ttc.study.graph.generations import Material
from ttc.study.sections.configuration import Configuration
from ttc.study.sections.pools import Grading, Pool, ReferenceVotes, SampledProblems


def plan_pools(configuration: Configuration, add: Add, root: Path) -> tuple[list[Material], list[Artifact]]:
    """Add the import of the pools; return what the analysis reads, the pool `policy` first, and further tables."""
    source = configuration.source
    names = sorted(source.pools, key=lambda name: (name != "policy", name))
    pools = {name: _how_to_read(source.pools[name]) for name in names}
    files = {f"pool_{name}": _files(source.pools[name], f"source.pools.{name}", root) for name in names}
    if source.problems is None and source.grading.verdicts != "recorded":
        raise InputError(
            "source.problems: the key is missing; without gold answers there must be verdicts (`grading: recorded`)"
        )
    problems = None if source.problems is None else source.problems.model_dump(exclude={"path"})
    spec = {"problems": problems, "pools": pools}
    spec |= source.model_dump(include={"grading", "missing_samples", "contradicted", "accept"})
    scored = [name for name in names if pools[name]["columns"].get("step_scores")]
    imported = add(
        "import_pool",
        "pools",
        spec,
        parts=("problems.parquet", "grading.parquet", "pool_checks.parquet")
        + tuple(f"{name}.{table}.parquet" for name in names for table in ("samples", "origin"))
        + tuple(f"{name}.scores.parquet" for name in scored),
        problems=[] if source.problems is None else _files(source.problems, "source.problems", root),
        **files,
    )
    materials = [
        Material(
            name=name,
            title=source.pools[name].model or name,
            origin=[imported.part(f"{name}.origin.parquet")],
            problems=[imported.part("problems.parquet")],
            samples=[imported.part(f"{name}.samples.parquet")],
            checks=[imported.part("pool_checks.parquet")],
            scores=[imported.part(f"{name}.scores.parquet")] if name in scored else [],
            parameters={"policy": size} if (size := source.pools[name].parameters) else None,
            extract=None if source.grading.keep_answers else _extracted(source.pools[name], source.grading),
        )
        for name in names
    ]
    reference = source.reference_votes
    further = (
        [] if reference is None else [_compare_votes(reference, spec, imported.inputs["problems"], add, root)]
    )
    return materials, further


def _extracted(pool: Pool, grading: Grading) -> list[str] | None:
    """How answers are found in completions; None for a pool that has none."""
    columns = pool.columns.model_dump()
    return grading.extract if columns.get("text", not (columns.get("answer") or columns.get("n"))) else None


def _compare_votes(
    reference: ReferenceVotes, imported: dict, problems: list[External], add: Add, root: Path
) -> Artifact:
    """The comparison with published votes; it reads its own pool, since votes may cover more than the study does."""
    asked_by = "source.reference_votes"
    spec = reference.model_dump(include={"columns", "rules", "question"})
    spec |= {
        "problems": imported["problems"],
        "grading": imported["grading"],
        "pool": _how_to_read(reference.pool),
    }
    return add(
        "compare_votes",
        "votes",
        spec,
        problems=problems,
        pool=_files(reference.pool, f"{asked_by}.pool", root),
        votes=_files(reference, asked_by, root),
    )


def _files(section: SampledProblems | Pool | ReferenceVotes, asked_by: str, root: Path) -> list[External]:
    """The files that a section's `path` names.  Raises InputError for one that is not there."""
    paths = section.path if isinstance(section.path, list) else [section.path]
    for path in paths:
        if not (root / path).is_file():
            raise InputError(f"{asked_by}.path: there is no file {path}, seen from the project's folder")
    return [External(path, root) for path in paths]


def _how_to_read(pool: Pool) -> dict:
    return pool.model_dump(exclude={"path", "model", "parameters"})
