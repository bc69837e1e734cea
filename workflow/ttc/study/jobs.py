"""Jobs: what Snakemake's rules ask of a plan about inputs, outputs, commands and resources."""

import os
import shlex
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from ttc import plugins
from ttc.digests import canonical
from ttc.study.artifact import STORE, Artifact
from ttc.study.plan import Plan
from ttc.study.sections.configuration import PUBLISHED, Configuration
from ttc.study.sections.served import LINE_END
from ttc.study.site import Site
from ttc.study.stages import STAGES
from ttc.study.waiting import awaited_by, is_there, read_by

ENGINES = "ttc.engines.backends"
USUAL = "cpu"  # the environment of all that names no engine with one of its own
CACHE = "results/cache"
SPECIFICATIONS = f"{CACHE}/specifications"
ASKED = ("sample", "revise", "think", "check_thoughts")  # stages that a server may write for
ASKING = ("fetch_model", "search", *ASKED)
# Stages that read with nothing but a verifier, which a server may have
READ = ("preflight", "score", "score_revisions")
LONGEST = 60_000  # bytes of a specification in a command; Linux takes arguments of 131,072


def gpus_of(configuration: Configuration, stage: str) -> int:
    """GPUs that each job of a stage asks a scheduler for."""
    if not STAGES[stage].gpu or only_asks(configuration, stage):
        return 0
    runtime = configuration.runtime
    own = runtime.job(stage).gpus
    asked = runtime.gpus if own is None else own
    return int(runtime.device == "cuda") if asked is None else asked


def only_asks(configuration: Configuration, stage: str) -> bool:
    """Whether all jobs of a stage ask servers, so that no model is here."""
    if stage in READ and configuration.served_verifiers:
        trained = configuration.revises and configuration.revision.verifier.use
        return not {"score": configuration.orm.use, "score_revisions": trained}.get(stage, False)
    policies = {"policy", "larger_policy"}
    return stage in ASKED and not policies & configuration.checkpoints.keys() and bool(configuration.served)


def servers_of(configuration: Configuration, stage: str) -> dict[str, dict] | None:
    """How the servers are reached that jobs of a stage may ask: policies' by model, a verifier's by its place.

    None where there is none.
    """
    policies = configuration.served.values() if stage in ASKING else ()
    verifiers = configuration.served_verifiers if stage in (*READ, "search") else {}
    if stage == "fetch_model":  # a checkpoint whose layers are elsewhere is fetched as any other
        verifiers = configuration.asked_verifiers
    asked = {each.model: each for each in policies}
    asked |= {f"{name}.checkpoint.served": each for name, each in verifiers.items()}
    return {name: each.reached for name, each in asked.items() if each.url is not None} if asked else None


