"""Configuration files written from the sections: the default study, and what only other studies may set."""

import itertools
import json
import textwrap

import yaml

from ttc.study.relevant import used
from ttc.study.sections.base import OnGpus
from ttc.study.sections.configuration import GENERATED, Configuration
from ttc.study.sections.running import Runtime
from ttc.study.tree import at, tree

WIDTH = 110
CONFIG_HEAD = """\
# The default study, with what each key means.  An unknown key is an error.  Another study is a file with only
# the keys that differ: `snakemake --configfile studies/NAME.yaml`.  Further keys, for published models, other
# people's samples and GPUs, are in config.published.yaml.  Written by `make docs` from ttc.study.sections.
"""
PUBLISHED_HEAD = """\
# A reference, not a study: keys that only studies of published models (docs/models.md), of other people's
# samples (docs/pools.md) or on GPUs set, with their defaults.  `<...>` stands for what has to be given.
# `source`, `problems`, `train`, `checkpoint`, `lora` and `reference_votes` are null unless a study gives them;
# studies/ has examples.  Written by `make docs` from workflow/ttc/study/sections.
"""
_EMPTY = {
    "string": "<text>",
    "integer": "<number>",
    "number": "<number>",
    "boolean": "<true or false>",
    "object": {},
    "array": [],
}


def config_yaml() -> str:
    """The text of config.yaml: the keys that the default study uses, at their defaults."""
    return f"{CONFIG_HEAD}\n{_Writer().text(tree(Configuration), _default())}"


def published_yaml() -> str:
    """The text of config.published.yaml: every other key."""
    node = tree(Configuration)
    full = _defaults(node, Configuration().model_dump())
    return f"{PUBLISHED_HEAD}\n{_Writer().text(node, _without(full, _default()))}"


def _default() -> dict:
    """What the default study uses.  A section that it lacks is not shown, nor what matters on GPUs only."""
    values = used(Configuration(), GENERATED)
    on_gpus = {
        name
        for name, field in Runtime.model_fields.items()
        if any(isinstance(mark, OnGpus) for mark in field.metadata)
    }
    values["runtime"] = {name: value for name, value in values["runtime"].items() if name not in on_gpus}
    return {name: value for name, value in values.items() if value is not None}


def _defaults(node: dict, value: object) -> object:
    """The value of a key with every key below it, also where it is null or a list without items by default."""
    if "properties" in node:
        given = value if isinstance(value, dict) else {}
        return {
            name: _defaults(child, given.get(name, child.get("default", _absent(child))))
            for name, child in node["properties"].items()
        }
    extra, items = node.get("additionalProperties"), node.get("items", {})
    if isinstance(extra, dict) and "properties" in extra and not value:
        name = node.get("required", ["<name>"])[0]
        return {name: _defaults(extra, {})}
    if "properties" in items and not value:
        return [_defaults(items, {})]
    return value


def _absent(node: dict) -> object:
    """What stands for a value that has no default."""
    if "enum" in node:
        return f"<{' or '.join(map(str, node['enum']))}>"
    return None if "null" in node["type"] else _EMPTY[node["type"][0]]


def _without(full: dict, shown: dict) -> dict:
    """The keys of `full` that are not among those `shown` elsewhere."""
    left = {}
    for name, value in full.items():
        if name not in shown:
            left[name] = value
        elif isinstance(value, dict) and shown[name] and (deeper := _without(value, shown[name])):
            left[name] = deeper
    return left


