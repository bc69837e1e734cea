"""Prompts: what a model reads is spelled as the file says, the same every day, and its digest tells any change."""

import datetime
import re
import string
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from transformers import PreTrainedTokenizerFast

from ttc.errors import InputError
from ttc.grading.answers import find
from ttc.grading.grader import Grader
from ttc.models.tokenizers import build_tokenizer
from ttc.problems import prompts
from ttc.problems.prompts import FOLDER, Prompt, digest, encode, load, messages, render

NAMES = sorted(file.stem for file in FOLDER.glob("*.yaml"))
CHAT = (
    "{{ bos_token }}{% if messages[0].role == 'system' %}[{{ messages[0].content }}]"
    "{% set messages = messages[1:] %}{% endif %}"
    "{% for m in messages %}<{{ m.role }}>{{ m.content }}\n{% endfor %}"
    "{% if add_generation_prompt %}<assistant>{% endif %}"
)


def tokenizer(template: str | None = CHAT) -> PreTrainedTokenizerFast:
    """A tokenizer of characters."""
    characters = sorted({*map(chr, range(32, 127)), "\n", "é"})
    made = build_tokenizer(["<pad>", "<bos>", "<eos>", "<unk>", *characters], r"[\s\S]")
    made.chat_template = template
    return made


def write(folder: Path, text: str, name: str = "p.yaml") -> Path:
    path = folder / name
    path.write_text(text)
    return path


def test_there_are_prompts_with_and_without_examples():
    assert {"math_chat", "gsm8k_chat", "math_4shot", "gsm8k_8shot"} <= set(NAMES)
    assert len(load("math_4shot").examples) == 4
    assert len(load("gsm8k_8shot").examples) == 8
    assert load("math_chat").examples == ()


@pytest.mark.parametrize("name", NAMES)
def test_every_prompt_of_the_project_can_be_used(name):
    prompt = load(name)
    assert prompt.description
    text = render(prompt, "How many?", tokenizer())
    assert text.count("How many?") == 1
    for _, solution in prompt.examples:
        assert find(solution, prompt.extract).answer, "an example shows the form in which answers are found"
        assert not any(end in solution for end in prompt.stop)
        assert solution in text
    assert all(text.find(end) == -1 or prompt.examples for end in prompt.stop)


def test_the_arithmetic_of_the_examples_is_right():
    """Every `a * b = c` in the examples of word problems, and each answer is the last number computed."""
    with Grader("text") as grader:
        for _, solution in load("gsm8k_8shot").examples:
            sums = re.findall(r"(\d[\d.]*(?: [*/+-] \d[\d.]*)+) = (\d[\d.]*\d|\d)", solution)
            assert sums
            for left, right in sums:
                assert eval(left) == float(right), left  # digits and operators only
            assert grader.equal(sums[-1][1], find(solution, ["answer_line"]).answer).equal


def test_the_spelling_of_a_completion():
    prompt = Prompt("Q: {problem}\nA:", format="completion", examples=(("1 + 1?", "2"), ("2 + 2?", "4")))
    text = "Q: 1 + 1?\nA: 2\n\nQ: 2 + 2?\nA: 4\n\nQ: {problem}?\nA:"
    assert render(prompt, "{problem}?") == text  # a problem's own braces are left alone
    kind = tokenizer()
    (ids,) = encode(prompt, ["{problem}?"], kind)
    assert ids[0] == kind.bos_token_id and kind.decode(ids[1:]) == text
    lines = Prompt("{problem}\nSolution:\n", format="completion", examples=(("a", "b"),))
    assert render(lines, "c") == "a\nSolution:\nb\n\nc\nSolution:\n"


def test_the_spelling_of_a_conversation():
    prompt = Prompt("Solve: {problem}", system="Be brief.", examples=(("1 + 1?", "2"),))
    assert messages(prompt, "2 + 2?") == [
        {"role": "system", "content": "Be brief."},
        {"role": "user", "content": "Solve: 1 + 1?"},
        {"role": "assistant", "content": "2"},
        {"role": "user", "content": "Solve: 2 + 2?"},
    ]
    kind = tokenizer()
    text = "<bos>[Be brief.]<user>Solve: 1 + 1?\n<assistant>2\n<user>Solve: 2 + 2?\n<assistant>"
    assert render(prompt, "2 + 2?", kind) == text
    (ids,) = encode(prompt, ["2 + 2?"], kind)
    assert ids.count(kind.bos_token_id) == 1 and ids[0] == kind.bos_token_id
    assert render(Prompt("{problem}"), "x", kind) == "<bos><user>x\n<assistant>"
    assert encode(prompt, [], kind) == []