@dataclass(frozen=True)
class Jobs:
    """The answers that rules need; those that differ between a stage's jobs are functions of the wildcards.

    folder: where the study lies, seen from Snakemake's working directory, of a module with a `prefix`.
    conda_environments: whether jobs run in the environments that their rules name.
    """

    plan: Plan
    site: Site
    folder: str = ""
    conda_environments: bool = False

    def paths(self, stage: str) -> Callable[..., list[str]]:
        """For a target rule: the paths of all artifacts of a stage."""
        return lambda wildcards: [path for artifact in self.plan.of(stage) for path in artifact.outputs]

    def inputs(self, stage: str) -> Callable[..., dict[str, list[str]]]:
        """The paths of a job's inputs by role."""

        def by_role(wildcards):
            self.plan.configuration.check_pinned()  # asked of every job that is to run, and of no plan
            artifact, folder = self._artifact(stage, wildcards), Path(self.folder)
            made = is_there(artifact, folder)
            return {
                role: [path for each in given for path in awaited_by(stage, each, folder, made)]
                for role, given in artifact.inputs.items()
            }

        return by_role

    def outputs(self, stage: str) -> list[str]:
        """The paths that a job writes, with wildcards: the named files of a folder, or one file or folder."""
        if stage == "publish":
            return ["results/{label}/.complete-{key}"]
        path = f"{STORE}/{stage}/{{label}}-{{key}}"
        parts = next((artifact.parts for artifact in self.plan.of(stage)), ())
        return [f"{path}/{part}" for part in parts] or [path + STAGES[stage].suffix]

    def is_folder(self, stage: str) -> bool:
        """Whether a job's output is a folder, none of whose files has a name in the plan."""
        return not STAGES[stage].suffix and not any(artifact.parts for artifact in self.plan.of(stage))

    def command(self, stage: str) -> Callable[..., str]:
        """The command of a job up to how it runs; it can be pasted into a terminal.

        A specification that is too long for an argument is written to a file, which the command names, unless it is
        not to be `by_file`.
        """

        def command(wildcards, by_file: bool = True):
            artifact, folder = self._artifact(stage, wildcards), Path(self.folder)
            given = [
                word
                for role, inputs in artifact.inputs.items()
                for word in (f"--{role}", *(path for each in inputs for path in read_by(stage, each, folder)))
            ]
            words = ["--spec", self._told(stage, artifact, by_file), *given, "--output", artifact.path]
            return f"{self.python(stage)} -m ttc.run {stage} {shlex.join(words)}"

        return command

    def _told(self, stage: str, artifact: Artifact, by_file: bool) -> str:
        """A job's specification: itself, or where it is too long for an argument, the file that holds it."""
        spec = canonical(artifact.spec)
        if not by_file or len(spec.encode()) <= LONGEST:
            return spec
        name = f"{SPECIFICATIONS}/{stage}-{artifact.name}.json"
        file = Path(self.folder, name)
        file.parent.mkdir(parents=True, exist_ok=True)
        temporary = file.with_name(f"{file.name}.{os.getpid()}")
        temporary.write_text(spec, encoding="utf-8")
        os.replace(temporary, file)
        return f"@{name}"

    def before(self, variables: dict[str, str]) -> str:
        """What stands before a job's command: its interpreter and package, after whatever the site's `setup` has set.

        variables: further ones of its environment.  In an environment of conda's the interpreter is that of the
        environment.
        """
        own = shlex.quote(str(Path(sys.executable).parent))
        path = f'PATH={own}:"$PATH"' if not self.conda_environments else self.site.found_path
        package = shlex.quote(str(self.plan.root / "workflow"))
        # No module of the working directory, and UTF-8 whatever the locale says
        variables = {"PYTHONSAFEPATH": "1", "PYTHONUTF8": "1"} | variables
        exports = " ".join(f"{name}={value}" for name, value in variables.items())
        there = f"cd {shlex.quote(self.folder)}; " if self.folder else ""
        return f"unset PYTHONHOME; export {path} PYTHONPATH={package} {exports}; {there}"

    def how(self, stage: str) -> Callable[..., str]:
        """Arguments that say how a job runs and cannot change what it writes.

        Snakemake keeps parameters that depend on `threads` out of its record, so changing them runs nothing again.
        """
        configuration, about = self.plan.configuration, STAGES[stage]
        runtime = configuration.runtime
        rest = f"--batch-rows {runtime.batch_rows} --device {runtime.device}"
        if (reached := servers_of(configuration, stage)) is not None:
            if stage == "fetch_model":
                # Nothing is paid for before a server has shown that it can do what searches ask of it
                for model, continued in self._continued().items():
                    if model in reached:
                        reached[model] = reached[model] | {"continued": continued}
            rest += f" --servers {shlex.quote(canonical(reached))}"
        if about.gpu and not only_asks(configuration, stage):
            rest += f" --gpus {self.gpus(stage) or 1}"
            if configuration.origin == PUBLISHED:
                rest += f" --verifier-memory {runtime.verifier_memory}"
        if about.remembers or (about.gpu and configuration.origin == PUBLISHED):
            rest += f" --cache {CACHE}"  # of verdicts on answers
        return lambda wildcards, threads: f"--threads {threads} {rest}"

    def _continued(self) -> dict[str, dict]:
        """Of the models that searches ask to go on with answers, how they do."""
        asked = {}
        for each in self.plan.of("search"):
            (policy,) = each.inputs["policy"]
            if "served" in policy.spec:
                prompt = each.spec["form"]["prompt"]
                said = {name: each.spec.get(name, {}) for name in ("request", "continuation")}
                asked[policy.spec["served"]] = said | {
                    "form": prompt["format"],
                    "variables": prompt["variables"],
                    "step_end": each.spec.get("step_end", LINE_END),
                }
        return asked

    def priority(self, stage: str) -> Callable[..., int]:
        """Which of the jobs that are ready starts first."""
        return lambda wildcards: STAGES[stage].priority + self._artifact(stage, wildcards).rank

    def resources(self, stage: str) -> dict[str, object]:
        """Memory, time, GPUs and what the cluster wants to know besides.

        A job that failed gets half as much memory again with each attempt, and as much time again.
        """
        about, own = STAGES[stage], self.plan.configuration.runtime.job(stage)
        memory = (own.memory or about.memory) + self.site.extra_memory
        minutes = own.minutes or about.minutes
        return {
            "mem_mb": lambda wildcards, attempt: memory * (attempt + 1) // 2,
            "runtime": lambda wildcards, attempt: minutes * attempt,
        } | self.site.resources(self.gpus(stage))

    def gpus(self, stage: str) -> int:
        """GPUs that each job of a stage asks a scheduler for."""
        return gpus_of(self.plan.configuration, stage)

    def local(self, stage: str) -> bool:
        """Whether a job runs beside Snakemake, where the others go to a cluster."""
        return STAGES[stage].light and self.site.light_stages == "here"

    @property
    def threads(self) -> int:
        """Threads of every process; 1 gives the same bytes everywhere."""
        return self.plan.configuration.runtime.threads

    def conda(self, stage: str) -> str:
        """A job's environment, as seen from the folder of the rules."""
        return f"../../envs/{self._environment(stage)}.yaml"

    def python(self, stage: str) -> str:
        """A job's interpreter; that of an engine's own environment (`make vllm`) where it is needed and there."""
        own = self.plan.root / f".venv-{self._environment(stage)}"
        # Without the stamp it may still be in the making
        return str(own / "bin/python") if (own / ".ready").is_file() else "python"

    def _environment(self, stage: str) -> str:
        """The environment that an engine of a stage declares; the usual one where there is none of its own."""
        made = self.plan.of(stage)
        # The policy's come first and the larger one's last; of these one may be behind a server
        ends = [*made[:1], *made[-1:]]
        engines = [each.spec.get(name) for each in ends for name in ("engine", "verifier_engine")]
        declared = [plugins.declaration(ENGINES, engine)["environment"] for engine in engines if engine]
        return next(filter(None, declared), USUAL)

    def _artifact(self, stage: str, wildcards) -> Artifact:
        return self.plan.find(stage, f"{wildcards.label}-{wildcards.key}")
