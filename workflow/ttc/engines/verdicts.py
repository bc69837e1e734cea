"""Verdicts of a model behind a server: one token, read as the probabilities of the tokens that were likeliest there."""

import math
from collections.abc import Sequence
from typing import NamedTuple

from ttc.engines import requests
from ttc.engines.client import Server, Unreadable
from ttc.engines.requests import Answer
from ttc.errors import InputError

MOST = 20  # tokens whose probabilities are asked for: the most that OpenAI's and vLLM's servers give
ASKED = {"logprobs": True, "top_logprobs": MOST}
# The likeliest token is written: one that is drawn would take the place of a likelier one among those that are told
TEMPERATURE, LENGTH = 0.0, 1
ROUNDING = 1e-6  # by which a log-probability may be above 0


class Verdict(NamedTuple):
    """Of one token: the probabilities of all spellings of yes and of no that are among the likeliest, and its bill."""

    yes: float
    no: float
    answer: Answer


def score(yes: float, no: float) -> float | None:
    """P(yes) among yes and no; None where neither is among the likeliest tokens."""
    return yes / (yes + no) if yes + no > 0 else None


def read(response: object, yes: Sequence[str], no: Sequence[str], server: Server) -> Verdict:
    """The verdict in a response, as JSON has it; spellings are compared with the texts of tokens, each letter of them.

    Raises Unreadable where there is none, and InputError where the server gives no probabilities of tokens: it will
    give none to another request either.
    """
    answer = requests.read(response, LENGTH)
    given = response["choices"][0].get("logprobs")
    told = given.get("content") if isinstance(given, dict) else None
    if not isinstance(told, list) or (told and not _has_top(told[0])):
        raise InputError(
            f"{server.url}: what it answers holds no log-probabilities of tokens (`top_logprobs`), which a judge's "
            f"score is made of ({server.place}); take another server, or kind judge_critique with `verdict: parsed`, "
            "which reads texts"
        )
    chances = [_chance(each) for each in told[0]["top_logprobs"]] if told else []
    found = [math.fsum(chance for text, chance in chances if text in spellings) for spellings in (yes, no)]
    return Verdict(*found, answer)


def _has_top(token: object) -> bool:
    top = token.get("top_logprobs") if isinstance(token, dict) else None
    return isinstance(top, list) and bool(top)


def _chance(given: object) -> tuple[str, float]:
    """Text and probability of a token."""
    text = given.get("token") if isinstance(given, dict) else None
    value = given.get("logprob") if isinstance(given, dict) else None
    number = isinstance(value, int | float) and not isinstance(value, bool)
    if not isinstance(text, str) or not number or not value <= ROUNDING:
        raise Unreadable("a log-probability in it is no number up to 0, or its token is no text")
    return text, math.exp(min(value, 0.0))
