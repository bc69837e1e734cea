"""Golden artifacts, made by the code of this tree: what later code is compared with, see `tools.stages_lock`.

python -m tools.golden FOLDER

Writes the artifacts with their sidecars to FOLDER/results/store, what they were made of to FOLDER/given, and
FOLDER/golden.json: of each job {"name", "stage", "spec", "inputs": paths by role, "output", "seconds"}, in an order in
which they can be run; paths are relative to FOLDER.
"""

import argparse
import contextlib
import json
import os
import shutil
import time
from pathlib import Path

from tools.golden import studies
from tools.golden.jobs import run
from ttc.run.threads import thread_variables
from ttc.store import sidecars
from ttc.study.build import plan_study
from ttc.study.stages import STAGES

JOBS = "golden.json"


def make(folder: Path) -> list[dict]:
    """Run all golden studies in `folder`, the working directory."""
    given = Path("given").resolve()
    made: dict[str, dict] = {}
    _study(studies.generated(), made)
    _study(studies.of_two_seeds(), made, set(STAGES) - set(studies.PAGES))
    for name, configuration in studies.of_published_models(given / "published").items():
        if name == "given":
            _study(configuration, made)
        elif name == "trained":
            _study(configuration, made, set(STAGES) - set(studies.PAGES))
        else:
            _study(configuration, made, set(studies.NEEDED))
    of_thoughts = {*studies.NEEDED, *studies.THINKING}
    _study(studies.of_a_thinking_model(given / "thinking"), made, of_thoughts)
    _study(studies.of_a_pool(given / "pool"), made)
    _study(studies.of_verdicts(given / "verdicts"), made)
    return list(made.values())


def _study(configuration: dict, made: dict[str, dict], stages: set[str] = frozenset(STAGES)) -> None:
    """Run what a study has of some stages and what is not yet made."""
    plan = plan_study(configuration, studies.ROOT)
    for artifact in plan.artifacts:
        if artifact.path in made or artifact.stage not in stages:
            continue
        inputs = {role: [_kept(each.path) for each in given] for role, given in artifact.inputs.items()}
        job = {
            "name": f"{plan.study}/{artifact.stage}/{artifact.label}",
            "stage": artifact.stage,
            "spec": artifact.spec,
            "inputs": inputs,
            "output": artifact.path,
        }
        started, output = time.monotonic(), Path(artifact.path)
        run(job, output)
        names = {role: [Path(path).name for path in paths] for role, paths in inputs.items()}
        about = {"stage": artifact.stage, "spec": artifact.spec, "inputs": names}
        sidecars.write(output, about, None, output)
        made[artifact.path] = job | {"seconds": round(time.monotonic() - started, 3)}


def _kept(path: str) -> str:
    """A path below the working directory; a file from outside is copied there."""
    here = Path.cwd()
    place = Path(path)
    if not place.is_absolute():
        return path
    if place.is_relative_to(here):
        return place.relative_to(here).as_posix()
    copy = Path("given") / place.name
    shutil.copyfile(place, copy)
    return copy.as_posix()


def main(folder: Path) -> None:
    """Make the golden artifacts in an empty folder; what the jobs print goes to `golden.log`."""
    folder.mkdir(parents=True)
    os.chdir(folder)
    Path("given").mkdir()
    with Path("golden.log").open("w", encoding="utf-8") as log, contextlib.redirect_stdout(log):
        jobs = make(folder)
    Path(JOBS).write_text(json.dumps(jobs, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    os.environ.update(thread_variables(1))
    parser = argparse.ArgumentParser(prog="python -m tools.golden", description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path, help="where the artifacts go; it must not exist")
    main(parser.parse_args().folder)
