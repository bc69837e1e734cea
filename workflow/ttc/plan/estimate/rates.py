"""How long jobs take and how large their results are: measured on finished jobs, or else by stated rates."""

import json
from collections import defaultdict
from dataclasses import dataclass, field
from pathlib import Path

from ttc.plan.artifacts import Artifact, Plan
from ttc.plan.estimate.counts import Work, largest_model, parameters

KINDS = ("decode", "read", "train")
# FLOP/s by kind of work, and seconds in which a job starts.  `cpu`: as the default study's models do on one core.
# `cuda`: an order of magnitude for models of some billion parameters that decode a thousand sequences at a time.
STATED = {
    "cpu": {"decode": 1.5e10, "read": 1.5e10, "train": 1.5e10, "start": 6.0},
    "cuda": {"decode": 1.0e13, "read": 1.0e14, "train": 1.0e14, "start": 60.0},
}
# Bytes of a row of a table; of a job whose results are no such table, bytes in all.  Those of the default study.
ROW_BYTES = {
    "problems": 25,
    "sample": 9,
    "roll_out": 1,
    "score": 4,
    "search": 3,
    "pair_revisions": 16,
    "revise": 7,
    "score_revisions": 2,
}
JOB_BYTES = {
    "evaluate": 2e6,
    "fit_allocator": 2e6,
    "plot": 6e6,
    "gallery": 6e6,
    "report": 4e6,
    "notebook": 5e5,
}
JOB_BYTES |= {"publish": 2e7}
OTHER_BYTES = 1e5
TOKENIZER_BYTES = 2e4
FLOAT_BYTES = 4


@dataclass
class Rates:
    """Seconds and bytes of jobs.

    stated: FLOP/s by kind and seconds of the start.  timed: seconds and FLOPs of finished jobs, by stage and size of
    the model; sized: bytes and what they are expected to be, by stage.
    """

    stated: dict[str, float]
    timed: dict[tuple[str, int], list[tuple[float, float]]] = field(default_factory=lambda: defaultdict(list))
    sized: dict[str, list[tuple[float, float]]] = field(default_factory=lambda: defaultdict(list))

    def learn(self, artifact: Artifact, work: Work, flops: float, seconds: float | None, size: float) -> None:
        """Take in a finished job."""
        if seconds is not None:
            self.timed[artifact.stage, largest_model(artifact)].append((seconds, flops))
        self.sized[artifact.stage].append((size, stated_bytes(artifact, work)))

    def seconds(self, artifact: Artifact, flops: dict[str, float]) -> tuple[float, bool]:
        """Seconds of a job that is to run, and whether finished jobs of its stage and model say so."""
        total, jobs = sum(flops.values()), self.timed.get((artifact.stage, largest_model(artifact)))
        if jobs:
            took, did = (sum(column) for column in zip(*jobs, strict=True))
            return (took * total / did if did else took / len(jobs)), True
        return self.stated["start"] + sum(flops[kind] / self.stated[kind] for kind in flops), False

    def bytes(self, artifact: Artifact, work: Work) -> float:
        """Bytes of a job's results that is to run."""
        stated = stated_bytes(artifact, work)
        known = self.sized.get(artifact.stage)
        if known:
            real, expected = (sum(column) for column in zip(*known, strict=True))
            return stated * real / expected
        return stated


def stated_rates(plan: Plan) -> dict[str, float]:
    """`runtime.rates`, and for those that are null the stated ones of the device."""
    runtime = plan.configuration["runtime"]
    stated = STATED["cuda" if runtime["device"] == "cuda" else "cpu"]
    return stated | {name: value for name, value in runtime["rates"].items() if value is not None}


def stated_bytes(artifact: Artifact, work: Work) -> float:
    """Bytes of a job's results: weights in float32, rows of tables, or a number for the stage."""
    if artifact.stage.startswith("train_"):
        return FLOAT_BYTES * parameters(artifact) + TOKENIZER_BYTES
    if artifact.stage in ROW_BYTES:
        return max(2000, ROW_BYTES[artifact.stage] * work.rows)
    return JOB_BYTES.get(artifact.stage, OTHER_BYTES)


def benchmark(artifact: Artifact, folder: Path) -> float | None:
    """Seconds that a job took, from the file that Snakemake left; None without one."""
    try:
        return float(
            json.loads((folder / artifact.stage / f"{artifact.name}.jsonl").read_text().splitlines()[-1])["s"]
        )
    except (OSError, ValueError, KeyError, IndexError, TypeError):
        return None


def size_of(artifact: Artifact, root: Path) -> float:
    """Bytes that an artifact has on the disk; of the published study those of its folder."""
    path = root / artifact.path
    if artifact.stage == "publish":
        path = path.parent
    if path.is_dir():
        return float(sum(each.stat().st_size for each in path.rglob("*") if each.is_file()))
    return float(path.stat().st_size)
