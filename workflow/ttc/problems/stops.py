"""Ends of steps and of solutions: the tokens and texts at which an engine stops.

The tokenizers of the default study have one token for a line end.  Those of published models write a line end as a
part of many tokens (`.\n\n`, `)\n`), and put blank lines between steps: there a step ends with the first token that has
a line end in it and something to read before it, and blank lines belong to the step after them.
"""

from dataclasses import dataclass
from functools import cached_property

from ttc.errors import InputError
from ttc.problems.text import SEPARATOR


@dataclass(frozen=True)
class Stops:
    """end, step: ids of tokens; blank: ids of tokens without anything to read, of which alone no step is made.

    texts: what ends a solution wherever it is written, such as the `Question:` of a base model that goes on by itself.
    """

    end: tuple[int, ...]
    step: tuple[int, ...]
    blank: tuple[int, ...] = ()
    texts: tuple[str, ...] = ()

    @cached_property
    def longest_text(self) -> int:
        """Characters of the longest of the texts."""
        return max(map(len, self.texts), default=0)

    def find_text(self, written: str) -> int | None:
        """Where in `written` the first of the texts begins; None where there is none."""
        found = [place for text in self.texts if (place := written.find(text)) >= 0]
        return min(found, default=None)


def single_token(tokenizer, ends: tuple[int, ...], where: str) -> Stops:
    """Steps end with the one token that is a line end; InputError where the tokenizer has none."""
    separator = tokenizer.convert_tokens_to_ids(SEPARATOR)
    if separator in (None, tokenizer.unk_token_id):
        raise InputError(
            f"{where}: its tokenizer has no token of its own for a line end, by which steps are told"
        )
    return Stops(tuple(ends), (separator,))


def any_line_end(tokenizer, ends: tuple[int, ...], where: str, texts: tuple[str, ...] = ()) -> Stops:
    """Steps end with any token that has a line end in it; InputError where the tokenizer has none.

    ends: the tokens that end a solution, of which a published model may have several.
    """
    ids = sorted(set(tokenizer.get_vocab().values()))
    written = tokenizer.batch_decode(
        [[each] for each in ids], skip_special_tokens=False, clean_up_tokenization_spaces=False
    )
    special = set(tokenizer.all_special_ids) | set(ends)
    step, blank = [], []
    for each, token in zip(ids, written, strict=True):
        if each in special:
            continue
        if SEPARATOR in token:
            step.append(each)
        if not token.strip():
            blank.append(each)
    if not step:
        raise InputError(f"{where}: its tokenizer has no token with a line end, by which steps are told")
    return Stops(tuple(ends), tuple(step), tuple(blank), tuple(texts))
