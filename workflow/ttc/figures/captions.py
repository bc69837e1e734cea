"""Captions of figures, filled with the numbers of the configuration and of the tables.

`{a.b}` in a sentence stands for the key `a.b` of the configuration or for a number measured under that name.  A
sentence with a number that a study does not have (pools have no chains) is left out.  Standard library only.
"""

import re
from collections.abc import Iterable

FIELD = re.compile(r"\{([a-z0-9_.]+)\}")
MEASURED = ("questions",)  # fields that come from the tables


def fields(sentences: Iterable[str]) -> set[str]:
    """Names of all fields in the sentences."""
    return {name for sentence in sentences for name in FIELD.findall(sentence)}


def stated(configuration: dict, sentences: Iterable[str]) -> dict[str, object]:
    """The values that the sentences take from a resolved configuration, by dotted key; missing ones stay out."""
    found = {}
    for key in sorted(fields(sentences) - set(MEASURED)):
        value: object = configuration
        for part in key.split("."):
            value = value.get(part) if isinstance(value, dict) else None
        if value is not None:
            found[key] = value
    return found


def fill(sentences: Iterable[str], values: dict[str, object]) -> str:
    """The sentences whose fields all have a value, as one text."""
    kept = [sentence for sentence in sentences if fields([sentence]) <= values.keys()]
    return " ".join(FIELD.sub(lambda match: text(values[match[1]]), sentence) for sentence in kept)


def text(value: object) -> str:
    """A value as a sentence shows it: 2048 is "2,048", 0.2 is "0.2", [4, 16, 64] is "4, 16 and 64"."""
    if isinstance(value, list | tuple):
        *first, last = (text(each) for each in value)
        return f"{', '.join(first)} and {last}" if first else last
    if isinstance(value, int) and not isinstance(value, bool):
        return f"{value:,}"
    return f"{value:g}" if isinstance(value, float) else str(value)
