"""Studies of completions that somebody else sampled: one import stands in for all stages that generate."""

import glob
from pathlib import Path

from ttc import strategies
from ttc.errors import InputError, nearest
from ttc.search.strategy import Strategy
from ttc.study import stand_ins
from ttc.study.artifact import Artifact, External
from ttc.study.graph.base import Add
from ttc.study.graph.generations import Material
from ttc.study.sections.configuration import Configuration
from ttc.study.sections.pools import (
    FoundSearch,
    Grading,
    Pool,
    ReferenceVotes,
    Sampled,
    SampledProblems,
    Source,
)
from ttc.study.sections.searches import Tree


def plan_pools(configuration: Configuration, add: Add, root: Path) -> tuple[list[Material], dict[str, list]]:
    """Add the import of the pools; return what the analysis reads, the pool `policy` first, and further inputs of the
    report: published votes compared with ours.
    """
    source = configuration.source
    names = sorted(source.pools, key=lambda name: (name != "policy", name))
    pools = {name: _how_to_read(source.pools[name]) for name in names}
    files = {f"pool_{name}": _files(source.pools[name], f"source.pools.{name}", root) for name in names}
    for name in names:
        files |= _tokenizer(name, source.pools[name], root)
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
            prices={"policy": [price.read, price.decoded]} if (price := source.pools[name].price) else None,
            extract=None if source.grading.keep_answers else _extracted(source.pools[name], source.grading),
        )
        for name in names
    ]
    for name, search in source.searches.items():
        _add_search(name, search, source, materials, imported.part("problems.parquet"), add, root)
    reference = source.reference_votes
    further = (
        [] if reference is None else [_compare_votes(reference, spec, imported.inputs["problems"], add, root)]
    )
    return materials, {"votes": further}


def _add_search(
    name: str,
    search: FoundSearch,
    source: Source,
    materials: list[Material],
    problems: object,
    add: Add,
    root: Path,
) -> None:
    """The import of a search, beside the samples of its pool.  Raises InputError for an unknown method or pool."""
    asked_by = f"source.searches.{name}"
    if search.pool not in source.pools:
        near = nearest(search.pool, source.pools)
        raise InputError(f"{asked_by}.pool: there is no pool '{search.pool}'{near}")
    if source.pools[search.pool].thought is not None:
        raise InputError(
            f"{asked_by}.pool: the completions of pool '{search.pool}' have thoughts, and candidates of a search are "
            "read without: leave one of the two out"
        )
    if search.path is None and search.tree is None:
        raise InputError(
            f"{asked_by}: neither `path` nor `tree` was given; candidates are read from one of them"
        )
    try:
        method, values = strategies.parse(name)
    except ValueError as error:
        raise InputError(f"source.searches: {error}; it is written as beam(width=4)") from None
    strategy = Strategy(method, **values)
    spec = {
        "name": strategy.name,
        "search": search.model_dump(exclude={"path": True, "pool": True, "tree": {"path"}}),
        "grading": source.grading.model_dump(),
    }
    found = add(
        "import_search",
        strategies.file_label(strategy.name, search.generations or 1).rpartition("-")[0],
        spec,
        problems=[problems],
        candidates=[] if search.path is None else _files(search, asked_by, root),
        tree=[] if search.tree is None else _files(search.tree, f"{asked_by}.tree", root),
    )
    (material,) = (each for each in materials if each.name == search.pool)
    material.searches.append((strategy.name, found))
    if search.tree is not None and not material.shown_search:
        material.shown_search.append(found)


def _extracted(pool: Pool, grading: Grading) -> list[str] | None:
    """How answers are found in completions; None for a pool that has none, or has thoughts, in which nothing counts."""
    if pool.thought is not None:
        return None
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


def _tokenizer(name: str, pool: Pool, root: Path) -> dict[str, list[External]]:
    """The tokenizer of a pool of thoughts, by its role."""
    if pool.thought is None:
        return {}
    asked_by = f"source.pools.{name}.thought"
    pool.thought.check(asked_by)
    path = pool.thought.tokenizer
    if path is None:
        return {}
    if not (root / path).is_file() and not stand_ins.given_file(path):
        raise InputError(f"{asked_by}.tokenizer: there is no file {path}, seen from the project's folder")
    return {f"tokenizer_{name}": [External(path, root)]}


def _files(
    section: SampledProblems | Sampled | Tree | ReferenceVotes, asked_by: str, root: Path
) -> list[External]:
    """The files that a section's `path` names; `*` and `?` stand for parts of names.

    Raises InputError for one that is not there.
    """
    found = []
    for path in section.path if isinstance(section.path, list) else [section.path]:
        if (root / path).is_file():
            found.append(path)
            continue
        matched = sorted(glob.glob(path, root_dir=root)) if set(path) & set("*?") else []
        files = [each for each in matched if (root / each).is_file()] or stand_ins.matching(path)
        found += files
        if not files:
            raise InputError(f"{asked_by}.path: there is no file {path}, seen from the project's folder")
    return [External(path, root) for path in dict.fromkeys(found)]


def _how_to_read(pool: Pool) -> dict:
    return pool.model_dump(
        exclude={"path": True, "model": True, "parameters": True, "price": True, "thought": {"tokenizer"}}
    )
