r"""Signs of completions that are filed under other questions than their own: in their texts, and in their answers.

A low accuracy is no sign of it: a weak model on hard problems has one, too.  So both signs are of something that is
there and should not be.

- Texts.  A completion takes up the words and numbers of its question.  One that takes up those of another question,
  and hardly those of its own, is that question's.  Right or wrong does not matter, and a completion that takes up
  nothing says nothing.
- Answers.  A right answer that nobody would give by chance (`\frac{14}{3}`, not `2`) belongs to one question.  Where
  such answers are given to other questions, more often than wrong answers of that kind meet each other, they are
  right answers in the wrong place.  A model that knows nothing gives no right answers anywhere.
- Repeats.  Whoever gives such an answer twice gives it to one question, be it right or wrong.  Where equal answers
  lie anywhere, the rows of the pool have been dealt out anew.

docs/pools.md says what they find and how often they are wrong, on real pools.
"""

import re
from collections import Counter, defaultdict
from collections.abc import Sequence, Set
from dataclasses import dataclass
from fractions import Fraction
from itertools import pairwise

import numpy as np
from scipy.sparse import csr_array

from ttc.grading.golds import accepted
from ttc.grading.readings import read

# A letter of a script that writes words without spaces, a word, or a number
_UNIT = re.compile(r"[\u3040-\u30ff\u3400-\u9fff]|[^\W\d_\u3040-\u30ff\u3400-\u9fff]+|\d+")
# Of a completion, characters that are read; a question is taken up at the beginning
LONGEST = 10_000
# Nats that the shared words must weigh, so that they are not shared by chance
EVIDENCE = 40.0
# How much better than its own question a completion must fit another
TIMES = 2.0
# Completions in memory at a time
BLOCK = 500
# Fewest golds, and wrong answers, on which the sign of answers rests
FEWEST = 10
FEWEST_WRONG = 20
# Fewest answers given twice, on which the sign of repeats rests
FEWEST_REPEATED = 20

Key = Fraction | str


@dataclass(frozen=True)
class Texts:
    """Completions that show whose they are: arrays over the completions given.

    `judged`: it takes up some question so much that it shows which; `elsewhere`: that is another than its own;
    `other`: index of the question, not its own, that fits best.
    """

    judged: np.ndarray
    elsewhere: np.ndarray
    other: np.ndarray


def judge_texts(questions: Sequence[str], completions: Sequence[str], own: np.ndarray) -> Texts:
    """Which completions take up another question than their own; `own` (completions,) are indices of `questions`.

    A question is the set of its words, numbers, and pairs of neighbours among these.  Each weighs −ln of the share of
    completions, or of questions, that have it, whichever is larger: what all have weighs nothing.  A completion fits a
    question by the weight of what they share over the root of the question's weight.
    """
    sets = [_units(text) for text in questions]
    place = {unit: index for index, unit in enumerate(sorted(set().union(*sets)))}
    asked, told = _matrix(sets, place), _matrix((_units(text[:LONGEST]) for text in completions), place)
    shares = [(each.sum(axis=0) + 1) / (each.shape[0] + 1) for each in (asked, told)]
    weighted = asked.multiply(-np.log(np.maximum(*shares))[None, :]).tocsr()
    roots = np.sqrt(np.maximum(weighted.sum(axis=1), 1e-9))
    found = [np.zeros(0, bool), np.zeros(0, bool), np.zeros(0, int)]
    for start in range(0, len(own), BLOCK):
        shared = (told[start : start + BLOCK] @ weighted.T).toarray()
        rows, mine = np.arange(len(shared)), own[start : start + BLOCK]
        of_own = shared[rows, mine]
        shared[rows, mine] = -1.0
        other = (shared / roots).argmax(axis=1)
        of_other = np.maximum(shared[rows, other], 0.0)
        better = of_other / roots[other] > TIMES * of_own / roots[mine]
        judged = np.maximum(of_own, of_other) >= EVIDENCE
        block = judged, judged & better & (of_other >= EVIDENCE), other
        found = [np.concatenate(pair) for pair in zip(found, block, strict=True)]
    return Texts(*found)


def _units(text: str) -> set[str]:
    units = _UNIT.findall(text.casefold())
    return {*units, *map(" ".join, pairwise(units))}


def _matrix(sets, place: dict[str, int]) -> csr_array:
    """Ones where a text (row) has a unit (column) of `place`."""
    columns, ends = [], [0]
    for units in sets:
        columns += sorted(place[unit] for unit in units if unit in place)
        ends.append(len(columns))
    return csr_array((np.ones(len(columns)), columns, ends), shape=(len(ends) - 1, len(place)))


@dataclass(frozen=True)
class Agreement:
    """How often answers are written as a gold answer, or as one another; None where there are none to compare.

    `own`: as the gold answer of their question; `permuted`: of another question, exactly over all of them; `above`:
    own minus permuted in standard errors over questions.  `within`: share of pairs of answers to one question that
    are written alike; `across`: of pairs to different questions.
    """

    own: float | None
    permuted: float | None
    above: float
    within: float | None
    across: float | None


def keys(gold: str) -> frozenset[Key]:
    """The keys of a gold answer, or of several of which any is accepted."""
    return frozenset(map(key, accepted(gold)))


def key(answer: str) -> Key:
    """What answers that are written alike share: the value of a plain number, else the normal form."""
    reading = read(answer)
    return reading.form if reading.number is None else reading.number


