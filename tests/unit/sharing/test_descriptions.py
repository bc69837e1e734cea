"""What an archive says of itself, as others read it: the data card, the crate, the citation, licences."""

import json
import shutil
import tarfile

import polars as pl
import pytest
import yaml

from ttc.sharing.licences import NOT_KNOWN, licence_of


@pytest.fixture(scope="module")
def unpacked(finished, tmp_path_factory):
    """The folder of an archive of tables."""
    folder = tmp_path_factory.mktemp("unpacked")
    with tarfile.open(finished / "tables.tar") as packed:
        packed.extraction_filter = getattr(tarfile, "data_filter", None)  # Python has it from 3.11.4 on
        packed.extractall(folder)
    return folder / "small"


@pytest.fixture(scope="module")
def crate(unpacked):
    graph = json.loads((unpacked / "ro-crate-metadata.json").read_text(encoding="utf-8"))["@graph"]
    return {each["@id"]: each for each in graph}


def test_the_card_has_an_entry_for_each_table(unpacked):
    _, head, text = (unpacked / "README.md").read_text(encoding="utf-8").split("---\n", 2)
    configs = yaml.safe_load(head)["configs"]
    assert {each["data_files"] for each in configs} == {
        path.relative_to(unpacked).as_posix() for path in unpacked.glob("study/tables/*.parquet")
    }
    assert [each["config_name"] for each in configs if each.get("default")] == ["findings"]
    for each in configs:
        pl.read_parquet(unpacked / each["data_files"])
        assert f"`{each['config_name']}`" in text


def test_the_crate_describes_every_file_and_no_other(unpacked, crate):
    there = {path.relative_to(unpacked).as_posix() for path in unpacked.rglob("*") if path.is_file()}
    assert there - {"ro-crate-metadata.json"} == {
        name for name, each in crate.items() if "File" in each["@type"]
    }


def test_the_crate_names_nothing_that_it_does_not_describe(crate):
    def named(value):
        if isinstance(value, dict):
            yield from [value["@id"]] if value.keys() == {"@id"} else named(list(value.values()))
        elif isinstance(value, list):
            for each in value:
                yield from named(each)

    elsewhere = ("http://", "https://")
    assert [
        each for each in named(list(crate.values())) if each not in crate and not each.startswith(elsewhere)
    ] == []
    run = crate["#run"]
    assert crate["./"]["mainEntity"] == run["instrument"] == {"@id": "Snakefile"}
    assert {"@id": "study/report.html"} in run["result"]


# What a run of the workflow does not know of itself; every other recommendation of the profile is kept
NOT_KNOWN_RULES = {
    "process-run-crate-0.5_3.2",  # a page of the software, in a project that names no host
    "process-run-crate-0.5_5.1",  # its identifier as an absolute URI
    "process-run-crate-0.5_8.4",  # when the run ended: archives are the same bytes each time
    "process-run-crate-0.5_8.6",  # who ran it
    "ro-crate-1.1_22.2",  # who shares it
    "ro-crate-1.1_22.3",  # who publishes it
    "workflow-ro-crate-1.0_8.1",  # formal parameters, of which the configuration has hundreds
}


def test_libraries_of_the_format_find_the_crate_valid(unpacked, formats):
    found = formats("crate", unpacked)
    assert found["main_entity"] == "Snakefile"
    assert found["rules"] > 100 and found["skipped"] == []
    assert [each for each in found["issues"] if each[0] == "REQUIRED"] == []
    assert {rule for _, rule, _ in found["issues"]} == NOT_KNOWN_RULES


def test_the_check_of_crates_finds_a_broken_one(unpacked, formats, tmp_path):
    shutil.copytree(unpacked, tmp_path / "broken")
    file = tmp_path / "broken/ro-crate-metadata.json"
    described = json.loads(file.read_text(encoding="utf-8"))
    (run,) = (each for each in described["@graph"] if each["@id"] == "#run")
    del run["instrument"]
    file.write_text(json.dumps(described), encoding="utf-8")
    broken = [said for severity, _, said in formats("crate", file.parent)["issues"] if severity == "REQUIRED"]
    assert any("MUST have an instrument" in said for said in broken)


@pytest.mark.parametrize(
    ("hub", "licence"),
    [
        ("meta-llama/Llama-3.2-1B-Instruct", "llama3.2"),
        ("Qwen/Qwen2.5-3B-Instruct", NOT_KNOWN),  # of a licence of its own
        ("Qwen/Qwen2.5-1.5B-Instruct", "apache-2.0"),
        ("somebody/else", NOT_KNOWN),
    ],
)
def test_a_licence_is_known_or_said_not_to_be(hub, licence):
    assert licence_of(hub) == licence
