"""Mistakes in a configuration, each as one sentence: where, what was given, what is allowed, the nearest key."""

import math

from pydantic import BaseModel, ValidationError

from ttc.errors import InputError, nearest
from ttc.study.sections.base import ALLOWED, MISSING, TAKEN
from ttc.study.tree import at, paths, tree

_KINDS = {
    "object": "a section with keys of its own",
    "array": "a list",
    "string": "text",
    "integer": "a whole number",
    "number": "a number",
    "boolean": "true or false",
    "null": "null",
}
_LIMITS = {
    "greater_than_equal": ("{ge}", "{} or more"),
    "less_than_equal": ("{le}", "{} or less"),
    "greater_than": ("{gt}", "more than {}"),
    "string_too_short": ("{min_length}", "{} or more characters"),
    "string_pattern_mismatch": ("{pattern}", "text of the form {}"),
}
MOST_DIGITS = 1e15  # a larger number is shown with its exponent


def told(error: ValidationError, section: type[BaseModel], whole: str) -> InputError:
    """The first mistake of `error` as an InputError; `whole`: what the keys of `section` are called together."""
    mistakes = sorted(error.errors(include_url=False), key=_order)
    more = f" (the first of {len(mistakes)} mistakes)" if len(mistakes) > 1 else ""
    return InputError(_sentence(mistakes[0], tree(section), whole) + more)


def _order(mistake: dict) -> tuple:
    """Unknown keys first, for they may be what another sentence misses."""
    unknown = mistake["type"] == "extra_forbidden"
    return (not unknown, [str(part) for part in _path(mistake)])


def _path(mistake: dict) -> tuple:
    """Keys and places from the root to the mistake, without the names of alternatives."""
    unknown = (
        mistake["type"] == "extra_forbidden"
    )  # its last part is what was written, whatever it begins with
    *before, last = mistake["loc"] or ("",)
    path = tuple(part for part in before if not str(part).startswith("<"))
    return path + (last,) if mistake["loc"] and (unknown or not str(last).startswith("<")) else path


def _sentence(mistake: dict, schema: dict, whole: str) -> str:
    kind, path, given = mistake["type"], _path(mistake), mistake["input"]
    context = mistake.get("ctx", {})
    if path[-1:] == ("[key]",) and kind != "extra_forbidden":  # of a mapping with free keys
        path, given = path[:-2], path[-2]
    where = _dotted(path) or whole
    node = at(schema, path)
    if kind == "extra_forbidden":
        return _unknown(path, schema, whole)
    if kind == "invalid_key":
        return f"{where}: keys are text, and {shown(path[-1])} was given"
    if kind == "missing":
        return f"{_dotted(path[:-1]) or whole}: the key '{path[-1]}' is missing"
    if kind == MISSING:
        return f"{where}: the key '{context['name']}' is missing"
    if kind == TAKEN:
        return f"{where}: {shown(given)} was given, and that name is taken"
    if kind == "literal_error":
        allowed = node["enum"] + (["null"] if "null" in node.get("type", []) else [])
        return (
            f"{where}: {shown(given)} was given; allowed are {', '.join(map(str, allowed))}"
            f"{nearest(given, node['enum'])}"
        )
    if kind in _LIMITS:
        value, text = _LIMITS[kind]
        limit = value.format(**{name: _number(each) for name, each in context.items()})
        return f"{where}: {shown(given)} was given; allowed is {text.format(limit)}"
    if kind in ("too_short", "too_long"):
        limit, bound = ("min_length", "more") if kind == "too_short" else ("max_length", "fewer")
        return f"{where}: {shown(given)} was given; allowed is {context[limit]} or {bound} items"
    if kind == ALLOWED:
        return f"{where}: {shown(given)} was given; allowed is {context['allowed']}"
    kinds = node.get("type", [])
    if kinds:
        wanted = " or ".join(_KINDS[each] for each in kinds)
        numbers = {"number", "integer"} & set(kinds)
        hint = _number_hint(given, numbers) if isinstance(given, str) and numbers else ""
        return f"{where}: {wanted} is expected, and {shown(given)} was given{hint}"
    return f"{where}: {shown(given)} is not allowed here"


def _unknown(path: tuple, schema: dict, whole: str) -> str:
    """An unknown key, with the keys of its section and the nearest of them, or where there is one of its name."""
    name = str(path[-1])
    known = list(at(schema, path[:-1]).get("properties", {}))
    elsewhere = [each for each in paths(schema) if each.split(".")[-1] == name]
    hint = nearest(name, known) or (f"; did you mean '{elsewhere[0]}'?" if elsewhere else "")
    return (
        f"{_dotted(path)}: there is no such key; {_dotted(path[:-1]) or whole} takes {', '.join(known)}{hint}"
    )


def _dotted(path: tuple) -> str:
    return ".".join(" ".join(str(part).split()) for part in path)


def _number(value: object) -> object:
    """2 for 2.0, as people write limits."""
    return int(value) if isinstance(value, float) and value.is_integer() else value


def _number_hint(text: str, kinds: set[str]) -> str:
    """YAML 1.1 reads 3e-4 as text, and a command line may quote a number: say how to write it."""
    try:
        number = float(text)
    except ValueError:
        return ""
    if not math.isfinite(number):
        return ""
    if abs(number) < MOST_DIGITS:
        number = _number(number)
    if kinds == {"integer"}:
        return f"; write {number}" if isinstance(number, int) else ""
    if "e" not in repr(number):
        return f"; write {number!r}"
    mantissa, _, exponent = text.lower().partition("e")
    sign = exponent if exponent[:1] in "+-" else f"+{exponent}"
    return f"; write it without exponent or as {mantissa if '.' in mantissa else mantissa + '.0'}e{sign}"


def shown(value: object) -> str:
    """A value in a sentence: as YAML has it, not too long."""
    text = (
        "true" if value is True else "false" if value is False else "null" if value is None else repr(value)
    )
    return text if len(text) <= 60 else text[:57] + "..."
