"""`ttc compare`: results as before, and accuracies question by question, with pages, tables and clear refusals."""

import json
import re
import shutil
from urllib.parse import unquote, urlsplit

import polars as pl
import pytest

from tests.support import published_folder
from ttc.__main__ import main
from ttc.errors import InputError
from ttc.store.published import changed, grading, open_published
from ttc.tables.analysis import OUTCOMES
from ttc.tables.studies import DIFFERENCES, FLIPS, PAIRING


@pytest.fixture(scope="module")
def studies(tmp_path_factory):
    """Two studies of the same problems; in the second a vote gets twelve more questions right."""
    root = tmp_path_factory.mktemp("studies")
    first = published_folder.write(root / "one")
    table = OUTCOMES.read(first / "tables/outcomes.parquet")
    whole = pl.when(strategy="majority").then(pl.col("correct").round()).otherwise("correct")
    OUTCOMES.write(table.with_columns(correct=whole), first / "tables/outcomes.parquet")
    published_folder.sign(first)
    second = root / "other"
    shutil.copytree(first, second)
    (second / "config.resolved.yaml").write_text(
        (first / "config.resolved.yaml").read_text().replace("aggregation: last", "aggregation: min")
    )
    published_folder.better(second, "majority", 12)
    return first, second


def run(*words):
    """The exit status; few resamples, which are enough for all that is tested here."""
    few = ["--resamples", "20"] if len(words) > 2 else []
    return main(["compare", *map(str, words), *few])


def test_without_an_option_results_are_compared_as_before(studies, capsys):
    first, second = studies
    assert run(first, first) == 0
    assert run(first, second) == 1
    assert "The file tables/outcomes.parquet differs." in capsys.readouterr().out
    assert run(first, first.parent / "absent") == 2


@pytest.mark.slow
def test_accuracies_are_compared_and_written(studies, tmp_path, capsys):
    asked = ("--strategies", "majority", "best_of_n", "compute_optimal", "sequential")
    assert run(*studies, *asked, "--out", tmp_path / "a") == 0
    said = capsys.readouterr().out
    assert "40 questions are paired by name, text and gold answer." in said and "majority vote" in said
    table = DIFFERENCES.read(tmp_path / "a/differences.parquet")
    votes = table.filter(strategy="majority")
    assert votes["wrong_to_right"].min() >= 3 and votes["right_to_wrong"].sum() == 0
    assert (votes["test"] == "mcnemar").all()
    equal = table.filter(pl.col("strategy") != "majority", pl.col("strategy") != "compute_optimal")
    assert equal["difference"].abs().max() == 0 and (equal["p_adjusted"] == 1).all()
    chosen = table.filter(strategy="compute_optimal")
    assert set(chosen["bins"]) == {"oracle", "predicted"}
    flips = FLIPS.read(tmp_path / "a/flips.parquet")
    assert len(flips) == votes["wrong_to_right"].sum()
    assert PAIRING.read(tmp_path / "a/pairing.parquet")["state"].to_list() == ["paired"] * 40
    csv = pl.read_csv(tmp_path / "a/differences.csv")
    assert csv["difference"].to_list() == pytest.approx(table["difference"].to_list())


def test_equal_studies_give_equal_bytes_and_a_page_that_needs_nothing(studies, tmp_path):
    for name in ("a", "b"):
        assert run(*studies, "--strategies", "majority", "--out", tmp_path / name) == 0
    files = sorted(each.name for each in (tmp_path / "a").iterdir())
    assert files == sorted(
        ["comparison.html", "differences.svg"]
        + [
            f"{table}.{suffix}"
            for table in ("differences", "flips", "pairing")
            for suffix in ("csv", "parquet")
        ]
    )
    for name in files:
        assert (tmp_path / "a" / name).read_bytes() == (tmp_path / "b" / name).read_bytes()
    page = (tmp_path / "a/comparison.html").read_text()
    assert not re.search(r'(src|href)="(?!data:|#)', page) and "<script" not in page
    assert "evaluation.aggregation" in page and "results/store/sample/test-0-40-0123456789abcdef" in page
    assert "train_policy" not in page


def linked(page):
    """The solutions that the links of a page of comparison lead to: (file, name of the problem)."""
    parts = [urlsplit(each) for each in re.findall(r'<a href="([^"#]+#[^"]+)"', page.read_text())]
    return {((page.parent / unquote(each.path)).resolve(), unquote(each.fragment)) for each in parts}


