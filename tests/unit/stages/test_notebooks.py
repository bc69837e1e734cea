"""Notebooks: they declare what they read, execute to equal bytes, and say in a sentence what a study lacks."""

import ast
import json
import os
import re
from pathlib import Path

import polars as pl
import pytest

import ttc
from tests.support import synthetic_ablations
from ttc.errors import InputError
from ttc.evaluation.answers import answers
from ttc.runtime import Runtime
from ttc.stages import notebook as stage
from ttc.store.code import Sources
from ttc.study.graph import notebooks
from ttc.study.stages import published_tables
from ttc.tables.registry import SCHEMAS

ROOT = Path(__file__).parents[3]
NOTEBOOKS = sorted((ROOT / notebooks.FOLDER).glob("*.ipynb"))
# Of the tables that a notebook reads, those that every study has
ALWAYS = {"curves", "difficulty", "outcomes", "allocation"}
LACKING = [each for each in NOTEBOOKS if set(notebooks.tables_of(each)) - ALWAYS]
PICTURES = {"01_scaling": 2, "02_allocation": 2, "03_solutions": 0}


@pytest.fixture(scope="module")
def tables(tmp_path_factory):
    """A folder with all tables that notebooks read, of an invented study with every ablation."""
    frames = synthetic_ablations.study()
    problems, samples = frames["problems"], frames["samples"]
    frames["solutions"] = answers(problems, samples, frames["scores"], "last")
    chosen = frames["curves"].filter(pl.col("strategy").is_in(["majority", "best_of_n"]), bin=0, bins="none")
    frames["allocation"] = pl.concat(
        [
            chosen.select(
                "family", "budget", "strategy", "selection", "accuracy", repeat=0, fold=fold, bin=bin
            )
            for fold in (0, 1)
            for bin in (1, 2)
        ]
    ).with_columns(bins=pl.lit("predicted"))
    frames["allocation"] = frames["allocation"].unique(subset=list(SCHEMAS["allocation"].key), keep="first")
    folder = tmp_path_factory.mktemp("study") / "tables"
    for name in {name for each in NOTEBOOKS for name in notebooks.tables_of(each)}:
        SCHEMAS[name].write(frames[name], folder / f"{name}.parquet")
    return folder


def executed(notebook, tables, output, without=()):
    """The cells of a notebook after the stage has run it on those of its tables that are not left out."""
    names = notebooks.tables_of(notebook)
    inputs = {name: [] if name in without else [tables / f"{name}.parquet"] for name in names}
    stage.run({"notebook": notebook.name}, inputs | {"notebook": [notebook]}, output, Runtime())
    cells = json.loads(output.read_text())["cells"]
    return [cell for cell in cells if cell["cell_type"] == "code"]


def outputs(cells):
    return [output for cell in cells for output in cell["outputs"]]


def sources(notebook):
    """Its code, cell by cell."""
    cells = json.loads(notebook.read_text())["cells"]
    return ["".join(cell["source"]) for cell in cells if cell["cell_type"] == "code"]


@pytest.mark.parametrize("notebook", NOTEBOOKS, ids=lambda file: file.stem)
def test_a_notebook_is_kept_without_outputs(notebook):
    code = [cell for cell in json.loads(notebook.read_text())["cells"] if cell["cell_type"] == "code"]
    assert code and all(not cell["outputs"] and cell["execution_count"] is None for cell in code)


@pytest.mark.parametrize("notebook", NOTEBOOKS, ids=lambda file: file.stem)
def test_a_notebook_reads_the_tables_that_it_declares_and_no_others(notebook):
    read = {name for text in sources(notebook) for name in re.findall(r'study\["(\w+)"\]', text)}
    assert sorted(read) == notebooks.tables_of(notebook)
    assert not [
        text
        for text in sources(notebook)
        if "read_parquet" in text or "open(" in text.replace("ttc.open(", "")
    ]


@pytest.mark.parametrize("notebook", NOTEBOOKS, ids=lambda file: file.stem)
def test_what_a_notebook_imports_of_the_package_is_in_the_code_of_its_stage(notebook):
    trees = [ast.walk(ast.parse(text)) for text in sources(notebook)]
    froms = [
        node
        for tree in trees
        for node in tree
        if isinstance(node, ast.ImportFrom) and node.module.startswith("ttc")
    ]
    imported = {f"{node.module}.{each.name}" for node in froms for each in node.names}
    assert imported | {"ttc.tables.opened"} <= set(Sources().closure("stages.notebook").modules)


