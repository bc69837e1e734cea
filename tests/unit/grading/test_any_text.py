r"""Any text whatever: extraction, grading and import take it, or say in one sentence what is wrong with it.

Hypothesis makes texts of all characters, lone surrogates and NUL among them, and of fragments that rules look for.  The
number of examples stands at each test.
"""

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.support import specs
from ttc.errors import InputError
from ttc.grading import answers, grader, readings
from ttc.grading.answers import METHODS, find
from ttc.grading.grader import Grader, Verdict
from ttc.grading.normal_form import exact_number, normal_form, plain
from ttc.problems.formats import PromptForm
from ttc.problems.prompts import Prompt
from ttc.runtime import Runtime
from ttc.stages import import_pool

LONG = "7" * 5000  # more digits than Python turns into a number

FRAGMENTS = st.sampled_from(
    [
        *(
            r"\boxed{",
            r"\frac{",
            r"\frac",
            r"\text{",
            r"\overline{",
            r"\left",
            r"\right",
            r"\sqrt",
            r"\max",
            r"\\",
            "\\",
        ),
        *(
            "}",
            "{",
            "(",
            ")",
            "[",
            "]",
            "$",
            r"\$",
            "%",
            "^",
            "_",
            "=",
            "/",
            "*",
            "**",
            "`",
            "~",
            "|",
            "<",
            ":",
            ".",
            "...",
        ),
        *(
            "1",
            "22",
            "333",
            "0.",
            ",",
            "-",
            "−",
            "√",
            "∛",
            "²",
            "½",
            "°",
            "₂",
            "∞",
            "٣",
            "万",
            "e5",
            "e+400",
            "1e9999",
        ),
        *(
            " ",
            "\n",
            "\t",
            "\0",
            "\u200b",
            "\ud800",
            "\udfff",
            "é",
            "😀",
            "x",
            "i",
            "cm",
            "dollars",
            "million",
            "pm",
        ),
        *(
            "1:58",
            "_2",
            " base ",
            "Answer:",
            "the answer is ",
            "#### ",
            "A: ",
            r"I_{\max} =",
            "x 10^",
            r"\dot",
            LONG,
        ),
    ]
)
CHARACTERS = st.text(st.characters(exclude_categories=()), max_size=60)
TEXTS = CHARACTERS | st.lists(FRAGMENTS, max_size=14).map("".join)


@settings(max_examples=1000)
@given(TEXTS)
def test_extraction_takes_any_text(text):
    for name in METHODS:
        answer, method = find(text, [name])
        assert method == (name if answer is not None else "none")
        assert answer != ""


@settings(max_examples=1000)
@given(TEXTS)
def test_no_rule_raises_on_any_text(text):
    """The rules themselves: `read` would turn what they raise into a verdict."""
    if len(text) <= readings.LONGEST:
        exact_number(normal_form(plain(text)))
        assert readings.read(text).unread == ""
    exact_number(text)


@settings(max_examples=1000)
@given(TEXTS, TEXTS)
def test_exact_grading_takes_any_text(gold, answer):
    with Grader("text") as exact:
        assert exact.equal(gold, gold).equal
        assert exact.equal(gold, answer).equal == exact.equal(answer, gold).equal
        graded = exact.grade(gold, [answer, gold, None])
        assert graded.keys() == {answer, gold} and graded[gold].correct
        assert exact.counts["error"] == 0


@pytest.fixture(scope="module")
def asked():
    """With Math-Verify; what runs out of time is no equality, and costs two seconds."""
    with Grader(timeout=2.0) as asked:
        yield asked


@settings(max_examples=60)
@given(TEXTS, TEXTS)
def test_math_verify_is_asked_about_any_text(asked, gold, answer):
    for pair in ((gold, answer), (answer, gold)):
        assert asked.equal(*pair).how in (
            "form",
            "number",
            "name",
            "time",
            "base",
            "math",
            "timeout",
            "error",
        )
    assert asked.grade(gold, [answer, gold])[gold].correct


