"""Prompts: what a language model reads before it writes a solution, one YAML file each, in `workflow/prompts`.

    description: what it is for
    format: completion     # the text as it stands, or chat: turns, written by the tokenizer's chat template
    system: TEXT           # chat only: the system's turn; null: none
    template: TEXT         # has {problem} once; nothing else in it is replaced
    examples:              # solved problems before it, each in the template: {problem: TEXT, solution: TEXT}
    stop: [TEXT]           # texts that end a solution
    again: TEXT            # what a trained reviser reads after an answer that it is to revise
    ask_again: TEXT        # what the policy itself is told after its answer (`revision.by: prompt`); null: nothing
    extract: [boxed]       # how the answer is found in what the model wrote (`ttc.grading.answers`)
    variables: {}          # chat only: what the chat template is given besides, such as enable_thinking: false
    date: 2024-07-26       # chat only: the date for chat templates that write today's

The date is fixed because some chat templates (Llama 3.2's) write the day on which they are used into the prompt: the
same study would be sampled from another prompt every day.
"""

import datetime
import hashlib
import json
import re
import string
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path

from ttc.digests import canonical
from ttc.errors import InputError, nearest
from ttc.grading.answers import check_methods
from ttc.problems.text import encode_prompts

FOLDER = Path(__file__).resolve().parents[2] / "prompts"
FORMATS = ("chat", "completion")
PLACE = "{problem}"
BETWEEN = "\n\n"  # two examples of a completion
_UNREAD = ("description", "ask_again")
AGAIN = "There may be mistakes in the solution above. Solve the problem again, in the same form."


@dataclass(frozen=True)
class Prompt:
    """A prompt file's content; its keys are explained above."""

    template: str
    description: str = ""
    format: str = "chat"
    system: str | None = None
    examples: tuple[tuple[str, str], ...] = ()
    stop: tuple[str, ...] = ()
    extract: tuple[str, ...] = ("boxed",)
    again: str = AGAIN
    ask_again: str | None = None
    variables: dict = field(default_factory=dict)
    date: str = "2024-07-26"


def load(name: str | Path) -> Prompt:
    """The prompt of a file, or of a name in `workflow/prompts` without its ending.

    Raises InputError for an unknown name, a file that is no YAML, an unknown key or a value of the wrong kind, and a
    template without `{problem}`.
    """
    path = Path(name)
    if path.suffix not in (".yaml", ".yml"):
        path = FOLDER / f"{name}.yaml"
    if not path.is_file():
        known = sorted(file.stem for file in FOLDER.glob("*.yaml"))
        raise InputError(
            f"prompt '{name}': there is no such file; known are {', '.join(known)}, or the path of a .yaml file"
            f"{nearest(str(name), known)}"
        )
    return checked(read_file(path), f"prompt '{path}'")


def from_content(content: dict) -> Prompt:
    """The prompt of a stage's spec, as `content_of` wrote it."""
    examples = tuple((problem, solution) for problem, solution in content["examples"])
    texts = {name: tuple(content[name]) for name in ("stop", "extract")}
    return Prompt(**content | texts | {"examples": examples})


def content_of(prompt: Prompt) -> dict:
    """What of a prompt can change what a model reads and how it is read: all but the description.

    `ask_again` is read only by a model that is asked so, of which it is `again` (`asking_again`).
    """
    content = {name: value for name, value in asdict(prompt).items() if name not in _UNREAD}
    return json.loads(canonical(content))


def asking_again(prompt: Prompt, name: str) -> Prompt:
    """The prompt by which a model that nobody trained to revise is asked again; InputError where it lacks the words."""
    if not prompt.ask_again:
        raise InputError(
            f"prompt '{name}': it has no `ask_again`, the words in which `revision.by: prompt` asks the policy for "
            "another answer; add them to the file, or take a prompt that has them"
        )
    return replace(prompt, again=prompt.ask_again)


def messages(prompt: Prompt, problem: str, context: Sequence[str] = ()) -> list[dict[str, str]]:
    """The turns of a chat prompt: the system's, those of the examples, and the problem.

    context: earlier answers, oldest first, each of which is a turn of the model's and is asked for again.
    """
    system = [] if prompt.system is None else [("system", prompt.system)]
    asked = [*prompt.examples, (problem, None)]
    turns = [
        turn
        for each, solution in asked
        for turn in (("user", _filled(prompt, each)), ("assistant", solution))
        if turn[1] is not None
    ]
    revised = [turn for answer in context for turn in (("assistant", answer), ("user", prompt.again))]
    return [{"role": role, "content": content} for role, content in [*system, *turns, *revised]]


