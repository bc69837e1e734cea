"""The generated task: the functions that a module of `ttc.problems.tasks` has.

A task makes problems whose answers are known, and the texts from which a policy learns to solve them.  A solution has
one line for each step and a last line `Answer: ...` (`ttc.problems.formats.LINES`); texts are cut into words by the
task's own vocabulary.  Everything is a function of `task`, the configuration's section of that name, and the seed.

A plan asks a task about lengths, so its module imports neither polars nor torch where it is loaded.
"""

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Protocol

from ttc import plugins

if TYPE_CHECKING:
    import polars as pl

# Tokens of the lines between an answer and its revision: `⏎ Again ⏎` (`ttc.problems.text.prompt_text`)
AGAIN = 3


class Task(Protocol):
    """A module of `ttc.problems.tasks`.

    DECLARATION: {"title": what the problems are, "parameters": JSON schemas of the keys of the section `task`}; a task
    has the keys `train_problems` and `test_problems` at least.  TOKEN_PATTERN: the regular expression of a word.

    Of each problem the task knows a level, a whole number from 1, on which lengths depend.
    """

    DECLARATION: dict
    TOKEN_PATTERN: str

    def make_problems(self, task: dict, seed: int) -> "pl.DataFrame":
        """The table of problems; solutions of training problems are their authors', errors included.

        InputError for a section that makes no sense.
        """

    def vocabulary(self, task: dict, seed: int) -> list[str]:
        """Every token of the task's texts, `<pad>`, `<bos>`, `<eos>` and `<unk>` first; a token's place is its id."""

    def training_turns(self, task: dict, seed: int, problems: "pl.DataFrame") -> Iterator[list[str]]:
        """Of each training problem the attempts of several authors in turn; the last one is to be learnt."""

    def easy(self, task: dict, seed: int, questions: Iterable[str]) -> list[bool]:
        """Which questions are so easy that a policy learns from them first."""

    def first_wrong_step(self, task: dict, question: str, text: str) -> int | None:
        """The index of the first line of a solution that is not exactly right; None if all are."""

    def vocabulary_size(self, task: dict) -> int:
        """How many tokens `vocabulary` has."""

    def longest_prompt(self, task: dict) -> int:
        """Tokens of the longest question, with all that stands around it, at most."""

    def most_attempts(self, task: dict) -> int:
        """How many attempts come before the last in a training text, at most."""

    def mean_attempts(self, task: dict) -> float:
        """How many attempts come before the last in a training text, on average."""

    def levels(self, task: dict) -> dict[int, float]:
        """Levels of problems and their shares, which sum to 1."""

    def easy_share(self, task: dict, level: int) -> float:
        """The share of the training questions of a level that are easy, on average."""

    def prompt_tokens(self, level: int) -> int:
        """Tokens of a question, `<bos>` included."""

    def step_tokens(self, level: int) -> list[int]:
        """Tokens of each step of a solution, the end token included in the last."""


def load(task: dict) -> Task:
    """The module of the task that a section `task` names.  InputError, with the nearest name, if there is none."""
    return plugins.load("ttc.problems.tasks", task.get("kind", "clock"))
