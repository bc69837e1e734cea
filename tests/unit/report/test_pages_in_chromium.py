"""The pages in a headless Chromium: no error, no request, nothing wider than the window, and keys that work."""

import polars as pl
import pytest

from tests.support import browsable, invented_study, specs
from tests.support.browsable import NAMES
from tools import chromium
from ttc.paper.claim import Settings
from ttc.paper.findings import find
from ttc.report import browser
from ttc.runtime import Runtime
from ttc.stages import advise, browse
from ttc.stages import report as report_stage
from ttc.tables.publication import FINDINGS
from ttc.tables.study import Study

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(chromium.found() is None, reason="there is no Chromium on this machine"),
]
WIDTHS = (1280, 390)
SAMPLES = 12


@pytest.fixture(scope="module")
def page(tmp_path_factory):
    opened = chromium.Page(chromium.found(), tmp_path_factory.mktemp("profile"))
    yield opened
    opened.close()


@pytest.fixture(scope="module")
def solutions(tmp_path_factory):
    """The address of the solutions, with texts beside the page."""
    folder = tmp_path_factory.mktemp("trial")
    with pytest.MonkeyPatch.context() as changed:
        changed.setattr(browser, "INSIDE", 0)
        inputs = browsable.write(folder / "tables", browsable.tables(SAMPLES))
        browse.run(browsable.SPEC, inputs, folder / "solutions", Runtime())
    return (folder / "solutions/index.html").as_uri()


@pytest.fixture(scope="module")
def report(tmp_path_factory):
    """The address of the report of an invented study."""
    folder = tmp_path_factory.mktemp("report")
    inputs = invented_study.invent(folder)
    made = invented_study.analyse(folder, inputs)
    read = inputs | {"outcomes": [made["outcomes"]], "difficulty": [made["difficulty"]]}
    advise.run(specs.shared("advise", invented_study.ASKED), read, folder / "advised", Runtime())
    # Every claim has a row; a study without tables measures none
    findings = find(Study({}), Settings(bootstrap=20, seed=0))
    FINDINGS.write(findings, folder / "findings.parquet")
    read |= {
        "findings": [folder / "findings.parquet"],
        "curves": [made["allocation"]],
        "exchange": [made["exchange"]],
    }
    read |= {name: [folder / "advised" / f"{name}.parquet"] for name in ("advice", "cheapest")}
    spec = {"study": "trial", "configuration": {"seed": 7}, "examples": 2, "extract": None, "pools": []}
    report_stage.run(spec, read | {"searches": []}, folder / "report.html", Runtime())
    return (folder / "report.html").as_uri()


def check(page, width):
    """No error, no request to a server, and no part of the page beyond the window."""
    assert page.errors == []
    assert page.requests and all(each.startswith(("file:", "data:")) for each in page.requests)
    assert page.value("document.documentElement.scrollWidth") <= width


@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("dark", [False, True])
def test_the_report_fits_and_asks_nobody(page, report, width, dark):
    page.size(width)
    page.dark(dark)
    page.open(report)
    page.value("document.querySelectorAll('details').forEach(each => { each.open = true; })")
    check(page, width)
    shown = page.value("getComputedStyle(document.body).backgroundColor")
    assert shown == ("rgb(22, 24, 26)" if dark else "rgb(255, 255, 255)")
    anchors = "[...document.querySelectorAll('.contents a[href^=\"#\"]')].map(each => each.hash.slice(1))"
    assert page.value(f"{anchors}.every(each => document.getElementById(each))")


def test_the_answer_is_on_the_first_screen(page, report):
    page.size(1280, 900)
    page.open(report)
    assert page.value("document.querySelector('#answer .answer').getBoundingClientRect().top") < 450


@pytest.mark.parametrize("width", WIDTHS)
def test_every_place_of_the_solutions_fits_and_asks_nobody(page, solutions, width):
    page.size(width)
    places = ["", "#a%20%26%20b", "#a%20%26%20b/3", "#a%20%26%20b/c0", "#a%20%26%20b/search", "#nothing"]
    for place in places:
        page.open(solutions + place)
        page.until("!document.querySelector('main').textContent.includes('Loading')")
        check(page, width)
    assert "no problem nothing" in page.value("document.querySelector('[role=status]').textContent")


