"""Multiple-choice questions: options below the question in a drawn order, a letter as answer, bad rows refused."""

import csv
import json
from collections import Counter

import polars as pl
import pytest

from ttc import plugins
from ttc.errors import InputError
from ttc.problems import loading
from ttc.problems.choices import lettered
from ttc.problems.layout import CHOICE_ANSWERS
from ttc.problems.sources import content, resolve

COLUMNS = {"question": "q", "answer": "a"}
OPTIONS = ["red", "green", "blue", "grey"]


def rows(count: int = 200, answer: object = "green", options: list | None = None) -> pl.DataFrame:
    given = [OPTIONS if options is None else options] * count
    return pl.DataFrame(
        {"q": [f"Which, {number}?" for number in range(count)], "a": [answer] * count, "o": given}
    )


def choices(answer: str = "text", shuffle: bool = True, options: object = "o") -> dict:
    return {"options": options, "answer": answer, "shuffle": shuffle}


def shown(question: str) -> dict[str, str]:
    """Options by letter, as a reader of the question sees them."""
    return dict(line.split(") ", 1) for line in question.split("\n\n")[1].split("\n"))


@pytest.mark.parametrize(
    ("kind", "answer"), [("text", "green"), ("letter", "B"), ("letter", "b"), ("index", 1), ("index", "1")]
)
def test_the_letter_names_the_right_option_wherever_it_is_listed(kind, answer):
    made = lettered(rows(answer=answer), COLUMNS, choices(kind), "file")
    for question, letter in made.select("q", "a").iter_rows():
        assert shown(question)[letter] == "green"
        assert sorted(shown(question).values()) == sorted(OPTIONS) and list(shown(question)) == list("ABCD")
    # All 24 orders are as likely: of 200 questions 50 have each letter, with a standard deviation of 6
    counts = Counter(made["a"])
    assert set(counts) == set("ABCD") and all(abs(count - 50) < 25 for count in counts.values())


def test_an_order_is_the_question_s_own_and_none_is_drawn_where_that_is_asked_for():
    whole = lettered(rows(), COLUMNS, choices(), "file")
    part = lettered(rows()[::-3], COLUMNS, choices(), "file")
    assert part["q"].to_list() == whole["q"].to_list()[::-3]
    plain = lettered(rows(3), COLUMNS, choices(shuffle=False), "file")
    assert set(plain["a"]) == {"B"} and all(list(shown(each).values()) == OPTIONS for each in plain["q"])


def test_options_may_stand_in_columns_and_be_fewer_in_some_rows():
    frame = pl.DataFrame({"q": ["one?", "two?"], "a": ["x", "y"], "w1": ["v", "v"], "w2": ["u", None]})
    made = lettered(frame, COLUMNS, choices(options=["a", "w1", "w2"]), "file")
    assert [sorted(shown(each).values()) for each in made["q"]] == [["u", "v", "x"], ["v", "y"]]
    assert [shown(q)[a] for q, a in made.select("q", "a").iter_rows()] == ["x", "y"]


@pytest.mark.parametrize(
    ("frame", "given", "said"),
    [
        (rows(1, "E"), choices("letter"), "row 1: the answer 'E' names no option; .* a letter from A to D"),
        (rows(1, 4), choices("index"), "row 1: the answer '4' names no option; .* a number from 0 to 3"),
        (
            rows(1, "pink"),
            choices(),
            "row 1: the answer 'pink' names no option; .* one of the options' texts",
        ),
        (rows(1, None), choices("letter"), "row 1: the answer '' names no option"),
        (rows(1, options=["green", "green"]), choices(), "row 1: the option 'green' is there twice"),
        (rows(1, options=["green"]), choices(), "row 1: it has 1 options; allowed are 2 to 26"),
        (rows(1), choices(options="q"), "row 1: its options are no list"),
        (
            rows(1),
            choices(options="oo"),
            "the column 'oo' is missing; the file has q, a, o; did you mean 'o'",
        ),
    ],
)
def test_what_is_wrong_is_told_in_a_sentence(frame, given, said):
    with pytest.raises(InputError, match=said):
        lettered(frame, COLUMNS, given, "file")


def test_without_a_column_of_answers_there_is_no_letter():
    with pytest.raises(InputError, match="choices need a column that is mapped to 'answer'"):
        lettered(rows(1), {"question": "q"}, choices(), "file")


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (
            {"options": "o", "answer": "text", "shufle": True},
            "key 'shufle' is unknown; .*did you mean 'shuffle'",
        ),
        ({"options": "o", "shuffle": True}, "choices: answer is missing"),
        (
            {"options": "o", "answer": "number", "shuffle": True},
            f"'number' is unknown; known are {', '.join(CHOICE_ANSWERS)}",
        ),
    ],
)
def test_wrong_settings_are_told_in_a_sentence(given, said):
    with pytest.raises(InputError, match=said):
        resolve({"path": "file.jsonl", "choices": given})


def test_sources_without_choices_say_nothing_of_them():
    assert "choices" not in content(resolve({"path": "file.jsonl"}))


PRESETS = {name: each["source"] for name, each in plugins.declarations("ttc.problems.presets").items()}


@pytest.mark.parametrize("name", [name for name, source in PRESETS.items() if source.get("choices")])
def test_presets_read_files_as_their_authors_lay_them_out(name, tmp_path):
    """GPQA's CSV with its three wrong answers, MMLU-Pro's rows with lists of options."""
    source = PRESETS[name]
    options, columns = source["choices"]["options"], source["columns"]
    lines = []
    for number in range(6):
        texts = [f"option {number} {place}" for place in range(4)]
        line = {theirs: f"{ours} {number}" for ours, theirs in columns.items()}
        if isinstance(options, str):
            line |= {options: texts, columns["answer"]: 0}
        else:
            line |= dict(zip(options, texts, strict=True))
        lines.append(line)
    path = tmp_path / ("file.jsonl" if isinstance(options, str) else "file.csv")
    with path.open("w", newline="") as file:
        if path.suffix == ".jsonl":
            file.write("".join(json.dumps(line) + "\n" for line in lines))
        else:
            writer = csv.DictWriter(file, lines[0])
            writer.writeheader()
            writer.writerows(lines)
    problems = loading.read_problems(
        content(resolve({"preset": name, "path": str(path), "rows": None})), [path]
    )
    assert len(problems) == 6 and problems["answer"].n_unique() > 1
    for question, letter in problems.select("question", "answer").iter_rows():
        number = shown(question)["A"].split()[1]
        assert (
            question.startswith(f"question {number}\n\n") and shown(question)[letter] == f"option {number} 0"
        )
