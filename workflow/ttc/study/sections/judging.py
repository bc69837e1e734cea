"""Judges: language models that nobody trained to verify, and how a study asks them."""

from typing import Literal

from ttc import plugins
from ttc.errors import InputError
from ttc.study.sections.base import Count, Section, Temperature, Text, key

KINDS = "ttc.verifiers.kinds"


class Critique(Section):
    """Critiques that a judge writes before its verdict."""

    count: Count = key(1, "critiques of each solution, whose scores are averaged")
    max_tokens: Count = key(512, "longest critique in tokens")
    temperature: Temperature = 0.7
    verdict: Literal["probability", "parsed"] = key(
        "probability",
        "the score: the probability of yes behind the critique, or 1 or 0 as the critique says (1/2 where it says "
        "nothing)",
    )

    def check(self, where: str) -> None:
        """InputError for several greedy critiques."""
        if self.temperature == 0 and self.count > 1:
            raise InputError(
                f"{where}.temperature: 0 was given; allowed is more, because greedy critiques of a solution are all "
                "equal"
            )


class Judge(Section):
    """How a language model that nobody trained to verify is asked, for kinds that do so (docs/judges.md)."""

    prompt: Text | None = key(
        None, "its words: a name in workflow/prompts/judges, or a YAML file; null: those of its kind"
    )
    asks: Literal["solution", "steps"] = key(
        "solution", "what about: whole solutions, or after each step, as a search needs it"
    )
    critique: Critique | None = key(
        None, "how critiques are drawn, for kinds that write some; null: as usual"
    )


def check_judge(where: str, kind: str, judge: Judge | None) -> None:
    """InputError for words where a kind is asked as it was trained, and for critiques where it writes none."""
    declared = plugins.declaration(KINDS, kind)
    if judge is not None and judge.critique is not None:
        if not declared["writes"]:
            raise InputError(f"{where}.judge.critique: kind {kind} writes none; leave it out")
        judge.critique.check(f"{where}.judge.critique")
    if judge is not None and declared["words"] is None:
        judges = [name for name, each in plugins.declarations(KINDS).items() if each["words"]]
        raise InputError(
            f"{where}.judge: kind {kind} is asked as it was trained; leave it out, or take a kind that is asked in "
            f"words: {', '.join(judges)}"
        )
