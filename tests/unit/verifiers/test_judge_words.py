"""Words of judges: files with a question about solutions and one about steps, read or refused with one sentence."""

import re

import pytest

from tests.support import judges, small_models
from ttc import plugins
from ttc.errors import InputError
from ttc.verifiers import judging

FILES = sorted(file.stem for file in judging.FOLDER.glob("*.yaml"))


@pytest.mark.parametrize("asks", [judging.SOLUTION, judging.STEPS])
@pytest.mark.parametrize("name", FILES)
def test_a_file_that_ships_is_read(name, asks):
    asked = judging.load(name, asks)
    assert asked.asks == asks and judging.Asking.of(asked.content) == asked
    assert not {each.strip().lower() for each in asked.yes} & {each.strip().lower() for each in asked.no}


def test_each_kind_that_asks_has_a_file():
    declared = plugins.declarations("ttc.verifiers.kinds")
    assert {each["words"] for each in declared.values()} - {None} == set(FILES)


def test_the_other_question_and_the_description_are_no_part_of_it(tmp_path):
    """So another question about steps leaves the names of scores of solutions as they are."""
    first = judges.asking(tmp_path, "solution")
    second = judges.asking(tmp_path, "solution", steps="{problem} {solution}?", description="other")
    assert first == second != judges.asking(tmp_path, "steps")
    assert judges.asking(tmp_path, "solution", steps=None) == first


def test_problem_and_solution_are_put_in_as_they_are(tmp_path):
    asked = judging.load(judges.words_file(tmp_path, {"system": None}), "solution")
    text = asked.text(small_models.tokenizer(), "Is {solution} a word?", ["{problem}", r"\1"])
    assert "Is {solution} a word?\n{problem}\n\\1\nOk?" in text and "system" not in text


def test_variables_and_date_reach_the_chat_template(tmp_path):
    words = small_models.tokenizer()
    words.chat_template = "{{ strftime_now('%d.%m.%Y') }} {{ mood }} {{ messages[-1]['content'] }}"
    asked = judging.load(
        judges.words_file(tmp_path, {"variables": {"mood": "calm"}, "date": "2020-02-01"}), "solution"
    )
    assert asked.text(words, "p", ["s"]) == "01.02.2020 calm p\ns\nOk?"


MISTAKES = {
    "unknown key": (
        {"solutions": "x"},
        "'solutions' is unknown; known are solution, .*did you mean 'solution'",
    ),
    "bare yes": ({True: ["Y"]}, '\'True\' is unknown; .*write "yes" and "no" in quotes'),
    "no question": ({"solution": None}, r"`solution` must be a text with \{problem\} and \{solution\}"),
    "no place": ({"solution": "{problem}"}, r"`solution` must have \{solution\} once; it has 0"),
    "two places": ({"solution": "{problem}{problem}{solution}"}, r"must have \{problem\} once; it has 2"),
    "no spelling": ({"yes": []}, '"yes" must be a list of different spellings of the verdict'),
    "a truth value": ({"no": [False]}, '"no" must be a list of different spellings of the verdict'),
    "twice": ({"no": ["N", "N"]}, '"no" must be a list of different spellings of the verdict'),
    "one for both": ({"no": ["Y"]}, "'Y' stands for yes and for no"),
    "verdict": ({"verdict": 3}, "`verdict` must be a text"),
    "date": ({"date": "today"}, "`date` is 'today'; a date is written 2024-07-26"),
    "system": ({"system": 5}, "`system` must be a text"),
}


@pytest.mark.parametrize("case", MISTAKES)
def test_a_mistake_in_a_file(tmp_path, case):
    changes, said = MISTAKES[case]
    with pytest.raises(
        InputError, match=rf"^judge's prompt '{re.escape(str(tmp_path))}/judge.yaml': .*{said}"
    ):
        judging.load(judges.words_file(tmp_path, changes), "solution")


def test_an_unknown_name():
    said = r"judge's prompt 'yes_no': there is no such file; known are .*yes_or_no"
    with pytest.raises(InputError, match=said):
        judging.load("yes_no", "solution")


def test_a_file_that_names_no_keys(tmp_path):
    (tmp_path / "judge.yaml").write_text("- a\n")
    with pytest.raises(InputError, match="the file must name its keys, such as"):
        judging.load(tmp_path / "judge.yaml", "solution")
