"""Equality of answers in words: letters and digits count, and nothing else."""

import pytest

from ttc.grading.golds import joined
from ttc.grading.grader import Grader
from ttc.grading.words import in_words
from ttc.problems.formats import PromptForm
from ttc.problems.prompts import Prompt

EQUAL = [
    ("Nile", "the Nile."),
    ("Brasília", "brasilia"),
    ("Guinea-Bissau", "Guinea Bissau"),
    ("O'Higgins", "O’Higgins"),
    ("1,945", "**1945**"),
    ("U.S.A.", "USA"),
    ("Straße", "strasse"),
    ("A", "a"),
    ("½", "1/2"),
]
DIFFERENT = [
    ("7", "seven"),
    ("100 years", "100"),
    ("New York", "York"),
    ("x = 5", "5"),
    ("Aland", "land"),
    ("theatre", "atre"),
    ("3.5", "35"),
    ("½", "12"),
    ("+", "-"),
    ("", "Nile"),
]


@pytest.mark.parametrize(("gold", "answer"), EQUAL)
def test_spelling_does_not_count(gold, answer):
    with Grader("words") as grader:
        assert grader.equal(gold, answer).equal and grader.equal(answer, gold).equal
        assert grader.classes([gold, answer, "another"]).keys() == {gold, answer, "another"}
        assert len(set(grader.classes([gold, answer, "another"]).values())) == 2


@pytest.mark.parametrize(("gold", "answer"), DIFFERENT)
def test_words_and_numbers_do(gold, answer):
    with Grader("words") as grader:
        assert not grader.equal(gold, answer).equal
        assert len(set(grader.classes([gold, answer]).values())) == 2


def test_a_form_is_its_own_form():
    for answer in {each for pair in EQUAL + DIFFERENT for each in pair}:
        form = in_words(answer).form
        assert in_words(form).form == form


def test_answers_of_a_prompt_vote_by_their_words_and_any_of_several_golds_is_right():
    form = PromptForm(Prompt("{problem}", extract=("answer_line",)), Grader("words"))
    gold = joined(["Netherlands", "Holland"])
    texts = [
        "Answer: the Netherlands",
        "Answer: holland.",
        "Answer: Belgium",
        "answer: *belgium*",
        "I do not know.",
    ]
    with form:
        graded = form.grade(texts, [gold] * len(texts))
    assert [right for _, right in graded] == [True, True, False, False, False]
    assert [name for name, _ in graded] == ["netherlands", "netherlands", "belgium", "belgium", None]


def test_a_pool_s_answers_are_graded_by_their_words():
    with Grader("words") as grader:
        graded = grader.grade("Nile", ["the nile", "Nile!", "Amazon", None])
    assert {answer: each.correct for answer, each in graded.items()} == {
        "the nile": True,
        "Nile!": True,
        "Amazon": False,
    }
    assert graded["the nile"].canonical == graded["Nile!"].canonical
