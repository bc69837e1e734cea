"""Sections, and the types of keys that several of them share."""

import math
from collections.abc import Iterable
from typing import Annotated, Any, ClassVar, Literal

from annotated_types import Ge, Gt, Le
from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Discriminator,
    Field,
    Tag,
    model_serializer,
    model_validator,
)
from pydantic_core import PydanticCustomError

from ttc.errors import InputError

# Types of errors that are not pydantic's own (`ttc.study.sentences`)
ALLOWED, MISSING, TAKEN, KIND = "ttc_allowed", "ttc_missing", "ttc_taken", "ttc_kind"


class Section(BaseModel):
    """A mapping of known keys.  Closed: an unknown key is an error; frozen: what was resolved stays as it is.

    A key that holds a section may be given in part: the rest is that key's default, not the section's.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, validate_default=True)

    @model_validator(mode="before")
    @classmethod
    def _over_defaults(cls, given: Any) -> Any:
        if not isinstance(given, dict):
            return given
        full = dict(given)
        for name, field in cls.model_fields.items():
            if isinstance(field.default, Section) and isinstance(given.get(name), dict):
                full[name] = merge(field.default.model_dump(exclude_unset=True), given[name])
        return full


class Sparse(Section):
    """A section whose keys have no defaults: it holds those that were given."""

    model_config = ConfigDict(validate_default=False, json_schema_extra=lambda node: _drop_defaults(node))

    @model_serializer(mode="wrap")
    def _given(self, serialise) -> dict:
        return {name: value for name, value in serialise(self).items() if name in self.model_fields_set}


class Extended(Section):
    """A section with keys that came later: where they are null it says nothing of them, as before there were any."""

    LATER: ClassVar[tuple[str, ...]] = ()

    @model_serializer(mode="wrap")
    def _as_before(self, serialise) -> dict:
        unused = {name for name in self.LATER if getattr(self, name) is None}
        return {name: value for name, value in serialise(self).items() if name not in unused}


class Origin:
    """Marks a key that matters only to studies of these origins: `generated`, `published`, `pool`."""

    def __init__(self, *names: str):
        self.names = frozenset(names)


class OnGpus:
    """Marks a key that matters only where a study runs on GPUs."""


def key(default: Any = ..., description: str | None = None, **more: Any) -> Any:
    """A key of a section: its default (none: it has to be given), its meaning, and what `Field` takes besides."""
    return Field(default, **({} if description is None else {"description": description}), **more)


def merge(under: dict, over: dict) -> dict:
    """`over` laid over `under`; sections merge, everything else is replaced."""
    result = dict(under)
    for name, value in over.items():
        both = isinstance(value, dict) and isinstance(result.get(name), dict)
        result[name] = merge(result[name], value) if both else value
    return result


def _drop_defaults(node: dict) -> None:
    for child in node.get("properties", {}).values():
        child.pop("default", None)


# ---- types ----


def _whole(value: Any) -> Any:
    """3 for 3.0; everything else as it is."""
    return int(value) if isinstance(value, float) and value.is_integer() else value


def _different(items: list) -> list:
    if len({repr(item) for item in items}) < len(items):
        raise PydanticCustomError(ALLOWED, "{allowed}", {"allowed": "items that differ"})
    return items


def whole(least: int | None = None, most: int | None = None) -> Any:
    """The type of a whole number in a range; 3.0 is 3."""
    # The range stands first, so that the type itself knows it and not a check behind it
    return Annotated[int, Field(ge=least, le=most), BeforeValidator(_whole)]


Natural = whole(0)
Count = whole(1)
Number = Annotated[float, Field(allow_inf_nan=False)]
Positive = Annotated[Number, Gt(0)]
NotNegative = Annotated[Number, Ge(0)]
Share = Annotated[Number, Ge(0), Le(1)]
Text = Annotated[str, Field(min_length=1)]
Different = AfterValidator(_different)  # of the items of a list
Filled = Field(min_length=1)  # of a list

# Numbers that several sections share
Bootstrap = Annotated[whole(10), Field(description="resamples of questions for 95 % intervals")]
Temperature = Annotated[Number, Ge(0), Le(10), Field(description="sampling temperature; 0 is greedy")]
Block = Annotated[Count | None, Field(description="problems per job; null puts all into one")]
Budgets = Annotated[list[whole(2)], Filled, Different]
Aggregation = Literal["last", "min", "prod", "mean"]
ColumnName = str | None


def text_or_list(text: Any = str, words: str = "text or a list") -> Any:
    """The type of a key that takes one text, or several."""
    return Annotated[
        Annotated[text, Tag("<text>")] | Annotated[list[str], Filled, Tag("<list>")],
        Discriminator(
            lambda value: {str: "<text>", list: "<list>"}.get(type(value)),
            custom_error_type=KIND,
            custom_error_message=words,
        ),
    ]


# ---- checks ----


def stated(section: Section, name: str) -> str:
    """`3 was given`, or where nobody has given it, `3 is the default`."""
    value, field = getattr(section, name), type(section).model_fields[name]
    return f"{value} is the default" if value == field.default else f"{value} was given"


def check_power_of_two(where: str, value: int) -> None:
    """InputError, with the nearest one, for a number that is no power of two."""
    if value & (value - 1):
        near = 2 ** round(math.log2(value))
        raise InputError(f"{where}: {value} was given; allowed are powers of two; did you mean {near}?")


def check_rising(where: str, values: Iterable[int]) -> None:
    """InputError unless numbers rise."""
    values = list(values)
    if values != sorted(values):
        raise InputError(f"{where}: {values} was given; allowed are rising numbers")


def check_at_most(where: str, value: float, limit_name: str, limit: float) -> None:
    """InputError for a number above that of another key."""
    if value > limit:
        raise InputError(f"{where}: {value} was given, and {limit_name} allows at most {limit}")


def check_divides(section: Section, where: str, name: str, of: str) -> None:
    """InputError unless the number of one key of a section divides that of another."""
    if (whole := getattr(section, of)) % getattr(section, name):
        raise InputError(
            f"{where}.{name}: {stated(section, name)}; it has to divide {where}.{of}, which is {whole}"
        )
