"""A report of pools leads with what they are, shows models beside each other, and names samples as their file does."""

import json
import re

import polars as pl
import pytest

from tests.support import synthetic_study
from tests.support.html import Balanced
from ttc.evaluation.comparison import Sampled, accuracies, differences, exchanges
from ttc.figures.registry import FIGURES
from ttc.paper.claim import Settings
from ttc.paper.findings import find
from ttc.report import answers, answers_beyond, gallery, page, pools, solutions
from ttc.tables.comparison import POOL_ACCURACY, POOL_EXCHANGE, POOL_PAIRS
from ttc.tables.pools import POOL_CHECKS
from ttc.tables.publication import FINDINGS
from ttc.tables.study import Study

PATH = {"path": "../data/file.parquet"}
POOLS = {
    "other": PATH | {"model": None, "parameters": None, "where": {}},
    "policy": PATH | {"model": "Model-3B", "parameters": 3_000_000_000, "where": {"kind": ["iid"]}},
}
CHECKS = {
    "files": "file.parquet", "runs": 3, "questions": 40, "samples": 1000, "fewest": 25, "most": 26, "correct": 0.4,
    "no_answer": 80, "cut_off": None, "missing_tokens": 500, "questions_without_tokens": 0,
    "recorded": 1000, "contradicted": 20, "copies": 27,
    "copies_differ": "run", "own_agreement": 0.43, "permuted_agreement": 0.01, "within_agreement": 0.4,
    "across_agreement": 0.01, "texts_judged": 0, "texts_elsewhere": 0, "answers_elsewhere": None, "auc": 0.84,
    "auc_within": 0.71, "positions": 6, "position_low": 0.39, "position_high": 0.43, "position_p": 0.5,
    "stopped_by": "", "oddities": ["the tokens of 500 of 1,000 samples are not recorded"],
}  # fmt: skip


def checks():
    rows = [{"pool": "policy"} | CHECKS, {"pool": "other"} | CHECKS | {"oddities": [], "copies": None}]
    return POOL_CHECKS.check(pl.DataFrame(rows, schema=POOL_CHECKS.dtypes), "test")


def beside(parameters=(30, 10), money=(None, None)):
    """Tables of two pools of 20 questions: Model-3B is right on all, the other on half of them with two samples.

    Of both their sizes, and what a sample costs.
    """
    problems = [f"p{index:02}" for index in range(20)]

    def pool(name, model, parameters, shares, cost):
        rows = [
            (problem, rule, budget, share)
            for problem in problems
            for rule in ("pass_at_k", "majority")
            for budget, share in shares.items()
        ]
        frame = pl.DataFrame(rows, schema=["problem_id", "strategy", "budget", "correct"], orient="row")
        told = dict.fromkeys(problems, 10.0), dict.fromkeys(problems, (0.5, 1))
        paid = {} if cost is None else dict.fromkeys(problems, cost)
        return Sampled(name, model, parameters, frame, *told, money=paid)

    both = [
        pool("policy", "Model-3B", parameters[0], {1: 1.0, 2: 1.0}, money[0]),
        pool("other", "Model-1B", parameters[1], {1: 0.25, 2: 0.5}, money[1]),
    ]
    found = (
        (POOL_ACCURACY, accuracies(both, 20, 0)),
        (POOL_PAIRS, differences(both, 20, 0)),
        (POOL_EXCHANGE, exchanges(both, {"v1": [22.0]}, "as_measured", 20, 0)),
    )
    more = {"money": pl.Float64} if any(money) else {}
    more = {POOL_ACCURACY.name: more}
    return {
        table.name: table.check(
            pl.DataFrame(list(rows), schema=table.dtypes | more.get(table.name, {}), orient="row"), "test"
        )
        for table, rows in found
    }


@pytest.fixture(scope="module")
def frames():
    frames = synthetic_study.study()
    votes = pl.col("family").is_in(["search", "baseline"])
    study = {
        "difficulty": frames["difficulty"],
        "outcomes": frames["outcomes"].filter(votes),
        "curves": frames["curves"].filter(votes),
    }
    findings = FINDINGS.check(find(Study(study), Settings(bootstrap=20, seed=0)), "test")
    return frames | {"findings": findings}


