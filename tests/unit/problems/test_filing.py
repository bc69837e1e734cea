"""Signs of completions filed under other questions: found where they are, silent where a model is merely weak."""

from fractions import Fraction

import numpy as np
import pytest

from tests.support.filed_pools import FiledPool, filed_pool
from ttc.grading.golds import joined
from ttc.problems import filing


def moved(pool: FiledPool, share: float, random: np.random.Generator) -> np.ndarray:
    """The questions of the samples after a share of the questions has changed places."""
    places = np.arange(len(pool.questions))
    chosen = np.flatnonzero(random.random(len(places)) < share)
    places[chosen] = np.roll(chosen, 1)
    return places[pool.own]


def texts(pool: FiledPool, own: np.ndarray) -> tuple[int, int]:
    found = filing.judge_texts(pool.questions, pool.texts, own)
    assert not (found.elsewhere & ~found.judged).any()
    return int(found.judged.sum()), int(found.elsewhere.sum())


@pytest.mark.parametrize("accuracy", [0.0, 0.02, 0.5])
def test_texts_show_whose_they_are_however_often_they_are_wrong(accuracy):
    pool = filed_pool(accuracy=accuracy, seed=1)
    judged, elsewhere = texts(pool, pool.own)
    assert judged > 0.9 * len(pool.texts) and elsewhere == 0
    random = np.random.default_rng(2)
    judged, elsewhere = texts(pool, pool.own[random.permutation(len(pool.own))])
    assert elsewhere > 0.95 * judged
    tenth = moved(pool, 0.1, random)
    judged, elsewhere = texts(pool, tenth)
    share = (tenth != pool.own).mean()
    assert elsewhere / judged == pytest.approx(share, abs=0.02)


def test_texts_name_the_question_that_they_take_up():
    pool = filed_pool(seed=3)
    found = filing.judge_texts(pool.questions, pool.texts, (pool.own + 1) % len(pool.questions))
    assert (found.other == pool.own)[found.elsewhere].mean() > 0.95


def test_short_texts_and_unlike_ones_show_nothing():
    pool = filed_pool(seed=4)
    for some in (
        ["The answer is 42."] * len(pool.own),
        [""] * len(pool.own),
        ["q w e r t y"] * len(pool.own),
    ):
        found = filing.judge_texts(pool.questions, some, pool.own)
        assert not found.judged.any()


def test_a_question_that_stands_twice_is_not_another_one():
    pool = filed_pool(questions=30, seed=5)
    twice = pool.questions + pool.questions
    found = filing.judge_texts(twice, pool.texts, pool.own + 30)
    assert found.judged.any() and not found.elsewhere.any()


def test_scripts_without_spaces_are_read_letter_by_letter():
    random = np.random.default_rng(6)
    questions = ["".join(chr(0x4E00 + code) for code in random.integers(0, 3000, 40)) for _ in range(40)]
    own = np.arange(40)
    assert not filing.judge_texts(questions, questions, own).elsewhere.any()
    assert filing.judge_texts(questions, questions, np.roll(own, 1)).elsewhere.all()


def test_agreement_is_counted_over_all_other_questions():
    golds = [filing.keys(gold) for gold in ("1", joined(["1.0", "7"]), r"\frac{1}{2}", "x")]
    question, stated = np.array([0, 0, 1, 2, 3, 3]), ["1", "2", "0.5", "0.5", "x", "1"]
    answers = [filing.key(answer) for answer in stated]
    found = filing.agreement(golds, question, answers)
    others = [
        sum(answer in golds[place] for place in range(4) if place != at) / 3
        for at, answer in zip(question, answers, strict=True)
    ]
    assert found.own == pytest.approx(3 / 6)
    assert found.permuted == pytest.approx(np.mean(others))
    pairs = [(i, j) for i in range(6) for j in range(i)]
    for name, same in (("within", True), ("across", False)):
        alike = [answers[i] == answers[j] for i, j in pairs if (question[i] == question[j]) == same]
        assert getattr(found, name) == pytest.approx(np.mean(alike))


