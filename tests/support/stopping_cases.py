"""Questions for tests of stopping rules, and each rule as slow code: one order at a time, straight from its paper."""

from functools import cache

import numpy as np
from scipy.integrate import quad
from scipy.stats import beta

from ttc.stopping.questions import Question
from ttc.tables.columns import CONFIDENCES


def question(
    groups, correct=None, scores=None, tokens=None, name="p", confidence=None, **windows
) -> Question:
    """A question of these answers; answer 0 is right unless `correct` says otherwise."""
    groups = np.asarray(groups, dtype=np.int32)
    size = len(groups)
    return Question(
        problem_id=name,
        groups=groups,
        correct=(groups == 0).astype(float) if correct is None else np.asarray(correct, dtype=float),
        tokens=np.arange(1.0, size + 1) if tokens is None else np.asarray(tokens, dtype=float),
        read=np.full(size, 3.0),
        scores=None if scores is None else np.asarray(scores, dtype=float),
        confidence=confidence,
        **windows,
    )


def drawn(rate: float, samples: int, random: np.random.Generator, name: str, wrong: int = 4) -> Question:
    """A question that is solved at this rate, with `wrong` other answers, and scores that know a little."""
    right = random.random(samples) < rate
    groups = np.where(right, 0, 1 + random.integers(0, wrong, samples))
    scores = 1 / (1 + np.exp(-random.normal(size=samples) - 1.5 * (right - 0.5)))
    tokens = random.integers(20, 60, samples)
    other = random.spawn(1)[0]
    windows = {each: 10 * other.random(samples) + 5 * right for each in CONFIDENCES}
    return question(groups, right, scores, tokens, name, np.exp(-random.random(samples)), **windows)


@cache
def number(rule: str, groups: tuple[int, ...], scores: tuple[float, ...]) -> float:
    """What a rule that is not fitted sees after these samples."""
    counts = sorted((groups.count(each) for each in set(groups) - {-1}), reverse=True)
    if rule == "windows":
        sizes = [1 << power for power in range(1, 10) if len(groups) % (1 << power) == 0]
        agree = [w for w in sizes if w <= len(groups) and len(set(groups[-w:])) == 1 and groups[-1] >= 0]
        return max(agree, default=0)
    if rule == "beta":
        first, second = ([*counts, 0, 0])[:2]
        return beta.sf(0.5, first + 1, second + 1)
    if rule == "dirichlet":
        if not counts:
            return 0.0
        others = sum(beta.cdf(0.5, counts[0], each) for each in counts[1:])
        return max(0.0, 1 - others - 0.5 ** counts[0])
    if rule in ("leader", "confidence"):
        kept = [(group, score) for group, score in zip(groups, scores, strict=True) if group >= 0]
        sums = [sum(score for group, score in kept if group == each) for each in {group for group, _ in kept}]
        return max(sums) / sum(sums) if sums and max(sums) >= 1 else 0.0
    if rule.startswith("deepconf"):
        kept = [(group, score) for group, score in zip(groups, scores, strict=True) if group >= 0]
        sums = [sum(score for group, score in kept if group == each) for each in {group for group, _ in kept}]
        return max(sums) / sum(sums) if sums and max(sums) >= 2 * sum(sums) / len(kept) else 0.0
    assert rule == "certificate"
    return _certificate(groups)


def _certificate(groups) -> float:
    """Bets against every answer, and one that was never given, draw by draw; wealth by numerical integration."""
    answers = [*sorted(set(groups) - {-1}), "unseen"]
    bets = {each: [0, 0] for each in answers}  # wins and losses of the bet that it is not the most frequent
    counts: dict = {}
    leader = None
    for group in groups:
        for each in answers:
            if each != leader:
                bets[each][0] += group == leader and leader is not None
                bets[each][1] += group == each
        if group >= 0:
            counts[group] = counts.get(group, 0) + 1
            if leader is None or counts[group] > counts[leader]:
                leader = group
    least = min(_mixture(*won_lost) for each, won_lost in bets.items() if each != leader)
    return max(0.0, 1 - 1 / least)


@cache
def _mixture(wins: int, losses: int) -> float:
    return quad(lambda q: 2 * (2 * q) ** wins * (2 - 2 * q) ** losses, 0.5, 1)[0]