def test_flips_lead_to_the_solutions_of_those_studies_that_have_pages(studies, tmp_path):
    first, second = (tmp_path / "a study #1", tmp_path / "other")
    for study, copy in zip(studies, (first, second), strict=True):
        shutil.copytree(study, copy)
    out = tmp_path / "deep" / "er"
    asked = (first, second, "--strategies", "majority", "--out", out)
    assert run(*asked) == 0
    flips = FLIPS.read(out / "flips.parquet")
    shown = flips.filter(pl.col("budget") == pl.col("budget").max())["problem_id"].to_list()
    page = (out / "comparison.html").read_text()
    assert (
        len(shown) >= 3 and all(name in page for name in shown) and linked(out / "comparison.html") == set()
    )
    pages = []
    for study in (first, second):
        pages.append(study / "solutions/index.html")
        pages[-1].parent.mkdir()
        pages[-1].write_text("")
        assert run(*asked) == 0
        assert linked(out / "comparison.html") == {(page, name) for page in pages for name in shown}


def test_the_page_escapes_names(studies, tmp_path):
    odd = tmp_path / "<b>odd"
    shutil.copytree(studies[0], odd)
    assert run(odd, studies[1], "--strategies", "majority", "--out", tmp_path / "out") == 0
    page = (tmp_path / "out/comparison.html").read_text()
    assert "<b>odd" not in page.split("</style>")[1] and "&lt;b&gt;odd" in page


def test_only_the_strategies_that_are_asked_for_share_the_band(studies, tmp_path, capsys):
    assert run(*studies, "--strategies", "majority", "beam", "--out", tmp_path / "few") == 0
    few = DIFFERENCES.read(tmp_path / "few/differences.parquet")
    assert {name.partition("(")[0] for name in few["strategy"]} == {"majority", "beam"}
    assert (
        run(
            *studies, "--outcomes", "--strategies", "majority", "beam", "best_of_n", "--out", tmp_path / "all"
        )
        == 0
    )
    every = DIFFERENCES.read(tmp_path / "all/differences.parquet").filter(strategy="majority")
    votes = few.filter(strategy="majority")
    assert votes["p"].to_list() == every["p"].to_list()
    assert (votes["band_high"] <= every["band_high"]).all()
    capsys.readouterr()
    assert run(*studies, "--strategies", "majorty") == 2
    assert "did you mean 'majority'?" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        (
            lambda rows: rows.with_columns(problem_id=pl.lit("x") + pl.col("problem_id")),
            "40 texts are in both under",
        ),
        (
            lambda rows: rows.with_columns(question=pl.col("question") + " now"),
            "40 another text; equal names stand",
        ),
        (lambda rows: rows.with_columns(answer=pl.lit("0")), "40 another gold answer"),
    ],
    ids=["names", "texts", "answers"],
)
def test_studies_without_a_question_in_common_are_refused_with_the_reason(
    tmp_path, studies, capsys, change, expected
):
    other = published_folder.write(tmp_path / "other", ask=change)
    if "another" not in expected:
        for table in ("outcomes", "per_question", "difficulty"):
            file = other / f"tables/{table}.parquet"
            pl.read_parquet(file).with_columns(problem_id=pl.lit("x") + pl.col("problem_id")).write_parquet(
                file
            )
        published_folder.sign(other)
    assert run(studies[0], other, "--strategies", "majority") == 2
    said = capsys.readouterr().err
    assert "have no question in common" in said and expected in said and "Traceback" not in said


def test_some_other_questions_are_left_out_and_counted(tmp_path, studies, capsys):
    def few(rows):
        first = pl.col("problem_id") < "p0010"
        return rows.with_columns(question=pl.when(first).then(pl.lit("Other?")).otherwise("question"))

    other = published_folder.write(tmp_path / "other", ask=few)
    assert run(studies[0], other, "--strategies", "majority", "--out", tmp_path / "out") == 0
    said = capsys.readouterr().out
    assert "30 questions are paired" in said and "10 have one name and different texts" in said
    assert PAIRING.read(tmp_path / "out/pairing.parquet").filter(state="another text").height == 10
    assert DIFFERENCES.read(tmp_path / "out/differences.parquet")["questions"].max() == 30
    assert "p0003" in (tmp_path / "out/comparison.html").read_text()


