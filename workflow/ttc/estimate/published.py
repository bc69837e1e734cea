"""Assumed lengths of texts and sizes of models, for real problems and published models.

Tables and cards tell it once they are there (`ttc.estimate.measured`); until then it is assumed here.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from ttc import plugins
from ttc.digests import weight_files
from ttc.errors import InputError
from ttc.estimate.lengths import Weighted
from ttc.models import parameters
from ttc.models.card import parameters_of
from ttc.models.gguf_header import is_gguf, read_header
from ttc.models.shapes import stored_shapes
from ttc.problems.sources import PRESETS
from ttc.study.artifact import Artifact
from ttc.study.plan import Plan
from ttc.study.sections.revision import PROMPT

# The configuration's section of each fetched model, by the label of its artifact
SECTIONS = {"policy": "policy", "larger": "larger_policy", "prm": "prm"}

CHARACTERS = 2.9  # of a token: solutions of Llama 3.2 on MATH-500, 670,570 characters in 230,782 tokens
CHAT_TURNS = 45  # tokens of a chat template around system and question, the date of Llama's included
AGAIN = 30  # tokens of `again` in the prompt files, with the turns around it
AGAIN_TURNS = 10  # tokens of the turns around `ask_again`


@dataclass(frozen=True)
class Texts:
    """Mean lengths of a source's texts: tokens of a question; tokens and lines of a solution, by the prompt's format.

    chat: of models trained on conversations, which explain at length.  completion: of base models, which are shown
    solved examples and write as these are written.
    """

    question: float
    chat: tuple[float, int]
    completion: tuple[float, int]


# The preset whose lengths stand for problems that no preset describes
USUAL = "math500"


def texts_of(preset: str | None) -> Texts:
    """What a preset declares of its texts; those of the usual one for other problems."""
    lengths = plugins.declaration(PRESETS, preset or USUAL)["lengths"]
    return Texts(lengths["question"], lengths["chat"], lengths["completion"])


@dataclass(frozen=True)
class RealQuestions:
    """`ttc.estimate.lengths.Lengths` of real problems: those of a split are all taken to be alike.

    texts: by split; prompt_file: tokens of what a prompt holds besides the question; chat: its format.  known: mean
    tokens of the prompts of each split, where a table tells.  again: tokens that stand behind an answer to be revised.
    """

    texts: Mapping[str, Texts]
    prompt_file: float
    chat: bool
    known: dict[str, float] = field(default_factory=dict)
    again: float = AGAIN

    usual = "the usual length"
    told_by, told = "check_prompts", "tokens of prompts: from their table"

    @classmethod
    def of(cls, plan: Plan) -> "RealQuestions":
        """Those of a study of published models."""
        section, prompt = plan.configuration.problems, _prompt(plan)
        texts = {
            role: texts_of(source.preset)
            for role in ("test", "train")
            if (source := section.source(role)) is not None
        }
        written = [prompt["system"] or "", prompt["template"]]
        written += [text for example in prompt["examples"] for text in (*example, prompt["template"])]
        tokens = sum(map(len, written)) / CHARACTERS
        chat = prompt["format"] == "chat"
        asked = cls(texts, tokens + CHAT_TURNS * chat, chat)
        if not (plan.configuration.revises and plan.configuration.revision.by == PROMPT):
            return asked
        (words, *_) = (each.spec["form"]["prompt"]["again"] for each in plan.of("revise"))
        return replace(asked, again=len(words) / CHARACTERS + AGAIN_TURNS * chat)

    @property
    def assumed(self) -> dict[str, str]:
        """See `Lengths.assumed`."""
        length = {
            split: f"{self.solution(split):.0f} in {len(self.steps(split))} steps" for split in self.texts
        }
        return {
            "tokens of prompts": "prompts have "
            + " and ".join(f"{self.prompt(split):.0f} tokens ({split})" for split in self.texts),
            "tokens of solutions": "solutions have on average "
            + " and ".join(f"{each} ({split})" for split, each in length.items())
            + ", up to max_tokens",
        }

    def learnt(self, frame) -> "RealQuestions":
        """See `Lengths.learnt`."""
        return replace(
            self, known={split: part["tokens"].mean() for (split,), part in frame.group_by("split")}
        )

    def levels(self, split: str, start: int, stop: int) -> Weighted:
        """See `Lengths.levels`."""
        return {split: stop - start}

    def prompt(self, level: str) -> float:
        """See `Lengths.prompt`."""
        return self.known.get(level, self.prompt_file + self.texts[level].question)

    def question(self, level: str) -> float:
        """See `Lengths.question`: the text alone, in a frame of the verifier's own."""
        return self.texts[level].question

    def steps(self, level: str) -> list[float]:
        """See `Lengths.steps`."""
        tokens, lines = self._solution(level)
        return [tokens / lines] * lines

    def solution(self, level: str) -> float:
        """See `Lengths.solution`."""
        return self._solution(level)[0]

    def _solution(self, level: str) -> tuple[float, int]:
        return self.texts[level].chat if self.chat else self.texts[level].completion


def sizes(plan: Plan, root: Path | None = None, all_of_them: bool = False) -> dict[str, int]:
    """Parameters of each fetched model, by its key: of its card under `root`, the configuration, or the folder given.

    Of a mixture of experts those that a token passes, or `all_of_them`.  InputError for a model of which nothing tells;
    one behind a server of which nothing does counts as 0.
    """
    return {model.key: _size(plan, model, root, all_of_them) for model in plan.of("fetch_model")}


def _size(plan: Plan, model: Artifact, root: Path | None, all_of_them: bool) -> int:
    section = SECTIONS[model.label]
    asked = plan.configuration.served | plan.configuration.asked_verifiers
    if (served := asked.get(section)) is not None:
        return (served.parameters if all_of_them else served.size) or 0
    checkpoint = getattr(plan.configuration, section).checkpoint
    if root is not None and (size := _card(root / model.path, all_of_them)) is not None:
        return size
    if checkpoint.parameters is not None:
        return checkpoint.parameters if all_of_them else checkpoint.active_parameters or checkpoint.parameters
    if checkpoint.path is not None and is_gguf(checkpoint.path):
        header = read_header(plan.root / checkpoint.path, f"{section}.checkpoint.path: {checkpoint.path}")
        return header.parameters if all_of_them else header.active
    if checkpoint.path is not None:
        return _weights(plan.root / checkpoint.path, f"{section}.checkpoint", all_of_them)
    raise InputError(
        f"{section}.checkpoint.parameters: the plan needs it until {checkpoint.hub} is fetched (`snakemake "
        "fetch_model`); its page on the hub says how many it has"
    )


def _card(folder: Path, all_of_them: bool) -> int | None:
    try:
        return parameters_of(folder, all_of_them)
    except InputError:
        return None


def _weights(folder: Path, where: str, all_of_them: bool) -> int:
    """Parameters of a folder's checkpoint, from the headers of its files."""
    if not any(file.is_file() for file in weight_files(folder)):
        raise InputError(f"{where}.path: {folder} has no safetensors weights")
    try:
        settings = folder / "config.json"
        config = json.loads(settings.read_text(encoding="utf-8")) if settings.is_file() else {}
        shapes = stored_shapes(folder)
        total = parameters.total(shapes, config)
        return total if all_of_them else parameters.active(shapes, config, total)
    except (OSError, ValueError, InputError) as error:
        raise InputError(f"{where}.path: the weights of {folder} cannot be counted ({error})") from error


def _prompt(plan: Plan) -> dict:
    """The content of the prompt that the policy is given."""
    return next(each.spec["form"]["prompt"] for each in plan.artifacts if "form" in each.spec)
