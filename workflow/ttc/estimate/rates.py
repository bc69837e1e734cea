"""Times of jobs and sizes of results: measured on finished jobs, or else by stated rates."""

import json
from collections import defaultdict
from dataclasses import dataclass, field
from pathlib import Path

from ttc.estimate.counts import Work
from ttc.estimate.sizes import NONE, Sizes, base, largest_model, parameters
from ttc.study.artifact import Artifact
from ttc.study.plan import Plan
from ttc.study.sections.running import SERVED

KINDS = ("decode", "read", "train")
# FLOP/s by kind of work, and seconds in which a job starts.  `cpu`: as the default study's models do on one core.
# `cuda`: an order of magnitude for models of some billion parameters that decode a thousand sequences at a time.
STATED = {
    "cpu": {"decode": 1.5e10, "read": 1.5e10, "train": 1.5e10, "start": 6.0},
    "cuda": {"decode": 1.0e13, "read": 1.0e14, "train": 1.0e14, "start": 60.0},
}
# Peak FLOP/s in bfloat16 without sparsity, of the data sheets: A100 80 GB and H100 SXM
GPUS = {"a100": 3.12e14, "h100": 9.89e14}
# Share of the peak at which billed FLOPs go by: our judgement, orders of magnitude for models of one to ten billion
# parameters, measured by nobody here; smaller models reach less.  The transformers engine waits for the longest row
# of a batch and starts each kernel from Python.  Reading and training run at what large matrices reach with padding,
# training with activations computed twice.
UTILISATION = {
    "transformers": {"decode": 0.02, "read": 0.3, "train": 0.25},
    "vllm": {"decode": 0.1, "read": 0.3, "train": 0.25},
}
START = {"transformers": 60.0, "vllm": 150.0}  # seconds: weights are read; vllm also compiles
# Bytes of a row of a table; of a job whose results are no such table, bytes in all.  Those of the default study.
ROW_BYTES = {
    "problems": 25,
    "sample": 9,
    "think": 9,
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
    "browse": 6e7,
    "notebook": 5e5,
}
JOB_BYTES |= {"publish": 8e7}
OTHER_BYTES = 1e5
TOKENIZER_BYTES = 2e4
FLOAT_BYTES = {"float32": 4, "bfloat16": 2, "float16": 2}
TEXT_BYTES = 1.0  # of a token of real text, compressed
HUB_BYTES = 2  # of a published parameter


@dataclass
class Rates:
    """Seconds and bytes of jobs.

    stated: by engine, FLOP/s of a GPU or core by kind, and seconds of the start.  fetched: see
    `ttc.estimate.sizes`; stored: the same with all parameters of mixtures of experts, for bytes.  timed: seconds and
    FLOPs of finished jobs, by stage and size of the model; sized: bytes and what they are expected to be, by stage.
    """

    stated: dict[str, dict[str, float]]
    fetched: Sizes = field(default_factory=dict)
    stored: Sizes = field(default_factory=dict)
    timed: dict[tuple[str, int], list[tuple[float, float]]] = field(default_factory=lambda: defaultdict(list))
    sized: dict[str, list[tuple[float, float]]] = field(default_factory=lambda: defaultdict(list))

    def learn(self, artifact: Artifact, work: Work, flops: float, seconds: float | None, size: float) -> None:
        """Take in a finished job."""
        if seconds is not None:
            self.timed[self._job(artifact)].append((seconds, flops))
        self.sized[artifact.stage].append((size, stated_bytes(artifact, work, self.stored or self.fetched)))

    def seconds(self, artifact: Artifact, flops: dict[str, float], gpus: int = 1) -> tuple[float, bool]:
        """Seconds of a job that is to run, and whether finished jobs of its stage and model say so.

        gpus: how many the job has; only vllm works with several.  How long a server takes nothing here tells: of a job
        that asks one it is the start.
        """
        total, jobs = sum(flops.values()), self.timed.get(self._job(artifact))
        if jobs:
            took, did = (sum(column) for column in zip(*jobs, strict=True))
            return (took * total / did if did else took / len(jobs)), True
        if engine(artifact) == SERVED:
            return STATED["cpu"]["start"], False
        stated, share = self.stated[engine(artifact)], max(1, gpus) if engine(artifact) == "vllm" else 1
        return stated["start"] + sum(flops[kind] / stated[kind] for kind in flops) / share, False

    def bytes(self, artifact: Artifact, work: Work) -> float:
        """Bytes of a job's results that is to run."""
        stated = stated_bytes(artifact, work, self.stored or self.fetched)
        known = self.sized.get(artifact.stage)
        if known:
            real, expected = (sum(column) for column in zip(*known, strict=True))
            return stated * real / expected
        return stated

    def _job(self, artifact: Artifact) -> tuple[str, int]:
        """What jobs have in common that take time in proportion to their FLOPs."""
        return artifact.stage, largest_model(artifact, self.fetched)