def test_texts_are_read_when_they_are_asked_for(page, solutions):
    page.open(solutions)
    assert not any(".js" in each for each in page.requests)
    page.press("j")
    page.press("Enter")
    page.until("document.querySelector('.samples')")
    assert [each.rpartition("/")[2] for each in page.requests if ".js" in each] == ["00000.js"]
    assert page.value("document.querySelectorAll('.step math').length") > 0
    assert page.value("document.querySelectorAll('.step b, .question script').length") == 0


def test_keys_go_through_problems_and_solutions(page, solutions):
    page.size(1280)
    page.open(solutions)
    focused = "decodeURIComponent(document.activeElement.hash || '')"
    for key, name in (("j", 0), ("ArrowDown", 1), ("j", 2), ("j", 2), ("k", 1), ("ArrowUp", 0)):
        page.press(key)
        assert page.value(focused) == "#" + sorted(NAMES)[name]
    page.press("Enter")
    page.until("document.querySelector('.samples')")
    chosen = "document.querySelector('.samples [aria-current]').textContent"
    first = page.value(chosen)
    page.press("j")
    assert page.value(chosen) != first and "/" in page.value("location.hash")
    page.press("k")
    assert page.value(chosen) == first
    page.press("n")
    page.until(f"document.querySelector('h2')?.textContent === '{sorted(NAMES)[1]}'")
    page.press("p")
    page.until(f"document.querySelector('h2')?.textContent === '{sorted(NAMES)[0]}'")
    page.press("u")
    page.until("document.querySelector('.problems')")
    page.press("/")
    assert page.value("document.activeElement.name") == "text"
    for letter in "p3":
        page.press(letter)
    assert page.value("document.querySelectorAll('.problems li').length") == 1
    page.press("Escape")
    page.press("j")
    assert page.value(focused) == "#p3"


def test_the_list_is_filtered_and_sorted(page, solutions):
    page.open(solutions)
    for name, value, names in (
        ("majority", "right", ["p3"]),
        ("solved", "sometimes", ["a & b", "p3"]),
        ("sort", "hardest", ["test/algebra/1.json", "a & b", "p3"]),
    ):
        page.open(solutions + f"?{name}")
        chosen = f"document.querySelector('[name={name}]')"
        page.value(
            f"{chosen}.value = '{value}'; {chosen}.dispatchEvent(new Event('input', {{bubbles: true}}))"
        )
        assert (
            page.value("[...document.querySelectorAll('.problems .name')].map(each => each.textContent)")
            == names
        )


def test_a_link_to_a_sample_opens_that_sample(page, solutions):
    page.open(solutions + "#p3/4")
    page.until("document.querySelector('.samples')")
    assert "sample 4" in page.value("document.querySelector('article').textContent")


def test_verdicts_alone_leave_no_empty_places(page, tmp_path):
    frames = {
        name: browsable.tables(texts=False)[name]
        for name in ("problems", "samples", "difficulty", "outcomes")
    }
    empty = pl.lit("")
    frames["problems"] = frames["problems"].with_columns(question=empty, answer=empty)
    frames["samples"] = frames["samples"].with_columns(answer=pl.lit(None, pl.String))
    browse.run(
        browsable.SPEC, browsable.write(tmp_path / "tables", frames), tmp_path / "solutions", Runtime()
    )
    address = (tmp_path / "solutions/index.html").as_uri()
    page.size(1280)
    page.open(address)
    assert "verdicts are all there is" in page.value("document.querySelector('[role=status]').textContent")
    assert page.value("document.querySelectorAll('.excerpt').length") == 0
    page.open(address + "#p3/4")
    page.until("document.querySelector('.samples')")
    said = page.value("main.innerText")
    assert "sample 4" in said and "its verdict is all there is" in said
    assert not any(each in said for each in ("Gold answer", "no answer", "answer none"))
    assert page.value("document.querySelectorAll('.question').length") == 0
