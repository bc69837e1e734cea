"""Paths: the verdict of a vote, and what it has cost, as the samples of a question come in one by one in random order.

A vote over the first N samples holds the probe, which are the first k of them: what was spent on looking is not lost.
"""

from dataclasses import dataclass

import numpy as np

from ttc.evaluation.money.prices import Price
from ttc.evaluation.pool import Pool
from ttc.evaluation.selection import TIE, verdicts
from ttc.evaluation.spending.probes import Samples, features

MAJORITY, WEIGHTED = "majority", "best_of_n_weighted"


@dataclass(frozen=True)
class Paths:
    """Paths of all questions; B sizes, R orders.

    `correct` by selection rule, `tokens` and `read` (by the verifier; NaN = unknown) have the shape (questions, R, B),
    and so have `money` and `reading`, what the policy's and the verifier's tokens cost, None without a price of the
    policy's.  `probes` by size holds features (questions, R, features), see `probes.features`.
    """

    problem_ids: list[str]
    sizes: np.ndarray
    correct: dict[str, np.ndarray]
    tokens: np.ndarray
    read: np.ndarray
    probes: dict[int, dict[str, np.ndarray]]
    money: np.ndarray | None = None
    reading: np.ndarray | None = None


def sizes_to(largest: int) -> np.ndarray:
    """The numbers of samples at which a question may stop: 1, 2, 3, 4, 6, 8, 12, … and `largest`, rising, int."""
    powers = [1 << exponent for exponent in range(int(largest).bit_length())]
    found = {*powers, *(3 * power // 2 for power in powers if power > 1), largest}
    return np.array(sorted(each for each in found if each <= largest), dtype=np.int64)


def walk(
    pool: Pool,
    sizes: np.ndarray,
    probes: list[int],
    orders: int,
    aggregation: str,
    random: np.random.Generator,
    prices: dict[str, Price] | None = None,
) -> Paths:
    """The paths of one question along random orders of its pool; the pool has at least as many samples as the largest.

    Votes are those of `ttc.evaluation.selection`: ties are shared, no answer never wins.
    """
    total = len(pool.groups)
    order = np.stack([random.permutation(total)[: sizes[-1]] for _ in range(orders)])
    scores = pool.steps["prm"].aggregated(aggregation) if "prm" in pool.steps else None
    tokens = _known(pool.each.tokens)
    read = _known(pool.each.verifier_tokens["prm"]) if scores is not None else np.zeros(total)
    weights = {MAJORITY: None} | ({} if scores is None else {WEIGHTED: scores})
    correct = dict(zip(weights, _votes(pool, order, sizes, list(weights.values())), strict=True))
    samples = Samples(
        pool.groups[order],
        None if scores is None else scores[order],
        pool.each.logprob[order],
        pool.each.tokens[order],
    )
    return Paths(
        [pool.problem_id],
        sizes,
        {rule: values[None] for rule, values in correct.items()},
        np.cumsum(tokens[order], axis=1)[None, :, sizes - 1],
        np.cumsum(read[order], axis=1)[None, :, sizes - 1],
        {k: {name: each[None] for name, each in features(samples.first(k)).items()} for k in probes},
        *(np.cumsum(each[order], axis=1)[None, :, sizes - 1] for each in _money(pool, prices or {})),
    )


def _money(pool: Pool, prices: dict[str, Price]) -> tuple[np.ndarray, ...]:
    """What each sample costs, and what reading it costs, (n,), NaN where unknown; nothing without a price."""
    if "policy" not in prices:
        return ()
    unknown = np.full(len(pool.groups), np.nan)
    # Of samples that do not say it, the prompt is as long as that of the others
    prompt = unknown if pool.each.prompt is None else pool.each.prompt
    prompt = np.where(np.isnan(prompt), pool.prompt, prompt)
    written, reading = prices["policy"].of(prompt, _known(pool.each.tokens)), unknown
    if "prm" in prices and "prm" in pool.steps:
        read, own = _known(pool.each.verifier_tokens["prm"]), pool.each.written["prm"]
        reading = prices["prm"].of(read - own, own)
    return written, reading


def joined(paths: list[Paths]) -> Paths:
    """The paths of several questions as one; all have the same sizes, orders and probes.

    Features that are not known of every question are left out.
    """
    first = paths[0]

    def stacked(read):
        return np.concatenate([read(each) for each in paths])

    return Paths(
        [each.problem_ids[0] for each in paths],
        first.sizes,
        {rule: stacked(lambda each, rule=rule: each.correct[rule]) for rule in first.correct},
        stacked(lambda each: each.tokens),
        stacked(lambda each: each.read),
        {
            k: {
                name: stacked(lambda each, k=k, name=name: each.probes[k][name])
                for name in named
                if all(name in each.probes[k] for each in paths)
            }
            for k, named in first.probes.items()
        },
        *(
            ()
            if first.money is None
            else (stacked(lambda each: each.money), stacked(lambda each: each.reading))
        ),
    )


def _votes(pool: Pool, order: np.ndarray, sizes: np.ndarray, weights: list) -> np.ndarray:
    """Expected correctness of each vote at every size, (rules, orders, sizes)."""
    classes = int(pool.groups.max(initial=-1)) + 1
    right = np.concatenate(([0.0], verdicts(pool.groups, pool.correct, max(classes, 1))))[: classes + 1]
    rows = np.arange(len(order))[:, None] * (classes + 1)
    shape = (len(order), classes + 1)
    seen = np.zeros(shape)
    totals = [seen if weight is None else np.zeros(shape) for weight in weights]
    found = np.zeros((len(weights), len(order), len(sizes)))
    done = 0
    for column, size in enumerate(sizes):
        fresh = order[:, done:size]
        cells = (pool.groups[fresh] + 1 + rows).ravel()
        seen += np.bincount(cells, minlength=seen.size).reshape(shape)
        present = seen > 0
        present[:, 0] = False
        for rule, weight in enumerate(weights):
            if weight is not None:
                totals[rule] += np.bincount(cells, weight[fresh].ravel(), seen.size).reshape(shape)
            standing = np.where(present, totals[rule], -1.0)
            best = standing.max(axis=1, keepdims=True)
            # Rounding must not decide a vote, however small the scores
            winners = present & (standing >= best * (1 - TIE))
            found[rule, :, column] = winners @ right / np.maximum(winners.sum(axis=1), 1)
        done = size
    return np.clip(found, 0.0, 1.0)


def _known(values: np.ndarray) -> np.ndarray:
    """The values; one that was not recorded is the mean of those that were, since missing is never free."""
    missing = np.isnan(values)
    return (
        np.where(missing, values[~missing].mean(), values) if missing.any() and not missing.all() else values
    )
