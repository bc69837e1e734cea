"""The way from a configuration to its plan."""

import argparse
from pathlib import Path

from ttc.store import lock
from ttc.store.keys import Code
from ttc.study.artifact import Artifact
from ttc.study.config import load, parse_and_tell
from ttc.study.graph.analysis import (
    plan_analysis,
    plan_comparison,
    plan_figures,
    plan_publication,
    plan_solutions,
)
from ttc.study.graph.origins import ORIGINS
from ttc.study.graph.replicates import plan_replicates
from ttc.study.jobs import Jobs
from ttc.study.plan import Plan
from ttc.study.relevant import shown_configuration
from ttc.study.site import read_site
from ttc.study.stages import STAGES

ROOT = Path(__file__).resolve().parents[3]
LOCK = "envs/cpu.lock.txt"


def plan_study(given: dict, root: Path = ROOT) -> Plan:
    """The plan of the configuration `given` for the project in folder `root`.

    Raises InputError for a mistake in the configuration.  Reads the sources of the package (once a key is asked for),
    the lock files, the site and the files of pools; writes nothing.
    """
    configuration, told = parse_and_tell(given, root)
    pins, records = lock.read_pins(root / LOCK), lock.read_stages(root / lock.NAME)
    code = Code(root / "workflow/ttc", pins, records)
    artifacts: list[Artifact] = []
    made: dict[tuple, Artifact] = {}

    def add(
        stage: str, label: str, spec: dict, parts: tuple[str, ...] = (), rank: int = 0, **inputs: list
    ) -> Artifact:
        artifact = Artifact(stage, label, spec, inputs, code, parts, rank)
        if configuration.seeds:
            # Replicates share what no seed of theirs is in
            known = made.setdefault(artifact.same_as, artifact)
            if known is not artifact:
                return known
        artifacts.append(artifact)
        return artifact

    materials, further = ORIGINS[configuration.origin](configuration, add, root)
    measured = [plan_analysis(configuration, add, material) for material in materials]
    measured[0] |= plan_comparison(configuration, add, [] if configuration.seeds else materials, measured)
    for material, each in zip(materials, measured, strict=True):
        each["figures"] = plan_figures(configuration, add, material, each)
    if configuration.seeds:
        # Pages are about the first replicate, and show what the others change
        further |= plan_replicates(configuration, add, measured)
        materials, measured = materials[:1], measured[:1]
    for material, each in zip(materials, measured, strict=True):
        plan_solutions(configuration, add, material, each, material is materials[0])
    plan_publication(configuration, add, materials, measured, further, root)
    stages = {artifact.stage: STAGES[artifact.stage] for artifact in artifacts}
    spec = {
        "configuration": shown_configuration(configuration),
        "published": {name: stage.published for name, stage in stages.items() if stage.published},
        "per_pool": sorted(name for name, stage in stages.items() if stage.per_pool),
    }
    add("publish", configuration.study.name, spec, artifacts=list(artifacts))
    return Plan(configuration, artifacts, root, told)


def plan_named(command: str, purpose: str, arguments: list[str]) -> Plan:
    """The plan of the study that a command for people is given: files laid over config.yaml, in order."""
    parser = argparse.ArgumentParser(prog=command, description=purpose)
    parser.add_argument(
        "studies",
        nargs="*",
        metavar="STUDY.yaml",
        help="files laid over config.yaml, in order; default: none",
    )
    return plan_study(load(ROOT / "config.yaml", *parser.parse_args(arguments).studies))


def plan_jobs(plan: Plan, folder: str = "", conda_environments: bool = False) -> Jobs:
    """What Snakemake's rules ask of a plan (see `Jobs`); reads the site's settings."""
    return Jobs(plan, read_site(plan.root), folder, conda_environments)
