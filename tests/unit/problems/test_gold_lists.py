"""Problems with several gold answers: a list in their file, any of whose answers is accepted."""

import polars as pl
import pytest

from ttc.errors import InputError
from ttc.grading.golds import accepted
from ttc.problems.table import problem_table

COLUMNS = {"problem_id": "id", "question": "text", "answer": "gold"}
ROWS = [
    {"id": "b", "text": "one plus one?", "gold": ["2"]},
    {"id": "a", "text": "a half?", "gold": ["1/2", "50\\%"]},
]


def test_a_list_of_gold_answers_is_kept_as_several_any_of_which_is_accepted():
    problems = problem_table(pl.DataFrame(ROWS), COLUMNS, "test", "here")
    assert [accepted(gold) for gold in problems["answer"]] == [("2",), ("1/2", "50\\%")]
    assert problems["answer"][0] == "2"
    numbers = pl.DataFrame([{"id": "a", "text": "a root of 4?", "gold": [2, -2]}])
    assert accepted(problem_table(numbers, COLUMNS, "test", "here")["answer"][0]) == ("2", "-2")


def test_an_empty_list_is_no_gold_answer():
    with pytest.raises(InputError, match="row 2, problem 'a': column 'gold' is empty"):
        problem_table(pl.DataFrame([ROWS[0], ROWS[1] | {"gold": []}]), COLUMNS, "test", "here")
