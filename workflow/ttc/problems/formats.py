"""Forms of problems: prompts for a model, and the steps, answers and verdicts of its solutions.

`LineForm` is that of the generated problems and of models that were trained on them.  `PromptForm` is that of real
problems and published models: prompts from a file, the tokenizer's chat template, steps that are lines, answers found
by the prompt's methods and compared by `ttc.grading.grader`.
"""

import functools
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Protocol

from ttc.grading.answers import find
from ttc.grading.characters import without_surrogates
from ttc.grading.golds import accepted
from ttc.grading.grader import Grader, read
from ttc.grading.normal_form import normal_form
from ttc.grading.readings import Reading
from ttc.problems import prompts, text
from ttc.problems.stops import Stops, any_line_end, single_token
from ttc.problems.thoughts import Thought, marks_of

PROBES = ("What is 1 + 1?", "7 + 2 = ?", "\\(x\\) is a number.")  # problems that begin differently
MERGED = 4  # tokens
Graded = tuple[str | None, bool]  # the answer, None where none was found, and whether it is the gold one


class Form(Protocol):
    """What the stages that generate ask about problems and solutions."""

    def stops(self, tokenizer, ends: tuple[int, ...], where: str) -> Stops:
        """By what steps and solutions end; `ends`: the tokens that the model's configuration names."""

    def prompts(
        self, tokenizer, questions: Sequence[str], contexts: Sequence[Sequence[str]] | None = None
    ) -> list[list[int]]:
        """Token ids of what a model reads; contexts: of each question earlier answers, oldest first."""

    def beginning(self, tokenizer) -> list[int]:
        """The tokens with which the prompts of all problems begin."""

    def targets(self, tokenizer, solutions: Sequence[str]) -> list[list[int]]:
        """Token ids of whole solutions, as a model is to write them after a prompt."""

    def continued(self, tokenizer, texts: Sequence[str]) -> list[list[int]]:
        """Token ids of unfinished solutions, as they stand after a prompt."""

    def decode(self, tokenizer, solutions: Sequence[Sequence[int]]) -> list[str]:
        """Texts of solutions or of their steps, without what ended them."""

    def prefixes(self, solution: str) -> list[str]:
        """The texts up to the end of each step, the last one excluded."""

    def settle(self, tokenizer) -> Thought | None:
        """The marks of the thoughts of a model that thinks; None for any other."""

    def grade(self, solutions: Sequence[str], golds: Sequence[str]) -> list[Graded]:
        """Answer and verdict of each solution; one without an answer is wrong."""

    def __enter__(self) -> "Form": ...

    def __exit__(self, *_) -> None: ...


def open_form(spec: dict | None, threads: int = 1, cache: Path | None = None) -> Form:
    """The form that a stage's spec asks for: {prompt, equality, timeout, thought}, or None for generated problems.

    thought (optional): open, close and begun, of which null is found out (`PromptForm.settle`).
    """
    if spec is None:
        return LINES
    prompt = prompts.from_content(spec["prompt"])
    grader = Grader(spec["equality"], spec["timeout"], threads, cache and cache / "verdicts")
    return PromptForm(prompt, grader, spec.get("thought"))


class LineForm:
    """Generated problems: one word a token, one step a line, a last line `Answer: ...`."""

    stops = staticmethod(single_token)
    decode = staticmethod(text.decode)

    def settle(self, tokenizer):
        """See `Form.settle`."""
        return None

    def prompts(self, tokenizer, questions, contexts=None):
        """See `Form.prompts`."""
        before = contexts or [()] * len(questions)
        return text.encode_prompts(
            tokenizer, [text.prompt_text(*each) for each in zip(questions, before, strict=True)]
        )

    def beginning(self, tokenizer):
        """See `Form.beginning`: nothing but what starts every text."""
        return []

    def targets(self, tokenizer, solutions):
        """See `Form.targets`."""
        return text.encode_solutions(tokenizer, solutions, [True] * len(solutions))

    def continued(self, tokenizer, texts):
        """See `Form.continued`."""
        return text.encode_solutions(tokenizer, texts, [False] * len(texts))

    def prefixes(self, solution):
        """See `Form.prefixes`."""
        lines = solution.split(text.SEPARATOR)
        return [text.SEPARATOR.join(lines[: count + 1]) + text.SEPARATOR for count in range(len(lines) - 1)]

    def grade(self, solutions, golds):
        """See `Form.grade`."""
        return [grade_line(*each) for each in zip(solutions, golds, strict=True)]

    def __enter__(self):
        return self

    def __exit__(self, *_):
        pass


LINES = LineForm()


@functools.lru_cache(maxsize=1 << 16)  # equal solutions are frequent
def grade_line(solution: str, gold: str) -> Graded:
    """Answer of a generated solution and whether it equals the gold answer; without an answer it is wrong."""
    answer = find(solution, ("answer_line",)).answer
    if answer is None:
        return None, False
    answer = normal_form(answer)
    return answer, answer == normal_form(gold)


