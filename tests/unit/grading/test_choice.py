"""Equality of answers to multiple-choice questions: the letter counts, and what is no letter is no option."""

import pytest

from ttc.grading.choice import in_letters
from ttc.grading.grader import Grader

LETTERS = {
    "B": [
        "B",
        "b",
        "(B)",
        "[b]",
        "B.",
        "B)",
        "**B**",
        "$B$",
        r"\text{B}",
        r"\textbf{(B)}",
        r"\boxed{B}",
        r"\(\mathrm{B}\)",
    ],
    "C": ["Option C", "option (C).", "The correct answer is C", "answer: c", "the choice is C.", "Letter C"],
    "D": [
        "D) 42",
        "(d) the Nile",
        "D: the Nile",
        "D. 3.5 m",
        "D - a dog",
        r"\text{D) } 42",
        "Option D: none of these",
    ],
    "J": ["J", "J. ten"],
}
NO_LETTERS = [
    "A and B",
    "A, B",
    "AB",
    "a dog",
    "I think so",
    "42",
    "the Nile",
    "",
    "A or (B)",
    "Ä",
    "answer",
    "Be.",
]


@pytest.mark.parametrize(
    ("letter", "answer"), [(key, each) for key, many in LETTERS.items() for each in many]
)
def test_a_letter_is_read_however_it_is_written(letter, answer):
    assert in_letters(answer).form == letter
    with Grader("choice") as grader:
        assert grader.equal(letter, answer).equal and grader.equal(answer, letter).equal
        assert not grader.equal("A", answer).equal


@pytest.mark.parametrize("answer", NO_LETTERS)
def test_what_names_no_single_option_is_equal_to_none(answer):
    with Grader("choice") as grader:
        assert not any(grader.equal(letter, answer).equal for letter in "ABCDEFGHIJKLMNOPQRSTUVWXYZ")
        assert grader.equal(answer, answer).equal


def test_votes_are_by_letter():
    answers = ["B", "(b)", "B) 42", "C", "Option C", "42", "none"]
    with Grader("choice") as grader:
        names = grader.classes(answers)
    classes = [{each for each in answers if names[each] == name} for name in set(names.values())]
    assert sorted(map(sorted, classes)) == [["(b)", "B", "B) 42"], ["42"], ["C", "Option C"], ["none"]]
