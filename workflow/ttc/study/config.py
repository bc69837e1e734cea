"""A study's configuration: defaults filled in, every mistake reported in one sentence before anything runs."""

import copy
import functools
from pathlib import Path

import yaml
from jsonschema import Draft202012Validator

from ttc.errors import InputError, nearest
from ttc.study.checks import check

SCHEMA = Path(__file__).resolve().parents[2] / "schemas" / "config.schema.yaml"

_KINDS = {
    "object": "a section with keys of its own",
    "array": "a list",
    "string": "text",
    "integer": "a whole number",
    "number": "a number",
    "boolean": "true or false",
    "null": "null",
}


def resolve(given: dict, schema_path: Path = SCHEMA) -> dict:
    """The full configuration: `given` checked, defaults filled in, numbers in one form (1 and 1.0 alike).

    Raises InputError, one sentence: where, what was given, what is allowed, the nearest known key.
    """
    configuration = complete(given, load_schema(schema_path), "the configuration")
    check(configuration)
    return configuration


def complete(given: dict, schema: dict, whole: str) -> dict:
    """`given` checked against a schema, defaults filled in; `whole`: what the sections are called together."""
    errors = sorted(
        Draft202012Validator(schema).iter_errors(given),
        key=lambda error: (
            error.validator != "additionalProperties",
            [str(part) for part in error.absolute_path],
        ),
    )
    if errors:
        more = f" (the first of {len(errors)} mistakes)" if len(errors) > 1 else ""
        raise InputError(_sentence(errors[0], schema, whole) + more)
    return fill(given, schema, schema)


@functools.cache
def load_schema(path: Path = SCHEMA) -> dict:
    """The schema, a JSON Schema (draft 2020-12) written in YAML."""
    return yaml.load(path.read_text(), Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))


def load(*paths: Path) -> dict:
    """YAML files, each laid over the one before as `snakemake --configfile` does: sections merge, lists do not."""
    merged: dict = {}
    for path in paths:
        try:
            content = yaml.safe_load(Path(path).read_text())
        except OSError as error:
            raise InputError(f"{path}: cannot be read ({error.strerror.lower()})") from error
        except yaml.YAMLError as error:
            raise InputError(f"{path}: not valid YAML ({' '.join(str(error).split())})") from error
        if not isinstance(content or {}, dict):
            raise InputError(
                f"{path}: a configuration is a mapping of sections, and this is {_shown(content)}"
            )
        merged = merge(merged, content or {})
    return merged


def merge(under: dict, over: dict) -> dict:
    """`over` laid over `under`; sections merge, everything else is replaced."""
    result = copy.deepcopy(under)
    for name, value in over.items():
        both = isinstance(value, dict) and isinstance(result.get(name), dict)
        result[name] = merge(result[name], value) if both else copy.deepcopy(value)
    return result


def follow(node: dict, schema: dict) -> dict:
    """A schema node with its `$ref` replaced by what it refers to; keys beside the `$ref` win."""
    while "$ref" in node:
        target = schema
        for part in node["$ref"].removeprefix("#/").split("/"):
            target = target[part]
        node = {**target, **{key: value for key, value in node.items() if key != "$ref"}}
    return node


def fill(value: object, node: dict, schema: dict) -> object:
    """A valid value with the defaults of its schema node filled in and numbers in the node's own type."""
    node = follow(node, schema)
    if isinstance(value, dict):
        properties = node.get("properties", {})
        extra = node.get("additionalProperties")
        filled = {}
        for name in [*properties, *(name for name in value if name not in properties)]:
            child = follow(properties.get(name) or (extra if isinstance(extra, dict) else {}), schema)
            if name in value:
                default = child.get("default")
                both = isinstance(default, dict) and isinstance(value[name], dict)
                filled[name] = fill(merge(default, value[name]) if both else value[name], child, schema)
            elif "default" in child:
                filled[name] = fill(child["default"], child, schema)
        return filled
    if isinstance(value, list):
        return [fill(item, node.get("items", {}), schema) for item in value]
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        return (
            float(value) if "number" in _kinds(node) else int(value) if "integer" in _kinds(node) else value
        )
    return value


def _kinds(node: dict) -> list[str]:
    kinds = node.get("type", [])
    return kinds if isinstance(kinds, list) else [kinds]


def _sentence(error, schema: dict, whole: str) -> str:
    """One mistake as a sentence for people."""
    where = ".".join(str(part) for part in error.absolute_path) or whole
    node = follow(error.schema, schema) if isinstance(error.schema, dict) else {}
    given = _shown(error.instance)
    if error.validator == "additionalProperties":
        known = list(node.get("properties", {}))
        unknown = next(name for name in error.instance if name not in known)
        place = f"{where}.{unknown}" if error.absolute_path else str(unknown)
        elsewhere = [path for path in _paths(schema, schema) if path.split(".")[-1] == unknown]
        hint = nearest(unknown, known) or (f"; did you mean '{elsewhere[0]}'?" if elsewhere else "")
        return f"{place}: there is no such key; {where} takes {', '.join(known)}{hint}"
    if error.validator == "type":
        kinds = _kinds(error.schema)
        wanted = " or ".join(_KINDS[kind] for kind in kinds)
        hint = ""
        if isinstance(error.instance, str) and {"number", "integer"} & set(kinds):
            hint = _number_hint(error.instance)
        return f"{where}: {wanted} is expected, and {given} was given{hint}"
    if error.validator == "enum":
        allowed = ", ".join(map(str, error.validator_value))
        return f"{where}: {given} was given; allowed are {allowed}{nearest(error.instance, error.validator_value)}"
    if error.validator == "required":
        missing = next(name for name in error.validator_value if name not in error.instance)
        return f"{where}: the key '{missing}' is missing"
    limits = {
        "minimum": "{} or more",
        "maximum": "{} or less",
        "exclusiveMinimum": "more than {}",
        "minItems": "{} or more items",
        "minLength": "{} or more characters",
        "uniqueItems": "items that differ",
        "pattern": "text of the form {}",
    }
    if error.validator in limits:
        return (
            f"{where}: {given} was given; allowed is {limits[error.validator].format(error.validator_value)}"
        )
    if error.validator == "not":
        return f"{where}: {given} was given, and that name is taken"
    return f"{where}: {given} is not allowed here ({error.message})"


def _number_hint(text: str) -> str:
    """YAML 1.1 reads 3e-4 as text: say how to write it."""
    try:
        return (
            f"; write {float(text)!r}"
            if "e" not in repr(float(text))
            else f"; write it without exponent or as {_dotted(text)}"
        )
    except ValueError:
        return ""


def _dotted(text: str) -> str:
    mantissa, _, exponent = text.lower().partition("e")
    sign = exponent if exponent[:1] in "+-" else f"+{exponent}"
    return f"{mantissa if '.' in mantissa else mantissa + '.0'}e{sign}"


def _shown(value: object) -> str:
    text = (
        "true" if value is True else "false" if value is False else "null" if value is None else repr(value)
    )
    return text if len(text) <= 60 else text[:57] + "..."


def _paths(node: dict, schema: dict, prefix: str = "") -> list[str]:
    """Dotted names of all keys."""
    found = []
    for name, child in follow(node, schema).get("properties", {}).items():
        found += [f"{prefix}{name}", *_paths(child, schema, f"{prefix}{name}.")]
    return found
