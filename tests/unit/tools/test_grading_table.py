"""The table of docs/grading.md: written as it is read, and nothing fell."""

from tools import grading_table


def test_a_table_is_read_as_it_was_written():
    now = {row: [place, 1000 + place] for place, row in enumerate(grading_table.SOURCES.values(), 1)}
    before = {row: "–" if agree == 1 else "1,234" for row, (agree, _) in now.items()}
    made = f"text\n{grading_table.MARK}{grading_table.table(before, now)}{grading_table.MARK}more\n"
    assert grading_table.stated(made) == {
        row: [f"{of:,}", before[row], f"{agree:,}"] for row, (agree, of) in now.items()
    }


def test_the_page_has_every_source_and_none_agrees_less_than_before():
    rows = grading_table.stated(grading_table.DOCUMENT.read_text(encoding="utf-8"))
    assert list(rows) == [*grading_table.SOURCES.values(), *grading_table.REPORTED.values()]
    for pairs, before, now in rows.values():
        assert int(before) <= int(now) <= int(pairs)


def test_both_sides_of_a_comparison_are_measured_in_their_own_package(tmp_path, monkeypatch):
    """A checkout's package answers for itself: here one whose grader calls everything equal."""
    for name, text in {
        "grading/answers.py": "def find(text, methods):\n    raise AssertionError",
        "grading/grader.py": "class Grader:\n    __enter__ = lambda self: self\n    __exit__ = lambda *_: None\n"
        "    equal = equal_texts = lambda *_: type('V', (), {'equal': True})\n",
        "problems/prompts.py": "",
        **{f"{room}__init__.py": "" for room in ("", "grading/", "problems/")},
    }.items():
        path = tmp_path / "old/workflow/ttc" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    pair = '{"source": "hendrycks/math", "prediction_kind": "answer", "gold": "1", "prediction": "2", "expected": %s}\n'
    (tmp_path / "grading_pairs.jsonl").write_text(pair % "true" + pair % "false")
    (tmp_path / "field_cases.jsonl").write_text(
        '{"what": "grade", "gold": "1", "answer": "1", "equal": true}\n'
    )
    monkeypatch.setattr(grading_table, "DATA", tmp_path)
    old = grading_table.measure_checkout(tmp_path / "old")
    assert old["pairs of hendrycks/math's tests"] == [1, 2]
    assert grading_table.measure(tmp_path)["pairs of hendrycks/math's tests"] == [1, 2]
    assert old["reported pairs, equal and different"] == [1, 1]
