"""The costs of the ready studies of published models, as a table in docs/models.md.

ttc studies [--write docs/models.md]
"""

from pathlib import Path

from ttc.estimate.table import jobs, longest_chain, short
from ttc.study.build import ROOT, plan_study
from ttc.study.config import load
from ttc.study.jobs import gpus_of
from ttc.study.plan import Plan
from ttc.study.sections.models import Checkpoint

MARK = "<!-- written by ttc studies -->"
HEAD = (
    "| study | policy | larger policy | verifier | tokens decoded | GPU | GPU-hours | longest chain | disk |",
    "|---|---|---|---|---|---|---|---|---|",
)


def published_studies(root: Path = ROOT) -> dict[str, Plan]:
    """The plans of all files in `studies/` that have real problems and a model of the hub, by their names."""
    plans = {}
    for file in sorted((root / "studies").glob("*.yaml")):
        configuration = load(root / "config.yaml", file)
        # One that lies on somebody's disk may not be here
        if configuration.get("problems") and configuration["policy"]["checkpoint"].get("hub"):
            plans[file.stem] = plan_study(configuration, root)
    return plans


def row(name: str, plan: Plan) -> str:
    """A study's line: what it runs, and what its plan alone says that this takes."""
    every, _, _ = jobs(plan, measuring=False)
    gpu_seconds = sum(job.seconds * gpus_of(plan.configuration, job.artifact.stage) for job in every)
    configuration = plan.configuration
    cells = [
        f"[{name}](../studies/{name}.yaml)",
        *(_model(configuration.checkpoints.get(role)) for role in ("policy", "larger_policy", "prm")),
        short(sum(job.work.decoded for job in every)),
        str(configuration.runtime.rates.gpu).upper(),
        f"{gpu_seconds / 3600:.0f}",
        f"{longest_chain(every) / 3600:.0f} h",
        f"{sum(job.bytes for job in every) / 1e9:.0f} GB",
    ]
    return "| " + " | ".join(cells) + " |"


def table() -> str:
    """All of them as Markdown between marks."""
    return "\n".join([MARK, *HEAD, *(row(*each) for each in published_studies().items()), MARK])


def _model(checkpoint: Checkpoint | None) -> str:
    return "fine-tuned here" if checkpoint is None else checkpoint.hub.split("/")[1]
