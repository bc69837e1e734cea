"""What a study is made of: artifacts, the files they come from, and the plan that names them all.

An artifact's path holds its key, so a path that exists is up to date by definition.
"""

import shlex
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

from ttc.digests import canonical, file_digest
from ttc.errors import InputError
from ttc.run.threads import thread_variables
from ttc.store.folders import folder_digest
from ttc.store.keys import Code, artifact_key
from ttc.study.published import check_pinned
from ttc.study.site import Site
from ttc.study.stages import STAGES

STORE = "results/store"
VLLM_PYTHON = ".venv-vllm/bin/python"  # made by `make vllm`


@dataclass(frozen=True)
class External:
    """A file that no stage writes; `given` is its path as seen from the project's folder `root`."""

    given: str
    root: Path

    @property
    def path(self) -> str:
        """Path for a command; as it was given where the project's folder is the working directory."""
        return self.given if Path.cwd() == self.root else str(self.root / self.given)

    @property
    def outputs(self) -> list[str]:
        """The file itself."""
        return [self.path]

    @cached_property
    def key(self) -> str:
        """SHA-256 of the content: the file may move without anything being computed again."""
        return file_digest(self.root / self.given)


@dataclass(frozen=True)
class Folder(External):
    """A folder that no stage writes, such as a checkpoint of many gigabytes: files are read again once they change."""

    @cached_property
    def key(self) -> str:
        """SHA-256 of the names and contents of its files."""
        return folder_digest(self.root / self.given)


def external(path: str, root: Path) -> External:
    """A file or a folder that no stage writes."""
    return Folder(path, root) if (root / path).is_dir() else External(path, root)


@dataclass(frozen=True)
class Part:
    """One file inside the directory of an artifact."""

    artifact: "Artifact"
    name: str

    @property
    def path(self) -> str:
        """Path relative to the working directory."""
        return f"{self.artifact.path}/{self.name}"

    @property
    def outputs(self) -> list[str]:
        """The file itself."""
        return [self.path]

    @property
    def key(self) -> str:
        """The directory's key and the file's name."""
        return f"{self.artifact.key}/{self.name}"


@dataclass(frozen=True, eq=False)
class Artifact:
    """A result of one stage: `spec` is everything that can change it besides its code and its inputs by role.

    `parts` names the files of a directory that other stages read one by one.
    """

    stage: str
    label: str
    spec: dict
    inputs: dict[str, list]
    code: Code = field(repr=False)
    parts: tuple[str, ...] = ()
    rank: int = 0

    @cached_property
    def key(self) -> str:
        """16 hexadecimal digits."""
        inputs = {role: [each.key for each in given] for role, given in self.inputs.items()}
        return artifact_key(self.stage, self.spec, self.code.behaviour(self.stage, self.spec), inputs)

    @property
    def name(self) -> str:
        """What stands in file names: a label for people and the key."""
        return f"{self.label}-{self.key}"

    @property
    def path(self) -> str:
        """Path relative to the working directory."""
        if self.stage == "publish":
            return f"results/{self.label}/.complete-{self.key}"
        return f"{STORE}/{self.stage}/{self.name}{STAGES[self.stage].suffix}"

    @property
    def outputs(self) -> list[str]:
        """The files that make the artifact: those in its directory where they are named, else itself."""
        return [f"{self.path}/{part}" for part in self.parts] or [self.path]

    def part(self, name: str) -> Part:
        """One file of this directory, as an input of another stage."""
        assert name in self.parts, f"{self.stage} has no part {name}"
        return Part(self, name)


