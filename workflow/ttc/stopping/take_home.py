"""Stopping rules to take home: thresholds that a study chose, and what fitted rules have learnt, as JSON.

The file is one object: `schema` and `version` say what it is, `fitted` on what, `rules` holds a rule by name.  Of a
rule `chosen` has the threshold for each budget and target with what it reached on the study's questions (null = never
stop early), and `learnt` what a fitted rule reads scores by; it is learnt on all questions.  `promise` says what a rule
promises, and `guarantee` what the target `guaranteed` does.
"""

from dataclasses import dataclass

import numpy as np

from ttc.errors import InputError, nearest
from ttc.evaluation.json_text import built, readable
from ttc.stopping.questions import Question
from ttc.stopping.rule import Rule

SCHEMA, VERSION = "ttc.stopping", 1
# Of a row of the table `stopping`, what is kept beside a threshold
REACHED = ("budget", "target", "threshold", "accuracy", "low", "high", "samples", "tokens", "questions")


@dataclass(frozen=True)
class Taken:
    """A rule as a study leaves it: `learnt` by its module (None where it learns nothing), `chosen` as in the file."""

    rule: Rule
    learnt: object
    chosen: list[dict]
    fitted: dict

    def numbers(self, question: Question) -> np.ndarray | None:
        """What the rule reads of each sample of a question, float (samples, columns); None reads nothing."""
        return self.rule.module.numbers(question, self.learnt) if self.rule.declared["learns"] else None

    def threshold(self, budget: int, target: str) -> float | None:
        """The threshold that the study chose, None = never stop early; InputError for a choice it did not make."""
        found = [each for each in self.chosen if (each["budget"], each["target"]) == (budget, target)]
        if not found:
            made = sorted({each["budget"] for each in self.chosen})
            targets = list(dict.fromkeys(each["target"] for each in self.chosen))
            raise InputError(
                f"the study chose no threshold of {self.rule.name} for the target '{target}' at a budget of {budget}; "
                f"targets are {', '.join(targets)}, and budgets {', '.join(map(str, made))}"
            )
        return found[0]["threshold"]

    def checked(self, threshold: float) -> float:
        """A threshold of one's own; InputError outside of those that were measured."""
        low, high = sorted((float(self.rule.thresholds[0]), float(self.rule.thresholds[-1])))
        if not low <= threshold <= high:
            raise InputError(
                f"a threshold of {threshold:g} is outside of what {self.rule.name} was measured at, "
                f"{low:g} to {high:g} ({self.rule.declared['threshold']})"
            )
        return threshold


def content(
    rules: list[Rule], questions: list[Question], rows: list[dict], fitted: dict, guarantee: dict
) -> dict:
    """What the file holds; `rows` are those of the table `stopping`, `fitted` says what the rules were fitted on.

    `guarantee`: `loss` and `confidence` of the target `guaranteed`.
    """
    described = {}
    for rule in rules:
        learns = rule.declared["learns"]
        described[rule.name] = {
            **{name: rule.declared[name] for name in ("vote", "reads", "threshold", "limit")},
            "promise": rule.declared["valid"],
            "chosen": [{name: row[name] for name in REACHED} for row in rows if row["rule"] == rule.name],
            "learnt": rule.module.stored(rule.module.learn(questions)) if learns else None,
        }
    return {
        "schema": SCHEMA,
        "version": VERSION,
        "fitted": fitted,
        "guarantee": guarantee,
        "rules": described,
    }


def dumps(written: dict) -> str:
    """The file's text; equal content gives equal text."""
    return readable(written)


def loads(text: str) -> dict[str, Taken]:
    """The rules of a file by name: they stop where those that were written stop.

    InputError where the text is no such JSON, or of a version or with a rule that is not known here.
    """
    return built(
        text,
        SCHEMA,
        VERSION,
        "stopping rules",
        lambda given: {name: _taken(name, each, given["fitted"]) for name, each in given["rules"].items()},
    )


def named(rules: dict[str, Taken], name: str) -> Taken:
    """The rule of this name; InputError, with the nearest name, where the study has none."""
    if name not in rules:
        raise InputError(
            f"the study has no stopping rule '{name}'; it has {', '.join(rules) or 'none'}{nearest(name, rules)}"
        )
    return rules[name]


def _taken(name: str, described: dict, fitted: dict) -> Taken:
    rule = Rule(name)
    learnt = rule.module.restored(described["learnt"]) if rule.declared["learns"] else None
    return Taken(rule, learnt, described["chosen"], fitted)