def test_agreement_says_nothing_of_one_question_or_no_answer():
    assert filing.agreement([{"1"}], np.array([0]), ["1"]).own is None
    assert filing.agreement([{"1"}, {"2"}], np.array([], dtype=int), []).own is None


@pytest.mark.parametrize(
    ("answer", "hard"),
    [
        ("2", False),
        ("1200", False),
        ("123", True),
        ("1230", True),
        ("-123", True),
        (r"\frac{1}{2}", False),
        (r"\frac{14}{3}", True),
        ("B", False),
        ("(5, 4)", True),
        ("x=1", False),
        ("Monday", False),
    ],
)
def test_answers_that_are_hard_to_hit(answer, hard):
    assert filing.hard_to_hit(filing.key(answer)) is hard


def test_a_number_of_any_length_is_hard_to_hit():
    assert filing.hard_to_hit(Fraction(10**6000 + 1))
    assert not filing.hard_to_hit(Fraction(10**6000))


def strays(pool: FiledPool, own: np.ndarray) -> filing.Elsewhere:
    number = np.bincount(own, minlength=len(pool.questions))
    return filing.answers_elsewhere(pool.golds, own, number, pool.answers)


@pytest.mark.parametrize("samples", [1, 4])
def test_right_answers_under_other_questions_are_counted(samples):
    pool = filed_pool(questions=200, samples=samples, accuracy=0.6, seed=7)
    found = strays(pool, pool.own)
    assert found.right == pytest.approx(0.6, abs=0.1) and found.strays < 0.02 and found.share < 0.05
    random = np.random.default_rng(8)
    found = strays(pool, random.permutation(200)[pool.own])
    assert found.strays == pytest.approx(0.6, abs=0.1) and found.sigmas > 5 and found.share > 0.95
    # Wrong answers of dealt rows meet one another, too, and that is taken off
    found = strays(pool, pool.own[random.permutation(len(pool.own))])
    assert 0.4 < found.strays < 0.65 and found.sigmas > 5 and found.share > 0.95
    half = moved(pool, 0.5, random)
    assert strays(pool, half).share == pytest.approx((half != pool.own).mean(), abs=0.12)


def test_a_weak_model_has_no_right_answers_anywhere():
    """Also where its wrong answers are the same few for every question."""
    for habits in (0, 30):
        found = [
            strays(pool, pool.own)
            for seed in range(20)
            for pool in [filed_pool(questions=120, accuracy=0.0, habits=habits, seed=seed)]
        ]
        assert max(each.sigmas for each in found) < 4
        assert sum(each.sigmas > 2.5 and each.strays > 0.03 for each in found) <= 1


def test_few_golds_that_are_hard_to_hit_show_nothing():
    pool = filed_pool(questions=9, seed=9)
    assert strays(pool, pool.own) is None
    letters = [filing.key("ABCD"[place % 4]) for place in range(100)]
    golds = [{letter} for letter in letters]
    assert filing.answers_elsewhere(golds, np.arange(100), np.ones(100), letters) is None


def test_equal_answers_lie_together_unless_rows_were_dealt_out():
    random = np.random.default_rng(10)
    for accuracy in (0.0, 0.3):
        pool = filed_pool(questions=150, samples=8, accuracy=accuracy, seed=11)
        found = filing.repeats(pool.own, pool.answers)
        assert found.together > 0.5 and not found.scattered
        dealt = filing.repeats(pool.own[random.permutation(len(pool.own))], pool.answers)
        assert dealt.together == pytest.approx(dealt.dealt, abs=0.02) and dealt.scattered
    alone = filed_pool(questions=300, samples=1, accuracy=0.0, habits=30, seed=12)
    assert not filing.repeats(alone.own, alone.answers).scattered
