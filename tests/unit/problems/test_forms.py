"""Forms of problems: what a model reads, where steps end, which answer a solution has and what it is called."""

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from tests.support import small_models
from ttc.errors import InputError
from ttc.grading.grader import Grader
from ttc.models.tokenizers import build_tokenizer
from ttc.problems import formats, prompts, text
from ttc.problems.formats import LINES, PromptForm, open_form
from ttc.problems.prompts import Prompt, content_of
from ttc.problems.steps import steps_of
from ttc.problems.tasks import clock

LINE_TASK = {"modulus": 13, "steps": [1, 3], "train_problems": 4, "test_problems": 4}
LINE_TASK |= {"groups": [{"operations": 6, "error_rate": 0.3, "misconception": 0.5}]}
LINE_TASK |= {"topics": [{"train_share": 1.0, "test_share": 1.0, "weights": [1]}]}
CHAT = Prompt("Q: {problem}", extract=("hashes",), again="Again.")
SHOTS = (("1 + 1?", "#### 2"),)
STOPS = ("\n\nProblem:", "\n\n\n")
COMPLETION = Prompt("{problem}\nA:", format="completion", examples=SHOTS, stop=STOPS, extract=("hashes",))


@pytest.fixture(scope="module")
def words():
    return small_models.tokenizer()


def form_of(prompt=CHAT, equality="text"):
    return PromptForm(prompt, Grader(equality))


def spec_of(prompt=CHAT, equality="text"):
    return {"prompt": content_of(prompt), "equality": equality, "timeout": 5.0}


# Generated problems


def test_the_form_of_lines_is_what_the_functions_of_texts_give():
    tokenizer = build_tokenizer(clock.vocabulary(LINE_TASK, 0), clock.TOKEN_PATTERN)
    problems = clock.make_problems(LINE_TASK, 0)
    questions, solutions = problems["question"].to_list(), problems["solution"].to_list()
    before = [solutions[:number] for number in range(len(questions))]
    asked = text.encode_prompts(tokenizer, [text.prompt_text(each) for each in questions])
    assert LINES.prompts(tokenizer, questions) == asked
    again = [text.prompt_text(*each) for each in zip(questions, before, strict=True)]
    assert LINES.prompts(tokenizer, questions, before) == text.encode_prompts(tokenizer, again)
    ended = [[True] * len(solutions), [False] * len(solutions)]
    assert LINES.targets(tokenizer, solutions) == text.encode_solutions(tokenizer, solutions, ended[0])
    assert LINES.continued(tokenizer, solutions) == text.encode_solutions(tokenizer, solutions, ended[1])
    targets = LINES.targets(tokenizer, solutions)
    assert LINES.decode(tokenizer, targets) == text.decode(tokenizer, targets) == solutions
    assert LINES.stops(tokenizer, (2,), "m").step == tuple(tokenizer.convert_tokens_to_ids(["\n"]))
    assert LINES.prefixes("a\nb\nc") == ["a\n", "a\nb\n"] and LINES.prefixes("a") == []
    for solution, gold in zip(solutions, problems["answer"], strict=True):  # authors err
        answer = solution.split("\n")[-1].removeprefix("Answer: ")
        assert LINES.grade([solution], [gold]) == [(answer, answer == gold)]
    assert LINES.grade(["no answer", "Answer: 40"], ["1", "1"]) == [(None, False), ("40", False)]
    with open_form(None) as form:
        assert form is LINES


# What a model reads


def test_a_chat_prompt_has_one_turn_for_each_answer_and_one_that_is_to_be_written(words):
    with open_form(spec_of()) as form:
        (first,), (second,) = form.prompts(words, ["x"]), form.prompts(words, ["x"], [["one\n#### 1", "two"]])
    turn = "<|im_start|>{}\n{}<|im_end|>\n".format
    start = "<|im_start|>assistant\n"
    assert words.decode(first) == turn("user", "Q: x") + start
    earlier = [turn("assistant", "one\n#### 1"), turn("user", "Again."), turn("assistant", "two")]
    assert words.decode(second) == "".join([turn("user", "Q: x"), *earlier, turn("user", "Again."), start])