def test_the_spelling_of_asking_again():
    """Earlier answers are the model's own turns, and each is followed by the words that ask for another."""
    asked = prompts.asking_again(Prompt("Solve: {problem}", system="Be brief.", ask_again="Once more."), "p")
    told = messages(asked, "2 + 2?", ["5", "3"])
    assert told == [
        {"role": "system", "content": "Be brief."},
        {"role": "user", "content": "Solve: 2 + 2?"},
        {"role": "assistant", "content": "5"},
        {"role": "user", "content": "Once more."},
        {"role": "assistant", "content": "3"},
        {"role": "user", "content": "Once more."},
    ]
    kind = tokenizer()
    text = "<bos>[Be brief.]<user>Solve: 2 + 2?\n<assistant>5\n<user>Once more.\n<assistant>3\n<user>Once more.\n"
    (ids,) = encode(asked, ["2 + 2?"], kind, [["5", "3"]])
    assert kind.decode(ids) == f"{text}<assistant>"
    plain = Prompt("Q: {problem}\nA:", format="completion", examples=(("1?", "1"),), ask_again="Again:")
    text = "Q: 1?\nA: 1\n\nQ: 2 + 2?\nA: 5\n\nAgain:\n\n3\n\nAgain:\n\n"
    assert render(prompts.asking_again(plain, "p"), "2 + 2?", context=["5\n", "3"]) == text
    # A first answer is asked for as ever
    assert render(asked, "2 + 2?", kind) == "<bos>[Be brief.]<user>Solve: 2 + 2?\n<assistant>"


def test_the_words_that_ask_again_count_only_where_they_are_read():
    """So that other words sample nothing anew, and a prompt that got some has the name it had."""
    prompt, asking = Prompt("{problem}"), Prompt("{problem}", ask_again="Once more.")
    assert prompts.content_of(prompt) == prompts.content_of(asking) and digest(prompt) == digest(asking)
    assert "ask_again" not in prompts.content_of(asking)
    asked = prompts.content_of(prompts.asking_again(asking, "p"))
    assert asked == prompts.content_of(prompt) | {"again": "Once more."}
    for without in (prompt, Prompt("{problem}", ask_again="")):
        with pytest.raises(
            InputError, match=r"prompt 'p': it has no `ask_again`, the words in which `revision"
        ):
            prompts.asking_again(without, "p")


@pytest.mark.parametrize("name", [name for name in NAMES if load(name).format == "chat"])
def test_every_chat_prompt_of_the_project_asks_again_without_a_verdict(name):
    prompt = load(name)
    assert re.match(r"That (solution|answer) may be right or wrong\. ", prompt.ask_again)
    assert prompt.again == prompts.AGAIN  # part of the key of whatever was sampled with it
    assert "\n" not in prompt.ask_again  # folded


@given(st.text())
def test_any_problem_stands_in_the_prompt_as_it_is(problem):
    for prompt in (Prompt("a {problem} b"), Prompt("a {problem} b", format="completion")):
        assert f"a {problem} b" in render(prompt, problem, tokenizer())


def test_a_chat_template_that_writes_the_date_writes_the_same_every_day():
    kind = tokenizer("{{ strftime_now('%d %b %Y') }}: {{ messages[0].content }}")
    assert render(Prompt("{problem}"), "x", kind) == "26 Jul 2024: x"
    assert render(Prompt("{problem}", date="2025-01-02"), "x", kind) == "02 Jan 2025: x"
    # As in Llama 3.2's: asked for only where nothing else is given; white space of the template is kept as it was
    like_llama = (
        "\n  {% if not date_string is defined %}\n{%- if strftime_now is defined %}"
        "{%- set date_string = strftime_now('%-d %B %Y') %}{%- endif %}{% endif %}\n\n{{ date_string }}"
        "{% macro day() %}{{ strftime_now('%Y-%m-%d') }}{% endmacro %} {{ day() }}"
    )
    assert render(Prompt("{problem}"), "x", tokenizer(like_llama)) == "\n\n26 July 2024 2024-07-26"
    given = Prompt("{problem}", variables={"date_string": "today"})
    assert render(given, "x", tokenizer(like_llama)) == "\n\ntoday 2024-07-26"


FLAGS = ("", "-", "_", "0", "^", "#", "E", "O")


@pytest.mark.parametrize("flag", FLAGS)
def test_every_letter_of_strftime_is_written_as_the_library_writes_it_on_that_day(flag):
    """But for the seconds since 1970, which depend on the clock of the place."""
    day = datetime.datetime(2023, 2, 5)
    codes = " ".join(f"{letter}<%{flag}{letter}>" for letter in string.ascii_letters if letter != "s")
    kind = tokenizer(f"{{{{ strftime_now('{codes}') }}}}")
    assert render(Prompt("{problem}", date="2023-02-05"), "x", kind) == day.strftime(codes)


def test_dates_in_many_forms():
    for written, said in (
        ("%A, %e %B %Y", "Monday,  5 February 2024"),
        ("%D %F %T %R %r", "02/05/24 2024-02-05 00:00:00 00:00 12:00:00 AM"),
        ("%%d %d%% %%%d", "%d 05% %05"),
        ("%G-W%V-%u %w %U %W %C %g %h", "2024-W06-1 1 05 06 20 24 Feb"),
        ("%c|%x|%X|%Z|%z|%f", "Mon Feb  5 00:00:00 2024|02/05/24|00:00:00|||000000"),
        ("%s", "1707091200"),
        ("%5Y %^a %-j", "02024 MON 36"),
    ):
        kind = tokenizer(f"{{% set how = '{written}' %}}{{{{ strftime_now(how) }}}}")
        assert render(Prompt("{problem}", date="2024-02-05"), "x", kind) == said


