"""Studies of generated problems, whose models are trained from scratch."""

from ttc.study.artifact import Artifact
from ttc.study.graph.base import Add, Base
from ttc.study.sections.configuration import Configuration


class Generated(Base):
    """Generated problems; policy and larger policy are trained from scratch, and verifiers read the policy's tokens."""

    def __init__(self, configuration: Configuration, add: Add, training_seed: int):
        self.configuration, self.add, self.training_seed = configuration, add, training_seed
        self.tests = configuration.task.test_problems
        self.task = {"task": configuration.task.model_dump()}
        self.problems = add("problems", "generated", {"seed": configuration.seed} | self.task)
        self.policy = self._train("train_policy", "policy", "policy")

    def add_larger(self) -> Artifact | None:
        """See `Base`."""
        return self._train("train_larger_policy", "larger", "larger_policy")

    def training(self, section) -> dict:
        """See `Base`: from scratch, on top of the policy where the section has a `model`."""
        return section.model_dump(include={"model", "training"})

    def measuring_steps(self) -> dict:
        """See `Base`: the task tells which steps are right."""
        return self.task

    def _train(self, stage: str, label: str, name: str) -> Artifact:
        section = getattr(self.configuration, name)
        trained = section.model_dump(include={"model", "training", "first_group", "solutions_first"})
        if self.training_seed != self.configuration.seed:
            trained["problems_seed"] = self.configuration.seed
        return self.add(stage, label, self.seed | self.task | trained, problems=[self.problems])
