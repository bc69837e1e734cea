"""Stopping rules as a study uses them: found by their names, learnt on other questions, their thresholds in order."""

from dataclasses import dataclass
from functools import cached_property
from types import ModuleType

import numpy as np

from ttc import plugins
from ttc.errors import InputError, nearest
from ttc.stopping.questions import Question

RULES = "ttc.stopping.rules"


@dataclass(frozen=True)
class Rule:
    """A stopping rule by its name; what it declares can be read as attributes of `declared`."""

    name: str

    @cached_property
    def declared(self) -> dict:
        """What its module declares (`ttc.stopping.rules`)."""
        return plugins.declaration(RULES, self.name)

    @cached_property
    def module(self) -> ModuleType:
        """Its module."""
        return plugins.load(RULES, self.name)

    @property
    def vote(self) -> str:
        """How the answer is chosen when it stops."""
        return self.declared["vote"]

    @property
    def thresholds(self) -> np.ndarray:
        """The thresholds that are tried, from the loosest to the strictest."""
        return np.array(self.declared["thresholds"], dtype=np.float64)

    def signed(self, values: np.ndarray) -> np.ndarray:
        """Numbers, or thresholds, turned so that the rule stops at a number as large as the threshold."""
        return values if self.declared["limit"] == "least" else -np.asarray(values)

    def served(self, questions: list[Question]) -> bool:
        """Whether every question has what the rule reads."""
        reads = self.declared["reads"]
        return reads is None or all(getattr(each, reads) is not None for each in questions)


def rules(names: list[str] | None, questions: list[Question]) -> list[Rule]:
    """The rules of these names, or all; those are left out that read what the questions do not have.

    InputError, with the nearest name, for a rule that there is not.
    """
    known = plugins.names(RULES)
    for name in names or []:
        if name not in known:
            raise InputError(
                f"stopping.rules: there is no '{name}'; there are {', '.join(known)}{nearest(name, known)}"
            )
    return [
        rule for name in known if names is None or name in names if (rule := Rule(name)).served(questions)
    ]


def learnt_by_fold(rule: Rule, questions: list[Question], fold: np.ndarray) -> list[np.ndarray | None]:
    """What the rule reads of each question's samples, learnt on the questions of all other folds; None reads nothing.

    `fold` int (questions,).
    """
    if not rule.declared["learns"]:
        return [None] * len(questions)
    learnt = {
        each: rule.module.learn(
            [question for question, of in zip(questions, fold, strict=True) if of != each]
        )
        for each in np.unique(fold)
    }
    return [rule.module.numbers(question, learnt[of]) for question, of in zip(questions, fold, strict=True)]
