"""Random mistakes anywhere in a configuration: one sentence each, and never another exception."""

import copy

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ttc.errors import InputError
from ttc.study.config import resolve
from ttc.study.sections.configuration import Configuration
from ttc.study.tree import tree

# What YAML can hold: numbers of all sizes, texts, dates are texts, lists and mappings of them
SCALARS = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8)
SCALARS |= st.sampled_from(["3e-4", "<list>", "sqrt", "[key]", "kind", 10**400, -(10**400), 1e308, 4096.0])
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(SCALARS, inner, max_size=3),
    max_leaves=6,
)


def places(node: dict, path: tuple = ()) -> list[tuple]:
    """Paths of all keys, with those inside of mappings of free names and of lists."""
    found = []
    for name, child in node.get("properties", {}).items():
        found += [(*path, name), *places(child, (*path, name))]
    if isinstance(extra := node.get("additionalProperties"), dict):
        found += [(*path, "policy"), *places(extra, (*path, "policy"))]
    if "properties" in (items := node.get("items", {})):
        found += places(items, (*path, 0))
    return found


PLACES = places(tree(Configuration))


def placed(path: tuple, value: object) -> object:
    """A configuration that has this value at a place and nothing else."""
    for part in reversed(path):
        value = [value] if part == 0 else {part: value}
    return value


def told(configuration: object) -> None:
    """The configuration is taken, or refused in one sentence that is not too long to read."""
    before = copy.deepcopy(configuration)
    try:
        once = resolve(configuration)
    except InputError as error:
        text = str(error)
        assert text and "\n" not in text and "\t" not in text, text
        assert ": " in text and len(text) < 1000, text
        assert "pydantic" not in text and "Input should" not in text, text
    else:
        assert resolve(once) == once
    assert repr(configuration) == repr(before)


@pytest.mark.parametrize(
    ("path", "text", "hint"),
    [
        (("task", "test_problems"), "60", "; write 60"),
        (("task", "test_problems"), "2.5", ""),
        (("task", "test_problems"), "sixty", ""),
        (("policy", "training", "learning_rate"), "3e-4", "; write 0.0003"),
        (("policy", "training", "learning_rate"), "3e-7", "; write it without exponent or as 3.0e-7"),
        (("policy", "training", "learning_rate"), "inf", ""),
        (("policy", "training", "learning_rate"), "3e300", "; write it without exponent or as 3.0e+300"),
        (("task", "test_problems"), "3e300", ""),
    ],
)
def test_a_number_that_is_read_as_text(path, text, hint):
    with pytest.raises(InputError) as error:
        resolve(placed(path, text))
    assert str(error.value).endswith(f"is expected, and '{text}' was given{hint}")


@given(st.sampled_from(PLACES), VALUES)
def test_any_value_at_any_key(path, value):
    told(placed(path, value))


@given(st.sampled_from(PLACES), SCALARS, VALUES)
def test_any_key_in_any_section(path, name, value):
    told(placed((*path, name) if path[-1] else path, value))


@given(st.lists(st.tuples(st.sampled_from(PLACES), VALUES), min_size=2, max_size=4))
def test_several_mistakes_in_different_sections(mistakes):
    configuration = {}
    for path, value in mistakes:
        configuration |= placed(path, value)
    told(configuration)


@given(VALUES)
def test_anything_in_place_of_a_configuration(value):
    told(value)
