"""Captions of figures, filled with the numbers of the configuration and of the tables.

`{a.b}` in a sentence stands for the key `a.b` of the configuration or for a number measured under that name.  A
sentence with a number that a study does not have (pools have no chains) is left out.

Standard library only: the plan asks here what the figures depend on, and drawing libraries are not loaded for that.
The sentences are therefore found in the sources of this folder.
"""

import ast
import functools
import re
from collections.abc import Iterable, Iterator
from pathlib import Path

FIELD = re.compile(r"\{([a-z0-9_.]+)\}")
# Fields that come from the tables (`ttc.tables.study.Study.counts`)
MEASURED = (
    "questions",
    "predicted",
    "verifier",
    "second_verifier",
    "larger_policy",
    "step_scores",
    "revision_verifier",
    "revision_choosers",
    "revision_panels",
)


def specification(configuration: dict) -> dict:
    """What the figures of a study depend on besides its tables: options, and the numbers that captions restate.

    `configuration` is a resolved one, as config.resolved.yaml holds it: without what the study does not use.
    """
    return {
        **configuration["figures"],
        "seed": configuration["seed"],
        "aggregation": configuration["evaluation"]["aggregation"],
        "stated": stated(configuration, sentences()),
    }


@functools.cache
def sentences() -> tuple[str, ...]:
    """Every sentence with a field in the sources of figures: all that captions can say, as their modules hold it."""
    folder = Path(__file__).resolve().parent
    found = {
        text
        for file in sorted(folder.rglob("*.py"))
        for text in _strings(ast.parse(file.read_text(encoding="utf-8")))
    }
    return tuple(sorted(text for text in found if FIELD.search(text)))


def _strings(tree: ast.Module) -> Iterator[str]:
    """The string constants of a module, without docstrings."""
    documented = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in documented:
            yield node.value


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
