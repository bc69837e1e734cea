"""Pools: what is accepted, what is refused (in one sentence each), and that a refusal leaves finished results alone."""

import json
import subprocess
import sys
from pathlib import Path

import polars as pl
import pytest
import yaml

from tests.support import specs
from ttc.errors import InputError
from ttc.grading import grader
from ttc.grading.grader import Grader
from ttc.problems import pool_files
from ttc.problems.pool_files import COLUMNS as POOL_COLUMNS
from ttc.problems.pool_files import PROBLEM_COLUMNS, read_file, read_problems, without_samples
from ttc.problems.pool_grading import with_answers
from ttc.runtime import Runtime
from ttc.stages import import_pool
from ttc.stages.compare_votes import compare, first_seen, read_votes
from ttc.study import config
from ttc.tables import generation
from ttc.tables.generation import SAMPLES, SCORES

PROBLEMS = [
    {"id": "a", "text": "one plus one?", "gold": "2", "difficulty": 1},
    {"id": "b", "text": "half of one?", "gold": r"\frac{1}{2}", "difficulty": 3},
]
COLUMNS = {
    "problem_id": "id",
    "run": "run",
    "sample": "k",
    "text": "out",
    "step_scores": "prm",
    "tokens": "length",
}
POOL = {"columns": COLUMNS}
SPEC = {
    "problems": {
        "columns": {"problem_id": "id", "question": "text", "answer": "gold", "level": "difficulty"}
    },
    "pools": {"policy": POOL},
    "grading": {"equality": "text"},
}


def rows(**changes) -> list[dict]:
    """Four completions; `changes` maps a column to its value in the second row."""
    pool = [
        {"id": "a", "run": "r1", "k": 0, "out": "Think.\n\n\\boxed{2}", "prm": [0.5, 0.9], "length": 7},
        {"id": "a", "run": "r1", "k": 1, "out": "Think.\n\n\\boxed{3}", "prm": [0.4, 0.2], "length": None},
        {"id": "b", "run": "r1", "k": 0, "out": "\\boxed{0.5}", "prm": [0.8], "length": None},
        {"id": "b", "run": "r0", "k": 5, "out": "I give up", "prm": [0.1], "length": 3},
    ]
    pool[1] |= changes
    return pool


def write(folder: Path, pool: list[dict], name: str = "pool.parquet") -> Path:
    path = folder / name
    if path.suffix == ".jsonl":
        path.write_text("".join(json.dumps(row) + "\n" for row in pool))
    else:
        pl.DataFrame(pool, infer_schema_length=None).write_parquet(path)
    return path


def read_pool(paths: list[Path], section: dict, problem_ids: list[str], **more) -> pl.DataFrame:
    """The rows of a pool, read as its section and the defaults say."""
    return pool_files.read_pool(paths, specs.pool(section), problem_ids, **more)


def run(folder: Path, pool: Path, spec: dict = SPEC, output: str = "out") -> Path:
    problems = write(folder, PROBLEMS, "problems.jsonl")
    inputs = {"problems": [problems]} | {f"pool_{name}": [pool] for name in spec["pools"]}
    import_pool.run(specs.pools(spec), inputs, folder / output, Runtime())
    return folder / output


def test_the_template_shows_every_key_and_the_example_is_valid():
    folder = Path(__file__).parents[3] / "studies"
    template = config.resolve(config.load(folder / "pool.yaml"))["source"]
    written = yaml.safe_load((folder / "pool.yaml").read_text())["source"]
    for section in ("problems", "grading"):
        assert set(written[section]) == set(template[section])
    assert set(written) == set(template)
    assert set(written["pools"]["policy"]) == set(template["pools"]["policy"])
    assert set(written["problems"]["columns"]) == set(PROBLEM_COLUMNS)
    assert set(written["pools"]["policy"]["columns"]) == set(POOL_COLUMNS)
    bare = {"problems": {"path": "p.jsonl"}, "pools": {"policy": {"path": "f.parquet"}}}
    defaults = config.resolve({"source": bare})["source"]
    assert defaults["grading"] == template["grading"]
    for key in ("where", "step_separator", "leading_scores", "parameters"):
        assert defaults["pools"]["policy"][key] == template["pools"]["policy"][key]
    example = config.resolve(config.load(folder / "math500_llama3b_pool.yaml"))["source"]
    assert set(example["pools"]) == {"policy", "llama_1b"} and example["reference_votes"]


