"""References that `make docs` writes are up to date, and the code on the page about opening results runs."""

import ast

import pytest

from tests.support import synthetic_study
from tests.support.markdown import ROOT, Document
from tools import api_reference, stages_reference, tables_reference
from ttc.errors import InputError
from ttc.study.stages import STAGES, published_tables
from ttc.tables.registry import SCHEMAS

REFERENCES = (tables_reference, stages_reference, api_reference)


@pytest.mark.parametrize("reference", REFERENCES, ids=lambda each: each.__name__)
def test_a_reference_is_written_anew_after_every_change(reference):
    assert reference.page() == reference.PAGE.read_text(), "make docs"


def test_every_table_and_column_is_in_the_reference_with_the_stage_that_writes_it():
    sections = dict(part.split("\n", 1) for part in tables_reference.page().split("\n## ")[1:])
    assert sections.keys() == SCHEMAS.keys()
    for name, schema in SCHEMAS.items():
        assert all(
            f"`{column}`" in sections[name] and each.meaning in sections[name]
            for column, each in schema.columns.items()
        )
    written = {table: stage for stage in STAGES for table in tables_reference.written_by(stage)}
    by_commands = {name for name, schema in SCHEMAS.items() if schema.command}
    assert written.keys() | by_commands == SCHEMAS.keys() and not written.keys() & by_commands
    assert all((ROOT / f"workflow/ttc/commands/{SCHEMAS[name].command}.py").is_file() for name in by_commands)


def test_a_stage_writes_the_tables_that_it_publishes():
    assert not [
        (name, stage)
        for name, (stage, _) in published_tables().items()
        if name not in tables_reference.written_by(stage)
    ]


def test_a_stage_that_only_reads_a_table_is_not_said_to_write_it():
    assert tables_reference.written_by("evaluate") == ["outcomes"]
    assert tables_reference.written_by("report") == tables_reference.written_by("plot") == []
    assert tables_reference.written_by("search") == ["candidates", "tree"]


def test_every_stage_has_a_section_and_roles_lead_to_stages():
    page = stages_reference.page()
    assert [name for name in STAGES if f"\n### {name}\n" not in page] == []
    assert stages_reference.inputs("measure_difficulty")["samples"] == {"sample", "import_pool"}
    assert stages_reference.inputs("import_pool")["problems"] == {""}


def test_what_documents_import_is_in_the_reference():
    names = api_reference.names()
    assert names[0] == "ttc.open" and "ttc.evaluation.allocators.binned.BinnedAllocator" in names
    assert {"ttc.tables.opened.OpenedStudy", "ttc.tables.study.Study", "ttc.errors.InputError"} <= set(names)


def test_the_code_on_the_page_about_opening_results_runs(tmp_path, monkeypatch, capsys):
    frames = synthetic_study.study(8)
    for name in ("curves", "exchange", "outcomes"):
        SCHEMAS[name].write(frames[name], tmp_path / f"results/default/tables/{name}.parquet")
    monkeypatch.chdir(tmp_path)
    known: dict = {}
    for language, text in Document(ROOT / "docs/open.md").blocks:
        assert language == "python"
        exec(compile(ast.parse(text), "docs/open.md", "exec"), known)
    expected = frames["curves"].filter(family="search", bins="none", bin=0)
    assert known["best"]["accuracy"].to_list() == [
        rows["accuracy"].max() for rows in expected.sort("budget").partition_by("budget")
    ]
    assert known["study"].tables == ["curves", "exchange", "outcomes"]
    assert "there is no table 'exchanges'" in capsys.readouterr().out
    with pytest.raises(InputError, match="did you mean 'exchange'"):
        known["study"]["exchanges"]
