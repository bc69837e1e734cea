"""Sections whose keys plug-ins declare: generated tasks and search strategies."""

from typing import Annotated, Any, Literal, Union

from annotated_types import Ge, Gt, Le
from pydantic import BeforeValidator, Discriminator, Field, Tag, WithJsonSchema, create_model

from ttc import plugins
from ttc.problems.tasks import DEFAULT as DEFAULT_TASK
from ttc.search.strategy import METHODS
from ttc.study.sections.base import (
    Budgets,
    Count,
    Different,
    Number,
    Positive,
    Section,
    Sparse,
    key,
    whole,
)

TASKS = "ttc.problems.tasks"
_PLAIN = {"number": Number, "string": str, "boolean": bool}


# ---- tasks: a declaration holds the JSON schema of each key ----


def _type_of(schema: dict, name: str) -> Any:
    """The type of a key that a JSON schema describes: plain values, lists, closed sections."""
    if "enum" in schema:
        return Literal[*schema["enum"]]
    if schema["type"] == "array":
        kind = list[_type_of(schema["items"], name)]
        marks = [Different] if schema.get("uniqueItems") else []
        lengths = {"min_length": schema.get("minItems"), "max_length": schema.get("maxItems")}
        return Annotated[kind, Field(**lengths), *marks]
    if schema["type"] == "object":
        return _section(name, schema.get("description", ""), schema)
    if schema["type"] == "integer":
        return whole(schema.get("minimum"), schema.get("maximum"))
    marks = [
        mark(schema[bound])
        for bound, mark in (("minimum", Ge), ("exclusiveMinimum", Gt), ("maximum", Le))
        if bound in schema
    ]
    return Annotated[_PLAIN[schema["type"]], *marks] if marks else _PLAIN[schema["type"]]


def _section(name: str, title: str, schema: dict, **first: Any) -> type[Section]:
    """The section that an `object` of a JSON schema describes, the keys `first` before its own."""
    required = schema.get("required", ())
    fields = dict(first)
    for each, node in schema["properties"].items():
        kind = _type_of(node, f"{name}_{each}")
        default = ... if each in required else node.get("default", {})
        if isinstance(kind, type) and issubclass(kind, Section) and default is not ...:
            default = kind(**default)
        fields[each] = (kind, key(default, node.get("description")))
    return create_model(name, __base__=Section, __doc__=title, **fields)


def _task(kind: str) -> type[Section]:
    declared = plugins.declaration(TASKS, kind)
    named = (Literal[*plugins.names(TASKS)], key(kind, "which task generates the problems"))
    return _section(kind, "The generated problems.", {"properties": declared["parameters"]}, kind=named)


def _tag(given: Any) -> str:
    """The task that a section is read as; one of an unknown kind as the default, which then refuses the kind."""
    kind = given.get("kind") if isinstance(given, dict) else getattr(given, "kind", None)
    return f"<{kind}>" if isinstance(kind, str) and kind in _TASKS else f"<{DEFAULT_TASK}>"


_TASKS = {kind: _task(kind) for kind in plugins.names(TASKS)}
_TAGGED = [Annotated[section, Tag(f"<{kind}>")] for kind, section in _TASKS.items()]
# The section `task`, by its kind
Task = Annotated[Union[*_TAGGED], Discriminator(_tag)] if len(_TASKS) > 1 else _TASKS[DEFAULT_TASK]
DEFAULT = _TASKS[DEFAULT_TASK]()


# ---- search strategies: a declaration holds the type of each hyper-parameter ----


def _count_or_text(value: Any) -> Any:
    return int(value) if isinstance(value, float) and value.is_integer() else value


# `ttc.search.strategy.TYPES` as types of keys; what a method takes, it checks itself
PARAMETERS = {
    "count": Count,
    "count_or_sqrt": Annotated[
        Any, BeforeValidator(_count_or_text), WithJsonSchema({"type": ["integer", "string"], "minimum": 1})
    ],
    "positive": Positive,
}


def _strategy() -> type[Sparse]:
    methods = plugins.declarations(METHODS)
    said = "; ".join(f"`{name}`, {each['description']}" for name, each in methods.items())
    fields: dict[str, Any] = {"kind": (Literal[*methods], key(..., said))}
    takers: dict[str, dict[str, list[str]]] = {}
    for name, each in methods.items():
        for parameter, declared in each["parameters"].items():
            takers.setdefault(parameter, {}).setdefault(declared["description"], []).append(name)
            fields[parameter] = (PARAMETERS[declared["type"]], None)
    for parameter, descriptions in takers.items():
        said = "; ".join(f"{', '.join(names)}: {text}" for text, names in descriptions.items())
        fields[parameter] = (fields[parameter][0], key(None, said))
    own = "beams N of this search; default those of `search.budgets` that are billed no more than its largest"
    fields["budgets"] = (Budgets, key(None, own))
    fields["repeats"] = (Count, key(None, "independent runs of this search; default `search.repeats`"))
    return create_model("Strategy", __base__=Sparse, __doc__="One search.", **fields)


Strategy = _strategy()