class _Writer:
    """Writes sections as lines.  A key is explained once: where a section occurs again, it takes few lines."""

    def __init__(self):
        self._names: dict[str, set[str]] = {}  # keys of the sections of a name
        self._kinds: set[frozenset[str]] = set()  # the keys of each section
        self._said: set[str] = set()  # comments so far

    def text(self, node: dict, values: dict) -> str:
        """All sections, with a blank line between those that take several lines."""
        blocks = [self._key(name, at(node, (name,)), value, "") for name, value in values.items()]
        gaps = ["\n" if len(a) == len(b) == 1 else "\n\n" for a, b in itertools.pairwise(blocks)]
        return "".join("\n".join(block) + gap for block, gap in zip(blocks, [*gaps, "\n"], strict=True))

    def _key(self, name: str, node: dict, value: object, indent: str) -> list[str]:
        start, described = f"{indent}{name}:", node.get("description", "")
        if isinstance(value, list) and any(isinstance(item, dict) for item in value):
            items = [f"{indent}  - {_flow(item)}" for item in value]
            about = _about(node["items"], f"{indent}  ")
            if len(about) > 2:
                described, about = f"{described}; keys: docs/configuration.md", []
            return self._commented(start, described, indent) + about + items
        if not isinstance(value, dict) or not value:
            return self._commented(f"{start} {_flow(value)}", described, indent)
        again = self._seen(name, value)
        alike = {at(node, (each,)).get("description") for each in value}
        if len(alike) == 1 and len(value) > 1:
            again = set(value)
        if 2 * len(again) > len(value) and self._short(value, again, indent):
            return self._again(start, node, value, again, indent)
        if len(value) == 1 and not isinstance(only := next(iter(value.values())), dict | list):
            ((inner, child),) = node["properties"].items() if len(node["properties"]) == 1 else [("", {})]
            line = f"{start} {{{inner}: {_flow(only)}}}  # {described}: {child.get('description', '')}"
            if inner and len(line) <= WIDTH:
                return [line]
        lines = self._commented(start, described, indent)
        for each, inside in value.items():
            lines += self._key(each, at(node, (each,)), inside, f"{indent}  ")
        return lines

    def _seen(self, name: str, value: dict) -> set[str]:
        """Those keys of a section that were explained before: in one of its name, or in one with the same keys."""
        keys = set(value)
        known = keys if frozenset(keys) in self._kinds else keys & self._names.get(name, set())
        self._names.setdefault(name, set()).update(keys)
        self._kinds.add(frozenset(keys))
        return known

    def _short(self, value: dict, again: set[str], indent: str) -> bool:
        """Whether a section fits in braces: what is inside it takes no more than a line."""
        inside = [f"{name}: {_flow(each)}" for name, each in value.items() if isinstance(each, dict)]
        fits = all(len(indent) + len(each) + 4 < WIDTH for each in inside)
        return fits if again == value.keys() else not inside

    def _again(self, start: str, node: dict, value: dict, again: set[str], indent: str) -> list[str]:
        """A section whose keys were explained before, in braces; with comments on those that were not."""
        deeper = f"{indent}  "
        known = [f"{name}: {_flow(value[name])}" for name in value if name in again]
        lines = _packed(known, f"{start} {{", deeper)
        for name in value:
            if name not in again:
                lines[-1] += ","
                described = at(node, (name,)).get("description", "")
                lines += [*_wrapped(described, deeper), f"{deeper}{name}: {_flow(value[name])}"]
        lines[-1] += "}"
        if len(lines) == 1:
            return self._commented(lines[0], node["description"], indent)
        return [*self._above(node["description"], indent), *lines]

    def _commented(self, line: str, comment: str, indent: str) -> list[str]:
        """A line with its comment, which stands above it where there is no room behind."""
        beside = f"{line}  # {comment}" if comment else line
        if len(beside) > WIDTH:
            return [*self._above(comment, indent), line]
        self._said.add(comment)
        return [beside]

    def _above(self, comment: str, indent: str) -> list[str]:
        """The lines of a comment, the first time."""
        if comment in self._said:
            return []
        self._said.add(comment)
        return _wrapped(comment, indent)


def _wrapped(comment: str, indent: str) -> list[str]:
    lines = textwrap.wrap(comment, WIDTH - len(indent) - 2, break_on_hyphens=False)
    return [f"{indent}# {line}" for line in lines]


def _about(node: dict, indent: str) -> list[str]:
    """A comment on the keys of a list's items."""
    keys = node["properties"]
    said = "; ".join(f"`{name}`: {each.get('description', '')}" for name, each in keys.items())
    return _wrapped(said, indent)


def _packed(pieces: list[str], start: str, indent: str) -> list[str]:
    """`start`, then the pieces with commas between them, in few lines."""
    lines = [start]
    for number, piece in enumerate(pieces):
        piece += "," if number < len(pieces) - 1 else ""
        gap = "" if lines[-1].endswith("{") else " "
        if len(lines[-1]) + len(gap) + len(piece) < WIDTH - 1:
            lines[-1] += gap + piece
        else:
            lines.append(indent + piece)
    return lines


def _flow(value: object) -> str:
    if isinstance(value, str) and "\n" in value:
        return json.dumps(value)
    text = yaml.safe_dump(value, default_flow_style=True, width=10_000, allow_unicode=True, sort_keys=False)
    return text.removesuffix("\n").removesuffix("\n...").strip()