def engine(artifact: Artifact) -> str:
    """What a job generates or reads with."""
    return artifact.spec.get("engine", "transformers")


def stated_rates(plan: Plan, engine: str = "transformers") -> dict[str, float]:
    """`runtime.rates`, and for those that are null the stated ones of the GPU that it names, or else of the device."""
    runtime = plan.configuration.runtime
    given = {name: value for name, value in runtime.rates.model_dump().items() if value is not None}
    peak = GPUS.get(given.pop("gpu", None))
    if runtime.device != "cuda":
        stated = STATED["cpu"]
    elif peak is None:
        stated = STATED["cuda"]
    else:
        stated = {kind: peak * share for kind, share in UTILISATION[engine].items()} | {
            "start": START[engine]
        }
    return stated | given


def stated_bytes(artifact: Artifact, work: Work, fetched: Sizes = NONE) -> float:
    """Bytes of a job's results: weights, rows of tables with the texts in them, or a number for the stage."""
    if artifact.stage == "fetch_model" and artifact.spec.get("hub") is not None:
        return HUB_BYTES * parameters(artifact, fetched)
    if artifact.stage.startswith("train_") or "gguf" in artifact.spec:
        return FLOAT_BYTES[_dtype(artifact)] * parameters(artifact, fetched) + TOKENIZER_BYTES
    if artifact.stage in ROW_BYTES:
        texts = TEXT_BYTES * work.decoded if "form" in artifact.spec else 0
        return max(2000, ROW_BYTES[artifact.stage] * work.rows + texts)
    return JOB_BYTES.get(artifact.stage, OTHER_BYTES)


def _dtype(model: Artifact) -> str:
    """What the weights of a model are written in (`ttc.training.fine_tune` for those that are fine-tuned)."""
    if model.stage == "fetch_model":
        return model.spec["dtype"]
    own = model.spec.get("fine_tuning", {"dtype": None})["dtype"]
    if own is None:
        return "float32"
    return _dtype(base(model)) if own == "float32" else own


def benchmark(artifact: Artifact, folder: Path) -> float | None:
    """Seconds that a job took, from the file that Snakemake left; None without one."""
    try:
        return float(
            json.loads(
                (folder / artifact.stage / f"{artifact.name}.jsonl")
                .read_text(encoding="utf-8")
                .splitlines()[-1]
            )["s"]
        )
    except (OSError, ValueError, KeyError, IndexError, TypeError):
        return None


def size_of(artifact: Artifact, root: Path) -> float:
    """Bytes that an artifact has on the disk; of the published study those of its folder."""
    path = root / artifact.path
    if artifact.stage == "fetch_model" and artifact.spec.get("hub") is not None:
        path = path / "weights"  # a link into the hub's cache, which is on somebody's disk, too
    if artifact.stage == "publish":
        path = path.parent
    if path.is_dir():
        return float(sum(each.stat().st_size for each in path.rglob("*") if each.is_file()))
    return float(path.stat().st_size)
