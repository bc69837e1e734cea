"""The gallery names every figure of the paper; `ttc draw` draws what the study shows."""

import json
import re

import pytest
import yaml

from tests.support import synthetic_ablations
from tests.support.html import Balanced
from ttc.__main__ import main as command
from ttc.commands import draw
from ttc.errors import InputError
from ttc.figures.captions import specification
from ttc.figures.registry import FIGURES
from ttc.paper.figures import PAPER_FIGURES, ours
from ttc.report import gallery
from ttc.runtime import Runtime
from ttc.stages import gallery as stage
from ttc.stages import plot
from ttc.study.config import resolve
from ttc.tables.registry import SCHEMAS
from ttc.tables.study import Study


@pytest.fixture(scope="module")
def published(tmp_path_factory):
    """A study's folder as it is published: tables, configuration and figures."""
    folder = tmp_path_factory.mktemp("results") / "trial"
    overlay = {"figures": {"dpi": 50, "bootstrap": 20, "formats": ["png"]}}
    configuration = resolve(overlay)
    frames = synthetic_ablations.study()
    for name in ("difficulty", "curves", "exchange", "allocator_calibration"):
        SCHEMAS[name].write(frames[name], folder / "tables" / f"{name}.parquet")
    (folder / "config.resolved.yaml").write_text(yaml.safe_dump(configuration))
    inputs = {name: [folder / "tables" / f"{name}.parquet"] for name in ("difficulty", "exchange")}
    inputs["allocation"] = [folder / "tables"]
    plot.run(specification(configuration), inputs, folder / "figures", Runtime())
    return folder


@pytest.fixture(scope="module")
def page(published):
    return gallery.render("trial", published / "figures", ["search", "revisions"])


def test_every_result_figure_of_the_paper_has_one_of_ours():
    results = [each for each in PAPER_FIGURES if not each.part]
    assert all(ours(each) for each in results)
    assert {each.number for each in results if each.version == "v1"} == {"1", "3", "4"} | {
        str(n) for n in range(6, 17)
    }
    reported = {entry.name for each in results for entry in ours(each)}
    assert {entry.name for entry in FIGURES.values() if entry.v1 or entry.camera_ready} == reported


def test_the_page_shows_each_figure_with_caption_tables_and_command(page, published):
    index = json.loads((published / "figures/index.json").read_text())
    drawn = [entry for entry in index if entry["files"]]
    assert len(drawn) > 20
    for entry in drawn:
        assert f'id="{entry["name"]}"' in page and f"ttc draw {entry['name']} " in page
        assert entry["caption"] in page.replace("&#39;", "'")
        assert all(source["count"] for source in entry["sources"])
    parser = Balanced()
    parser.feed(page)
    assert not parser.stack and len(set(parser.ids)) == len(parser.ids)


def test_the_page_needs_nothing_beside_it_but_links_to_the_report(page):
    assert all(source.startswith("data:image/") for source in re.findall(r'src="([^"]*)"', page))
    places = set(re.findall(r'href="([^"#]*)', page))
    assert places == {"", "report.html"}
    ids = set(re.findall(r'id="([^"]*)"', page))
    assert set(re.findall(r'href="#([^"]*)"', page)) <= ids


def test_what_is_missing_is_listed_with_its_reason(page, published):
    index = json.loads((published / "figures/index.json").read_text())
    missing = [entry for entry in index if not entry["files"]]
    unmeasured = {"transitions", "calibration", "step_quality", "pools", "pool_exchange"}
    unmeasured |= {"stopping", "stopping_savings", "spending", "probe_break_even", "spent_by_difficulty"}
    unmeasured |= {
        "ways_of_spending",
        "hybrid_choices",
        "hybrid_regret",
        "hybrid_break_even",
        "extrapolation",
        "thinking",
    }
    assert {entry["name"] for entry in missing} == unmeasured
    for entry in missing:
        assert f"<td>{entry['skipped']}</td>" in page