def folder(path, name="accuracy_by_budget"):
    path.mkdir()
    (path / "a.svg").write_text(f"<svg>{path.name}</svg>", encoding="utf-8")
    common = {
        "name": name,
        "title": "A",
        "caption": "Seen.",
        "paper": "figure 1",
        "main": True,
        "sources": [],
    }
    (path / "index.json").write_text(
        json.dumps([common | {"files": ["a.svg"], "width": 8.0}]), encoding="utf-8"
    )
    return path


def rendered(frames, tmp_path, **changes):
    samples = frames["samples"]
    origin = samples.select("problem_id", "sample_index").with_columns(
        run=pl.lit("run <7>"), sample=pl.col("sample_index") + 100
    )
    content = solutions.Content(frames["problems"], samples, frames["scores"], origin=origin)
    arguments = {
        "study": "trial",
        "configuration": {"seed": 0, "source": {"pools": POOLS}},
        "findings": frames["findings"],
        "figures": [folder(tmp_path / "first"), folder(tmp_path / "second")],
        "titles": ["Model-3B", "other"],
        "content": content,
        "shown": 2,
        "models": {},
        "tables": beside() | {"pool_checks": checks(), "curves": frames["curves"]},
    }
    return page.render(**(arguments | changes))


def test_what_the_pools_are_comes_first_then_accuracy_then_figures_then_claims(frames, tmp_path):
    html = rendered(frames, tmp_path)
    parser = Balanced()
    parser.feed(html)
    assert not parser.stack and len(set(parser.ids)) == len(parser.ids)
    order = ["pools", "accuracy", "figures", "findings", "unmeasured", "solutions"]
    places = [html.index(f'id="{name}"') for name in order]
    assert places == sorted(places)
    head = html[: html.index('id="accuracy"')]
    assert "Odd about them" in head and "the tokens of 500 of 1,000 samples are not recorded" in head
    assert "20 (2.0%) of 1,000 contradicted" in head and "80 (8.0%)" in head and "not recorded" in head
    assert "Model-3B, 3,000,000,000 parameters" in head and "parameters not given" in head


def test_the_policy_stands_first_and_what_a_pool_lacks_is_said(frames):
    found = pools.described(POOLS, checks())
    rows = dict(found["rows"])
    assert found["names"] == ["policy", "other"]
    assert rows["Files"] == ["file.parquet (kind: iid)", "file.parquet"]
    assert rows["Exact copies within a question"] == ["27 (2.7%), which differ in run", "no texts"]
    assert rows["Samples"][0] == "1,000, 25 to 26 a question"
    assert [name for name, _ in found["oddities"]] == ["policy"]
    assert dict(pools.described(POOLS, None)["rows"]).keys() == {"Pool", "Model", "Files"}


def test_models_stand_beside_each_other_in_tables_and_figures(frames, tmp_path):
    html = rendered(frames, tmp_path)
    accuracy = html[html.index('id="accuracy"') : html.index('id="figures"')]
    text = re.sub(r"<[^>]+>", " ", accuracy)
    assert re.search(r"Model-3B: pass@k: any of N correct\s+100\.0", text)
    assert re.search(r"Model-1B: majority vote\s+25\.0\s+\[\d+\.\d, \d+\.\d\]\s+50\.0", text)
    assert re.search(r"Model-3B minus Model-1B: majority vote\s+\+75\.0", text)
    # three samples of the smaller cost as much as one of the larger, and there are two
    assert "At equal FLOPs: Model-1B, N samples, against Model-3B, one" in text
    assert re.search(r"inference alone\s+3\s+read at 2, the most there are", text) and "undecided" in text
    figures = html[html.index('id="figures"') : html.index('id="findings"')]
    assert re.findall(r'class="pool">([^<]+)<', figures) == ["Model-3B", "other"]
    assert len(set(re.findall(r'src="([^"]+)"', figures))) == 2


def test_models_stand_beside_each_other_at_equal_money(frames, tmp_path):
    """Two of the cheaper cost what one of the dearer does; their sizes may be known or not."""
    for number, (parameters, title) in enumerate(
        {(30, 10): "At equal cost: Model-1B", (None, None): "At equal money: Model-1B"}.items()
    ):
        tables = beside(parameters, (0.004, 0.002)) | {"pool_checks": checks(), "curves": frames["curves"]}
        place = tmp_path / str(number)
        place.mkdir()
        html = rendered(frames, place, tables=tables)
        text = re.sub(r"<[^>]+>", " ", html[html.index('id="accuracy"') : html.index('id="figures"')])
        assert title in text and re.search(r"money\s+2\s", text)
        assert ("inference alone" in text) == (parameters[0] is not None)
        assert ("are not given" in text) == (parameters[0] is None)
        said = answers_beyond.larger(answers.Sources(tables, pools=POOLS))
        assert ("For the FLOPs of one solution by" in said) == (parameters[0] is not None)
        assert "For the money of one solution by Model-3B, other makes 2; by" in said


