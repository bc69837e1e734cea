"""Gold answers of which there are several: any of them is accepted.

A table of problems has one text for the gold answer; several are joined in it by a sign that no answer has.
"""

from collections.abc import Sequence

SEPARATOR = " ␞ "


def joined(golds: Sequence[str]) -> str:
    """One text for all accepted answers; one answer alone stays as it is."""
    return SEPARATOR.join(golds)


def accepted(gold: str | Sequence[str]) -> tuple[str, ...]:
    """The accepted answers, in order, of a text that `joined` made, or of a sequence of texts."""
    texts = (gold,) if isinstance(gold, str) else tuple(gold)
    return tuple(each for text in texts for each in text.split(SEPARATOR)) or ("",)
