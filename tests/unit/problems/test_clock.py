"""The generated task: solutions worked by hand, authors' errors at their dials, disjoint and stable problems."""

import copy

import numpy as np
import polars as pl
import pytest
from scipy import stats

from tests.support.clock_task import GROUPS, SEED, TASK, TOPICS
from ttc.errors import InputError
from ttc.problems import clockwork
from ttc.problems.tasks import clock
from ttc.problems.tasks.clock import Operation
from ttc.tables.generation import PROBLEMS


def operation(name, error_rate=0.0, misconception=0.0):
    return Operation(name[0], int(name[1:]), 0, error_rate, misconception)


@pytest.fixture(scope="module")
def problems():
    return clock.make_problems(TASK, SEED)


def within_binomial(hits, trials, share):
    """Whether `hits` lie within the central 99.9 % of a binomial distribution."""
    low, high = stats.binom.interval(0.999, trials, share)
    return low <= hits <= high


def test_a_solution_worked_by_hand():
    chain = [operation("+7"), operation("*3"), operation("+35")]
    assert clockwork.question(5, chain) == "Start at 5 then +7 *3 +35"
    # 5+7 = 12; 12*3 = 36; 36+35 = 71 = 37+34
    assert clockwork.solution(5, chain, 37) == ("1: +7 = 12\n2: *3 = 36\n3: +35 = 34\nAnswer: 34", 34)


def test_an_author_goes_on_from_a_wrong_number():
    chain = [operation("+7"), operation("*3", error_rate=0.5), operation("+1")]
    draws = np.array([[0.0, 0.0, 0.0], [0.49, 0.0, 0.0], [0.0, 0.0, 0.0]])
    # 12*3 = 36; the slip with draw 0 is the next number, 0; then 0+1 = 1
    assert clockwork.solution(5, chain, 37, draws) == ("1: +7 = 12\n2: *3 = 0\n3: +1 = 1\nAnswer: 1", 1)
    draws[1, 0] = 0.5
    assert clockwork.solution(5, chain, 37, draws)[1] == 0  # 36+1: a draw at the rate itself is no error


@pytest.mark.parametrize(
    ("name", "number", "draws", "written"),
    [
        ("+7", 5, (0.0, 0.9), 13),  # misconception: 5+8
        ("*3", 5, (0.0, 0.9), 20),  # misconception: 5*4
        ("+35", 36, (0.0, 0.9), 35),  # 36+36 = 72 = 37+35
        ("*3", 0, (0.0, 0.0), 1),  # 0*4 is right, so it is a slip instead, to the next number
        ("+7", 5, (0.5, 0.0), 13),  # slip to the next number
        ("+7", 5, (0.5, 0.9999), 11),  # slip to the last of the others: 12+36 = 48 = 37+11
        ("+7", 5, (0.5, 0.5), 31),  # 12+1+18
    ],
)
def test_wrong_results_worked_by_hand(name, number, draws, written):
    assert clockwork.write_wrong(operation(name, 1.0, 0.5), number, 37, np.array(draws)) == written


@pytest.mark.parametrize("modulus", [5, 12, 37])
def test_what_is_meant_to_be_wrong_is_wrong(modulus):
    """Every slip is equally likely and none is the right number, on prime and other clocks."""
    draws = [(first, second) for first in (0.0, 0.9) for second in (np.arange(400) + 0.5) / 400]
    for name in (f"+{modulus - 2}", f"*{modulus - 2}", "*2", "+2"):
        for number in range(modulus):
            made = operation(name, 1.0, 0.5)
            written = [clockwork.write_wrong(made, number, modulus, np.array(draw)) for draw in draws]
            right = clockwork.apply(made, number, modulus)
            assert right not in written and set(written) == set(range(modulus)) - {right}


def test_operations_are_different_and_in_groups():
    world = clockwork.operations(TASK, SEED)
    assert len({(each.kind, each.operand) for each in world}) == len(world) == 15
    assert [each.group for each in world] == [0] * 8 + [1] * 4 + [2] * 3
    # Operands 0 and 1 do nothing or nearly, and one too large must not be the whole clock
    assert all(2 <= each.operand <= 35 for each in world)
    assert [str(each) for each in world] != [str(each) for each in clockwork.operations(TASK, SEED + 1)]


