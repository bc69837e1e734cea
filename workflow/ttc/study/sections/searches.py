"""Trees of searches that somebody else ran."""

from ttc.study.sections.base import ColumnName, Section, Text, key, text_or_list


class TreeColumns(Section):
    """Our names of columns: theirs; with `children`, names inside the nested objects that `node` leads to."""

    problem_id: str = key("problem_id", "identity of the problem")
    node: str = key(
        "node", "identity of the node, or path to the outermost object, which stands for the question"
    )
    parent: str = key("parent", "node before it; null or -1 for a first step")
    round: ColumnName = key(None, "round of the search; without it, the depth")
    text: str = key("text", "text of the step")
    score: str = key("score", "verifier's score of the node")
    kept: ColumnName = key(None, "whether the search went on from it or ended with it")
    children: ColumnName = key(None, "list of the nodes behind it, in nested objects")


class Tree(Section):
    """Every node that the search expanded; null shows none."""

    path: text_or_list() = key(..., "file of nodes, or of nested objects, or several")
    records: Text | None = key(None, "key of a JSON or YAML object that holds the list of rows")
    columns: TreeColumns = TreeColumns()
