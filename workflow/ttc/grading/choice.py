r"""Answers to multiple-choice questions: the letter of the option that was chosen."""

import functools
import re

from ttc.grading.marks import unmarked
from ttc.grading.readings import Reading
from ttc.grading.words import in_words

_COMMAND = re.compile(r"\\(?:text|textbf|textit|textrm|mathrm|mathbf|mathit|boxed|fbox|rm|bf)\s*\{([^{}]*)\}")
_NAMED = (
    r"(?:(?:the\s+)?(?:(?:correct|right|best|final)\s+)?(?:option|choice|answer|letter)\s*(?:is\b)?\s*:?\s*)"
)
# A letter alone, perhaps in brackets; what follows is the option's own text, after a mark that ends the letter
_LETTER = re.compile(rf"{_NAMED}?[(\[]?\s*([a-z])\s*[)\].:]*", re.IGNORECASE)
_WITH_TEXT = re.compile(
    rf"(?:{_NAMED}?[(\[]?\s*([A-Za-z])\s*[)\]]|([A-Z])\s*(?:[.:]|\s[-–—]\s)).*", re.DOTALL
)
_WITH_NAME = re.compile(rf"{_NAMED}([a-z])\s*(?:[.:,;]|\s[-–—]\s).*", re.DOTALL | re.IGNORECASE)


@functools.lru_cache(maxsize=1 << 16)
def in_letters(answer: str) -> Reading:
    r"""An answer whose form is the letter of one option, a capital; of any other text, its words in small letters.

    `B`, `(b)`, `\text{B}`, `**B.**`, `Option B`, `B) 42` and `B: the Nile` are B.  `A and B`, `a dog` and the text of
    an option without its letter are no letter, and equal to none.
    """
    text = unmarked(answer).strip()
    before = None
    while before != text:
        before = text
        text = unmarked(_COMMAND.sub(r"\1", text)).strip()
    for pattern in (_LETTER, _WITH_TEXT, _WITH_NAME):
        if found := pattern.fullmatch(text):
            letter = next(filter(None, found.groups())).upper()
            return Reading(letter, letter)
    form = in_words(text).form.lower()
    # Words of one letter were not taken for a letter
    return Reading(form, form if len(form) > 1 else f"{form} ")