@settings(max_examples=40)
@given(st.lists(st.tuples(TEXTS, TEXTS), min_size=1, max_size=3))
def test_import_takes_any_text_or_says_what_is_wrong(tmp_path_factory, rows):
    """As completions, as answers and as gold answers, in JSON lines, where lone surrogates are escaped."""
    folder = tmp_path_factory.mktemp("any")
    problems = [
        {"problem_id": f"p{place}", "question": text, "answer": gold}
        for place, (text, gold) in enumerate(rows)
    ]
    pool = [
        {"problem_id": f"p{place}", "text": text, "tag": [text]}
        for place in range(len(rows))
        for text, _ in rows
    ]
    for name, lines in (("problems", problems), ("pool", pool)):
        (folder / f"{name}.jsonl").write_text("\n".join(map(json.dumps, lines)))
    section = {"problems": {}, "pools": {"policy": {"where_not": {"tag": [["none"]]}}}}
    spec = specs.pools(section | {"grading": {"equality": "text"}, "accept": ["scrambled"]})
    files = {"problems": [folder / "problems.jsonl"], "pool_policy": [folder / "pool.jsonl"]}
    try:
        import_pool.run(spec, files, folder / "imported", Runtime())
    except InputError as error:
        assert "\n" not in str(error)


def test_one_answer_of_thousands_of_digits_ends_nothing():
    form = PromptForm(Prompt("{problem}", extract=("boxed",)), Grader("text"))
    solutions = [
        rf"\boxed{{{LONG}}}",
        r"\boxed{7}",
        rf"\boxed{{1e{LONG}}}",
        rf"\boxed{{\frac{{{LONG}}}{{3}}}}",
    ]
    assert [correct for _, correct in form.grade(solutions, ["7"] * 4)] == [False, True, False, False]
    assert form.grade([rf"\boxed{{{LONG}}}"], [LONG])[0][1] is True
    assert exact_number(LONG) is None and exact_number("1" * 1500) == int("1" * 1500)


def test_lone_surrogates_of_a_tokenizer_are_replaced_and_counted(monkeypatch, capsys):
    from ttc.problems import formats

    monkeypatch.setattr(formats.text, "decode", lambda *_: ["a\ud83d\ude00b", "\udc00", "😀"])
    with PromptForm(Prompt("{problem}", extract=("boxed",)), Grader("text")) as form:
        assert form.decode(None, [[], [], []]) == ["a\ufffd\ufffdb", "\ufffd", "😀"]
    assert "3 lone surrogates" in capsys.readouterr().out


def test_an_exception_in_a_rule_is_the_verdict_error_and_counted(monkeypatch, capsys):
    def broken(one, other):
        raise ZeroDivisionError

    monkeypatch.setattr(grader, "by_exact_rules", broken)
    with PromptForm(Prompt("{problem}", extract=("boxed",)), Grader("text")) as form:
        assert form.grade([r"\boxed{7}", "none"], ["7", "7"]) == [("7", False), (None, False)]
        assert form.grader.equal("7", "7") == Verdict(False, "error")
        assert form.grader.counts == {"error": 1}
    assert "1 comparisons failed (verdict `error`)" in capsys.readouterr().out


def test_an_answer_that_no_rule_can_read_is_compared_as_text(monkeypatch):
    def broken(answer):
        raise RecursionError

    monkeypatch.setattr(readings, "plain", broken)
    with Grader() as exact:
        graded = exact.grade("never read before", ["never read before", "nor this"])
        assert exact.questions["asked"] == 0
    assert graded["never read before"].correct and graded["nor this"].own == Verdict(False, "error")


def test_unclosed_boxes_are_read_in_one_pass(monkeypatch):
    """20,000 of them: the braces of the text are looked at once each, not once for each box."""
    looked = []

    class Counted:
        def finditer(self, text):
            for match in brace.finditer(text):
                looked.append(match)
                yield match

    brace = answers._BRACE
    monkeypatch.setattr(answers, "_BRACE", Counted())
    assert find(r"\boxed{" * 20_000) == (None, "none")
    # a command is looked at as an escaped letter
    assert len(looked) == 2 * 20_000
    assert find(r"\boxed{" * 20_000 + r"\boxed{7}" + r" \boxed{" * 20_000) == ("7", "boxed")
