"""Models that think before they answer: where their thoughts end, and budgets of thought."""

from typing import Annotated, Any

from pydantic import BeforeValidator

from ttc.errors import InputError
from ttc.study.sections.base import (
    Count,
    Different,
    Extended,
    Filled,
    Natural,
    Section,
    Text,
    check_rising,
    key,
    whole,
)

AUTO = "auto"
CLOSE = "{close}"


class Thought(Section):
    """Boundary of the thoughts of a model that thinks before it answers; `auto`: all read off (docs/thinking.md)."""

    open: Text | None = key(None, "mark that opens a thought; null: read from the tokenizer")
    close: Text | None = key(None, "mark that closes it; null: read from the tokenizer")
    begun: bool | None = key(
        None, "whether a solution begins inside a thought, opened by its prompt; null: as prompts end"
    )

    def check(self, where: str, read_off: str | None = None) -> None:
        """InputError for one mark without the other, or two equal ones.

        read_off: why marks and the end of prompts cannot be read off here; None where they can.
        """
        if (self.open is None) != (self.close is None):
            given, missing = ("open", "close") if self.close is None else ("close", "open")
            raise InputError(
                f"{where}.{missing}: none was given beside {where}.{given}; give both, or neither"
            )
        if self.open is not None and (self.open in self.close or self.close in self.open):
            raise InputError(
                f"{where}.close: '{self.close}' was given, and {where}.open has it, too, or is in it"
            )
        if read_off is None:
            return
        for name in ("open", "begun"):
            if getattr(self, name) is None:
                raise InputError(f"{where}.{name}: none was given, and {read_off}: state it")


def _in_a_word(given: Any) -> Any:
    """`thought: auto` is short for `thought: {}`."""
    return {} if given == AUTO else given


MaybeThought = Annotated[Thought | None, BeforeValidator(_in_a_word)]


class Thinking(Extended):
    """Samples at several budgets of thought, beside those without one (docs/thinking.md)."""

    LATER = ("field",)

    budgets: Annotated[list[Count], Filled, Different] = key(
        ...,
        "most tokens of a thought, rising; where they are used up, the thought is ended and the answer drawn",
    )
    samples: Count | None = key(
        None, "samples of each test problem at each budget; null: as many as `sampling.samples`"
    )
    answer_tokens: Count = key(512, "longest answer behind a thought, in tokens")
    ending: Text = key(
        "\n{close}\n\n", "what ends a thought whose budget is used up; `{close}` is its closing mark, once"
    )
    waits: Natural = key(
        0, "how often a thought that closes below its budget goes on, with `wait` in place of its mark"
    )
    wait: Text = key("Wait", "what stands in place of the mark")
    probes: Count | None = key(
        8, "test problems on which every budget is tried before all others; null: none is"
    )
    token_budgets: Annotated[list[Count], Filled, Different] | None = key(
        None,
        "tokens per question at which budgets of thought and numbers of samples are compared; null: doubling from "
        "the cheapest sample to all samples at the largest budget",
    )
    orders: whole(2) = key(200, "subsets drawn for votes of the shortest thoughts")
    field: Text | None = key(
        None,
        "of a policy behind a server: the field of a request that says the budget, such as vLLM's "
        "thinking_token_budget; the server ends the thought and answers",
    )

    def check(self, where: str) -> None:
        """InputError unless budgets rise, and the ending has the mark once."""
        check_rising(f"{where}.budgets", self.budgets)
        check_rising(f"{where}.token_budgets", self.token_budgets or [])
        if self.field is not None and self.waits:
            raise InputError(
                f"{where}.waits: {self.waits} was given beside {where}.field, and thoughts that a server ends do not "
                "go on: leave one of the two out"
            )
        if (count := self.ending.count(CLOSE)) != 1:
            raise InputError(f"{where}.ending: {CLOSE} has to stand in it once, and it has it {count} times")

    @property
    def drawn(self) -> dict:
        """What decides the samples: part of the spec of the stages that draw them."""
        if self.field is not None:
            return self.model_dump(include={"budgets", "field"})
        return self.model_dump(include={"budgets", "answer_tokens", "ending", "waits", "wait"})


def check_field(field: str | None, served: Any) -> None:
    """InputError unless a policy behind a server (`ttc.study.sections.served.Served`; None: it is here) has a `field`
    of its own for budgets, and any other none.
    """
    if served is None and field is not None:
        raise InputError(
            f"sampling.thinking.field: {field} was given, and the policy is behind no server: leave it out, thoughts "
            "are ended here"
        )
    if served is None:
        return
    if field is None:
        raise InputError(
            "sampling.thinking.field: none was given, and thoughts of a policy behind a server (policy.served) are not "
            "ended here: give the field of a request that says the budget, such as vLLM's thinking_token_budget, or "
            "leave sampling.thinking out"
        )
    if field in served.request:
        raise InputError(
            f"policy.served.request.{field}: it is said by sampling.thinking.budgets; leave it out"
        )