def test_a_completion_reads_the_examples_and_the_earlier_answers(words):
    with open_form(spec_of(COMPLETION)) as form:
        (first,), (second,) = form.prompts(words, ["x"]), form.prompts(words, ["x"], [["one\n#### 1\n"]])
    assert words.decode(first) == "1 + 1?\nA: #### 2\n\nx\nA:"
    assert words.decode(second) == f"1 + 1?\nA: #### 2\n\nx\nA: one\n#### 1\n\n{prompts.AGAIN}\n\n"


@pytest.mark.parametrize("prompt", [CHAT, COMPLETION, Prompt("{problem}", format="completion")])
def test_all_prompts_have_the_beginning(words, prompt):
    with open_form(spec_of(prompt)) as form:
        begins = form.beginning(words)
        asked = form.prompts(words, ["x", "(1)", "\nx", " y", "?"], [[], [], ["one"], [], []])
    assert all(each[: len(begins)] == begins for each in asked)
    shared = min(len(form.prompts(words, [""])[0]), len(form.prompts(words, ["x"])[0]))
    answered = len(words("Q: \nA:<|im_end|><|im_start|>assistant\n", add_special_tokens=False)["input_ids"])
    assert len(begins) >= shared - answered - 2 * formats.MERGED  # and little else is the same in all of them
    assert LINES.beginning(words) == []


def test_the_spec_of_a_form_is_all_that_it_is_made_of(words):
    for prompt in (CHAT, COMPLETION):
        made = open_form(spec_of(prompt))
        assert made.prompt == prompt
        assert made.prompts(words, ["x", "y"]) == prompts.encode(prompt, ["x", "y"], words)
    assert open_form(spec_of()).prompts(words, []) == []


# What a model writes


def test_what_is_taught_stands_where_what_is_sampled_would_stand(words):
    """A completion goes on after `A:` with a space, a conversation at the start of the model's own turn."""
    (taught,) = form_of().targets(words, ["1 + 1 = 2.\n#### 2"])
    assert words.decode(taught) == "1 + 1 = 2.\n#### 2<|im_end|>"
    (taught,) = form_of(COMPLETION).targets(words, ["1 + 1 = 2.\n#### 2"])
    assert words.decode(taught) == " 1 + 1 = 2.\n#### 2<|im_end|>"
    lines = Prompt("{problem}\nSolution:\n", format="completion")
    (taught,) = form_of(lines).targets(words, ["2"])
    assert words.decode(taught) == "2<|im_end|>"
    (unfinished,) = form_of(COMPLETION).continued(words, [" 1 + 1 = 2.\n"])
    assert words.decode(unfinished) == " 1 + 1 = 2.\n"


def test_what_is_taught_at_the_end_ends_what_is_generated(words):
    """Also where the model's configuration names another token: a reviser would go on after its answer for ever."""
    other = words.convert_tokens_to_ids("<|endoftext|>")
    (taught,) = form_of().targets(words, ["2"])
    assert taught[-1] in form_of().stops(words, (other,), "m").end
    assert other in form_of().stops(words, (other,), "m").end


def test_decoded_solutions_end_where_a_text_ends_them(words):
    form = form_of(COMPLETION)

    def decoded(solution):
        return form.decode(words, [words.encode(solution, add_special_tokens=False)])[0]

    assert decoded("1 + 1 = 2.\n#### 2<|im_end|>") == "1 + 1 = 2.\n#### 2"
    assert decoded("#### 2\n\nProblem: 3 + 3?\n#### 6") == "#### 2"
    assert decoded("a\n\n\nb\n\nProblem:") == "a"  # the one that comes first
    assert decoded("Problem: 1\n\nProblem") == "Problem: 1\n\nProblem"
    assert form_of().decode(words, [words.encode("a\n\n\nb")]) == ["a\n\n\nb"]


