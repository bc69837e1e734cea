"""The report holds the findings, the figures and escaped texts."""

import json
import re

import polars as pl
import pytest
from markupsafe import escape

from tests.support import synthetic_study
from tests.support.html import Balanced
from ttc.errors import InputError
from ttc.paper.claim import Settings
from ttc.paper.findings import find
from ttc.report import numbers, solutions, verdicts
from ttc.report import page as report_page
from ttc.runtime import Runtime
from ttc.stages import report as stage
from ttc.tables.publication import FINDINGS
from ttc.tables.registry import SCHEMAS
from ttc.tables.search import CANDIDATES, TREE
from ttc.tables.study import Study

CONFIGURATION = {"seed": 7, "sampling": {"temperature": 1.0, "max_tokens": 96}, "allocation": {"repeats": 10}}
SPEC = {"study": "trial", "configuration": CONFIGURATION, "examples": 2, "extract": None, "pools": [""]}


@pytest.fixture(scope="module")
def frames():
    frames = synthetic_study.study()
    return frames | {"findings": FINDINGS.check(find(Study(frames), Settings(bootstrap=50, seed=0)), "test")}


@pytest.fixture
def figures(tmp_path):
    folder = tmp_path / "figures"
    folder.mkdir()
    (folder / "a.svg").write_text("<svg xmlns='http://www.w3.org/2000/svg'/>")
    (folder / "b.png").write_bytes(b"\x89PNG")
    common = {"caption": "What is seen.", "paper": "figure 1", "main": True}
    index = [
        {"name": "a", "title": "First", "files": ["a.png", "a.svg"]} | common,
        {"name": "b", "title": "Second", "files": ["b.png"]} | common,
        {"name": "c", "title": "Third", "files": [], "skipped": "the study has no chains"} | common,
        {"name": "d", "title": "Fourth", "files": ["b.png"]} | common | {"main": False},
    ]
    (folder / "index.json").write_text(json.dumps(index))
    return folder


def page(frames, figures, **changes):
    names = ("problems", "samples", "scores", "chains")
    arguments = {
        "study": "trial",
        "configuration": CONFIGURATION,
        "findings": frames["findings"],
        "figures": figures,
        "content": solutions.Content(**{name: frames[name] for name in names}),
        "shown": 3,
        "models": {"prm": {"parameters": 1234567, "metrics": {"step_auc": 0.9123}}},
    }
    return report_page.render(**(arguments | changes))


def test_the_report_holds_every_finding(frames, figures):
    html = page(frames, figures)
    for row in frames["findings"].iter_rows(named=True):
        assert str(escape(row["text"])) in html
        assert row["verdict"] in html
        if row["value"] is not None:
            assert numbers.number(row["value"]) in html
    parser = Balanced()
    parser.feed(html)
    assert not parser.stack and len(set(parser.ids)) == len(parser.ids)


def test_a_model_with_several_roles_is_listed_once(frames, figures):
    """A policy that is asked again is the reviser, too, and a PRM may choose among revisions."""
    served = {"checkpoint": {"served": "some/model"}}
    models = {
        "policy": served,
        "prm": {"parameters": 7},
        "reviser": served,
        "revision_orm": {"parameters": 8},
    }
    html = page(frames, figures, models=models)
    rows = re.findall(r"<tr><td>([^<]*)<?", html[html.index('id="models"') :])[:3]
    assert rows == ["policy and reviser", "prm", "revision orm"]


def test_the_report_needs_nothing_beside_it(frames, figures):
    html = page(frames, figures)
    sources = re.findall(r'src="([^"]*)"', html)
    assert [source.split(";")[0] for source in sources] == ["data:image/svg+xml", "data:image/png"]
    assert "http" not in re.sub(r'src="[^"]*"', "", html)
    assert "Third: the study has no chains." in html
    assert "Fourth" not in html and 'href="gallery.html"' in html  # the gallery shows it


def test_texts_are_escaped(frames, figures):
    html = page(frames, figures)
    assert "step &lt;one&gt; &amp;" in html
    assert "<one>" not in html
    hostile = frames["problems"].with_columns(question=pl.lit("<script>alert(1)</script>"))
    content = solutions.Content(hostile, frames["samples"])
    assert "<script>" not in page(frames, figures, content=content)


def test_solutions_are_right_and_wrong_ones_with_their_step_scores(frames):
    content = solutions.Content(*(frames[name] for name in ("problems", "samples", "scores")))
    found = solutions.solutions(content, 3)
    assert len(found) == 3
    for example in found:
        right, wrong = example["samples"]
        assert right["correct"] and not wrong["correct"]
        for shown in example["samples"]:
            row = frames["scores"].filter(problem_id=example["problem_id"], sample_index=shown["index"])
            assert [step["score"] for step in shown["steps"]] == pytest.approx(
                row["step_scores"][0].to_list()
            )
    rates = [float(example["rate"].removesuffix(" %")) for example in found]
    assert rates == sorted(rates, reverse=True)


def test_steps_that_do_not_match_the_scores_are_shown_whole():
    assert [step["text"] for step in solutions.steps("a\nb\n", [0.1, 0.2])[0]] == ["a", "b"]
    assert [step["text"] for step in solutions.steps("a\nb\n\nc", [0.1, 0.2])[0]] == ["a\nb", "c"]
    shown, scores = solutions.steps("a\nb", [0.1, 0.2, 0.3])
    assert shown == [{"text": "a\nb", "score": None}] and scores == "0.10, 0.20, 0.30"


def test_a_chain_that_gets_right_is_shown_up_to_there(frames):
    (found,) = solutions.revisions(
        solutions.Content(frames["problems"], frames["samples"], chains=frames["chains"]), 1
    )
    verdicts = [step["correct"] for step in found["steps"]]
    assert verdicts[-1] and not any(verdicts[:-1]) and len(verdicts) > 1


