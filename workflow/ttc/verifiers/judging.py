"""Words in which a model that nobody trained to verify is asked for a judgement: files in `workflow/prompts/judges`.

    description: what it is for
    system: TEXT           # the system's turn; null: none
    solution: TEXT         # the user's turn about a whole solution; has {problem} and {solution} once each
    steps: TEXT            # the same about the first steps of a solution
    "yes": [TEXT]          # spellings of the verdict that it is correct, each one token of the model (quoted: YAML
    "no": [TEXT]           # takes a bare yes for a truth value); and of the one that it is not
    verdict: TEXT          # what stands before the verdict in the model's turn, such as "Verdict:"; null: nothing
    variables: {}          # what the chat template is given besides, such as enable_thinking: false
    date: 2024-07-26       # the date for chat templates that write today's

The turns are put into the model's own chat template, and what it would write next is the judgement.
"""

import json
import re
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path

from ttc.digests import canonical
from ttc.errors import InputError, nearest
from ttc.problems import prompts
from ttc.problems.prompts import Prompt
from ttc.problems.text import SEPARATOR

FOLDER = prompts.FOLDER / "judges"
SOLUTION, STEPS = (
    "solution",
    "steps",
)  # what a judge is asked about: a whole solution, or each step's beginning
PLACES = ("{problem}", "{solution}")
OWN = (SOLUTION, STEPS, "yes", "no", "verdict")
PROBABILITY = "probability"  # what a critique's score may be; see `Critique`
UNDECIDED = 0.5  # score where there is no verdict
BETWEEN = "\n\n"  # a critique and what stands before its verdict
TURNS = ("description", "system", "variables", "date")  # as in the prompts of policies


@dataclass(frozen=True)
class Critique:
    """How critiques are drawn before a verdict: so many of each solution, whose scores are averaged."""

    count: int
    max_tokens: int
    temperature: float
    verdict: (
        str  # `probability`, of yes among yes and no behind the critique; `parsed`: what the critique says
    )
    seed: int


@dataclass(frozen=True)
class Asking:
    """How a judge is asked, part of a specification: `question` is about a whole solution or about steps (`asks`)."""

    asks: str
    question: str
    yes: tuple[str, ...]
    no: tuple[str, ...]
    verdict: str | None = None
    system: str | None = None
    variables: dict = field(default_factory=dict)
    date: str = Prompt.date
    critique: Critique | None = None

    @property
    def by_probability(self) -> bool:
        """Whether a score is a probability, and not what a critique says."""
        return self.critique is None or self.critique.verdict == PROBABILITY

    @classmethod
    def of(cls, content: dict) -> "Asking":
        """That of a specification, as `content` wrote it."""
        critique = {"critique": Critique(**content["critique"])} if "critique" in content else {}
        return cls(**content | {name: tuple(content[name]) for name in ("yes", "no")} | critique)

    @property
    def content(self) -> dict:
        """What of it can change a score: all."""
        made = json.loads(canonical(asdict(self)))
        return {name: value for name, value in made.items() if name != "critique" or value is not None}

    @property
    def turns(self) -> Prompt:
        """The turns into which a question (`filled`) is put."""
        return Prompt(prompts.PLACE, system=self.system, variables=self.variables, date=self.date)

    def filled(self, problem: str, steps: Sequence[str]) -> str:
        """The question about these steps of a solution."""
        values = dict(zip(PLACES, (problem, SEPARATOR.join(steps)), strict=True))
        # In one go, so that a problem may speak of {solution}
        return re.sub("|".join(map(re.escape, PLACES)), lambda found: values[found[0]], self.question)

    def text(self, tokenizer, problem: str, steps: Sequence[str]) -> str:
        """What the model reads up to its judgement: a conversation in the chat template of `tokenizer`.

        InputError where there is no chat template, or it takes no such turns.
        """
        return prompts.render(self.turns, self.filled(problem, steps), tokenizer)

    def concluded(self, critique: str) -> str:
        """A critique up to its own verdict, and what stands before the verdict that it is to be given."""
        if (own := critique.rfind(self.verdict)) >= 0:
            critique = critique[:own]
        return critique.rstrip() + BETWEEN + self.verdict

    def parsed(self, critique: str) -> float:
        """1 for yes and 0 for no, as the last verdict of a critique says, behind `verdict` or in a box; else 1/2."""
        yes, no = ({text.strip().lower() for text in each} for each in (self.yes, self.no))
        words = "|".join(sorted(map(re.escape, yes | no), key=len, reverse=True))
        found = re.findall(
            rf"(?:{re.escape(self.verdict)}|\\boxed)\W*(?:text\W*)?({words})\b",
            critique,
            flags=re.IGNORECASE,
        )
        return UNDECIDED if not found else float(found[-1].lower() in yes)


def load(name: str | Path, asks: str, critique: Critique | None = None) -> Asking:
    """How a judge is asked in the words of a file, or of a name in `workflow/prompts/judges`.

    InputError for an unknown name, a file that is no YAML, an unknown key or a value of the wrong kind, a question
    without `{problem}` and `{solution}`, and critiques without a `verdict`.
    """
    path = Path(name)
    if path.suffix not in (".yaml", ".yml"):
        path = FOLDER / f"{name}.yaml"
    where = f"judge's prompt '{name}'"
    if not path.is_file():
        known = sorted(file.stem for file in FOLDER.glob("*.yaml"))
        raise InputError(
            f"{where}: there is no such file; known are {', '.join(known)}, or the path of a .yaml file"
            f"{nearest(str(name), known)}"
        )
    given = prompts.read_file(path)
    if not isinstance(given, dict):
        raise InputError(f"{where}: the file must name its keys, such as `solution: ...`")
    for key in map(str, given):
        if key not in (*OWN, *TURNS):
            quoted = '; write "yes" and "no" in quotes' if key in ("True", "False") else nearest(key, OWN)
            raise InputError(f"{where}: '{key}' is unknown; known are {', '.join((*OWN, *TURNS))}{quoted}")
    turns = prompts.checked(
        {"template": prompts.PLACE} | {key: given[key] for key in TURNS if key in given}, where
    )
    spellings = {key: _spellings(given.get(key), f'{where}: "{key}"') for key in ("yes", "no")}
    if both := sorted(set(spellings["yes"]) & set(spellings["no"])):
        raise InputError(f"{where}: {both[0]!r} stands for yes and for no")
    verdict = given.get("verdict")
    if not isinstance(verdict, str | None):
        raise InputError(f"{where}: `verdict` must be a text")
    if critique is not None and not (verdict or "").strip():
        raise InputError(
            f"{where}: a judge that writes critiques needs `verdict`, what stands before its verdict, such as "
            "'Verdict:'"
        )
    return Asking(
        asks,
        _question(given.get(asks), f"{where}: `{asks}`"),
        **spellings,
        verdict=verdict,
        system=turns.system,
        variables=turns.variables,
        date=turns.date,
        critique=critique,
    )


def _question(given: object, where: str) -> str:
    if not isinstance(given, str):
        raise InputError(f"{where} must be a text with {' and '.join(PLACES)}")
    for place in PLACES:
        if (count := given.count(place)) != 1:
            raise InputError(f"{where} must have {place} once; it has {count}")
    return given


def _spellings(given: object, where: str) -> tuple[str, ...]:
    fine = isinstance(given, list) and given and all(isinstance(each, str) and each.strip() for each in given)
    if not fine or len(set(given)) < len(given):
        raise InputError(f"{where} must be a list of different spellings of the verdict")
    return tuple(given)
