"""The reference of all stages, docs/stages.md, written from their declarations and from the plans of the studies here.

python -m tools.stages_reference --write     # what `make docs` does
python -m tools.stages_reference             # prints the page
"""

import tempfile
from functools import cache
from pathlib import Path

from tools.architecture import PACKAGE, ROOT, clause
from tools.golden.studies import of_a_pool, of_verdicts
from tools.tables_reference import main, written_by
from ttc.study.artifact import Artifact, Part
from ttc.study.build import plan_study
from ttc.study.config import load
from ttc.study.plan import Plan
from ttc.study.stages import GROUPS, STAGES, Stage

PAGE = ROOT / "docs/stages.md"
HEAD = """\
# Stages

A stage is one kind of job: `run(spec, inputs, output, runtime)` in a module of `workflow/ttc/stages`. Each is a target
of Snakemake of its name (`snakemake fit_allocator`), and each job a command, `python -m ttc.run STAGE`. Inputs are
given by role; what is said of them here is how the studies of this repository fill the roles. Memory and time are what
a first attempt asks of a scheduler.

Written by `make docs`.

"""


def page() -> str:
    """The text of docs/stages.md: the stages by group, in the order of the workflow."""
    found = []
    for group in GROUPS:
        found.append(f"## The group `{group}`\n")
        found += [_section(name, stage) for name, stage in STAGES.items() if stage.group == group]
    return HEAD + "\n".join(found)


@cache
def plans() -> list[Plan]:
    """The plans of the default study, of every study here that samples, and of two small ones of pools."""
    given = [load(ROOT / "config.yaml")]
    given += [load(ROOT / "config.yaml", study) for study in sorted((ROOT / "studies").glob("*.yaml"))]
    sampled = [each for each in given if not each.get("source") and not _on_disk(each)]
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        pools = [of_a_pool(folder / "pool"), of_verdicts(folder / "verdicts")]
        return [plan_study(each, ROOT) for each in [*sampled, *pools]]


def _on_disk(configuration: dict) -> bool:
    """Whether a study's policy is a file, which may not be here."""
    return "path" in (configuration["policy"].get("checkpoint") or {})


def inputs(stage: str) -> dict[str, set[str]]:
    """Where the inputs of a stage come from, by role: names of stages, "" for a file that no stage writes."""
    roles: dict[str, set[str]] = {}
    for plan in plans():
        for artifact in plan.of(stage):
            for role, given in artifact.inputs.items():
                roles.setdefault(role, set()).update(_origin(each) for each in given)
    return roles


def _origin(given) -> str:
    artifact = given.artifact if isinstance(given, Part) else given
    return artifact.stage if isinstance(artifact, Artifact) else ""


def _section(name: str, stage: Stage) -> str:
    title = clause(PACKAGE / f"stages/{name}.py")
    lines = [f"### {name}", "", f"{title}.", ""]
    roles = inputs(name)
    if name == "publish":
        lines.append("- reads every artifact of the study")
    elif any(roles.values()):
        lines.append(
            f"- reads {'; '.join(_role(role, stages) for role, stages in sorted(roles.items()) if stages)}"
        )
    tables = ", ".join(f"[`{table}`](tables.md#{table})" for table in written_by(name))
    if tables:
        lines.append(f"- writes the table{'s' if tables.count('](') > 1 else ''} {tables}")
    published = sorted({f"`{place.format(label='NAME')}`" for place in stage.published.values()})
    if published:
        lines.append(f"- published as {', '.join(published)}, in `results/<study>`")
    needs = [f"{stage.memory / 1000:g} GB", f"{stage.minutes} minutes"]
    needs += ["a GPU where there is one"] * stage.gpu + ["a login node will do"] * stage.light
    lines.append(f"- asks for {', '.join(needs)}")
    return "\n".join([*lines, ""])


def _role(role: str, stages: set[str]) -> str:
    named = ", ".join(f"[`{each}`](#{each})" for each in STAGES if each in stages)
    return f"`{role}`{f' of {named}' if named else ''}{', a file' if '' in stages else ''}"


if __name__ == "__main__":
    main(page(), PAGE)
