"""Models that think before they answer: where their thoughts end, and budgets of thought."""

from typing import Annotated, Any

from pydantic import BeforeValidator

from ttc.errors import InputError
from ttc.study.sections.base import Section, Text, key

AUTO = "auto"


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
            raise InputError(f"{where}.{missing}: none was given beside {where}.{given}; give both, or neither")
        if self.open is not None and (self.open in self.close or self.close in self.open):
            raise InputError(f"{where}.close: '{self.close}' was given, and {where}.open has it, too, or is in it")
        if read_off is None:
            return
        for name in ("open", "begun"):
            if getattr(self, name) is None:
                raise InputError(f"{where}.{name}: none was given, and {read_off}: state it")


def _in_a_word(given: Any) -> Any:
    """`thought: auto` is short for `thought: {}`."""
    return {} if given == AUTO else given


MaybeThought = Annotated[Thought | None, BeforeValidator(_in_a_word)]
