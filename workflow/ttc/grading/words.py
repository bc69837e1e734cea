"""Short answers in words, such as names: what of them counts when two are compared."""

import functools
import re
import unicodedata

from ttc.grading.marks import unmarked
from ttc.grading.readings import Reading

_ARTICLE = re.compile(r"\A(?:the|an?) (?=.)")
# A dot between digits is part of a number, and other dots are none of a name
_BETWEEN = re.compile(r"[\s\-‐-―/⁄_]+|(?<=\d)\.(?=\d)")


@functools.lru_cache(maxsize=1 << 16)
def in_words(answer: str) -> Reading:
    """An answer whose form has its letters and digits alone: no marks, capitals, accents, or article in front.

    Equal forms are equal answers, and no other are: `The Nile.`, `nile`; `Brasília`, `Brasilia`; `Guinea-Bissau`,
    `Guinea Bissau`; but not `7` and `seven`.
    """
    text = unicodedata.normalize("NFKD", unmarked(answer).casefold())
    text = _BETWEEN.sub(" ", text).strip()
    form = "".join(each for each in text if each.isalnum() or each == " ")
    form = _ARTICLE.sub("", " ".join(form.split())) or text
    return Reading(form, form)
