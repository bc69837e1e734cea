"""The solutions browser holds every solution once, escaped, best score first, and the same bytes however it is cut."""

import json
import re

import polars as pl
import pytest

from tests.support import browsable
from tests.support.browsable import HOSTILE, NAMES, SPEC
from ttc.report import browser, mathml
from ttc.runtime import Runtime
from ttc.stages import browse


def lay_out(folder, frames, **changes):
    """Run the stage; the folder that it wrote."""
    output = folder / "solutions"
    browse.run(SPEC | changes, browsable.write(folder / "tables", frames), output, Runtime())
    return output


def read(text):
    """What the calls of a file or a page hold, by number."""
    calls = re.findall(r"^problem\((\d+),(.*)\);$", text, re.MULTILINE)
    return {int(number): json.loads(content) for number, content in calls}


def listed(page):
    (data,) = re.findall(r"^start\((.*)\);$", page, re.MULTILINE)
    return json.loads(data)


def shown(text):
    """A text of a data file as the page writes it."""
    return re.sub("[\x80-\x9f]", lambda mark: browser.TAGS[ord(mark[0]) - browser.FIRST], text)


def written(folder):
    return {
        path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()
    }


@pytest.mark.parametrize(
    "text", [HOSTILE, r"$$\sum_{k=1}^n \frac{1}{k^2}$$", r"\[\begin{aligned}a&=b\\c&=d\end{aligned}\]"]
)
def test_a_text_comes_back_as_it_was_rendered(text):
    assert shown(browser.html(text)) == str(mathml.rendered(text))


def test_tags_fit_their_characters_and_no_text_can_write_one():
    assert len(browser.TAGS) <= 32 and len(set(browser.TAGS)) == len(browser.TAGS)
    assert "<" not in shown(browser.html("\x80\x85\x9f"))


def test_no_text_ends_the_script_that_holds_it(tmp_path):
    page = (lay_out(tmp_path, browsable.tables()) / "index.html").read_text()
    assert page.count("</script>") == 1 and "alert(1)</" not in page and "<!--" not in page
    assert "\u2028" not in page


def test_the_list_says_what_there_is_of_each_problem(tmp_path):
    data = listed((lay_out(tmp_path, browsable.tables()) / "index.html").read_text())
    problems = {each["id"]: each for each in data["problems"]}
    assert list(problems) == sorted(NAMES) and data["texts"] and data["scored"] and data["voted"]
    assert [problems[name]["rate"] for name in NAMES] == [0.0, 0.2, 0.4]
    assert [problems[name]["majority"] for name in NAMES] == [0.0, 0.5, 1.0]
    assert {each["samples"] for each in problems.values()} == {5}


def test_samples_stand_by_score_with_their_steps_revisions_and_search(tmp_path):
    page = (lay_out(tmp_path, browsable.tables()) / "index.html").read_text()
    found = read(page)[0]
    assert [each["score"] for each in found["samples"]] == [0.9, 0.8, 0.7, 0.6, 0.5]
    assert [each["name"] for each in found["samples"]] == [0, 1, 2, 3, 4]
    first = found["samples"][0]
    assert [score for _, score in first["steps"]] == [0.1, 0.2, 0.9] and first["correct"]
    assert "<mfrac>" in shown(first["steps"][0][0])
    ((tried, revised),) = found["chains"]
    assert (tried["correct"], revised["correct"], revised["score"]) == (False, True, 0.5)
    assert [(parent, kept) for parent, _, _, _, kept, _ in found["tree"]] == [(-1, True), (0, False)]
    assert not read(page)[1]["chains"] and not read(page)[1]["tree"]


def test_many_texts_lie_beside_the_page_and_few_inside(tmp_path, monkeypatch):
    inside = lay_out(tmp_path / "few", browsable.tables())
    assert list(written(inside)) == ["index.html"]
    monkeypatch.setattr(browser, "INSIDE", 10)
    beside = lay_out(tmp_path / "many", browsable.tables())
    files = written(beside)
    assert sorted(files) == ["data/00000.js", "data/00001.js", "data/00002.js", "index.html"]
    page = (inside / "index.html").read_text()
    assert read(page) == {
        number: read(files[f"data/{number:05}.js"].decode())[number] for number in range(len(NAMES))
    }
    assert not read(files["index.html"].decode())


def test_the_bytes_do_not_depend_on_how_many_problems_are_in_memory(tmp_path, monkeypatch):
    whole = written(lay_out(tmp_path / "whole", browsable.tables()))
    monkeypatch.setattr(browse, "ROWS", 1)
    assert written(lay_out(tmp_path / "one by one", browsable.tables())) == whole


def test_a_study_without_texts_scores_or_votes_shows_what_it_has(tmp_path):
    frames = browsable.tables(texts=False)
    frames["outcomes"] = frames["outcomes"].clear()
    kept = {name: frames[name] for name in ("problems", "samples", "difficulty", "outcomes")}
    page = (lay_out(tmp_path, kept) / "index.html").read_text()
    data = listed(page)
    assert not data["texts"] and not data["scored"] and not data["voted"]
    for content in read(page).values():
        assert [each["name"] for each in content["samples"]] == [0, 1, 2, 3, 4]
        assert all(each["steps"] is None and each["score"] is None for each in content["samples"])


@pytest.mark.parametrize("answered", [False, True])
def test_whether_a_study_has_answers_is_said_once_for_all(tmp_path, answered):
    frames = browsable.tables(texts=False)
    if not answered:
        none = pl.lit(None, pl.String).alias("answer")
        frames["samples"] = frames["samples"].with_columns(none)
    assert listed((lay_out(tmp_path, frames) / "index.html").read_text())["answers"] is answered


def test_samples_of_a_pool_are_called_as_in_its_file(tmp_path):
    frames = browsable.tables()
    origin = frames["samples"].select(
        "problem_id", "sample_index", run=pl.lit("r"), sample=pl.col("sample_index") + 7
    )
    page = (lay_out(tmp_path, frames | {"origin": origin}) / "index.html").read_text()
    assert read(page)[0]["samples"][0]["from"] == "sample 7 of run r"


def test_an_excerpt_ends_between_words_and_in_no_formula():
    text = r"Let \[x = 1 + 2\] be what it is, and $a + b$ more"
    assert mathml.beginning(text, 12) == "Let …"
    assert mathml.beginning(text, 25).startswith(r"Let \[x = 1 + 2\]")
    assert mathml.beginning(text, 500) == text