class PromptForm:
    """Real problems: a prompt, steps that are lines with something to read, answers that may be any mathematics.

    An answer's name must not depend on which other answers there are, or cutting the work into other jobs would change
    votes: equal to the gold answer it has the gold answer's name, else that of its number or its normal form.

    A model that thinks (`thought`) has its answers outside of its thoughts; what it is asked again about is without.
    """

    def __init__(self, prompt: prompts.Prompt, grader: Grader, thought: dict | None = None):
        self.prompt, self.grader = prompt, grader
        self.replaced = 0  # lone surrogates that a tokenizer made of bytes that are no text
        self._asked = thought
        self.thought = Thought(**thought) if thought is not None and None not in thought.values() else None

    def settle(self, tokenizer) -> Thought | None:
        """The thought's marks and whether prompts open it, found out where the spec leaves that open; None without.

        Marks are the tokenizer's, and a prompt that ends inside a thought has opened it.
        """
        if self._asked is None or self.thought is not None:
            return self.thought
        opens, closes, begun = (self._asked[name] for name in ("open", "close", "begun"))
        if opens is None:
            opens, closes = marks_of(tokenizer)
        if begun is None:
            begun = not Thought(opens, closes).spans(prompts.render(self.prompt, PROBES[0], tokenizer))[1]
        self.thought = Thought(opens, closes, begun)
        return self.thought

    def stops(self, tokenizer, ends, where):
        """See `Form.stops`; the token with which `targets` end ends a solution, whatever a configuration names."""
        taught = () if tokenizer.eos_token_id is None else (tokenizer.eos_token_id,)
        return any_line_end(tokenizer, tuple(dict.fromkeys((*ends, *taught))), where, self.prompt.stop)

    def prompts(self, tokenizer, questions, contexts=None):
        """See `Form.prompts`."""
        if self.settle(tokenizer) is not None and contexts is not None:
            contexts = [[self.answered(each) or "" for each in context] for context in contexts]
        return prompts.encode(self.prompt, questions, tokenizer, contexts)

    def beginning(self, tokenizer):
        """See `Form.beginning`; before the last of it a tokenizer might merge something with a problem's first sign."""
        prompts = self.prompts(tokenizer, PROBES)
        common = next(
            (place for place, tokens in enumerate(zip(*prompts, strict=False)) if len(set(tokens)) > 1),
            min(map(len, prompts)),
        )
        return prompts[0][: max(common - MERGED, 0)]

    def targets(self, tokenizer, solutions):
        """See `Form.targets`; after a completion that does not end in white space, a space comes first."""
        return text.encode_solutions(
            tokenizer, [self._lead + each for each in solutions], [True] * len(solutions)
        )

    def continued(self, tokenizer, texts):
        """See `Form.continued`."""
        return text.encode_solutions(tokenizer, texts, [False] * len(texts))

    def decode(self, tokenizer, solutions):
        """See `Form.decode`; lone surrogates, which no table can hold, become U+FFFD and are counted."""
        ending = Stops((), (), texts=self.prompt.stop)
        thought = self.settle(tokenizer)
        kept = () if thought is None else (thought.open, thought.close)
        pairs = [without_surrogates(each) for each in text.decode(tokenizer, solutions, kept)]
        self.replaced += sum(count for _, count in pairs)
        return [each[: ending.find_text(each)] for each, _ in pairs]

    def prefixes(self, solution):
        """See `Form.prefixes`: blank lines belong to the step after them."""
        found, written = [], ""
        *lines, rest = solution.split(text.SEPARATOR)
        for line in lines:
            written += line + text.SEPARATOR
            if line.strip():
                found.append(written)
        return found if rest.strip() else found[:-1]

    def grade(self, solutions, golds):
        """See `Form.grade`; each pair of gold answer and answer is compared once."""
        outside = [self.answered(each) for each in solutions]
        answers = [None if each is None else find(each, self.prompt.extract).answer for each in outside]
        pairs = [pair for pair in zip(golds, answers, strict=True) if pair[1] is not None]
        equal = self.grader.equal_all(pairs)
        return [
            (None, False)
            if answer is None
            else (self._name(accepted(gold)[0] if equal[gold, answer] else answer), equal[gold, answer])
            for gold, answer in zip(golds, answers, strict=True)
        ]

    def answered(self, solution: str) -> str | None:
        """What of a solution may hold its answer; None where it ends inside a thought."""
        if self._asked is None:
            return solution
        if self.thought is None:
            raise ValueError(
                "the marks of thoughts are not known before a tokenizer was seen: `settle` takes it"
            )
        return self.thought.outside(solution)

    def _name(self, answer: str) -> str:
        return name(answer, self.grader.read)

    def __enter__(self):
        self.grader.__enter__()
        return self

    def __exit__(self, *error):
        if self.replaced:
            print(f"  {self.replaced:,} lone surrogates in generated texts were replaced by U+FFFD")
        for line in self.grader.failures():
            print(f"  {line}")
        self.grader.__exit__(*error)

    @property
    def _lead(self) -> str:
        chat = self.prompt.format == "chat"
        return "" if chat or self.prompt.template[-1:].isspace() else " "


def name(answer: str, read: Callable[[str], Reading] = read) -> str:
    """What an answer is called in votes: equal numbers and equal normal forms have one name."""
    reading = read(answer)
    return reading.form if reading.number is None else str(reading.number)
