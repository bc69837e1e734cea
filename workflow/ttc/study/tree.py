"""The tree of keys as a JSON schema, which errors, the reference and config.yaml are written from."""

import functools

from pydantic import BaseModel


@functools.cache
def tree(section: type[BaseModel]) -> dict:
    """The JSON schema of a section: no references, no `anyOf`, `type` always a list.

    A key that may be null has `null` among its types; the alternatives of a section have their keys together.
    """
    schema = section.model_json_schema()
    return _plain(schema, schema.get("$defs", {}))


def at(node: dict, path: tuple) -> dict:
    """The node that a path of keys and places leads to; {} where it leads nowhere."""
    for part in path:
        if isinstance(part, int) and "items" in node:
            node = node["items"]
        else:
            extra = node.get("additionalProperties")
            node = node.get("properties", {}).get(part) or (extra if isinstance(extra, dict) else {})
    return node


def paths(node: dict, prefix: str = "") -> list[str]:
    """Dotted names of all keys."""
    found = []
    for name, child in node.get("properties", {}).items():
        found += [f"{prefix}{name}", *paths(child, f"{prefix}{name}.")]
    return found


def _plain(node: dict, known: dict) -> dict:
    node = dict(node)
    if "$ref" in node:
        target = known[node.pop("$ref").rpartition("/")[2]]
        node = {**target, **node}
        return _plain(node, known)
    for several in ("anyOf", "oneOf"):
        if several in node:
            node = _together([_plain(each, known) for each in node.pop(several)]) | node
    if "const" in node:
        node["enum"] = [node.pop("const")]
    if isinstance(node.get("type"), str):
        node["type"] = [node["type"]]
    node.pop("title", None)
    node.pop("discriminator", None)
    node.pop("$defs", None)
    if "patternProperties" in node:
        node["additionalProperties"] = next(iter(node.pop("patternProperties").values()))
    if "properties" in node:
        node["properties"] = {name: _plain(each, known) for name, each in node["properties"].items()}
        node["description"] = _clause(node.get("description", ""))
    for name in ("items", "additionalProperties"):
        if isinstance(node.get(name), dict):
            node[name] = _plain(node[name], known)
    return node


def _together(nodes: list[dict]) -> dict:
    """One node for several alternatives."""
    merged: dict = {}
    for each in nodes:
        types = merged.get("type", []) + [
            kind for kind in each.get("type", []) if kind not in merged.get("type", [])
        ]
        properties = merged.get("properties", {}) | each.get("properties", {})
        merged = each | merged | {"type": types} | ({"properties": properties} if properties else {})
    return merged


def _clause(text: str) -> str:
    """A docstring as a description: without its capital and its full stop."""
    text = " ".join(text.split()).removesuffix(".")
    return text[:1].lower() + text[1:] if text[1:2].islower() and text[:2] != "Re" else text