def render(prompt: Prompt, problem: str, tokenizer=None, context: Sequence[str] = ()) -> str:
    """The text that the model reads; `tokenizer` has the chat template of a chat prompt.

    context: earlier answers to the problem, which is to be answered again.  Raises InputError where there is no chat
    template, or it takes no such turns.
    """
    if prompt.format == "completion":
        again = "".join(f"{answer.rstrip()}{BETWEEN}{prompt.again}{BETWEEN}" for answer in context)
        return _joined(_completion(prompt, problem), again) if again else _completion(prompt, problem)
    if getattr(tokenizer, "chat_template", None) is None:
        raise InputError(
            "the tokenizer has no chat template, which a prompt of `format: chat` needs; base models take `format: "
            "completion`"
        )
    try:
        return tokenizer.apply_chat_template(
            messages(prompt, problem, context),
            chat_template=_dated(tokenizer.get_chat_template(), prompt.date),
            tokenize=False,
            add_generation_prompt=True,
            **prompt.variables,
        )
    except Exception as error:  # whatever a template raises, such as that it knows no system
        raise InputError(
            f"the tokenizer's chat template refuses the prompt ({' '.join(str(error).split())})"
        ) from error


def encode(
    prompt: Prompt, problems: Sequence[str], tokenizer, contexts: Sequence[Sequence[str]] | None = None
) -> list[list[int]]:
    """Token ids of the prompts for `problems`; a chat template writes its own begin-of-sequence token.

    contexts: of each problem the earlier answers to it.
    """
    before = contexts or [()] * len(problems)
    texts = [
        render(prompt, *each, context)
        for *each, context in zip(problems, [tokenizer] * len(problems), before, strict=True)
    ]
    if prompt.format == "completion":
        return encode_prompts(tokenizer, texts)
    return tokenizer(texts, add_special_tokens=False)["input_ids"] if texts else []


def digest(prompt: Prompt, tokenizer=None) -> str:
    """SHA-256 of what decides which tokens a model reads: the prompt, the tokenizer and its chat template.

    Comments and layout of the prompt's file do not count, nor does its description; the chat template counts for a
    chat prompt only.
    """
    about = content_of(prompt)
    if tokenizer is not None:
        about["tokenizer"] = _tokenizer_content(tokenizer)
        if prompt.format == "chat":
            about["chat_template"] = tokenizer.chat_template and tokenizer.get_chat_template()
    return hashlib.sha256(canonical(about).encode()).hexdigest()


def tokenizer_digest(tokenizer) -> str:
    """SHA-256 of what a tokenizer does to texts and conversations, its chat template included."""
    content = _tokenizer_content(tokenizer) | {"chat_template": tokenizer.chat_template}
    return hashlib.sha256(canonical(content).encode()).hexdigest()


def _filled(prompt: Prompt, problem: str) -> str:
    return prompt.template.replace(PLACE, problem)


def _completion(prompt: Prompt, problem: str) -> str:
    """The examples, each template followed by its solution, and the template of the problem."""
    shown = [_joined(_filled(prompt, each), solution) for each, solution in prompt.examples]
    return BETWEEN.join([*shown, _filled(prompt, problem)])


def _joined(before: str, solution: str) -> str:
    return before + ("" if before[-1:].isspace() else " ") + solution


# A code of strftime with one of glibc's flags or modifiers; and what stands for a doubled sign meanwhile
_CODE, _ASIDE = re.compile(r"%[-_0^#EO]*\d*[A-Za-z%]"), "\ue000"