def test_too_many_operations_are_refused():
    # A clock of 5 hours has +2, *2, +3, *3
    task = TASK | {"modulus": 5, "groups": [GROUPS[0] | {"operations": 3}, GROUPS[1] | {"operations": 2}]}
    with pytest.raises(InputError, match="asks for 5 operations; a clock of 5 hours has 4"):
        clockwork.operations(task, SEED)
    assert len(clockwork.operations(task | {"groups": [GROUPS[0] | {"operations": 4}]}, SEED)) == 4


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"test_share": 0.0}, "task.topics: every test_share is 0; at least one topic must occur"),
        ({"weights": [0, 0, 0]}, "task.topics.0.weights: all are 0; at least one group must occur"),
        ({"weights": [1, 1]}, "task.topics.0.weights: 2 numbers were given; task.groups has 3"),
    ],
)
def test_topics_without_questions_are_refused(change, message):
    with pytest.raises(InputError, match=message):
        clock.make_problems(TASK | {"topics": [topic | change for topic in TOPICS]}, SEED)


def test_operations_are_apart_while_the_clock_has_others():
    kinds = {"+": [], "*": []}
    for each in clockwork.operations(TASK, SEED):
        kinds[each.kind].append(each.operand)
    gaps = np.concatenate([np.diff(sorted(operands)) for operands in kinds.values()])
    assert len(gaps) == 13 and (gaps > 1).all()


def test_problems_are_a_table_with_right_answers(problems):
    PROBLEMS.check(problems, "here")
    counts = dict(problems.group_by("split").len().iter_rows())
    assert counts == {"train": 4000, "test": 300}
    for question, answer, level in problems.select("question", "answer", "level").iter_rows():
        words = question.split()
        number = int(words[2])
        for word in words[4:]:
            number = (number + int(word[1:]) if word[0] == "+" else number * int(word[1:])) % 37
        assert answer == str(number) and level == len(words) - 4


def test_test_questions_are_different_and_no_training_question(problems):
    tests = problems.filter(pl.col("split") == "test")["question"]
    assert tests.n_unique() == len(tests)
    assert not set(tests) & set(problems.filter(pl.col("split") == "train")["question"])


def test_test_solutions_are_right_and_training_solutions_consistent(problems):
    for question, answer, text in (
        problems.filter(split="test").select("question", "answer", "solution").iter_rows()
    ):
        assert clock.first_wrong_step(TASK, question, text) is None
        assert text.endswith(f"Answer: {answer}")
    for text in problems.filter(split="train")["solution"]:
        assert text.split("\n")[-1] == f"Answer: {text.split(chr(10))[-2].split(' = ')[1]}"


def test_asking_for_more_leaves_the_first_problems(problems):
    small = clock.make_problems(TASK | {"train_problems": 50}, SEED)
    assert small.equals(pl.concat([problems.filter(split="test"), problems.filter(split="train")[:50]]))
    fewer = clock.make_problems(TASK | {"test_problems": 20, "train_problems": 50}, SEED)
    assert fewer.filter(split="test").equals(problems.filter(split="test")[:20])
    # A training question may become a test question; the others stay, in order
    tests = set(problems.filter(split="test")["question"])
    kept = [each for each in fewer.filter(split="train")["question"] if each not in tests]
    assert problems.filter(split="train")["question"].to_list()[: len(kept)] == kept


def test_other_seeds_give_other_problems(problems):
    other = clock.make_problems(TASK, SEED + 1)
    shared = set(other["question"]) & set(problems["question"])
    assert len(shared) < 0.01 * len(problems)


def test_lengths_and_starts_are_uniform(problems):
    for split in ("test", "train"):
        chosen = problems.filter(split=split)
        starts = chosen["question"].str.split(" ").list.get(2).cast(pl.Int32).to_numpy()
        assert stats.chisquare(np.bincount(starts, minlength=37)).pvalue > 0.0005
        assert stats.chisquare(np.bincount(chosen["level"], minlength=7)[1:]).pvalue > 0.0005


def test_operations_occur_by_the_weights_of_their_topics(problems):
    """Shares worked out by hand: 8 operations of group 0, 4 of group 1, 3 of group 2."""
    world = clockwork.operations(TASK, SEED)
    expected = {
        # 3/4 of the questions have half group 0 and half group 1, 1/4 group 0 alone
        "train": [(3 / 8 + 1 / 4) / 8, 3 / 8 / 4, 0],
        # half of the questions are as above, of the others 1/4 of the steps is of group 1 and 3/4 of group 2
        "test": [1 / 4 / 8, (1 / 4 + 1 / 8) / 4, 3 / 8 / 3],
    }
    for split, shares in expected.items():
        words = problems.filter(split=split)["question"].str.split(" ").list.slice(4).explode().to_list()
        share = np.array([shares[each.group] for each in world])
        counts = np.array([words.count(str(each)) for each in world])
        assert counts.sum() == len(words)
        assert (counts[share == 0] == 0).all()
        # Steps of a question share its topic, so counts spread more than independent ones: by at most its 6 steps
        spread = np.sqrt(6 * len(words) * share * (1 - share))
        assert (np.abs(counts - share * len(words)) <= 4 * spread).all()


