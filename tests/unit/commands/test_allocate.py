"""`ttc allocate`: files in, files out, and what it refuses before anything is written."""

import polars as pl
import pytest

from tests.support.taken_home import NAME, allocator
from ttc.commands import allocate
from ttc.errors import InputError
from ttc.evaluation import allocator_files
from ttc.tables.live import ALLOCATED


@pytest.fixture
def rule(tmp_path):
    allocator_files.dump({NAME: allocator()}, tmp_path / "allocator.skops")
    return ["--file", str(tmp_path / "allocator.skops")]


def questions(folder, **columns):
    frame = pl.DataFrame({"problem_id": ["b", "a"], "predicted": [0.1, 0.9]} | columns)
    frame.write_csv(folder / "questions.csv")
    return ["--questions", str(folder / "questions.csv")]


def pool(folder, miniature, size=2):
    """The first samples of each question of the study, with its scores, in one file."""
    store = miniature.parent / "store"
    samples, scores = (
        pl.read_parquet(next((store / stage).glob("*.parquet"))) for stage in ("sample", "score")
    )
    joined = samples.join(
        scores.select("problem_id", "sample_index", "step_scores"), on=["problem_id", "sample_index"]
    )
    file = folder / "pool.parquet"
    joined.filter(pl.col("sample_index") < size).write_parquet(file)
    return ["--probes", str(file), "--study", str(miniature)]


@pytest.mark.parametrize("suffix", ["csv", "parquet", "jsonl"])
def test_difficulty_becomes_a_strategy_in_each_form_of_file(tmp_path, rule, capsys, suffix):
    output = tmp_path / f"made.{suffix}"
    allocate.main([*questions(tmp_path), *rule, "--budget", "16", "--output", str(output)])
    read = {"csv": pl.read_csv, "parquet": pl.read_parquet, "jsonl": pl.read_ndjson}[suffix](output)
    table = ALLOCATED.check(read, "here")
    assert table["strategy"].to_list() == ["majority", "beam(width=4)"]
    assert "2 questions, 16.00 generations each on average" in capsys.readouterr().out


def test_a_column_may_have_another_name(tmp_path, rule):
    given = questions(tmp_path, hardness=[0.9, 0.1])
    more = ["--columns", "predicted=hardness", "--budget", "4", "--output", str(tmp_path / "made.csv")]
    allocate.main([*given, *rule, *more])
    assert pl.read_csv(tmp_path / "made.csv")["strategy"].to_list() == ["beam(width=4)", "majority"]


def test_probes_of_a_study_become_further_samples(tmp_path, miniature):
    output = tmp_path / "made.csv"
    allocate.main([*pool(tmp_path, miniature), "--budget", "4", "--output", str(output)])
    table = pl.read_csv(output)
    assert len(table) == 12 and table["budget"].sum() <= 4 * 12 and set(table["seen"]) == {2}
    assert set(table["strategy"]) == {"best_of_n_weighted"}
    priced = tmp_path / "priced.csv"
    vote = ["--vote", "majority", "--price", "0.5"]
    allocate.main([*pool(tmp_path, miniature), *vote, "--output", str(priced)])
    assert set(pl.read_csv(priced)["further"]) == {0}


@pytest.mark.parametrize(
    ("more", "sentence"),
    [
        (
            ["--budget", "99"],
            "--budget: 99 is outside of the budgets that the allocator was fitted on, 4 to 16",
        ),
        ([], "--budget: the number of generations of a question is needed"),
        (["--budget", "4", "--rule", "x/y"], "has no 'x/y'; it has search/weighted/predicted/binned"),
        (["--budget", "4", "--vote", "majority"], "--vote: it has no meaning with --questions"),
        (
            ["--budget", "4", "--columns", "predicted=hard"],
            "lacks the column 'hard'; it has problem_id, predicted",
        ),
        (["--budget", "4", "--columns", "predicted"], "allowed are OURS=THEIRS"),
    ],
)
def test_mistakes_are_one_sentence_and_write_nothing(tmp_path, rule, more, sentence):
    output = tmp_path / "made.csv"
    with pytest.raises(InputError, match=sentence) as error:
        allocate.main([*questions(tmp_path), *rule, *more, "--output", str(output)])
    assert "\n" not in str(error.value) and not output.exists()


@pytest.mark.parametrize(
    ("columns", "sentence"),
    [
        ({"problem_id": ["a", "a"]}, "the problem id 'a' was given before; ids must be unique"),
        ({"predicted": [0.1, 1.5]}, "predicted of problem 'a' is 1.5; it is a pass rate or a mean score"),
        ({"predicted": ["low", "0.5"]}, "predicted of problem 'b' is 'low'; allowed are numbers"),
        ({"predicted": [None, 0.5]}, "predicted of problem 'b' is None; allowed are numbers"),
    ],
)
def test_questions_that_are_not_fit_are_refused(tmp_path, rule, columns, sentence):
    given = questions(tmp_path, **columns)
    with pytest.raises(InputError, match=sentence):
        allocate.main([*given, *rule, "--budget", "4", "--output", str(tmp_path / "made.csv")])


@pytest.mark.parametrize(
    ("more", "sentence"),
    [
        (
            ["--budget", "4", "--aggregation", "min"],
            "--aggregation: 'min' was given, and the rule was fitted",
        ),
        (
            ["--budget", "4", "--verifier", "other"],
            "--verifier: 'other' was given, and the rule was fitted with",
        ),
        (["--budget", "4", "--price", "1"], "--budget or --price: one of them"),
        (["--price", "-1"], "--price: -1 was given; a price is above 0"),
        (["--budget", "4", "--rule", "x"], "--rule: it has no meaning with --probes"),
        (
            ["--budget", "4", "--vote", "majorty"],
            "no spending rule of the vote 'majorty'.*did you mean 'majority'",
        ),
        (["--budget", "4", "--extract", "bxed"], "--extract: 'bxed' was given"),
    ],
)
def test_another_aggregation_or_verifier_than_the_rule_s_is_refused(tmp_path, miniature, more, sentence):
    with pytest.raises(InputError, match=sentence):
        allocate.main([*pool(tmp_path, miniature), *more, "--output", str(tmp_path / "made.csv")])


def test_another_budget_does_not_overwrite_an_output(tmp_path, rule):
    output = ["--output", str(tmp_path / "made.csv")]
    allocate.main([*questions(tmp_path), *rule, "--budget", "4", *output])
    with pytest.raises(InputError, match=r"was made with other settings \(budget: 4 there, 16 here\)"):
        allocate.main([*questions(tmp_path), *rule, "--budget", "16", *output])
    assert set(pl.read_csv(tmp_path / "made.csv")["budget"]) == {4}