def test_all_samples_of_a_row_have_its_prompt(tmp_path):
    lines = [
        {"pid": "a", "texts": ["\\boxed{2}", "\\boxed{3}"], "read": 40},
        {"pid": "b", "texts": ["\\boxed{0.5}"], "read": None},
    ]
    columns = {"problem_id": "pid", "text": "texts", "prompt_tokens": "read"}
    found = read_pool(
        [write(tmp_path, pl.DataFrame(lines), "lists.parquet")], {"columns": columns}, ["a", "b"]
    )
    assert found["prompt_tokens"].to_list() == [40, 40, None]
    spec = SPEC | {"pools": {"policy": {"columns": columns}}}
    output = run(tmp_path, tmp_path / "lists.parquet", spec)
    samples = SAMPLES.read(output / "policy.samples.parquet", ["prompt_tokens"])
    assert samples["prompt_tokens"].to_list() == [40, 40, None]


@pytest.mark.parametrize("name", ["pool.parquet", "pool.jsonl"])
def test_import_writes_the_tables(tmp_path, name):
    output = run(tmp_path, write(tmp_path, rows(), name))
    problems = generation.PROBLEMS.read(output / "problems.parquet")
    assert problems.rows() == [
        ("a", "test", 1, "one plus one?", "2", ""),
        ("b", "test", 3, "half of one?", r"\frac{1}{2}", ""),
    ]
    samples = SAMPLES.read(output / "policy.samples.parquet")
    assert samples.select(
        "problem_id", "sample_index", "answer", "correct", "tokens", "finish_reason"
    ).rows() == [
        ("a", 0, "2", True, 7, "unknown"),
        ("a", 1, "3", False, None, "unknown"),  # a null token count stays null
        ("b", 0, None, False, 3, "unknown"),  # run r0 comes before r1; no box is no answer
        ("b", 1, "0.5", True, None, "unknown"),
    ]
    scores = SCORES.read(output / "policy.scores.parquet")
    expected = pl.Series([[0.5, 0.9], [0.4, 0.2], [0.1], [0.8]], dtype=pl.List(pl.Float32))
    assert scores["step_scores"].to_list() == expected.to_list()
    origin = pl.read_parquet(output / "policy.origin.parquet")
    assert origin.select("run", "sample").rows() == [("r1", 0), ("r1", 1), ("r0", 5), ("r1", 0)]
    grading = pl.read_parquet(output / "grading.parquet")
    assert grading.select("answer", "canonical", "correct", "how", "samples").rows() == [
        ("2", "2", True, "form", 1),
        ("3", "3", False, "number", 1),
        ("0.5", "0.5", True, "number", 1),
    ]


def test_import_is_the_same_bytes_whatever_the_order_of_rows(tmp_path):
    first = run(tmp_path, write(tmp_path, rows()), output="first")
    second = run(tmp_path, write(tmp_path, rows()[::-1]), output="second")
    names = sorted(path.name for path in first.iterdir())
    assert names == sorted(path.name for path in second.iterdir())
    for name in names:
        assert (first / name).read_bytes() == (second / name).read_bytes(), name


def test_equal_answers_share_a_name(tmp_path):
    pool = rows() + [
        {"id": "b", "run": "r2", "k": 0, "out": r"\boxed{\dfrac12}", "prm": [0.3], "length": None}
    ]
    samples = SAMPLES.read(run(tmp_path, write(tmp_path, pool)) / "policy.samples.parquet")
    assert samples.filter(problem_id="b")["answer"].to_list() == [None, "0.5", "0.5"]


def test_an_answer_on_which_grading_fails_is_wrong_counted_and_told_in_the_report(
    tmp_path, monkeypatch, capsys
):
    def fails(one, other):
        if "3" in (one.plain, other.plain):
            raise ZeroDivisionError
        return decide(one, other)

    decide = grader.by_exact_rules
    monkeypatch.setattr(grader, "by_exact_rules", fails)
    folder = run(tmp_path, write(tmp_path, rows()))
    graded = pl.read_parquet(folder / "grading.parquet")
    assert graded.filter(answer="3").select("correct", "how").rows() == [(False, "error")]
    assert "1 comparisons failed (verdict `error`)" in capsys.readouterr().out
    (oddities,) = pl.read_parquet(folder / "pool_checks.parquet")["oddities"]
    assert any("1 samples have an answer on which grading failed" in each for each in oddities)