@pytest.mark.slow
@pytest.mark.parametrize("notebook", NOTEBOOKS, ids=lambda file: file.stem)
def test_a_notebook_executes_to_equal_bytes_and_says_neither_where_nor_when(notebook, tables, tmp_path):
    cells = executed(notebook, tables, tmp_path / "first.ipynb")
    executed(notebook, tables, tmp_path / "second.ipynb")
    text = (tmp_path / "first.ipynb").read_text()
    assert text == (tmp_path / "second.ipynb").read_text()
    found = outputs(cells)
    assert all(cell["outputs"] for cell in cells)
    assert sum("image/png" in output.get("data", {}) for output in found) == PICTURES[notebook.stem]
    assert not any(output["output_type"] in ("stream", "error") for output in found)
    assert str(tmp_path) not in text and "/tmp" not in text and "iopub" not in text
    assert "There is no table" not in text


@pytest.mark.slow
@pytest.mark.parametrize("notebook", LACKING, ids=lambda file: file.stem)
def test_a_study_that_lacks_tables_is_told_so_in_sentences(notebook, tables, tmp_path):
    lacking = set(notebooks.tables_of(notebook)) - ALWAYS
    found = outputs(executed(notebook, tables, tmp_path / "out.ipynb", lacking))
    said = " ".join("".join(output["data"].get("text/markdown", "")) for output in found)
    assert lacking and all(f"There is no table `{name}` here" in said for name in lacking)


@pytest.mark.slow
def test_notebook_03_says_what_the_tables_say(tables, tmp_path):
    (notebook,) = (each for each in NOTEBOOKS if each.stem == "03_solutions")
    found = outputs(executed(notebook, tables, tmp_path / "out.ipynb"))
    said = " ".join("".join(output["data"].get("text/markdown", "")) for output in found)
    study = ttc.open(tables)
    bins = study["difficulty"].sort("oracle_bin", "oracle", "problem_id").partition_by("oracle_bin")
    for rows in bins:
        asked = study["solutions"].filter(problem_id=rows["problem_id"][(len(rows) - 1) // 2])
        assert asked["question"][0] in said and asked.sort("place")["text"][0] in said


def test_a_notebook_that_fails_says_so_in_one_sentence(tmp_path):
    import nbformat

    broken = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell("raise ValueError('no curves')")])
    nbformat.write(broken, tmp_path / "broken.ipynb")
    inputs = {"notebook": [tmp_path / "broken.ipynb"]}
    with pytest.raises(InputError, match=r"stopped with an error: ValueError: no curves"):
        stage.run({}, inputs, tmp_path / "out.ipynb", Runtime())
    assert not (tmp_path / "out.ipynb").exists()


def test_what_libraries_say_of_the_machine_is_in_no_notebook(tmp_path):
    import nbformat

    code = "import sys\nprint('a cache is being made', file=sys.stderr)\nprint('a result')"
    spoken = nbformat.v4.new_notebook(
        cells=[nbformat.v4.new_code_cell(code), nbformat.v4.new_markdown_cell("x")]
    )
    nbformat.write(spoken, tmp_path / "spoken.ipynb")
    stage.run({}, {"notebook": [tmp_path / "spoken.ipynb"]}, tmp_path / "out.ipynb", Runtime())
    text = (tmp_path / "out.ipynb").read_text()
    assert [output["name"] for output in outputs(json.loads(text)["cells"][:1])] == ["stdout"]


def test_a_table_may_be_one_of_several_in_a_folder(tables, tmp_path):
    folder = stage.link_tables(
        {"notebook": [NOTEBOOKS[0]], "curves": [tables], "stopping": []}, tmp_path / "linked"
    )
    assert os.listdir(folder) == ["curves.parquet"]
    assert ttc.open(folder)["curves"].equals(ttc.open(tables)["curves"])


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("{", "not a notebook"),
        ('{"cells": []}', "not a notebook"),
        ('{"metadata": {}}', "declares the tables that it reads"),
        ('{"metadata": {"ttc": {"tables": []}}}', "declares the tables that it reads"),
        ('{"metadata": {"ttc": {"tables": ["curve"]}}}', r"no stage publishes; .*did you mean 'curves'\?"),
    ],
)
def test_a_notebook_that_declares_nothing_or_nonsense_is_refused(tmp_path, text, said):
    (tmp_path / "01_x.ipynb").write_text(text)
    with pytest.raises(InputError, match=said):
        notebooks.tables_of(tmp_path / "01_x.ipynb")


def test_every_published_table_has_a_schema():
    assert published_tables().keys() <= SCHEMAS.keys()
