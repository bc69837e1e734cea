"""Models behind servers: what is asked of them, how they are reached, and what they cost."""

import re
from typing import Any, Literal
from urllib.parse import urlsplit

from ttc.errors import InputError
from ttc.study.sections.base import Count, NotNegative, Positive, Section, Text, key

# Fields of a request that other keys say
SAID = {
    "model": "policy.served.model",
    "messages": "problems.prompt",
    "prompt": "problems.prompt",
    "stop": "problems.prompt",
    "temperature": "sampling.temperature",
    "max_tokens": "sampling.max_tokens",
    "max_completion_tokens": "sampling.max_tokens",
    "n": "sampling.samples",
    "seed": "seed",
}
LINE_END = "\n"  # the usual end of a step
GO_ON = {"continue_final_message": True, "add_generation_prompt": False}
# The same of a judge
SAID_OF_JUDGES = {
    "model": "prm.checkpoint.served.model",
    "messages": "prm.checkpoint.judge.prompt",
    "prompt": "prm.checkpoint.judge.prompt",
    "temperature": "prm.checkpoint.judge.critique.temperature",
    "max_tokens": "prm.checkpoint.judge.critique.max_tokens",
    "max_completion_tokens": "prm.checkpoint.judge.critique.max_tokens",
    "n": "prm.checkpoint.judge.critique.count",
    "seed": "seed",
    "logprobs": "prm.checkpoint.kind",
}
UNREAD = ("stream", "stream_options", "logprobs", "tools", "functions", "best_of", "echo")
_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


class Price(Section):
    """What a million tokens cost, for `ttc plan` and for accuracy by money (docs/money.md)."""

    read: NotNegative = key(..., "a million tokens of prompts, or of what a verifier reads")
    decoded: NotNegative = key(..., "a million tokens of answers")
    currency: Text = key("USD", "which both are in; one for all prices of a study")


class Served(Section):
    """A model behind a server that speaks OpenAI's protocol (docs/served.md)."""

    model: Text = key(..., "its name, as the server lists it")
    url: str | None = key(
        None,
        "where the server is, up to its version, such as http://localhost:8000/v1; no part of any key, and a plan does "
        "without",
    )
    key_variable: str | None = key(
        None, "name of the environment variable that holds the key; null: the server asks for none"
    )
    request: dict[str, Any] = key(
        {},
        "further fields of each request, such as top_k or reasoning_effort, which are part of the key; top_p is 1 "
        "unless it is given, and null leaves it out",
    )
    continuation: dict[str, Any] = key(
        GO_ON,
        "further fields of a request that goes on with the assistant's turn, of searches with a prompt of `format: "
        "chat`, and part of their key; vLLM and SGLang take those that are usual",
    )
    step_end: Literal["\n", "\n\n"] = key(
        LINE_END,
        "the text that ends a step of a search, and part of its key: a line end, or a blank line, for models that put "
        "one between their steps",
    )
    length_field: Literal["max_tokens", "max_completion_tokens"] = key(
        "max_tokens", "what the server calls the longest answer"
    )
    send_seed: bool = key(True, "whether a request has a seed, which some servers refuse")
    concurrency: Count = key(16, "requests of a job that are under way at once")
    requests_per_minute: Positive | None = key(None, "requests of a job that begin in a minute at most")
    timeout: Positive = key(600.0, "seconds after which a request is given up and made again")
    tries: Count = key(8, "how often a request is made before the job stops; what it has is kept")
    parameters: Count | None = key(None, "how many the model has, for FLOPs; null: they are not known")
    active_parameters: Count | None = key(
        None, "of a mixture of experts, through how many of them a token passes; null: all"
    )
    price: Price | None = None

    def check(self, where: str, said: dict[str, str] = SAID) -> None:
        """InputError for an address with a secret in it, no name of a variable, or a field that another key says.

        said: which fields these are.
        """
        self._check_url(f"{where}.url")
        if self.key_variable is not None and not _VARIABLE.fullmatch(self.key_variable):
            # What was given is not repeated: it may be the key itself
            raise InputError(
                f"{where}.key_variable: what was given is no name of an environment variable; the key itself stands in "
                "no file: put it into a variable, and give its name"
            )
        for section in ("request", "continuation"):
            for name in getattr(self, section):
                if name in said:
                    raise InputError(f"{where}.{section}.{name}: it is said by {said[name]}; leave it out")
                if name in UNREAD:
                    raise InputError(
                        f"{where}.{section}.{name}: what comes back with it is not read; leave it out"
                    )

    def _check_url(self, where: str) -> None:
        if self.url is None:
            return
        try:
            parts = urlsplit(self.url)
            usable = parts.scheme in ("http", "https") and parts.hostname and (parts.port or True)
        except ValueError:
            usable, parts = False, None
        if parts is not None and (parts.username or parts.password or parts.query or parts.fragment):
            raise InputError(
                f"{where}: the address has a user, a password or a query in it; a key stands in an environment "
                f"variable, which {where.removesuffix('.url')}.key_variable names"
            )
        if not usable:
            raise InputError(
                f"{where}: '{self.url}' was given; an address is such as http://localhost:8000/v1"
            )

    @property
    def said(self) -> dict:
        """What of it can change a result: all that its studies show."""
        usual = {name: type(self).model_fields[name].default for name in ("continuation", "step_end")}
        own = {name: value for name in usual if (value := getattr(self, name)) != usual[name]}
        return {"model": self.model, "request": self.request} | own

    @property
    def reached(self) -> dict:
        """How it is reached: no part of any key."""
        names = ("url", "key_variable", "length_field", "send_seed", "concurrency")
        return self.model_dump(include={*names, "requests_per_minute", "timeout", "tries"})

    @property
    def size(self) -> int | None:
        """Parameters by which FLOPs are counted."""
        return self.active_parameters or self.parameters