def test_a_single_pool_has_a_table_of_accuracy_by_budget(frames, tmp_path):
    tables = {"curves": frames["curves"], "pool_checks": checks()}
    configuration = {"seed": 0, "source": {"pools": {"policy": POOLS["policy"]}}}
    one = {"figures": folder(tmp_path / "only"), "titles": None}
    html = rendered(frames, tmp_path, tables=tables, configuration=configuration, **one)
    assert "What the pool is" in html and "Odd about it" in html and 'class="pool"' not in html
    table = pools.accuracy(frames["curves"])
    row = next(row for row in table["rows"] if row["label"] == "majority vote")
    curve = frames["curves"].filter(family="search", strategy="majority", bins="none", bin=0).sort("budget")
    assert [cell["text"] for cell in row["cells"] if cell["text"]] == [
        f"{100 * x:.1f}" for x in curve["accuracy"]
    ]
    assert table["rows"][0]["label"].startswith("pass@k")


def test_a_cell_over_fewer_questions_says_so(frames):
    fewer = pl.when(pl.col("budget") == 4).then(pl.col("problems") - 5).otherwise("problems")
    table = pools.accuracy(frames["curves"].with_columns(problems=fewer.cast(pl.Int32)))
    column = table["budgets"].index(4)
    notes = {cell["note"] for row in table["rows"] for cell in [row["cells"][column]] if cell["text"]}
    assert notes == {f"{table['questions'] - 5:,} questions"}


def test_samples_are_called_as_in_their_file(frames, tmp_path):
    html = rendered(frames, tmp_path)
    shown = re.findall(r"sample (\d+) of run ([^·]+) ·", html)
    assert len(shown) == 4 and all(int(number) >= 100 and run == "run &lt;7&gt;" for number, run in shown)


def test_a_pool_without_texts_scores_and_solved_questions(frames, tmp_path):
    samples = frames["samples"].with_columns(text=pl.lit(None, pl.String))
    html = rendered(frames, tmp_path, content=solutions.Content(frames["problems"], samples))
    assert 'id="solutions"' not in html and "The bar is" not in html


def test_verdicts_without_answers_are_not_called_checked():
    """And a pool with texts none of which has an answer is not excused."""
    verdicts = {"pool": "policy"} | CHECKS | {"copies": None, "no_answer": 1000, "contradicted": 0}
    for row, unanswered, recorded in (
        (verdicts, "not recorded", "1,000, taken as they are: there is no answer to check them by"),
        (verdicts | {"copies": 0}, "1,000 (100.0%)", "0 (0.0%) of 1,000 contradicted"),
    ):
        shown = pools.described({"policy": POOLS["policy"]}, pl.DataFrame([row], schema=POOL_CHECKS.dtypes))[
            "rows"
        ]
        cells = {title: found[0] for title, found in shown}
        assert (cells["Without an answer"], cells["Recorded verdicts"]) == (unanswered, recorded)


def test_bars_grow_from_the_left_of_their_track():
    template = (page.Path(page.__file__).parent / "templates" / "report" / "report.css").read_text(
        encoding="utf-8"
    )
    assert re.search(r"\.track \{[^}]*text-align: left", template)


def test_the_gallery_shows_the_pools_beside_each_other(tmp_path):
    for name in ("a", "b"):
        entries = json.loads((folder(tmp_path / name) / "index.json").read_text(encoding="utf-8"))
        missing = {
            "files": [],
            "skipped": "not there",
            "main": False,
            "caption": "",
            "paper": "",
            "sources": [],
        }
        entries += [{"name": each, "title": each} | missing for each in FIGURES if each != entries[0]["name"]]
        (tmp_path / name / "index.json").write_text(json.dumps(entries), encoding="utf-8")
    html = gallery.render("trial", [tmp_path / "a", tmp_path / "b"], [], ["One", "Two"])
    assert re.findall(r'class="pool">([^<]+)<', html) == ["One", "Two"]
    assert html.count('id="accuracy_by_budget"') == 1
