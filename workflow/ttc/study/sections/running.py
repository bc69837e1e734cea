"""Engines, devices and what schedulers are asked for."""

from collections.abc import Mapping
from typing import Annotated, Literal

from ttc import plugins
from ttc.engines.backends import DEFAULT as DEFAULT_ENGINE
from ttc.errors import InputError, nearest
from ttc.study.sections.base import (
    Count,
    Natural,
    NotNegative,
    OnGpus,
    Origin,
    Positive,
    Section,
    Sparse,
    key,
)
from ttc.study.sections.models import KINDS, Checkpoint
from ttc.study.stages import STAGES

ENGINES = "ttc.engines.backends"
EngineName = Literal[*plugins.names(ENGINES)]
SERVED = "openai"  # what samples from a policy behind a server, whatever `sample` says
# What published models do, by their section
DOES = {
    "policy": ("sample", "roll_out", "search", "revise"),
    "larger_policy": ("sample", "search"),
    "prm": ("score", "search_verifier"),
}
READ_BY_VLLM = [name for name, each in plugins.declarations(KINDS).items() if each["vllm"]]


class Engine(Section):
    """What generates and reads published models: `transformers`, or `vllm` in its own environment (docs/vllm.md).

    A policy that is `served` is asked by `openai`, whatever is said here (docs/served.md).
    """

    sample: EngineName = key(DEFAULT_ENGINE, "samples")
    roll_out: EngineName = key(DEFAULT_ENGINE, "rollouts")
    search: EngineName = key(DEFAULT_ENGINE, "the policy in searches")
    search_verifier: EngineName = key(
        DEFAULT_ENGINE, "the published verifier in searches, whatever the policy's"
    )
    revise: EngineName = key(DEFAULT_ENGINE, "revisions")
    score: EngineName = key(DEFAULT_ENGINE, "scores of samples")

    def check(self, kind: str | None, served: bool = False) -> None:
        """InputError for a published verifier of a kind that an engine does not read, or a server where none is asked.

        served: whether a policy is behind a server.
        """
        for name, engine in self.model_dump().items():
            if engine == SERVED and name != "sample":
                raise InputError(
                    f"engine.{name}: {SERVED} was given, and a policy behind a server is asked by it whatever is said "
                    "here: only engine.sample takes it"
                )
        if self.sample == SERVED and not served:
            raise InputError(
                f"engine.sample: {SERVED} was given, and no policy is behind a server; policy.served names one"
            )
        for name in DOES["prm"]:
            if getattr(self, name) == "vllm" and kind is not None and kind not in READ_BY_VLLM:
                raise InputError(
                    f"engine.{name}: vllm was given, and it does not read verifiers of kind {kind}; it reads "
                    f"{', '.join(READ_BY_VLLM)}"
                )

    def check_linear(self, checkpoints: Mapping[str, Checkpoint], device: str) -> None:
        """InputError for a library of linear layers (`Checkpoint.linear`) where `torch` on a CPU computes none.

        checkpoints: by their section.
        """
        for name, checkpoint in checkpoints.items():
            if checkpoint.linear is None:
                continue
            where = f"{name}.checkpoint.linear: {checkpoint.linear} was given"
            if device == "cuda":
                raise InputError(
                    f"{where}, which is for CPUs, and runtime.device is cuda; leave one of them out"
                )
            if name == "prm" and checkpoint.hosted:
                raise InputError(f"{where}, and a server computes the layers; leave it out")
            for stage in DOES[name]:
                if getattr(self, stage) == "vllm":
                    raise InputError(
                        f"{where}, and engine.{stage} is vllm, which has layers of its own; leave it out"
                    )

    @property
    def names(self) -> set[str]:
        """The engines in use."""
        return set(self.model_dump().values())


class Job(Sparse):
    """Overrides for the jobs of the stage NAME."""

    memory: Count = key(None, "MB of a first attempt, half as much again with each further one")
    minutes: Count = key(None, "of a first attempt, as much again with each further one")
    gpus: Natural = key(None, "GPUs of each job")


class Rates(Section):
    """Speeds that `ttc plan` assumes where no finished job tells; null: a rough value for the device."""

    gpu: Literal["a100", "h100"] | None = key(
        None,
        "the GPU whose peak gives those that are null (docs/plan.md), where device is cuda",
    )
    decode: Positive | None = key(None, "FLOP/s of decoding (2 per parameter and token)")
    read: Positive | None = key(None, "FLOP/s of reading prompts and of verifiers")
    train: Positive | None = key(None, "FLOP/s of training (6 per parameter and token)")
    start: NotNegative | None = key(None, "seconds before a job works")


class Runtime(Section):
    """How stages run; nothing here can change a result, so nothing here is part of a key."""

    threads: Count = key(1, "threads of each process; parallelism comes from processes")
    batch_rows: Count = key(1024, "sequences that are decoded or scored together")
    verifier_memory: Annotated[Natural, Origin("published")] = key(
        4096,
        "MB of keys and values that a published verifier keeps of what it has read; what does not fit is read again",
    )
    device: Literal["auto", "cpu", "cuda"] = key(
        "auto", "where models run; `auto` takes a GPU where there is one"
    )
    gpus: Annotated[Natural | None, OnGpus()] = key(
        None,
        "GPUs that a scheduler is asked for, for each job that can use one; null asks for one where device is cuda",
    )
    jobs: dict[str, Job] = key(
        {}, "overrides of memory (MB), minutes and gpus by stage, such as `sample: {minutes: 600}`"
    )
    rates: Annotated[Rates, OnGpus()] = Rates()

    def job(self, stage: str) -> Job:
        """The overrides for a stage; None where there is none."""
        return self.jobs.get(stage, Job())

    def check(self) -> None:
        """InputError for overrides of an unknown stage, or of GPUs for one that uses none."""
        for name, job in self.jobs.items():
            if name not in STAGES:
                raise InputError(
                    f"runtime.jobs.{name}: there is no such stage; there are {', '.join(STAGES)}"
                    f"{nearest(name, STAGES)}"
                )
            if job.gpus and not STAGES[name].gpu:
                raise InputError(f"runtime.jobs.{name}.gpus: {job.gpus} was given; that stage uses no GPU")
