"""Real problems, for studies of published models."""

from typing import Annotated, Literal

from pydantic import Field

from ttc import plugins
from ttc.errors import InputError
from ttc.grading.answers import METHODS
from ttc.problems import sources
from ttc.problems.layout import COLUMNS
from ttc.study.sections.base import (
    ColumnName,
    Count,
    Filled,
    Positive,
    Section,
    Sparse,
    key,
    text_or_list,
)

PRESETS = plugins.names(sources.PRESETS)
Equality = Annotated[
    Literal["math_verify", "text", "words", "choice"],
    Field(
        description="how answers are compared: `math_verify`, `text` (normal form and exact numbers only), `words` "
        "(letters and digits, for names and other short facts), or `choice` (the letter of an option)"
    ),
]
Timeout = Annotated[
    Positive,
    Field(description="seconds of CPU time for one comparison; one that takes longer counts as unequal"),
]


class Columns(Sparse):
    """Our names of columns: theirs."""

    problem_id: ColumnName = key(None, COLUMNS["problem_id"])
    question: ColumnName = key(None, "text of the question")
    answer: ColumnName = key(None, COLUMNS["answer"])
    solution: ColumnName = key(None, "worked solution")
    level: ColumnName = key(None, "author's level")
    subject: ColumnName = key(None, "what it is about")


class Choices(Section):
    """Options of multiple-choice questions, which are listed below the question; the answer is a letter."""

    options: text_or_list(words="text or a list") = key(
        ..., "their column, which holds lists, or several columns of one option each"
    )
    answer: Literal["letter", "index", "text"] = key(
        "text",
        "how the column of answers says which is right: by letter, from 0, or by the option's own text",
    )
    shuffle: bool = key(True, "whether their order is drawn, keyed by the question")


class ProblemSource(Section):
    """A data set."""

    preset: str | None = key(None, f"a known data set: {', '.join(PRESETS)}")
    hub: str | None = key(None, "OWNER/NAME of a data set on the Hugging Face hub")
    revision: str | None = key(None, "its commit, 40 hexadecimal digits; `ttc pin` writes it")
    config: text_or_list(words="text or a list or null") | None = key(None, "its configuration, or several")
    path: text_or_list(words="text or a list or null") | None = key(
        None,
        "Parquet, JSONL, JSON or CSV file, several, or a folder that `datasets` saved; relative to the project",
    )
    split: str | None = key(None, "its split, such as test or train+test")
    columns: Columns = Columns()
    extract: Annotated[list[str], Filled] | None = key(
        None, f"how the gold answer is found in the solution: {', '.join(METHODS)}"
    )
    choices: Choices | None = key(None, "options of multiple-choice questions; null: there are none")
    rows: Count | None = key(
        None,
        "how many rows it has, so that a truncated one is refused; known for a preset, counted in local files",
    )
    take: Count | None = key(None, "how many of them the study uses, drawn by `seed`; null takes all")

    def resolved(self, role: str) -> dict:
        """The source with its preset filled in.  InputError for what `ttc.problems.sources.resolve` refuses."""
        # A null is a key that was left out: `rows` lifts no preset's
        given = {name: value for name, value in self.model_dump().items() if value is not None}
        given.pop("take", None)
        return sources.resolve(given | {"role": role}, f"problems.{role}")

    def count(self, role: str) -> int:
        """How many problems the study uses at most: training problems that are test problems are left out later.

        InputError where nothing tells.
        """
        rows = self.resolved(role)["rows"]
        if rows is None:
            raise InputError(
                f"problems.{role}.rows: none was given; the work is cut into jobs by the number of problems, which is "
                "known for presets and counted in local files, and has to be given for other data sets of the hub"
            )
        if self.take is not None and self.take > rows:
            raise InputError(f"problems.{role}.take: {self.take} was given, and there are {rows} problems")
        return self.take or rows


class Problems(Section):
    """Real problems."""

    test: ProblemSource = key(..., "problems that are evaluated")
    train: ProblemSource | None = key(
        None,
        "problems that verifiers and revisers are trained on; those among the test problems are left out",
    )
    prompt: str = key("math_chat", "how they are put to a model: a name in workflow/prompts, or a YAML file")
    larger_prompt: str | None = key(None, "the same for the larger policy; null is `prompt`")
    equality: Equality = "math_verify"
    timeout: Timeout = 10.0

    def source(self, role: str) -> ProblemSource | None:
        """The source of the `test` or `train` problems."""
        return getattr(self, role)

    def check_amount(self, where: str, value: int, role: str) -> None:
        """InputError for more problems than there are."""
        count = self.source(role).count(role)
        if value > count:
            raise InputError(f"{where}: {value} was given, and problems.{role} has {count} problems")
