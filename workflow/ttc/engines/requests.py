"""Requests to a server that speaks OpenAI's protocol, and what is kept of its answers."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from ttc.engines.client import Unreadable
from ttc.grading.characters import without_surrogates
from ttc.problems.prompts import Prompt, messages, render

SEED_BITS = 53  # of a noise stream: whole numbers that every reader of JSON keeps as they are
BROKEN_OFF = ("abort", "error")  # finish reasons of answers that are none
FINISH = {"stop": "stop", "eos": "stop", "length": "length"}
MATCHED = ("stop_reason", "matched_stop")  # where vLLM and SGLang say by which text an answer stopped


class Answer(NamedTuple):
    """An answer: its text, how it ended (`ttc.tables.columns.FINISH`), and the server's bill and name of itself.

    tokens, read, thinking: those that were decoded, those of the prompt, and of those decoded the ones of thoughts;
    None where what the server says cannot be.  matched: which of the texts of `stop` ended it, of servers that say it.
    """

    text: str
    finish: str
    tokens: int | None
    read: int | None
    model: str
    fingerprint: str
    thinking: int | None = None
    matched: str | None = None


def chat(prompt: Prompt) -> bool:
    """Whether a prompt is turns, which the server puts into its model's form, and no text."""
    return prompt.format == "chat"


def body(
    prompt: Prompt,
    question: str,
    model: str,
    temperature: float,
    stream: np.uint64,
    more: dict,
    context: Sequence[str] = (),
) -> dict:
    """The fields of a request for one answer, but for its longest length.

    stream: the answer's noise stream, of which its seed is made: a server that minds seeds repeats itself.  more:
    fields that the study adds, which go before those that are usual here; one that is None is left out.  context:
    earlier answers, oldest first, after which another one is asked for.
    """
    if chat(prompt):
        said = {"messages": messages(prompt, question, context)}
    else:
        said = {"prompt": render(prompt, question, context=context)}
    if prompt.variables:  # vLLM, SGLang and llama.cpp give them to the chat template
        said["chat_template_kwargs"] = prompt.variables
    if prompt.stop:
        said["stop"] = list(prompt.stop)
    usual = {"top_p": 1.0, "seed": int(stream) >> (64 - SEED_BITS)}
    given = {name: value for name, value in (usual | more).items() if value is not None}
    return given | said | {"model": model, "temperature": temperature}


def going_on(fields: dict, written: str, more: dict) -> dict:
    """`body` of a request for what follows on a text, which is the beginning of the answer.

    more: fields by which a server is told to go on with the last turn, where the prompt is turns.
    """
    if not written:
        return fields
    if "prompt" in fields:
        return fields | {"prompt": fields["prompt"] + written}
    turn = {"role": "assistant", "content": written}
    return fields | more | {"messages": [*fields["messages"], turn]}


def read(response: object, max_tokens: int) -> Answer:
    """The answer in a response, as JSON has it.  Raises Unreadable where there is none.

    What `usage` says is checked by what it can be: whole, not negative, at most max_tokens, and not 0 for an answer
    with a text in it.  Where it is not, an answer that was cut has max_tokens tokens; those of any other are unknown.
    """
    if not isinstance(response, dict):
        raise Unreadable("it is no JSON object")
    choices = response.get("choices")
    if not isinstance(choices, list) or not choices or not isinstance(choices[0], dict):
        raise Unreadable("it has no `choices`")
    choice = choices[0]
    text = _text(choice)
    reason = choice.get("finish_reason")
    if not isinstance(reason, str):
        raise Unreadable("it does not say how the answer ended (`finish_reason`)")
    if reason in BROKEN_OFF:
        raise Unreadable("the server broke it off")
    finish = FINISH.get(reason, "unknown")
    usage = response.get("usage")
    usage = usage if isinstance(usage, dict) else {}
    tokens = _count(usage.get("completion_tokens"), 1 if text else 0, max_tokens)
    if tokens is None and finish == "length":
        tokens = max_tokens
    details = usage.get("completion_tokens_details")
    thinking = details.get("reasoning_tokens") if isinstance(details, dict) else None
    return Answer(
        text,
        finish,
        tokens,
        _count(usage.get("prompt_tokens"), 1),
        str(response.get("model") or ""),
        str(response.get("system_fingerprint") or ""),
        None if tokens is None else _count(thinking, 0, tokens),
        next((choice[name] for name in MATCHED if isinstance(choice.get(name), str)), None),
    )


def written(prompt: Prompt, texts: Sequence[str]) -> tuple[list[str], int]:
    """Texts as tables hold them, without what ends a solution, and how many lone surrogates were replaced."""
    pairs = [without_surrogates(each) for each in texts]
    return [_before(each, prompt.stop) for each, _ in pairs], sum(count for _, count in pairs)


def _text(choice: dict) -> str:
    """The text of a turn or of a completion; one that is null, as of a model that has only thought, is empty."""
    if isinstance(choice.get("text"), str):
        return choice["text"]
    turn = choice.get("message")
    if not isinstance(turn, dict) or not isinstance(turn.get("content", ""), str | None):
        raise Unreadable("its first choice has no text")
    return turn.get("content") or ""


def _count(given: object, least: int, most: int | None = None) -> int | None:
    fine = isinstance(given, int) and not isinstance(given, bool) and given >= least
    return given if fine and (most is None or given <= most) else None


def _before(text: str, stops: Sequence[str]) -> str:
    places = [place for each in stops if (place := text.find(each)) >= 0]
    return text[: min(places, default=len(text))]