def test_several_files_and_a_filter_make_one_pool(tmp_path):
    one, two = write(tmp_path, rows()[:2], "one.parquet"), write(tmp_path, rows()[2:], "two.jsonl")
    pool = read_pool([one, two], POOL, ["a", "b"])
    assert pool.select("problem_id", "run", "sample", "sample_index").rows() == [
        ("a", "r1", 0, 0),
        ("a", "r1", 1, 1),
        ("b", "r0", 5, 0),
        ("b", "r1", 0, 1),
    ]
    chosen = read_pool([write(tmp_path, rows())], POOL | {"where": {"run": ["r1"], "k": [0]}}, ["a", "b"])
    assert chosen["problem_id"].to_list() == ["a", "b"]


def test_leading_scores_are_dropped_where_configured(tmp_path):
    path = write(tmp_path, rows(prm=[0.9, 0.4, 0.2], run="header"))
    with pytest.raises(InputError, match=r"3 step scores for 2 steps"):
        read_pool([path], POOL, ["a", "b"])
    spec = POOL | {"leading_scores": [{"where": {"run": ["header"]}, "count": 1}]}
    scores = read_pool([path], spec, ["a", "b"]).filter(run="header")["step_scores"][0]
    assert scores.to_list() == pytest.approx([0.4, 0.2])
    everywhere = POOL | {"leading_scores": [{"where": {}, "count": 1}]}
    with pytest.raises(InputError, match=r"2 step scores for 2 steps and 1 leading scores to drop"):
        read_pool([path], everywhere, ["a", "b"])


def test_optional_columns_may_be_absent(tmp_path):
    path = write(tmp_path, [{"problem_id": "a", "text": "x"}, {"problem_id": "a", "text": "y"}])
    pool = read_pool([path], {}, ["a"])
    assert pool.select("sample_index", "run", "sample", "text").rows() == [(0, "", 0, "x"), (1, "", 1, "y")]


