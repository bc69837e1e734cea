"""Real data sets: the test problems of MATH-500 and GSM8K, and published solutions with published labels.

The files are not part of the project.  They are looked for in `../shared/data` beside it, or where TTC_DATA says.
"""

import os
from collections import Counter
from pathlib import Path

import polars as pl
import pytest

from ttc.grading.answers import find
from ttc.grading.grader import Grader
from ttc.problems import loading
from ttc.problems.sources import content, resolve
from ttc.tables.generation import PROBLEMS

DATA = Path(os.environ.get("TTC_DATA", Path(__file__).parents[3] / "shared" / "data"))
MATH500 = DATA / "math500_test.jsonl"
GSM8K = DATA / "gsm8k_test.jsonl"
SOLUTIONS = DATA / "pools" / "gsm8k_openai_model_solutions.parquet"


def needs(*files: Path):
    """Skip a test where one of the files is not here."""
    absent = [file.name for file in files if not file.is_file()]
    return pytest.mark.skipif(
        bool(absent), reason=f"{', '.join(absent)} not in {DATA} (set TTC_DATA to the folder that holds them)"
    )


def read_problems(section: dict, paths: list[Path], exclude: pl.DataFrame | None = None) -> pl.DataFrame:
    """The problems of a section of the configuration in these files."""
    section = resolve(section | {"path": [str(path) for path in paths]})
    return loading.read_problems(content(section), paths, exclude)


@pytest.fixture(scope="module")
def grader():
    with Grader() as grader:
        yield grader


@needs(MATH500)
def test_math500_loads_and_its_answers_equal_themselves(grader, tmp_path):
    problems = read_problems({"preset": "math500"}, [MATH500])
    written = PROBLEMS.write(problems, tmp_path / "problems.parquet")
    assert len(written) == 500
    assert written["level"].value_counts().sort("level")["count"].to_list() == [43, 90, 105, 128, 134]
    assert problems["subject"].n_unique() == 7
    answers = written["answer"].to_list()
    assert all(grader.equal(answer, answer).equal for answer in answers)
    # spelled otherwise: in a box, a sentence, and dollar signs
    for form, methods in ((r"So \boxed{%s}.", ["boxed"]), ("The answer is $%s$.", ["sentence"])):
        found = [find(form.replace("%s", answer), methods).answer for answer in answers]
        differ = [
            (answer, other)
            for answer, other in zip(answers, found, strict=True)
            if other is None or not grader.equal(answer, other).equal
        ]
        assert differ == []


@needs(MATH500)
def test_the_answers_of_math500_are_found_in_its_solutions(grader):
    given = read_problems({"preset": "math500"}, [MATH500])
    found = read_problems({"preset": "math500", "columns": {"answer": None}}, [MATH500])
    assert Counter(find(solution).method for solution in given["solution"]) == {"boxed": 500}
    pairs = list(zip(given["answer"], found["answer"], strict=True))
    print(sum(one == other for one, other in pairs), "of 500 spelled alike")
    assert all(grader.equal(one, other).equal for one, other in pairs)


@needs(GSM8K)
def test_gsm8k_loads_and_its_answers_equal_themselves(grader, tmp_path):
    problems = read_problems({"preset": "gsm8k"}, [GSM8K])
    written = PROBLEMS.write(problems, tmp_path / "problems.parquet")
    assert len(written) == 1319 and written["problem_id"][7] == "test/00007"
    answers = written["answer"].to_list()
    assert sum("," in answer for answer in answers) == 14
    assert sum(answer.startswith("-") for answer in answers) == 2
    assert all(grader.equal(answer, answer).equal for answer in answers)
    assert all(grader.equal(answer, answer.replace(",", "")).how in ("form", "number") for answer in answers)


@needs(GSM8K, SOLUTIONS)
def test_the_labels_of_published_solutions_are_reproduced_from_their_texts(grader):
    """Answers found in the texts by us, against gold answers found by us: OpenAI's verdict on all 5,276."""
    problems = read_problems({"preset": "gsm8k"}, [GSM8K]).with_row_index("q")
    rows = pl.read_parquet(SOLUTIONS, columns=["q", "method", "solution", "is_correct"])
    rows = rows.join(problems.select(pl.col("q").cast(rows["q"].dtype), "answer"), on="q", how="left")
    found = [find(solution, ["short_line"]) for solution in rows["solution"]]
    assert Counter(each.method for each in found) == {"short_line": 5265, "none": 11}
    graded = [
        each.answer is not None and grader.equal(gold, each.answer).equal
        for each, gold in zip(found, rows["answer"], strict=True)
    ]
    assert len(graded) == 5276
    assert graded == rows["is_correct"].to_list()
    guessed = [find(solution, ["short_line", "last_number"]).method for solution in rows["solution"]]
    assert Counter(guessed) == {"short_line": 5265, "last_number": 11}  # cut off, and still given an answer


@needs(MATH500)
def test_a_data_set_that_holds_the_test_problems_is_cleaned_of_them(tmp_path):
    """The complement that makes the training problems of MATH: by question, since ids differ."""
    test = read_problems({"preset": "math500"}, [MATH500])
    more = pl.DataFrame(
        {"problem": [f"{n} + {n}?" for n in range(7)], "answer": [str(2 * n) for n in range(7)]}
    )
    both = pl.concat([more, test.select(problem="question", answer="answer")])
    both.write_parquet(tmp_path / "all.parquet")
    section = {"columns": {"question": "problem", "answer": "answer"}, "role": "train", "rows": 507}
    left = read_problems(section, [tmp_path / "all.parquet"], exclude=test)
    assert left["question"].to_list() == more["problem"].to_list()