def _dated(template: str, date: str) -> str:
    """A chat template in which `strftime_now`, if it is used, writes `date`, 0:00, instead of the present.

    A macro of the template itself takes its place: a template is given plain data only, no functions of ours.
    """
    if "strftime_now" not in template:
        return template
    day = datetime.datetime.fromisoformat(date)
    codes = {f"%{letter}" for letter in string.ascii_letters} | set(_CODE.findall(template))
    values = {code: day.strftime(code) for code in sorted(codes - {"%%"})}
    values["%s"] = str(int(day.replace(tzinfo=datetime.UTC).timestamp()))  # else by the clock of this place
    # A doubled sign is put aside, and comes back as a single one, before which nothing is a code
    pairs = [
        ("%%", _ASIDE),
        *((code, value) for code, value in values.items() if code != value),
        (_ASIDE, "%"),
    ]
    replaced = "".join(f" | replace({json.dumps(code)}, {json.dumps(value)})" for code, value in pairs)
    # The environment of chat templates drops the newline after a block, and this one with it
    return f"{{% macro strftime_now(format) %}}{{{{ format{replaced} }}}}{{% endmacro %}}\n{template}"


def _tokenizer_content(tokenizer) -> dict:
    """What a tokenizer does to a text; padding and truncation are set by whoever used it last."""
    content = {"special": {name: str(token) for name, token in tokenizer.special_tokens_map.items()}}
    if getattr(tokenizer, "is_fast", False):
        core = json.loads(tokenizer.backend_tokenizer.to_str())
        return content | {"core": core | {"padding": None, "truncation": None}}
    return content | {"class": type(tokenizer).__name__, "vocabulary": tokenizer.get_vocab()}


def read_file(path: Path) -> object:
    """What a YAML file holds; InputError for one that is none."""
    import yaml

    try:
        return yaml.safe_load(path.read_text(encoding="utf-8"))
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise InputError(f"prompt '{path}': not a YAML file ({' '.join(str(error).split())})") from error


def checked(given: object, where: str) -> Prompt:
    """The prompt that a file's content describes; InputError, which begins with `where`, for what `load` refuses."""
    if not isinstance(given, dict):
        raise InputError(f"{where}: the file must name its keys, such as `template: ...`")
    known = Prompt.__dataclass_fields__
    for name in given:
        if name not in known:
            raise InputError(
                f"{where}: '{name}' is unknown; known are {', '.join(known)}{nearest(name, known)}"
            )
    values = {name: value for name, value in given.items() if value is not None}
    values["examples"] = _examples(values.get("examples", []), where)
    for name in ("stop", "extract"):
        if name in values:
            values[name] = _texts(values[name], f"{where}: `{name}`")
    if "date" in values:
        values["date"] = _date(values["date"], where)
    for name in ("template", "system", "description", "again", "ask_again"):
        if not isinstance(values.get(name, ""), str):
            raise InputError(f"{where}: `{name}` must be a text")
    if not isinstance(values.get("variables", {}), dict):
        raise InputError(f"{where}: `variables` must name each value")
    prompt = Prompt(**{"template": "", **values})
    _check_meaning(prompt, where)
    return prompt


def _check_meaning(prompt: Prompt, where: str) -> None:
    count = prompt.template.count(PLACE)
    if count != 1:
        raise InputError(
            f"{where}: the template must have {PLACE} once, where the problem goes; it has {count}"
        )
    if prompt.format not in FORMATS:
        raise InputError(
            f"{where}: the format '{prompt.format}' is unknown; allowed are {', '.join(FORMATS)}"
            f"{nearest(prompt.format, FORMATS)}"
        )
    if prompt.format == "completion" and (prompt.system is not None or prompt.variables):
        raise InputError(f"{where}: `system` and `variables` belong to `format: chat`")
    try:
        check_methods(prompt.extract)
    except InputError as error:
        raise InputError(f"{where}: {error}") from None


def _examples(given: object, where: str) -> tuple[tuple[str, str], ...]:
    fine = isinstance(given, list) and all(
        isinstance(each, dict)
        and set(each) == {"problem", "solution"}
        and all(isinstance(text, str) and text.strip() for text in each.values())
        for each in given
    )
    if not fine:
        raise InputError(
            f"{where}: each of `examples` must have the texts `problem` and `solution`, and only these"
        )
    return tuple((each["problem"], each["solution"]) for each in given)


def _texts(given: object, where: str) -> tuple[str, ...]:
    if not isinstance(given, list) or not all(isinstance(each, str) and each for each in given):
        raise InputError(f"{where} must be a list of texts")
    return tuple(given)


def _date(given: object, where: str) -> str:
    try:
        return datetime.date.fromisoformat(str(given)).isoformat()
    except ValueError as error:
        raise InputError(f"{where}: `date` is '{given}'; a date is written 2024-07-26") from error
