"""Trees of searches that somebody else ran: every node that was expanded, from a table of nodes or from nested objects.

A table has a row for each node with the name of its parent.  Nested objects hold their children; the outermost stands
for the question and is no step.  Where a search came without its candidates they are the leaves.
"""

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import polars as pl

from ttc.errors import InputError, nearest
from ttc.problems import row_values
from ttc.problems.pool_rows import missing
from ttc.problems.row_files import Rows, read_rows
from ttc.tables.search import TREE

NODE = ("problem_id", "node", "parent", "round", "text", "score", "kept", "finish_reason")


def read_tree(paths: Iterable[Path], section: dict, known: Iterable[str]) -> pl.DataFrame:
    """The table `tree` of files, as `section` (`ttc.study.sections.searches`) says how to read them.

    `known` are the ids of the problems.  `round` is the depth where it is not given; nodes are kept, and those without
    children ended, unless the file says otherwise.  Raises InputError for an unknown problem or parent, a node that is
    there twice, a circle, and a score outside 0 to 1.
    """
    known, nodes = set(known), []
    for path in map(Path, paths):
        rows = read_rows(path, section["records"])
        columns = {ours: theirs for ours, theirs in section["columns"].items() if theirs}
        for each in _nested(rows, columns) if "children" in columns else _flat(rows, columns):
            if each["problem_id"] not in known:
                near = nearest(str(each["problem_id"]), known)
                raise InputError(
                    f"{path}: the tree is of problem '{each['problem_id']}', which is unknown{near}"
                )
            nodes.append(each)
    frame = pl.DataFrame(nodes, schema={name: TREE.dtypes[name] for name in NODE})
    outside = frame.filter(~pl.col("score").is_between(0, 1) | pl.col("score").is_null())
    if len(outside):
        row = outside.row(0, named=True)
        raise InputError(
            f"{', '.join(map(str, paths))}: node {row['node']} of problem '{row['problem_id']}' has the score "
            f"{row['score']}; allowed are 0 to 1"
        )
    return frame


def leaves(tree: pl.DataFrame, separator: str | None) -> pl.DataFrame:
    """The candidates of a search: the way to each node without children, its text and the scores of its steps.

    Columns problem_id, run, sample, sample_index, text, step_scores.
    """
    found = []
    for (problem_id,), rows in tree.sort("problem_id", "node").group_by("problem_id", maintain_order=True):
        nodes = {row["node"]: row for row in rows.iter_rows(named=True)}
        inner = {row["parent"] for row in nodes.values()}
        ends = [node for node in nodes if node not in inner]
        for number, node in enumerate(ends):
            way = []
            while node != -1:
                way.append(nodes[node])
                node = nodes[node]["parent"]
            text = (separator or "").join(each["text"] for each in way[::-1])
            scores = [each["score"] for each in way[::-1]]
            found.append((problem_id, "", number, number, text, scores))
    types = {"problem_id": pl.String, "run": pl.String, "sample": pl.Int64, "sample_index": pl.Int32}
    types |= {"text": pl.String, "step_scores": pl.List(pl.Float32)}
    return pl.DataFrame(found, schema=types, orient="row")


def _nested(rows: Rows, columns: dict[str, str]) -> list[dict]:
    """Nodes below the objects at `node`; `text`, `score` and `children` are names inside each."""
    names = row_values.values_at(rows, columns["problem_id"], missing("problem_id", columns["problem_id"]))
    found = []
    for name, root in zip(names, row_values.values_at(rows, columns["node"]), strict=True):
        nodes: list[dict] = []
        todo = [(child, -1, 0) for child in _members(root, columns["children"])]
        while todo:
            node, parent, depth = todo.pop(0)
            if not isinstance(node, dict):
                raise InputError(f"{rows.path}: the tree of problem '{name}' has a node that is no object")
            number, below = len(nodes), _members(node, columns["children"])
            text, score = (node.get(columns[each]) for each in ("text", "score"))
            nodes.append(_node(name, number, parent, depth, text, score, None, bool(below)))
            todo += [(child, number, depth + 1) for child in below]
        found += nodes
    return found


def _members(node: Any, name: str) -> list:
    return (node.get(name) or []) if isinstance(node, dict) else []


def _flat(rows: Rows, columns: dict[str, str]) -> list[dict]:
    """Nodes of a table, numbered anew from 0 for each problem in the order of the rows."""
    cells = {
        ours: row_values.values_at(rows, theirs, missing(ours, theirs)) for ours, theirs in columns.items()
    }
    places: dict[tuple, int] = {}
    counted: dict[str, int] = {}
    for name, node in zip(cells["problem_id"], cells["node"], strict=True):
        if (name, node) in places:
            raise InputError(f"{rows.path}: node '{node}' of problem '{name}' is there twice")
        places[name, node] = counted.get(name, 0)
        counted[name] = places[name, node] + 1
    parents = {}
    for name, node, parent in zip(cells["problem_id"], cells["node"], cells["parent"], strict=True):
        if parent in (None, "", -1, "-1"):
            parents[name, node] = None
        elif (name, parent) not in places:
            raise InputError(
                f"{rows.path}: node '{node}' of problem '{name}' has the parent '{parent}', which is missing"
            )
        else:
            parents[name, node] = (name, parent)
    inner, found = set(parents.values()), []
    for number, key in enumerate(places):
        row = {ours: values[number] for ours, values in cells.items()}
        depth = row.get("round")
        depth = _depth(rows, key, parents) if depth is None else depth
        parent = -1 if parents[key] is None else places[parents[key]]
        node = _node(
            key[0], places[key], parent, depth, row["text"], row["score"], row.get("kept"), key in inner
        )
        found.append(node)
    return found


def _depth(rows: Rows, key: tuple, parents: dict) -> int:
    depth, seen = 0, {key}
    while (key := parents[key]) is not None:
        if key in seen:
            raise InputError(
                f"{rows.path}: the nodes of problem '{key[0]}' go round in a circle at '{key[1]}'"
            )
        seen.add(key)
        depth += 1
    return depth


def _node(name, number, parent, depth, text, score, kept, inner) -> dict:
    try:
        values = (
            row_values.as_name(name),
            number,
            parent,
            row_values.as_whole(depth),
            "" if text is None else row_values.as_text(text),
            None if score is None else row_values.as_number(score),
            True if kept is None else row_values.as_verdict(kept),
            "step" if inner else "stop",
        )
    except ValueError as error:
        raise InputError(f"the tree of problem '{name}' holds {error}") from None
    return dict(zip(NODE, values, strict=True))