NAN = float("nan")
REFUSED = {
    "unknown problem": ({"id": "c"}, r"row 2, problem 'c': the problems file has no such problem"),
    "no problem": ({"id": None}, r"row 2, problem 'None': the problem id is empty"),
    "duplicate": (
        {"k": 0},
        r"row 2, problem 'a': sample 0 of run 'r1' was given before; samples must be unique",
    ),
    "score above one": ({"prm": [0.4, 1.5]}, r"row 2, problem 'a': step score 1.5 is outside 0 to 1"),
    "score below zero": ({"prm": [-0.1, 0.5]}, r"step score -0.1 is outside 0 to 1"),
    "score not a number": ({"prm": [0.4, NAN]}, r"step score nan is outside 0 to 1"),
    "score missing": ({"prm": [0.4, None]}, r"step score null is outside 0 to 1"),
    "scores missing": ({"prm": None}, r"row 2, problem 'a': step scores are missing"),
    "scores do not match": (
        {"prm": [0.4]},
        r"row 2, problem 'a': 1 step scores for 2 steps \(step separator '\\n\\n'\)",
    ),
    "no scores": ({"prm": []}, r"0 step scores for 2 steps"),
    "tokens zero": ({"length": 0}, r"row 2, problem 'a': 0 tokens are given; a missing count must be null"),
    "no text": ({"out": None}, r"row 2, problem 'a': the completion is empty"),
    "no run": ({"run": None}, r"the run is empty"),
    "no sample": ({"k": None}, r"the sample number is empty"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_a_bad_row_is_refused_in_one_sentence(tmp_path, case):
    changes, message = REFUSED[case]
    path = write(tmp_path, rows(**changes))
    with pytest.raises(InputError, match=message) as caught:
        read_pool([path], POOL, ["a", "b"])
    assert str(path) in str(caught.value) and "\n" not in str(caught.value)


def test_missing_column_names_the_nearest(tmp_path):
    path = write(tmp_path, rows())
    spec = {"columns": COLUMNS | {"text": "outt"}}
    with pytest.raises(
        InputError, match=r"the column 'outt', which is to be 'text', is missing.*did you mean 'out'"
    ):
        read_pool([path], spec, ["a", "b"])
    with pytest.raises(InputError, match=r"'step_score' is unknown.*did you mean 'step_scores'"):
        pool_files.read_pool([path], specs.pool({}) | {"columns": {"step_score": "prm"}}, ["a", "b"])
    with pytest.raises(
        InputError, match=r"rows are to be chosen by the column 'runs', which is missing.*did you mean 'run'"
    ):
        read_pool([path], POOL | {"where": {"runs": ["r1"]}}, ["a", "b"])


def test_wrong_type_is_refused(tmp_path):
    with pytest.raises(
        InputError, match=r"row 1, problem 'a': the column 'run' holds 'r1', which is no whole number"
    ):
        read_pool([write(tmp_path, rows())], {"columns": COLUMNS | {"sample": "run"}}, ["a", "b"])


def test_finish_reasons(tmp_path):
    spec = {"columns": COLUMNS | {"finish_reason": "why"}}
    good = [row | {"why": why} for row, why in zip(rows(), ["stop", "length", None, "unknown"], strict=True)]
    assert read_pool([write(tmp_path, good)], spec, ["a", "b"])["finish_reason"].to_list() == [
        "stop",
        "length",
        "unknown",
        "unknown",
    ]
    said = ["eos_token", "max-tokens", "tool_calls", {"type": "length"}]
    words = [row | {"why": why} for row, why in zip(rows(), said, strict=True)]
    read = read_pool([write(tmp_path, words, "pool.jsonl")], spec, ["a", "b"])
    assert read["finish_reason"].to_list() == ["stop", "length", "length", "unknown"]


def test_empty_pool_is_refused(tmp_path):
    with pytest.raises(InputError, match=r"the pool has no rows with run in \[r9\]"):
        read_pool([write(tmp_path, rows())], POOL | {"where": {"run": ["r9"]}}, ["a", "b"])


def test_unreadable_files_are_refused(tmp_path):
    path = write(tmp_path, rows())
    path.write_bytes(path.read_bytes()[:-100])
    with pytest.raises(InputError, match=r"pool.parquet: not a readable Parquet file, perhaps truncated"):
        read_file(path)
    lines = write(tmp_path, rows(), "pool.jsonl")
    lines.write_text(lines.read_text()[:-10])
    with pytest.raises(InputError, match=r"pool.jsonl, line 4: not a JSON object, perhaps truncated"):
        read_file(lines)
    lines.write_bytes(b'{"id": "\xff"}\n')
    with pytest.raises(InputError, match=r"not UTF-8 text"):
        read_file(lines)
    lines.write_text("[1]\n")
    with pytest.raises(InputError, match=r"line 1: not a JSON object with a name"):
        read_file(lines)
    with pytest.raises(InputError, match=r"no such file"):
        read_file(tmp_path / "absent.parquet")
    with pytest.raises(InputError, match=r"must end in .parquet or .jsonl"):
        read_file(write(tmp_path, rows()).rename(tmp_path / "pool.csv"))


def test_problems_are_checked(tmp_path):
    columns = SPEC["problems"]["columns"]
    twice = write(tmp_path, [*PROBLEMS, PROBLEMS[0]], "problems.jsonl")
    with pytest.raises(InputError, match=r"row 3, problem 'a': the problem id was given before"):
        read_problems(twice, columns, "test")
    without = write(tmp_path, [PROBLEMS[0] | {"gold": None}], "problems.jsonl")
    with pytest.raises(InputError, match=r"row 1, problem 'a': column 'gold' is empty"):
        read_problems(without, columns, "test")
    with pytest.raises(InputError, match=r"the column 'question' is missing"):
        read_problems(without, {"problem_id": "id"}, "test")


def test_problems_without_samples():
    full, partly = pl.DataFrame({"problem_id": ["a", "b"]}), pl.DataFrame({"problem_id": ["a"]})
    assert without_samples("ab", {"policy": full}, "refuse") == set()
    with pytest.raises(InputError, match=r"pool 'policy' has no samples of 1 of 3 problems, first 'c'"):
        without_samples("abc", {"policy": full}, "refuse")
    assert without_samples("abc", {"policy": full}, "drop") == {"c"}
    with pytest.raises(
        InputError, match=r"pool 'other' has no samples of 1 of 3 problems, first 'b'; another pool has"
    ):
        without_samples("abc", {"policy": full, "other": partly}, "drop")


def test_a_refusal_touches_nothing_and_exits_with_2(tmp_path):
    good, bad = write(tmp_path, rows()), write(tmp_path, rows(k=0), "bad.parquet")
    problems, output = write(tmp_path, PROBLEMS, "problems.jsonl"), tmp_path / "store" / "pools"
    words = [
        sys.executable,
        "-m",
        "ttc.run",
        "import_pool",
        "--spec",
        json.dumps(specs.pools(SPEC)),
        "--output",
        str(output),
    ]
    done = subprocess.run(
        [*words, "--problems", problems, "--pool_policy", good], capture_output=True, text=True, check=True
    )
    assert "3 problems" not in done.stdout and "4 samples of 2 problems" in done.stdout
    before = {path: path.read_bytes() for path in (tmp_path / "store").rglob("*") if path.is_file()}
    failed = subprocess.run(
        [*words, "--problems", problems, "--pool_policy", bad], capture_output=True, text=True, check=False
    )
    assert failed.returncode == 2
    assert failed.stderr.count("\n") == 1 and "samples must be unique" in failed.stderr
    assert "Traceback" not in failed.stderr
    assert {path: path.read_bytes() for path in (tmp_path / "store").rglob("*") if path.is_file()} == before


def test_the_pools_own_answers_are_used_only_if_asked(tmp_path):
    pool = [row | {"said": "2"} for row in rows()]
    spec = SPEC | {"pools": {"policy": {"columns": COLUMNS | {"answer": "said"}}}}
    read = SAMPLES.read(run(tmp_path, write(tmp_path, pool), spec) / "policy.samples.parquet")
    assert read["answer"].to_list() == ["2", "3", None, "0.5"]
    kept = spec | {"grading": {"equality": "text", "keep_answers": True}}
    read = SAMPLES.read(run(tmp_path, write(tmp_path, pool), kept) / "policy.samples.parquet")
    assert read["answer"].to_list() == ["2"] * 4
    with pytest.raises(InputError, match=r"`keep_answers` needs a column mapped to 'answer'"):
        run(tmp_path, write(tmp_path, pool), SPEC | {"grading": {"keep_answers": True}})


@pytest.mark.parametrize(
    ("rule", "chosen"), [("majority", "x"), ("best_of_n", "y"), ("best_of_n_weighted", "z")]
)
def test_votes_with_ties_to_the_first(rule, chosen):
    groups = ["x", "y", None, "z", "z", "x", "y"]
    scores = [0.1, 0.5, 1.0, 0.4, 0.5, 0.1, 0.3]
    assert first_seen(rule, groups, scores) == chosen
    assert first_seen(rule, [None, None], [0.1, 0.2]) is None


def test_differences_from_published_votes_are_explained(tmp_path):
    texts = ["\\boxed{a+b}", "\\boxed{1/2}", "\\boxed{0.5}", "none", "\\boxed{1/2}"]
    pool = [
        {"problem_id": "a", "run": "r", "sample": k, "text": text, "step_scores": [0.5], "q": 7}
        for k, text in enumerate(texts)
    ]
    columns = {"run": "run", "sample": "sample", "step_scores": "step_scores"}
    read = read_pool([write(tmp_path, pool)], {"columns": columns}, ["a"], keep=["q"])
    read = with_answers(read, specs.pools(SPEC)["grading"]).with_columns(pl.col("q").cast(pl.String))
    votes = [(1, "a+b"), (1, "+b"), (2, "1/2"), (3, "\\frac{1}{2}"), (3, "a+b"), (3, "9"), (5, "9")]
    published = [{"run": "r", "q": 7, "rule": "maj", "n": n, "pred": answer} for n, answer in votes]
    path = write(tmp_path, published, "votes.parquet")
    read_back = read_votes(path, {"question": "q", "answer": "pred"}, {"maj": "majority"})
    with Grader("text") as grader:
        compared = compare(read, "q", read_back, grader)
    assert sorted(compared.select("n", "reference", "agree", "how").rows()) == [
        (1, "+b", False, "respelled"),
        (1, "a+b", True, "form"),
        (2, "1/2", False, "unexplained"),  # a tie goes to the one seen first
        (3, "9", False, "unexplained"),
        (3, "\\frac{1}{2}", True, "number"),
        (3, "a+b", False, "grouping"),  # 1/2 and 0.5 are two strings, one answer
        (5, "9", False, "no_answer"),
    ]
    assert compared.filter(n=5)["all_answered"].to_list() == [False]
    with pytest.raises(InputError, match=r"the rule 'maj' is not named"):
        read_votes(path, {"question": "q", "answer": "pred"}, {})
    with pytest.raises(InputError, match=r"'maj' is to be 'majorty'.*did you mean 'majority'"):
        read_votes(path, {"question": "q", "answer": "pred"}, {"maj": "majorty"})
