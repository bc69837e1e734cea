"""Configuration files written from the sections: the default study, and what only other studies may set."""

import textwrap

import yaml

from ttc.study.relevant import used
from ttc.study.sections.configuration import GENERATED, Configuration
from ttc.study.tree import at, tree

WIDTH = 108
CONFIG_HEAD = """\
# The default study, with what each key means.  An unknown key is an error.  Another study is a file with only the keys
# that differ: `snakemake --configfile studies/NAME.yaml`.  What studies of published models and of other people's
# samples may set besides is in config.published.yaml.  Written by `make docs` from workflow/ttc/study/sections.
"""
PUBLISHED_HEAD = """\
# A reference, not a study: keys that only studies of published models (docs/models.md) and of other people's samples
# (docs/pools.md) set, with their defaults; `<...>` stands for a value that has to be given.  Sections such as
# `problems` and `checkpoint` are null, and not there at all, unless a study gives them.  studies/ has examples.
# Written by `make docs` from workflow/ttc/study/sections.
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
    return CONFIG_HEAD + "\n".join(_Writer().section(tree(Configuration), _default(), 0)) + "\n"


def published_yaml() -> str:
    """The text of config.published.yaml: every other key."""
    node = tree(Configuration)
    full = _defaults(node, Configuration().model_dump())
    return PUBLISHED_HEAD + "\n".join(_Writer().section(node, _without(full, _default()), 0)) + "\n"


def _default() -> dict:
    """What the default study uses.  A section that it lacks is not shown."""
    values = used(Configuration(), GENERATED)
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
        elif (
            isinstance(value, dict)
            and isinstance(shown[name], dict)
            and (deeper := _without(value, shown[name]))
        ):
            left[name] = deeper
    return left


class _Writer:
    """Writes sections as lines.  A key is explained once: where a section occurs again, it takes few lines."""

    def __init__(self):
        self._names: dict[str, set[str]] = {}  # keys of the sections of a name
        self._kinds: set[frozenset[str]] = set()  # the keys of each section

    def section(self, node: dict, values: dict, depth: int) -> list[str]:
        """The lines of the keys of a section."""
        lines = []
        for name, value in values.items():
            lines += [""] if depth == 0 else []
            lines += self._key(name, at(node, (name,)), value, depth)
        return lines

    def _key(self, name: str, node: dict, value: object, depth: int) -> list[str]:
        indent = "  " * depth
        start = f"{indent}{name}:"
        if isinstance(value, list) and any(isinstance(item, dict) for item in value):
            items = [f"{indent}  - {_flow(item)}" for item in value]
            return _commented(start, node["description"], indent) + _about(node["items"], indent) + items
        if not isinstance(value, dict) or not value:
            return _commented(f"{start} {_flow(value)}", node.get("description", ""), indent)
        again = self._seen(name, value)
        if again and (again == value.keys() or not any(isinstance(each, dict) for each in value.values())):
            return self._again(start, node, value, again, indent + "  ")
        return _commented(start, node["description"], indent) + self.section(node, value, depth + 1)

    def _seen(self, name: str, value: dict) -> set[str]:
        """Those keys of a section that were explained before: in one of its name, or in one with the same keys."""
        keys = set(value)
        known = keys if frozenset(keys) in self._kinds else keys & self._names.get(name, set())
        self._names.setdefault(name, set()).update(keys)
        self._kinds.add(frozenset(keys))
        return known

    def _again(self, start: str, node: dict, value: dict, again: set[str], indent: str) -> list[str]:
        """A section whose keys were explained before, as a mapping in braces; with comments on those that were not."""
        lines = _packed(
            [f"{name}: {_flow(value[name])}" for name in value if name in again], f"{start} {{", indent
        )
        for name in value:
            if name not in again:
                lines[-1] += ","
                described = at(node, (name,)).get("description", "")
                lines += [*_comment(described, indent), f"{indent}{name}: {_flow(value[name])}"]
        return [*_comment(node["description"], indent[2:]), *lines[:-1], lines[-1] + "}"]


def _commented(line: str, comment: str, indent: str) -> list[str]:
    """A line with its comment, which stands above it where there is no room behind."""
    if not comment:
        return [line]
    beside = f"{line}  # {comment}"
    return [beside] if len(beside) <= WIDTH else [*_comment(comment, indent), line]


def _comment(text: str, indent: str) -> list[str]:
    return [
        f"{indent}# {line}" for line in textwrap.wrap(text, WIDTH - len(indent) - 2, break_on_hyphens=False)
    ]


def _about(node: dict, indent: str) -> list[str]:
    """A comment on the keys of a list's items."""
    said = (f"`{name}`: {each.get('description', '')}" for name, each in node["properties"].items())
    return _comment("; ".join(said), f"{indent}  ")


def _packed(pieces: list[str], start: str, indent: str) -> list[str]:
    """`start`, then the pieces with commas between them, in few lines."""
    lines = [start]
    for number, piece in enumerate(pieces):
        piece += "," if number < len(pieces) - 1 else ""
        gap = "" if lines[-1].endswith("{") else " "
        if len(lines[-1]) + len(gap) + len(piece) < WIDTH:
            lines[-1] += gap + piece
        else:
            lines.append(indent + piece)
    return lines


def _flow(value: object) -> str:
    text = yaml.safe_dump(value, default_flow_style=True, width=10_000, allow_unicode=True, sort_keys=False)
    return text.removesuffix("\n").removesuffix("\n...").strip()
