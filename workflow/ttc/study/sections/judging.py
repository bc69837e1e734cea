"""Judges: language models that nobody trained to verify, and how a study asks them."""

from typing import Literal

from ttc import plugins
from ttc.errors import InputError
from ttc.study.sections.base import Section, Text, key

KINDS = "ttc.verifiers.kinds"


class Judge(Section):
    """How a language model that nobody trained to verify is asked, for kinds that do so (docs/judges.md)."""

    prompt: Text | None = key(
        None, "its words: a name in workflow/prompts/judges, or a YAML file; null: those of its kind"
    )
    asks: Literal["solution", "steps"] = key(
        "solution", "what about: whole solutions, or after each step, as a search needs it"
    )


def check_judge(where: str, kind: str, judge: Judge | None) -> None:
    """InputError for words where a kind is asked as it was trained."""
    if judge is not None and plugins.declaration(KINDS, kind)["words"] is None:
        judges = [name for name, each in plugins.declarations(KINDS).items() if each["words"]]
        raise InputError(
            f"{where}.judge: kind {kind} is asked as it was trained; leave it out, or take a kind that is asked in "
            f"words: {', '.join(judges)}"
        )
