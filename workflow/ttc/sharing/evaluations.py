"""Evaluations of a study, as collections of them count: one policy, sampled in one way, on the test problems.

A study has that of its policy, and where it has a larger policy, those of its greedy solutions and of its samples; a
study of pools has one of each pool.  Candidates of searches and chains of revisions are no independent solutions.
"""

import re
from dataclasses import dataclass, field
from pathlib import Path

from ttc.digests import canonical
from ttc.errors import InputError
from ttc.sharing.contents import contents
from ttc.store import sidecars
from ttc.study.artifact import Artifact
from ttc.study.plan import Plan
from ttc.study.sections.configuration import GENERATED, POOL

HUB = re.compile(r"[\w.-]+(/[\w.-]+)+")
# Roles of samples in the stage `evaluate`, the models that gave them, and the roles of their verifiers' scores
SAMPLED = {
    "samples": ("policy", {"prm": "scores", "orm": "orm_scores"}),
    "larger_samples": ("larger_policy", {"prm": "larger_scores"}),
    "larger_greedy": ("larger_policy", {}),
}
# Names that no folder of a collection may have
RESERVED = ("data", "unknown", "con", "prn", "aux", "nul")


@dataclass(frozen=True)
class Model:
    """`id` is OWNER/NAME; owners that are none of the hub are `ttc` (trained here), `local` (a folder), `pool` and
    `served` (behind a server).

    `deployment` and `availability` in the words of Every Eval Ever.
    """

    id: str
    name: str
    deployment: str
    availability: str
    revision: str | None = None
    on_hub: bool = False


@dataclass(frozen=True)
class Source:
    """Where the problems come from: `name` for people; a data set of the hub, where they are one."""

    name: str
    hub: str | None = None
    revision: str | None = None
    config: str | None = None
    split: str | None = None
    rows: int | None = None


@dataclass(frozen=True)
class Evaluation:
    """Files of one evaluation, and what is known of how they were made.

    `role` as in `SAMPLED`; `made`: the temperature, the longest solution in tokens and the engine, as far as known;
    `keys` of everything that is read.
    """

    pool: str
    role: str
    model: Model
    source: Source
    problems: Path
    samples: list[Path]
    curves: Path
    scores: dict[str, list[Path]]
    prompts: Path | None
    extract: str
    keys: str
    made: dict = field(default_factory=dict)


def evaluations(plan: Plan) -> list[Evaluation]:
    """Those of a finished study whose samples lie in the working directory, each file as it is on record.

    InputError for a study that is not finished, that was adopted without its samples, or whose files were changed.
    """
    contents(plan, "tables")
    curves = {artifact.label: artifact for artifact in plan.of("fit_allocator")}
    found = [
        _evaluation(plan, artifact, role, curves[artifact.label])
        for artifact in plan.of("evaluate")
        for role in SAMPLED
        if artifact.inputs.get(role)
    ]
    for each in found:
        read = [each.problems, *each.samples, *(path for paths in each.scores.values() for path in paths)]
        for path in [*read, each.curves, *([each.prompts] if each.prompts else [])]:
            if not path.is_file():
                raise InputError(
                    f"{path}: it is not here, because the study was adopted without its samples; share it from where "
                    "they are, or adopt an archive of the size pools"
                )
            sidecars.verified(path)
    return found


def _evaluation(plan: Plan, artifact: Artifact, role: str, allocator: Artifact) -> Evaluation:
    model, verifiers = SAMPLED[role]
    given = {verifier: artifact.inputs.get(each, []) for verifier, each in verifiers.items()}
    problems, samples = artifact.inputs["problems"], artifact.inputs[role]
    first = samples[0] if isinstance(samples[0], Artifact) else None
    prompts = first.inputs.get("checked", []) if first else []
    read = [allocator, *problems, *samples, *prompts, *(each for scores in given.values() for each in scores)]
    keys = [each.key for each in read]
    return Evaluation(
        pool=artifact.label,
        role=role,
        model=_model(plan, model, artifact.label),
        source=_source(plan),
        problems=Path(problems[0].path),
        samples=[Path(each.path) for each in samples],
        curves=Path(allocator.path, "curves.parquet"),
        scores={verifier: [Path(each.path) for each in given[verifier]] for verifier in given},
        prompts=Path(prompts[0].path) if prompts else None,
        extract=_extract(plan, first),
        keys=canonical([plan.study, artifact.label, role, keys]),
        made=_made(plan, first) if first else {},
    )


def _model(plan: Plan, role: str, pool: str) -> Model:
    configuration = plan.configuration
    if configuration.origin == POOL:
        name = configuration.source.pools[pool].model or pool
        named = HUB.fullmatch(name) and all(_fits(part) for part in name.split("/"))
        return Model(name if named else f"pool/{portable(name)}", name, "unknown", "unknown")
    if configuration.origin == GENERATED:
        return Model(
            f"ttc/{portable(f'{plan.study}-{role}')}", f"{role} of {plan.study}", "self_deployed", "unknown"
        )
    if role in configuration.served:
        name = configuration.served[role].model
        return Model(f"served/{portable(name)}", name, "unknown", "unknown")
    checkpoint = configuration.checkpoints[role]
    if checkpoint.hub:
        return Model(
            checkpoint.hub, checkpoint.hub, "self_deployed", "open_weights", checkpoint.revision, on_hub=True
        )
    name = Path(checkpoint.path).name  # the path itself says where somebody's files are
    return Model(f"local/{portable(name)}", name, "self_deployed", "unknown", checkpoint.revision)


def _source(plan: Plan) -> Source:
    configuration = plan.configuration
    if configuration.problems is None:
        made = "generated" if configuration.origin == GENERATED else "the pools'"
        return Source(f"{made} problems of the study {plan.study}")
    found = configuration.problems.test.resolved("test")
    if not found["hub"]:
        return Source(f"local problems of the study {plan.study}")
    config = found["config"]
    config = "+".join(config) if isinstance(config, list) else config
    return Source(found["hub"], found["hub"], found["revision"], config, found["split"], found["rows"])


def _made(plan: Plan, sampled: Artifact) -> dict:
    """temperature, max_tokens and engine (of generated problems: none that has a name), with its version if known."""
    engine = sampled.spec.get("engine") or ("transformers" if plan.configuration.problems else None)
    version = sampled.spec.get("versions", {}).get(engine)
    return {each: sampled.spec[each] for each in ("temperature", "max_tokens")} | {
        "engine": engine,
        "version": version,
    }


def _extract(plan: Plan, sampled: Artifact | None) -> str:
    """How answers were found, in a word or several."""
    if sampled is None:
        grading = plan.configuration.source.grading
        return "given by the pool" if grading.keep_answers else ", ".join(grading.extract)
    form = sampled.spec.get("form")
    return ", ".join(form["prompt"]["extract"]) if form else "the task's own form"


def portable(name: str) -> str:
    """A name as the name of a folder that every system allows."""
    made = re.sub(r"[^\w.+=-]+", "-", name, flags=re.ASCII).strip(".-")
    return made if _fits(made) else f"model-{made}".rstrip("-")


def _fits(part: str) -> bool:
    return bool(part) and part.split(".")[0].lower() not in RESERVED and not part.endswith(".")