def test_a_search_is_shown_node_by_node(frames):
    candidate = ("p0001", 0, "a\nb", "2", True, [0.4, 0.9], "stop", 4, 9, 5, 0, 12, 4.0)
    required = [name for name, column in CANDIDATES.columns.items() if not column.optional]
    candidates = pl.DataFrame([candidate], schema=required, orient="row")
    nodes = [("p0001", 0, -1, 0, "a\n", 0.4, True, "step"), ("p0001", 1, -1, 0, "x\n", 0.1, False, "step")]
    tree = pl.DataFrame(nodes, schema=list(TREE.columns), orient="row")
    content = solutions.Content(
        frames["problems"],
        frames["samples"],
        tree=TREE.check(tree, "test"),
        candidates=CANDIDATES.check(candidates, "test"),
    )
    shown = solutions.search_tree(content)
    assert [node["text"] for node in shown["nodes"]] == ["a", "x"]
    assert shown["note"] == "4 generations, 2 steps sampled."


def test_findings_are_shown_by_topic_in_order_and_those_of_ours_are_marked(frames, figures):
    html = page(frames, figures)
    topics = frames["findings"].sort("number")["topic"].unique(maintain_order=True).to_list()
    assert [html.index(f"<h3>{topic}</h3>") for topic in topics] == sorted(
        html.index(f"<h3>{t}</h3>") for t in topics
    )
    rows = frames["findings"].sort("number")
    for part in (rows.filter(pl.col("verdict") != "not measured"), rows.filter(verdict="not measured")):
        places = [html.index(f'id="finding-{name}"') for name in part["claim"]]
        assert places == sorted(places) and len(places)
    # what cannot be measured is folded away, behind the rest
    folded = html[html.index('<details id="unmeasured">') :].split("</details>")[0]
    unmeasured = rows.filter(verdict="not measured")["claim"].to_list()
    assert re.findall(r'id="finding-(\w+)"', folded) == unmeasured
    assert html.count("<em>Ours:</em>") == (frames["findings"]["origin"] == "ours").sum()


def decided(rows):
    """Findings of (verdict, family, same_as, sd)."""
    schema = {"verdict": pl.String, "family": pl.String, "same_as": pl.String, "sd": pl.Float64}
    frame = pl.DataFrame(rows, schema=schema, orient="row")
    tested = pl.when(pl.col("family").is_null())
    return frame.with_columns(
        p=tested.then(None).otherwise(0.01),
        side=tested.then(pl.lit("none")).otherwise(pl.lit("above")),
        questions=pl.lit(300),
    )


HERE, THERE = {"prm": {"kind": "prm"}}, {"policy": {"checkpoint": {"hub": "a/b", "revision": "0" * 40}}}


def test_the_report_says_how_many_claims_were_tested_and_counts_a_number_once():
    rows = [
        ("reproduced", "primary", None, 0.2),
        ("opposite", "other", None, 0.25),
        ("opposite", "other", "x", 0.25),
    ]
    findings = decided([*rows * 3, ("measured", None, None, 0.9)])
    said = verdicts.tested(findings, HERE)
    assert (
        said.startswith("6 claims were tested here, 3 of them primary")
        and "3 more are about a number" in said
    )
    assert "Seeds: 1." in said and "Seeds" not in verdicts.tested(findings, THERE)
    assert verdicts.opening(findings, HERE) == (
        "Of 6 claims of the paper: 3 reproduced, 3 opposite (with these trained models)."
    )
    assert verdicts.opening(findings, THERE).endswith("(with these models).")
    assert verdicts.tested(findings.filter(verdict="measured"), HERE) == "No claim was tested here."


def test_the_report_says_which_differences_the_study_finds():
    """(1.96 + .84)² · .25² / .05² = 196 questions for five points, and 4 points for 300 questions."""
    said = verdicts.power(decided([("undecided", "other", None, 0.25), ("measured", None, None, 0.9)]))
    assert "300 questions find a true difference of 4.0 points" in said and "5: 196," in said
    assert verdicts.power(decided([("measured", None, None, 0.9)])) == ""


def test_the_configuration_is_shown_whole(frames, figures):
    html = page(frames, figures)
    assert "max_tokens: 96" in html and "repeats: 10" in html
    assert "1,234,567" in html and "step auc 0.9123" in html


def test_published_votes_that_differ_are_listed(frames, figures):
    votes = pl.DataFrame(
        {
            "question": ["q1", "q2", "q3"],
            "all_answered": [True, True, False],
            "agree": [True, False, False],
            "how": "math",
        }
    )
    html = page(frames, figures, votes=votes)
    assert "1 of 2 votes" in html and "<td>q2</td>" in html and "<td>q3</td>" not in html


def test_numbers():
    assert [numbers.number(value) for value in (0.12345, -0.5, 4.224, 257.75, -0.0001)] == [
        "0.123",
        "−0.500",
        "4.22",
        "258",
        "0",
    ]


def test_the_stage_writes_the_same_bytes_twice(frames, figures, tmp_path):
    names = ("problems", "samples", "scores", "chains", "findings")
    for name in names:
        SCHEMAS[name].write(frames[name], tmp_path / f"{name}.parquet")
    inputs = {name: [tmp_path / f"{name}.parquet"] for name in names} | {"figures": [figures], "searches": []}
    written = []
    for run in range(2):
        output = tmp_path / f"{run}.html"
        stage.run(SPEC, inputs, output, Runtime())
        written.append(output.read_bytes())
    assert written[0] == written[1]
    with pytest.raises(InputError, match="--samples"):
        stage.run(SPEC, inputs | {"samples": []}, tmp_path / "x.html", Runtime())
