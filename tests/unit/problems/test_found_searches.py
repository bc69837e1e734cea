"""Searches that somebody else ran: candidates and trees, from tables of nodes and from nested objects."""

import json

import polars as pl
import pytest

from ttc.errors import InputError
from ttc.problems.search_trees import leaves, read_tree
from ttc.runtime import Runtime
from ttc.stages import import_search
from ttc.study.graph.pools import plan_pools
from ttc.study.sections.configuration import Configuration
from ttc.study.sections.searches import Tree
from ttc.tables.generation import PROBLEMS
from ttc.tables.search import CANDIDATES, TREE

QUESTION = "What is 1 + 2 + 3?"
# The shape of OmegaPRM's trees: the outermost object is the question
NESTED = {
    "question": QUESTION,
    "final_answer": "6",
    "reasoning_steps": {
        "text": QUESTION,
        "mc_value": 0.5,
        "children": [
            {"text": "At once: \\boxed{7}", "mc_value": 0.0, "children": []},
            {
                "text": "1 + 2 is 3.",
                "mc_value": 0.75,
                "children": [
                    {"text": "So \\boxed{6}", "mc_value": 1.0, "children": []},
                    {"text": "So \\boxed{5}", "mc_value": 0.25},
                ],
            },
        ],
    },
}
COLUMNS = {"problem_id": "<row>", "node": "reasoning_steps", "score": "mc_value", "children": "children"}
FLAT = [
    {"q": "0", "id": "a", "up": None, "step": "At once: \\boxed{7}", "value": 0.0},
    {"q": "0", "id": "b", "up": None, "step": "1 + 2 is 3.", "value": 0.75},
    {"q": "0", "id": "c", "up": "b", "step": "So \\boxed{6}", "value": 1.0},
    {"q": "0", "id": "d", "up": "b", "step": "So \\boxed{5}", "value": 0.25},
]
FLAT_COLUMNS = {"problem_id": "q", "node": "id", "parent": "up", "text": "step", "score": "value"}
EXPECTED = [
    ("0", 0, -1, 0, "At once: \\boxed{7}", 0.0, True, "stop"),
    ("0", 1, -1, 0, "1 + 2 is 3.", 0.75, True, "step"),
    ("0", 2, 1, 1, "So \\boxed{6}", 1.0, True, "stop"),
    ("0", 3, 1, 1, "So \\boxed{5}", 0.25, True, "stop"),
]


def section(columns):
    return Tree.model_validate({"path": "t.jsonl", "columns": columns}).model_dump(exclude={"path"})


def write(folder, rows, name="tree.jsonl"):
    path = folder / name
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


@pytest.mark.parametrize(
    ("rows", "columns"), [([NESTED], COLUMNS), (FLAT, FLAT_COLUMNS)], ids=["nested", "flat"]
)
def test_a_tree_is_read_from_nested_objects_and_from_a_table(tmp_path, rows, columns):
    tree = read_tree([write(tmp_path, rows)], section(columns), ["0"])
    assert tree.rows() == EXPECTED
    assert TREE.check(tree, "tree").height == 4


def test_the_leaves_are_the_candidates(tmp_path):
    found = leaves(read_tree([write(tmp_path, FLAT)], section(FLAT_COLUMNS), ["0"]), "\n\n")
    assert found.select("sample_index", "text", "step_scores").rows() == [
        (0, "At once: \\boxed{7}", [0.0]),
        (1, "1 + 2 is 3.\n\nSo \\boxed{6}", [0.75, 1.0]),
        (2, "1 + 2 is 3.\n\nSo \\boxed{5}", [0.75, 0.25]),
    ]


REFUSED = {
    "circle": ([FLAT[1] | {"up": "c"}, FLAT[2]], r"problem '0' go round in a circle"),
    "parent": ([FLAT[2]], r"node 'c' of problem '0' has the parent 'b', which is missing"),
    "twice": ([FLAT[0], FLAT[0]], r"node 'a' of problem '0' is there twice"),
    "problem": ([FLAT[0] | {"q": "1"}], r"of problem '1', which is unknown"),
    "score": ([FLAT[0] | {"value": 1.5}], r"node 0 of problem '0' has the score 1.5; allowed are 0 to 1"),
    "no score": ([FLAT[0] | {"value": None}], r"has the score None"),
    "no number": ([FLAT[0] | {"value": "high"}], r"the tree of problem '0' holds 'high', which is no number"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_a_bad_tree_is_refused_in_one_sentence(tmp_path, case):
    rows, message = REFUSED[case]
    with pytest.raises(InputError, match=message) as caught:
        read_tree([write(tmp_path, rows)], section(FLAT_COLUMNS), ["0"])
    assert "\n" not in str(caught.value)


def planned(tmp_path, searches):
    """What the plan hands to the stages, by stage."""
    path = str(
        write(
            tmp_path,
            [{"problem_id": "0", "question": QUESTION, "answer": "6", "text": "\\boxed{6}"}],
            "p.jsonl",
        )
    )
    source = {"problems": {"path": path}, "pools": {"policy": {"path": path}}, "searches": searches}
    found = []

    class Artifact:
        def __init__(self, inputs):
            self.inputs = inputs

        def part(self, name):
            return name

    def add(stage, label, spec, parts=(), **inputs):
        found.append((stage, label, spec, inputs))
        return Artifact(inputs)

    materials, _ = plan_pools(Configuration.model_validate({"source": source}), add, tmp_path)
    return found, materials


def test_a_search_is_planned_and_imported_from_its_tree(tmp_path):
    tree = {"path": str(write(tmp_path, [NESTED])), "columns": COLUMNS}
    found, materials = planned(tmp_path, {"beam(width=2)": {"tree": tree, "generations": 4}})
    assert [name for name, _ in materials[0].searches] == ["beam(width=2)"] and len(
        materials[0].shown_search
    ) == 1
    ((stage, label, spec, inputs),) = found[1:]
    assert (stage, label) == ("import_search", "beam-m2")
    problems = tmp_path / "problems.parquet"
    row = {
        "problem_id": "0",
        "split": "test",
        "level": 0,
        "question": QUESTION,
        "answer": "6",
        "solution": "",
    }
    PROBLEMS.write(pl.DataFrame([row]), problems)
    files = {"problems": [problems], "tree": [each.path for each in inputs["tree"]]}
    import_search.run(spec, files, tmp_path / "out", Runtime())
    candidates = CANDIDATES.read(tmp_path / "out/candidates.parquet")
    assert candidates["correct"].to_list() == [False, True, False]
    assert candidates["generations"].unique().to_list() == [4.0]
    assert candidates["generated_tokens"].null_count() == 3
    assert TREE.read(tmp_path / "out/tree.parquet").height == 4


def test_unknown_searches_are_refused(tmp_path):
    path = str(write(tmp_path, FLAT))
    for name, given, message in (
        ("beem(width=2)", {"path": path}, r"'beem' is not a kind of search.*did you mean 'beam'"),
        ("beam(width", {"path": path}, r"is not the name of a strategy"),
        ("beam(width=2)", {"path": path, "pool": "polcy"}, r"no pool 'polcy'; did you mean 'policy'"),
        ("beam(width=2)", {}, r"neither `path` nor `tree` was given"),
        ("beam(width=2)", {"path": "none.jsonl"}, r"there is no file none.jsonl"),
    ):
        with pytest.raises(InputError, match=message):
            planned(tmp_path, {name: given})
