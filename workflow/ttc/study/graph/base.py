"""The base of a study that generates here: its problems and models, and what they add to the specs of its stages."""

from abc import ABC, abstractmethod
from collections.abc import Callable

from ttc.study.artifact import Artifact
from ttc.study.sections.configuration import Configuration

Add = Callable[..., Artifact]


class Base(ABC):
    """Problems, policies and verifiers.  `tests` is the number of test problems.

    `training_seed` is of all that is trained and sampled; problems are those of the study's seed.  `extract` holds the
    methods by which answers are found, where there is more than one form; `parameters` the sizes of policies behind
    servers, by role, where they are known; `prices` what a million tokens cost, read and decoded, by role.
    """

    configuration: Configuration
    training_seed: int
    tests: int
    problems: Artifact
    policy: Artifact
    extract: list[str] | None = None
    parameters: dict[str, int] | None = None
    prices: dict[str, list[float]] | None = None

    @property
    def seed(self) -> dict:
        """The part of a spec that says how random choices are made."""
        return {"seed": self.training_seed}

    @abstractmethod
    def add_larger(self) -> Artifact | None:
        """The larger policy, if there is one."""

    @abstractmethod
    def training(self, section) -> dict:
        """How a verifier or a reviser is trained: part of its spec.  `section` has `training` and `fine_tuning`."""

    def generating(self, stage: str, larger: bool = False) -> dict:
        """What the spec of a stage that generates has besides, for the policy or the `larger` one."""
        return {}

    def form(self, larger: bool = False) -> dict:
        """How problems are put to a model, which a reviser learns to answer: part of a spec."""
        return {}

    def checked(self, policy: Artifact, contexts: int = 0) -> dict[str, list[Artifact]]:
        """Further inputs of a stage that generates: checks that are made before it."""
        return {}

    def given_verifier(self, kind: str) -> tuple[list[Artifact], list[Artifact]] | None:
        """A published verifier and its preflight; None where the study trains one."""
        return None

    def reading(self, kind: str) -> dict:
        """How a verifier reads solutions: part of the spec of what trains or uses it."""
        return {}

    def scoring(self, kind: str) -> dict:
        """What the spec of the stage `score` has besides: how the verifier reads, and by which engine."""
        return {}

    def following(self, kind: str) -> dict:
        """What the spec of the stage `search` has besides: how the verifier reads, and by which engine."""
        return self.reading(kind)

    def measuring_steps(self) -> dict:
        """What the spec of the process reward model's training has besides, so that its card measures its steps."""
        return {}