def agreement(golds: Sequence[Set[Key]], question: np.ndarray, answers: Sequence[Key]) -> Agreement:
    """The agreement of `answers` to the questions numbered `question`, which accept `golds`."""
    if not len(answers) or len(golds) < 2:
        return Agreement(None, None, 0.0, None, None)
    held = Counter(gold for each in golds for gold in each)
    own = np.array([answer in golds[at] for at, answer in zip(question, answers, strict=True)], dtype=float)
    chance = (np.array([held[answer] for answer in answers]) - own) / (len(golds) - 1)
    number = np.bincount(question, minlength=len(golds))
    asked = number > 0
    differ = np.bincount(question, weights=own - chance, minlength=len(golds))[asked] / number[asked]
    error = differ.std(ddof=1) / np.sqrt(len(differ)) if len(differ) > 1 else 0.0
    above = differ.mean() / error if error else (0.0 if differ.mean() <= 0 else np.inf)
    here = Counter(zip(question.tolist(), answers, strict=True))
    alike, pairs = _pairs(here.values()), _pairs(number.tolist())
    everywhere, all_pairs = _pairs(Counter(answers).values()) - alike, _pairs([len(answers)]) - pairs
    return Agreement(
        float(own.mean()),
        float(chance.mean()),
        float(above),
        alike / pairs if pairs else None,
        everywhere / all_pairs if all_pairs else None,
    )


def _pairs(counts) -> int:
    return sum(count * (count - 1) // 2 for count in counts)


@dataclass(frozen=True)
class Elsewhere:
    """Right answers under other questions: numbers are samples for each sample of a question.

    `right`: right answers under their own question; `strays`: as many under others, beyond what wrong answers do;
    `sigmas`: strays in standard errors.
    """

    right: float
    strays: float
    sigmas: float

    @property
    def share(self) -> float:
        """Estimated share of the right answers that are filed under another question."""
        strays = max(0.0, self.strays)
        return strays / (self.right + strays) if strays else 0.0


def answers_elsewhere(
    golds: Sequence[Set[Key]], question: np.ndarray, samples: np.ndarray, answers: Sequence[Key]
) -> Elsewhere | None:
    """Gold answers that stand under other questions, where they are compared with wrong answers of the same kind.

    Of each gold answer that only one question has and that is hard to hit by chance, the share of the samples of other
    questions that give it, summed over these.  Wrong answers as hard to hit meet under several questions by chance or
    habit; what they do is taken off.  `samples` (questions,) is the number of samples of each question, with an answer
    or not.  None where fewer than `FEWEST` golds are of this kind: there is nothing to see.
    """
    held = Counter(gold for each in golds for gold in each)
    owners = {
        gold: place
        for place, each in enumerate(golds)
        for gold in each
        if held[gold] == 1 and samples[place] and hard_to_hit(gold)
    }
    if len(owners) < FEWEST:
        return None
    given: dict[Key, dict[int, float]] = defaultdict(lambda: defaultdict(float))
    for place, answer in zip(question.tolist(), answers, strict=True):
        if hard_to_hit(answer):
            given[answer][place] += 1 / samples[place]
    empty: dict[int, float] = {}
    right = np.array([given.get(gold, empty).get(place, 0.0) for gold, place in owners.items()])
    strays = np.array([sum(given.get(gold, empty).values()) for gold in owners]) - right
    wrong = [places for answer, places in given.items() if answer not in held]
    met = np.array([(len(places) - 1) * sum(places.values()) for places in wrong])
    times = np.array([len(places) for places in wrong], dtype=float)
    # A model that is hardly ever wrong shows little of what wrong answers do: the missing ones met nobody
    number = max(times.sum(), FEWEST_WRONG)
    rate = met.sum() / number
    errors = strays.var(ddof=1) / len(strays), ((met - rate * times) ** 2).sum() / number**2
    beyond, error = strays.mean() - rate, np.sqrt(sum(errors))
    sigmas = beyond / error if error else 0.0
    return Elsewhere(float(right.mean()), float(beyond), float(sigmas))


@dataclass(frozen=True)
class Repeats:
    """Answers that are hard to hit and were given at least twice, `answers` of them.

    `together`: share of the pairs of equal ones that lie under one question, each answer counting alike; `dealt`:
    what it would be if rows were dealt out to questions at random.  Questions with one answer are left out.
    """

    answers: int
    together: float
    dealt: float

    @property
    def scattered(self) -> bool:
        """Whether equal answers lie together no more often than dealt rows do; False where too few repeat."""
        expected = self.answers * self.dealt
        return (
            self.answers >= FEWEST_REPEATED
            and self.together * self.answers <= expected + 3 * expected**0.5 + 1
        )


def repeats(question: np.ndarray, answers: Sequence[Key]) -> Repeats:
    """Where equal answers lie: under one question, or anywhere."""
    number = np.bincount(question)
    places: dict[Key, list[int]] = defaultdict(list)
    for place, answer in zip(question.tolist(), answers, strict=True):
        if number[place] > 1 and hard_to_hit(answer):
            places[answer].append(place)
    shares = [
        _pairs(Counter(each).values()) / _pairs([len(each)]) for each in places.values() if len(each) > 1
    ]
    number = number[number > 1].tolist()
    if not shares:
        return Repeats(0, 0.0, 0.0)
    return Repeats(len(shares), sum(shares) / len(shares), _pairs(number) / _pairs([sum(number)]))


def hard_to_hit(answer: Key) -> bool:
    r"""Whether two questions hardly share this answer by chance.

    So are whole numbers with three or more digits before the zeros at their end, fractions with two digits above or
    below, and other forms of at least five characters with two digits among them.
    """
    if isinstance(answer, str):
        return len(answer) >= 5 and sum(char.isdigit() for char in answer[:100]) >= 2
    over, under = abs(answer.numerator), answer.denominator
    if under > 1:
        return over >= 10 or under >= 10
    while over and over % 10 == 0:
        over //= 10
    return over >= 100