@pytest.mark.parametrize(
    ("solution", "prefixes"),
    [
        ("a\nb\nc", ["a\n", "a\nb\n"]),
        ("a\nb\n", ["a\n"]),
        ("\n\na\n\n \nb", ["\n\na\n"]),
        ("a\r\nb\r\n", ["a\r\n"]),
        ("a", []),
        ("a\n \n", []),
    ],
)
def test_prefixes_end_with_the_line_of_a_step(solution, prefixes):
    assert form_of().prefixes(solution) == prefixes


WRITTEN = st.lists(st.sampled_from(["a", "1 + 1", ".", " ", "\n", "\n\n", "\r\n", "\t", "\u3000", "\x0b"]))


@given(WRITTEN.map("".join) | st.text())
@example("a\r")
def test_there_is_one_prefix_less_than_steps(solution):
    form, steps = form_of(), steps_of(solution)
    prefixes = form.prefixes(solution)
    assert len(prefixes) == max(0, len(steps) - 1)
    for number, prefix in enumerate(prefixes, 1):
        assert solution.startswith(prefix) and prefix.endswith("\n")
        assert steps_of(prefix) == steps[:number]


# Answers


@pytest.mark.parametrize("equality", ["text", "math_verify"])
def test_an_answer_is_named_after_the_gold_one_or_its_number_or_its_form(equality):
    solutions = ["#### 1/2", "#### 0.50", "#### .5", "#### 7.0", "#### 7", "#### x + 1", "none", "####"]
    with form_of(equality=equality) as form:
        found = form.grade(solutions, ["0.5"] * len(solutions))
    assert [correct for _, correct in found] == [True, True, True, False, False, False, False, False]
    assert found[0][0] == found[1][0] == found[2][0] is not None
    assert found[3] == found[4] == ("7", False)
    assert found[5] == (formats.name("x + 1"), False)
    assert found[6:] == [(None, False), (None, False)]


def test_an_answer_that_is_equal_in_mathematics_has_the_name_of_the_gold_one():
    with form_of(Prompt("{problem}", extract=("boxed",)), "math_verify") as form:
        found = form.grade([r"\boxed{2x+2}", r"\boxed{2(x+1)}", r"\boxed{2x+3}"], ["2(x+1)"] * 3)
    assert [correct for _, correct in found] == [True, True, False]
    assert found[0][0] == found[1][0] != found[2][0]


answers = st.sampled_from(["1", "1.0", "2/2", "2", "x", "x ", "$x$", "", "no", r"\frac{1}{2}", "0.5"])


@given(st.lists(st.tuples(answers, answers.filter(bool)), min_size=1, max_size=12))
def test_a_verdict_does_not_depend_on_the_other_solutions(pairs):
    """Or cutting the work into other jobs would change votes."""
    solutions, golds = [f"#### {answer}" for answer, _ in pairs], [gold for _, gold in pairs]
    form = form_of()
    alone = [form.grade([solution], [gold])[0] for solution, gold in zip(solutions, golds, strict=True)]
    assert form.grade(solutions, golds) == alone
    assert form.grade(solutions[::-1], golds[::-1]) == alone[::-1]


def test_a_text_that_ends_a_solution_counts_where_it_lies_across_a_prefix_and_its_rollout():
    """The rollout alone does not hold the text; what it wrote after it is the solution of another problem."""
    form, prefix = form_of(COMPLETION), "1 + 1 = 2.\n"
    assert form.grade([prefix + "\nProblem: 3 + 4?\nA: #### 7"], ["7"]) == [(None, False)]
    assert form.grade([prefix + "#### 2\n\nProblem: 3 + 4?\nA: #### 7"], ["2"]) == [("2", True)]


def test_a_form_of_an_unknown_method_is_refused():
    with pytest.raises(InputError, match="hashed"):
        open_form(spec_of(Prompt("{problem}", extract=("hashed",)))).grade(["#### 1"], ["1"])