def test_another_grading_is_refused(tmp_path, studies, capsys):
    other = tmp_path / "other"
    shutil.copytree(studies[0], other)
    pool = "source: {grading: {verdicts: ours, equality: text}, pools: {policy: {}}}\n"
    (other / "config.resolved.yaml").write_text((other / "config.resolved.yaml").read_text() + pool)
    assert run(studies[0], other, "--strategies", "majority") == 2
    assert "judge answers differently" in capsys.readouterr().err


def test_an_unfinished_study_is_refused(tmp_path, studies, capsys):
    broken = tmp_path / "broken"
    shutil.copytree(studies[0], broken)
    (broken / "tables/outcomes.parquet").write_bytes(b"half")
    assert run(broken, studies[0], "--strategies", "majority") == 2
    assert "the study is unfinished, or was changed by hand" in capsys.readouterr().err
    manifest = json.loads((broken / "manifest.json").read_text())
    manifest["files"] = [each for each in manifest["files"] if "questions" not in each["path"]]
    (broken / "manifest.json").write_text(json.dumps(manifest))
    assert run(studies[0], broken, "--strategies", "majority") == 2
    assert "it has no tables/questions.parquet" in capsys.readouterr().err
    (broken / "manifest.json").unlink()
    assert run(studies[0], broken, "--strategies", "majority") == 2
    assert "holds no manifest.json: the study is unfinished" in capsys.readouterr().err
    assert run(studies[0], tmp_path / "nowhere", "--strategies", "majority") == 2
    assert "is no folder" in capsys.readouterr().err


def test_a_configuration_file_stands_for_its_finished_study(tmp_path, studies, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "mine.yaml").write_text("study: {name: mine}\n")
    assert run("mine.yaml", studies[0], "--strategies", "majority") == 2
    said = capsys.readouterr().err
    assert "the study 'mine' is not finished as this file says" in said
    stamp = re.search(r"results/mine/\.complete-[0-9a-f]{16}", said)[0]
    shutil.copytree(studies[0], tmp_path / "results/mine")
    (tmp_path / stamp).write_text("")
    assert run("mine.yaml", studies[1], "--strategies", "majority") == 0


def test_pools_are_named_behind_a_colon(tmp_path, studies):
    folder = tmp_path / "pools"
    shutil.copytree(studies[0], folder)
    shutil.copytree(studies[1] / "tables", folder / "tables/other")
    pool = "source: {grading: {verdicts: ours, equality: text}, pools: {other: {}, policy: {}}}\n"
    (folder / "config.resolved.yaml").write_text((folder / "config.resolved.yaml").read_text() + pool)
    published_folder.sign(folder)
    own, other = open_published(f"{folder}:policy"), open_published(f"{folder}:other")
    (folder / "solutions/other").mkdir(parents=True)
    (folder / "solutions/other/index.html").write_text("")
    assert own.browser is None and other.browser == folder / "solutions/other/index.html"
    assert own.pools == ["policy", "other"]
    assert not own.table(OUTCOMES).equals(other.table(OUTCOMES))
    with pytest.raises(
        InputError, match="the study has no pool 'othr'; its pools are policy, other; did you mean"
    ):
        open_published(f"{folder}:othr")
    assert run(f"{folder}:policy", f"{folder}:other", "--strategies", "majority") == 0


def test_configurations_are_compared_key_by_key():
    first = {"study": {"name": "a"}, "seed": 0, "prm": {"use": True, "model": {"layers": 2}}, "only": {}}
    second = {"study": {"name": "b"}, "seed": 1, "prm": {"use": True, "model": {"layers": [1, 2]}}}
    assert changed(first, second) == [
        ("only", "{}", "–"),
        ("prm.model.layers", "2", "[1, 2]"),
        ("seed", "0", "1"),
    ]
    assert changed(first, first) == []


def test_grading_is_told_in_words():
    assert (
        grading({"source": {"grading": {"verdicts": "recorded", "equality": "text"}}}) == "recorded verdicts"
    )
    assert grading({"problems": {"equality": "math_verify"}}) == "equality: math_verify"
    assert grading({"task": {}}) == "the answer of a generated task"
