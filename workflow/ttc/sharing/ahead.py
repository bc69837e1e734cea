"""Jobs that a study still needs, as sentences: by stage, which take a model or a GPU, and lost inputs."""

from collections import Counter
from pathlib import Path

from ttc.store.beside import sidecar_path
from ttc.study.jobs import gpus_of
from ttc.study.plan import Plan
from ttc.study.stages import STAGES
from ttc.study.waiting import to_run


def sentences(plan: Plan, folder: Path = Path()) -> list[str]:
    """What `snakemake` would make of a plan, from what lies below `folder`."""
    wanted, missing = to_run(plan, folder)
    if not wanted:
        return ["Nothing is to be done: every result is there."]
    counts = Counter(artifact.stage for artifact in wanted)
    said = [f"{len(wanted)} jobs are to run:"]
    said += [
        f"  {stage:<20}{counts[stage]:>5}{_needs(plan, stage)}" for stage in plan.stages if counts[stage]
    ]
    again = [artifact for artifact in wanted if sidecar_path(folder / artifact.path).is_file()]
    again = [artifact for artifact in again if artifact.stage != "publish"]
    if again:
        said.append(
            f"{len(again)} of them make again what was adopted without its content, first"
            f" {again[0].stage} {again[0].label}; an archive of a larger size has it."
        )
    said += [f"There is no file {path}, which one of them reads." for path in missing]
    light = all(STAGES[stage].group in ("analysis", "publication") for stage in counts)
    said.append("They read tables: no model and no GPU." if light else "Some of them sample, score or train.")
    return said


def _needs(plan: Plan, stage: str) -> str:
    if not STAGES[stage].gpu:
        return ""
    return "   with a model" + (" on a GPU" if gpus_of(plan.configuration, stage) else "")