@dataclass
class Plan:
    """All artifacts of one configuration, and the answers the rules ask for.

    Keys are computed when they are asked for, so that one stage can be planned while another lacks its module.
    """

    configuration: dict
    artifacts: list[Artifact]
    site: Site = field(default_factory=Site)
    root: Path = Path()
    _names: dict[str, dict[str, Artifact]] = field(default_factory=dict, repr=False)

    @property
    def study(self) -> str:
        """Name of the study, and of its folder under results/."""
        return self.configuration["study"]["name"]

    @cached_property
    def stages(self) -> list[str]:
        """The stages that this study has, in order of the plan."""
        return list(dict.fromkeys(artifact.stage for artifact in self.artifacts))

    def of(self, stage: str) -> list[Artifact]:
        """The artifacts of one stage."""
        return [artifact for artifact in self.artifacts if artifact.stage == stage]

    def paths(self, stage: str) -> Callable[..., list[str]]:
        """For a target rule: a function that gives the paths of all artifacts of a stage."""
        return lambda wildcards: [path for artifact in self.of(stage) for path in artifact.outputs]

    def inputs(self, stage: str) -> Callable[..., dict[str, list[str]]]:
        """For a job rule: a function from wildcards to the paths of its inputs by role."""

        def by_role(wildcards):
            check_pinned(self.configuration)  # asked of every job that is to run, and of no plan
            artifact = self.find(stage, wildcards)
            return {
                role: [path for each in given for path in each.outputs]
                for role, given in artifact.inputs.items()
            }

        return by_role

    def words(self, stage: str) -> Callable[..., str]:
        """For a job rule whose roles differ between studies: a function to its inputs as `--role PATH ...`."""

        def words(wildcards):
            inputs = self.find(stage, wildcards).inputs
            return " ".join(
                shlex.join([f"--{role}", *(each.path for each in inputs[role])]) for role in inputs
            )

        return words

    def parts(self, stage: str) -> list[str]:
        """For a job rule that writes named files into a directory: their paths, with wildcards."""
        return [f"{STORE}/{stage}/{{label}}-{{key}}/{part}" for part in self.of(stage)[0].parts]

    def spec(self, stage: str) -> Callable[..., str]:
        """For a job rule: a function from wildcards to the canonical JSON that becomes `--spec`."""
        return lambda wildcards: canonical(self.find(stage, wildcards).spec)

    def priority(self, stage: str) -> Callable[..., int]:
        """For a job rule: a function from wildcards to the job's priority."""
        return lambda wildcards: STAGES[stage].priority + self.find(stage, wildcards).rank

    def resources(self, stage: str) -> dict[str, object]:
        """For a job rule: memory, time, GPUs and what the cluster wants to know besides.

        A job that failed gets half as much memory again with each attempt, and as much time again.
        """
        about, own = STAGES[stage], self._jobs.get(stage, {})
        memory = own.get("memory", about.memory) + self.site.extra_memory
        minutes = own.get("minutes", about.minutes)
        return {
            "mem_mb": lambda wildcards, attempt: memory * (attempt + 1) // 2,
            "runtime": lambda wildcards, attempt: minutes * attempt,
        } | self.site.resources(self.gpus(stage))

    def gpus(self, stage: str) -> int:
        """GPUs that each job of a stage asks a scheduler for."""
        if not STAGES[stage].gpu:
            return 0
        runtime = self.configuration["runtime"]
        asked = self._jobs.get(stage, {}).get("gpus", runtime["gpus"])
        return int(runtime["device"] == "cuda") if asked is None else asked

    def local(self, stage: str) -> bool:
        """For a job rule: whether it runs beside Snakemake, where the others go to a cluster."""
        return STAGES[stage].light and self.site.light_stages == "here"

    @property
    def _jobs(self) -> dict[str, dict]:
        return self.configuration["runtime"]["jobs"]

    @property
    def threads(self) -> int:
        """Threads of every process; 1 gives the same bytes everywhere."""
        return self.configuration["runtime"]["threads"]

    @property
    def environment(self) -> dict[str, str]:
        """Environment variables of every job: with them a stage starts once, with its number of threads."""
        return thread_variables(self.threads)

    def how(self, stage: str) -> Callable[..., str]:
        """For a job rule: arguments that say how a stage runs and cannot change what it writes.

        Snakemake keeps parameters that depend on `threads` out of its record, so changing them runs nothing again.
        """
        runtime = self.configuration["runtime"]
        rest = f"--batch-rows {runtime['batch_rows']} --device {runtime['device']}"
        if STAGES[stage].gpu:
            rest += f" --gpus {self.gpus(stage) or 1}"
            if self.configuration["problems"] is not None:
                rest += " --cache results/cache"  # of verdicts on answers
        return lambda wildcards, threads: f"--threads {threads} {rest}"

    def engine(self, stage: str) -> str:
        """What a stage generates or reads with: transformers or vllm."""
        made = self.of(stage)
        return made[0].spec.get("engine", "transformers") if made else "transformers"

    def conda(self, stage: str) -> str:
        """For a job rule: its environment, as seen from the folder of the rules."""
        return f"../../envs/{'vllm' if self.engine(stage) == 'vllm' else 'cpu'}.yaml"

    def python(self, stage: str) -> str:
        """For a job rule: its interpreter; that of `make vllm` where it is needed and there."""
        own = self.root / VLLM_PYTHON
        ready = (own.parents[1] / ".ready").is_file()  # it may still be in the making
        return str(own) if self.engine(stage) == "vllm" and ready else "python"

    def find(self, stage: str, wildcards) -> Artifact:
        """The artifact that a rule's wildcards `label` and `key` name."""
        name = f"{wildcards.label}-{wildcards.key}"
        if stage not in self._names:
            self._names[stage] = {artifact.name: artifact for artifact in self.of(stage)}
        if name not in self._names[stage]:
            raise InputError(
                f"{STORE}/{stage}/{name} does not belong to this configuration; its artifacts of that stage are "
                f"{', '.join(self._names[stage]) or 'none'}"
            )
        return self._names[stage][name]