def test_variables_reach_the_chat_template():
    kind = tokenizer("{{ messages[0].content }}{% if not enable_thinking %}<think></think>{% endif %}")
    assert render(Prompt("{problem}", variables={"enable_thinking": False}), "x", kind) == "x<think></think>"
    assert render(Prompt("{problem}", variables={"enable_thinking": True}), "x", kind) == "x"


def test_a_tokenizer_that_cannot_write_the_prompt_is_refused():
    with pytest.raises(
        InputError, match=r"the tokenizer has no chat template, which a prompt of `format: chat`"
    ):
        render(Prompt("{problem}"), "x", tokenizer(None))
    kind = tokenizer("{{ raise_exception('System role not supported') }}")
    with pytest.raises(InputError, match=r"chat template refuses the prompt \(System role not supported\)"):
        render(Prompt("{problem}", system="s"), "x", kind)


def test_the_digest_tells_every_change(tmp_path):
    text = "template: 'a {problem}'\nsystem: s\n"
    prompt = load(write(tmp_path, text))
    kind = tokenizer()
    same = digest(prompt, kind)
    assert re.fullmatch(r"[0-9a-f]{64}", same)
    assert digest(load(write(tmp_path, f"# a comment\ndescription: d\n{text}")), tokenizer()) == same
    kind(["a", "abc"], padding=True, truncation=True, max_length=2)  # leaves marks on the tokenizer
    assert digest(prompt, kind) == same
    others = [
        digest(prompt),
        digest(prompt, tokenizer(CHAT + " ")),
        digest(prompt, build_tokenizer(["<pad>", "<bos>", "<eos>", "<unk>", "a"], r"[\s\S]")),
    ]
    for change in (
        {"template": "b {problem}"},
        {"system": "t"},
        {"format": "completion", "system": None},
        {"examples": (("a", "b"),)},
        {"stop": ("x",)},
        {"extract": ("hashes",)},
        {"variables": {"enable_thinking": False}},
        {"date": "2024-07-27"},
    ):
        others.append(digest(Prompt(**{"template": "a {problem}", "system": "s"} | change), kind))
    assert len({same, *others}) == 1 + len(others)


def test_the_chat_template_does_not_count_for_a_completion():
    prompt = Prompt("{problem}", format="completion")
    assert digest(prompt, tokenizer()) == digest(prompt, tokenizer(None))


REFUSED = {
    "no place": (
        "template: 'a problem'",
        r"the template must have \{problem\} once, where the problem goes; it has 0",
    ),
    "no template": ("description: x", r"the template must have \{problem\} once"),
    "two places": ("template: '{problem} {problem}'", r"it has 2"),
    "unknown key": ("template: '{problem}'\nsytem: x", r"'sytem' is unknown; .*did you mean 'system'"),
    "unknown format": (
        "template: '{problem}'\nformat: chats",
        r"the format 'chats' is unknown; .*did you mean 'chat'",
    ),
    "system of a completion": (
        "template: '{problem}'\nformat: completion\nsystem: x",
        r"`system` and `variables` belong to `format: chat`",
    ),
    "examples": (
        "template: '{problem}'\nexamples: [{problem: x}]",
        r"each of `examples` must have the texts",
    ),
    "examples of numbers": (
        "template: '{problem}'\nexamples: [{problem: x, solution: 3}]",
        r"each of `examples` must have the texts",
    ),
    "stop": ("template: '{problem}'\nstop: Q", r"`stop` must be a list of texts"),
    "extract": (
        "template: '{problem}'\nextract: [boxd]",
        r"'boxd' is not a method of finding answers; .*did you mean 'boxed'",
    ),
    "date": ("template: '{problem}'\ndate: today", r"`date` is 'today'; a date is written 2024-07-26"),
    "variables": ("template: '{problem}'\nvariables: [x]", r"`variables` must name each value"),
    "template of another kind": ("template: 3", r"`template` must be a text"),
    "words of another kind": ("template: '{problem}'\nask_again: [x]", r"`ask_again` must be a text"),
    "no keys": ("- x", r"the file must name its keys"),
    "no YAML": ("template: '{problem}", r"not a YAML file"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_a_bad_file_is_refused_in_one_sentence(tmp_path, case):
    text, message = REFUSED[case]
    path = write(tmp_path, text)
    with pytest.raises(InputError, match=message) as caught:
        load(path)
    assert str(path) in str(caught.value) and "\n" not in str(caught.value)


def test_a_date_written_as_yaml_writes_it_is_read(tmp_path):
    assert load(write(tmp_path, "template: '{problem}'\ndate: 2025-01-02")).date == "2025-01-02"


def test_an_unknown_name_is_refused_with_the_nearest():
    with pytest.raises(
        InputError, match=r"prompt 'math_4shots': there is no such file; .*did you mean 'math_4shot'"
    ):
        load("math_4shots")
    assert prompts.FOLDER.is_dir()
