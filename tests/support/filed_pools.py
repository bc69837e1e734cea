"""Pools of made-up questions, with texts that take up their words, and answers right at a given rate."""

from dataclasses import dataclass

import numpy as np

from ttc.problems import filing


@dataclass(frozen=True)
class FiledPool:
    """`own` (samples,) is the question of each sample; `stated` its answer, `answers` and `golds` the keys of these."""

    questions: list[str]
    gold: list[str]
    own: np.ndarray
    texts: list[str]
    stated: list[str]

    @property
    def golds(self) -> list[frozenset[filing.Key]]:
        """The keys of the gold answers."""
        return [filing.keys(gold) for gold in self.gold]

    @property
    def answers(self) -> list[filing.Key]:
        """The keys of the answers."""
        return [filing.key(answer) for answer in self.stated]


def filed_pool(
    questions: int = 60, samples: int = 4, accuracy: float = 0.5, habits: int = 0, seed: int = 0
) -> FiledPool:
    """A pool of so many questions and samples of each.

    A completion takes up about half of its question's words among words of its own.  A wrong answer is one of three of
    its question, or with `habits` one of so many that all questions share.
    """
    random = np.random.default_rng(seed)
    words = np.array(
        [f"w{chr(97 + a)}{chr(97 + b)}{chr(97 + c)}" for a in range(26) for b in range(26) for c in range(3)]
    )
    asked = [random.choice(words, 30) for _ in range(questions)]
    gold = [str(number) for number in random.choice(np.arange(1001, 9999, 3), questions, replace=False)]
    shared = [str(number) for number in random.integers(10_001, 99_999, max(1, habits)) * 10 + 1]
    own, texts, stated = np.repeat(np.arange(questions), samples), [], []
    for place in own:
        kept = asked[place][random.random(30) < 0.5]
        texts.append(" ".join([*kept, *random.choice(words[:200], 30)]))
        wrong = (
            random.choice(shared) if habits else str(100_001 + 30 * int(place) + 3 * random.integers(0, 3))
        )
        stated.append(gold[place] if random.random() < accuracy else str(wrong))
    return FiledPool([" ".join(each) for each in asked], gold, own, texts, stated)