def test_a_question_is_about_one_topic(problems):
    groups = {str(each): each.group for each in clockwork.operations(TASK, SEED)}
    found = {"train": set(), "test": set()}
    for split, question in problems.select("split", "question").iter_rows():
        found[split].add(frozenset(groups[word] for word in question.split()[4:]))
    assert found["train"] == {frozenset(each) for each in ([0], [1], [0, 1])}
    assert found["test"] == found["train"] | {frozenset([2]), frozenset([1, 2])}


def test_authors_err_at_the_rates_of_their_dials(problems):
    world = {str(each): each for each in clockwork.operations(TASK, SEED)}
    steps, errors, shared = np.zeros(3), np.zeros(3), np.zeros(3)
    for question, text in problems.filter(split="train").select("question", "solution").iter_rows():
        number = int(question.split()[2])
        for line in text.split("\n")[:-1]:
            _, word, _, written = line.split(" ")
            made, written = world[word], int(written)
            operand = made.operand + 1  # the misconception
            shifted = (number + operand if made.kind == "+" else number * operand) % 37
            steps[made.group] += 1
            errors[made.group] += written != clockwork.apply(made, number, 37)
            shared[made.group] += written == shifted != clockwork.apply(made, number, 37)
            number = written
    for group, dials in enumerate(GROUPS[:2]):
        assert within_binomial(errors[group], steps[group], dials["error_rate"])
        # A slip hits the misconception by chance once in 36; 0*k is right for every k, 1 number in 37
        likely = dials["misconception"] + (1 - dials["misconception"]) / 36
        low, _ = stats.binom.interval(0.999, errors[group], likely * 36 / 37)
        _, high = stats.binom.interval(0.999, errors[group], likely)
        assert low <= shared[group] <= high
    assert steps[2] == 0  # it is in no topic of the training text


QUESTION = "Start at 5 then +7 *3"


@pytest.mark.parametrize(
    ("text", "first"),
    [
        ("1: +7 = 12\n2: *3 = 36\nAnswer: 36", None),
        ("1: +7 = 12\n2: *3 = 36", None),  # so far, so good
        ("", 0),
        ("1: +7 = 13\n2: *3 = 36\nAnswer: 36", 0),  # right answer, wrong step
        ("1: +7 = 12\n2: *3 = 35\nAnswer: 35", 1),
        ("1: +7 = 12\n2: *3 = 36\nAnswer: 3", 2),
        ("1: *3 = 15\n2: +7 = 22\nAnswer: 22", 0),  # wrong order
        ("1: +7 = 12\n3: *3 = 36\nAnswer: 36", 1),  # wrong label
        ("1: +7 = 12\n2: *4 = 11\nAnswer: 11", 1),  # wrong operation
        ("1: +7 = 12\nAnswer: 12", 1),  # a step left out
        ("1: +7 = 12\n2: *3 = 36\n3: +7 = 6\nAnswer: 6", 2),  # a step too many
        ("1: +7 = 12\n2: *3 = 36\nAnswer: 36\n", 3),
        ("1: +7 = 12\n2: *3 = 36\nAnswer: 36\nAnswer: 36", 3),
        ("1: +7 = 12 \n2: *3 = 36\nAnswer: 36", 0),
    ],
)
def test_first_wrong_step(text, first):
    assert clock.first_wrong_step(TASK, QUESTION, text) == first


def test_vocabulary_has_every_token_once_and_special_ones_first():
    words = clock.vocabulary(TASK, SEED)
    assert words[:5] == ["<pad>", "<bos>", "<eos>", "<unk>", "\n"]
    # 5 special, 5 words, 6 labels, 37 numbers, 15 operations with and without an equals sign
    assert len(words) == len(set(words)) == 5 + 5 + 6 + 37 + 2 * 15


def test_making_problems_does_not_change_the_task():
    task = copy.deepcopy(TASK | {"train_problems": 5, "test_problems": 5})
    before = copy.deepcopy(task)
    clock.make_problems(task, SEED)
    assert task == before


def test_questions_of_the_first_group_only():
    world = [str(each) for each in clockwork.operations(TASK, SEED)]
    first, other = world[:8], world[8]
    questions = [f"Start at 5 then {first[0]}", f"Start at 5 then {first[7]} {first[0]} {first[7]}"]
    mixed = [f"Start at 5 then {other}", f"Start at 5 then {first[0]} {other}"]
    assert clock.easy(TASK, SEED, questions + mixed) == [True, True, False, False]
