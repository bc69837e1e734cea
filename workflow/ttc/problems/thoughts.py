"""Thoughts: what a model writes between two marks before it answers, which holds no answer and is counted apart."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from ttc.errors import InputError

# A mark that opens and one that closes, as tokenizers have them: <think> and </think>, [THINK] and [/THINK]
_OPEN = re.compile(r"[<\[]\|?(?P<name>[A-Za-z_:]*(?:think|thought|reason)[A-Za-z_:]*)\|?[>\]]", re.IGNORECASE)
_ENDS = {"begin_of_": "end_of_", "START_": "END_"}


@dataclass(frozen=True)
class Thought:
    """The marks of a thought, and whether a solution begins inside one, because its prompt has opened it."""

    open: str
    close: str
    begun: bool = False

    def spans(self, text: str) -> tuple[list[tuple[int, int]], bool]:
        """Where in a text thoughts are, marks included, and whether the last of them is closed (or there is none).

        A closing mark that nothing has opened closes a thought that began before the text, so all before it is one.
        """
        found: list[tuple[int, int]] = []
        place, inside = 0, 0 if self.begun else None
        while True:
            if inside is None:
                opened, closed = text.find(self.open, place), text.find(self.close, place)
                if closed >= 0 and not 0 <= opened < closed:
                    found, place = [(0, closed + len(self.close))], closed + len(self.close)
                    continue
                if opened < 0:
                    return found, True
                inside, place = opened, opened + len(self.open)
            closed = text.find(self.close, place)
            if closed < 0:
                return [*found, (inside, len(text))], False
            place = closed + len(self.close)
            found.append((inside, place))
            inside = None

    def outside(self, text: str) -> str | None:
        """What stands outside of thoughts, in lines of their own; None where the last thought is not closed."""
        spans, closed = self.spans(text)
        if not closed:
            return None
        if not spans:
            return text
        ends = [0, *(end for _, end in spans)]
        starts = [*(start for start, _ in spans), len(text)]
        parts = [text[end:start] for end, start in zip(ends, starts, strict=True)]
        return "\n".join(part for part in parts if part)


class Counted(NamedTuple):
    """Tokens of a solution: those of thoughts, marks included, and where the first thought is closed.

    closed, mark: tokens up to the end of that mark, and before the one in which it begins; None where no thought is
    closed, and `mark` where what is closed was never opened.
    """

    thinking: int
    closed: int | None = None
    mark: int | None = None


class Counter:
    """Tokens of thoughts in solutions of a tokenizer; a token counts as thought if any of its signs is in one."""

    def __init__(self, thought: Thought, tokenizer):
        self.thought, self.tokenizer = thought, tokenizer
        self._pieces: dict[int, str] = {}

    def count(self, tokens: Sequence[int]) -> Counted:
        """See `Counted`."""
        pieces = self._written(tokens)
        text, width = "".join(pieces), len(self.thought.close)
        spans, _ = self.thought.spans(text)
        # The first mark that closes ends the first thought, wherever that began
        first = text.find(self.thought.close)
        opened = self.thought.begun or 0 <= text.find(self.thought.open) < first
        thinking = start = place = 0
        closed = mark = None
        for number, piece in enumerate(pieces, 1):
            end = start + len(piece)
            while place < len(spans) and spans[place][1] <= start:
                place += 1
            # A token without signs of its own, as a part of a letter may be, goes with what follows it
            thinking += place < len(spans) and spans[place][0] < max(end, start + 1)
            if mark is None and opened and 0 <= first < end:
                mark = number - 1
            if closed is None and first >= 0 and end >= first + width:
                closed = number
            start = end
        return Counted(thinking, closed, mark)

    def _written(self, tokens: Sequence[int]) -> list[str]:
        fresh = sorted({each for each in tokens if each not in self._pieces})
        texts = fresh and self.tokenizer.batch_decode(
            [[each] for each in fresh], skip_special_tokens=False, clean_up_tokenization_spaces=False
        )
        self._pieces.update(zip(fresh, texts, strict=True))
        return [self._pieces[each] for each in tokens]


def marks_of(tokenizer) -> tuple[str, str]:
    """The marks that a tokenizer has, among its added tokens or else in its chat template; InputError for none, or
    several pairs.
    """
    added = [str(token) for token in getattr(tokenizer, "added_tokens_decoder", {}).values()]
    found = _pairs(added)
    if not found:
        template = getattr(tokenizer, "chat_template", None)
        template = "".join(template.values()) if isinstance(template, dict) else template or ""
        found = _pairs(re.findall(r"[<\[][^<>\[\]\s]+[>\]]", template))
    if len(found) == 1:
        return found[0]
    what = "no marks of a thought" if not found else f"marks of {len(found)} kinds of thoughts"
    raise InputError(
        f"policy.thought: auto was given, and the tokenizer has {what} among its added tokens or in its chat template"
        f"{''.join(f' ({opens} {closes})' for opens, closes in found)}: state `open` and `close`"
    )


def _pairs(tokens: Iterable[str]) -> list[tuple[str, str]]:
    """Marks that open, in order, each with the one that closes: the same with a slash, or one that says `end`."""
    known = dict.fromkeys(tokens)
    found = []
    for token in known:
        match = _OPEN.fullmatch(token)
        if match is None:
            continue
        name = match["name"]
        others = [token.replace(name, f"/{name}", 1)]
        others += [token.replace(begin, end, 1) for begin, end in _ENDS.items() if begin in name]
        found += [(token, each) for each in others if each in known][:1]
    return found