def test_a_report_without_examples_is_not_pointed_to(published):
    page = gallery.render("trial", published / "figures", ["search"])
    assert "report.html#search" in page and "report.html#revisions" not in page
    assert page.count("the report shows none") == 2  # figures 5 and 17 to 23


def test_the_stage_writes_equal_bytes(published, tmp_path):
    for name in ("a", "b"):
        spec = {"study": "trial", "parts": [], "pools": [""]}
        stage.run(spec, {"figures": [published / "figures"]}, tmp_path / f"{name}.html", Runtime())
    assert (tmp_path / "a.html").read_bytes() == (tmp_path / "b.html").read_bytes()


def test_a_figure_drawn_by_the_command_is_the_published_one(published, tmp_path):
    index = {entry["name"]: entry for entry in json.loads((published / "figures/index.json").read_text())}
    for name in ("search_by_bin", "difficulty"):
        caption = draw.draw(name, published, tmp_path / "x.png")
        assert (tmp_path / "x.png").read_bytes() == (published / f"figures/{name}.png").read_bytes()
        assert caption == index[name]["caption"]


def test_other_formats(published, tmp_path):
    for suffix, start in (("pdf", b"%PDF"), ("svg", b"<?xml")):
        draw.draw("verifiers", published, tmp_path / f"x.{suffix}")
        first = (tmp_path / f"x.{suffix}").read_bytes()
        assert first.startswith(start)
        draw.draw("verifiers", published, tmp_path / f"x.{suffix}")
        assert (tmp_path / f"x.{suffix}").read_bytes() == first


def test_the_command_reads_tables_and_configuration_only(published, tmp_path):
    (tmp_path / "tables").symlink_to(published / "tables")
    (tmp_path / "config.resolved.yaml").symlink_to(published / "config.resolved.yaml")
    draw.draw("verifiers", tmp_path, tmp_path / "x.png")


@pytest.mark.parametrize(
    ("name", "output", "words"),
    [
        ("serch_sweep", "x.png", ["'serch_sweep'", "did you mean 'search_sweep'"]),
        ("search_sweep", "x.pgn", [".pgn", "did you mean 'png'"]),
        ("search_sweep", "x", ["no ending"]),
        ("transitions", "x.png", ["transitions cannot be drawn", "the study has"]),
    ],
)
def test_mistakes_are_one_sentence(published, tmp_path, name, output, words):
    with pytest.raises(InputError) as error:
        draw.draw(name, published, tmp_path / output)
    assert all(word in str(error.value) for word in words) and not (tmp_path / output).exists()


def test_a_folder_that_is_no_study(published, tmp_path):
    with pytest.raises(InputError, match=r"config\.resolved\.yaml"):
        draw.draw("verifiers", tmp_path, tmp_path / "x.png")
    (tmp_path / "config.resolved.yaml").symlink_to(published / "config.resolved.yaml")
    with pytest.raises(InputError, match=r"curves\.parquet"):
        draw.draw("verifiers", tmp_path, tmp_path / "x.png")


def test_the_command_line_lists_and_draws(published, tmp_path, capsys):
    draw.main([])
    listed = capsys.readouterr().out
    assert all(entry.name in listed and entry.title in listed for entry in FIGURES.values())
    draw.main(["verifiers", "--study", str(published), "--output", str(tmp_path / "x.png")])
    assert "test questions" in capsys.readouterr().out and (tmp_path / "x.png").stat().st_size
    assert command(["draw", "verifier", "--study", str(published)]) == 2
    assert "did you mean 'verifiers'" in capsys.readouterr().err


def test_what_the_figures_of_a_study_show_stands_in_one_folder(published):
    assert Study({}).counts() == {}
    index = json.loads((published / "figures/index.json").read_text())
    assert [entry["name"] for entry in index] == [each.name for each in FIGURES.values() if not each.silent]
    shown = [each.main for each in FIGURES.values() if not each.silent]
    assert sum(entry["main"] for entry in index) == sum(shown) > 10
