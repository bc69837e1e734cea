"""Probes: what the first few samples of a question say of it, before any verdict is known."""

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Samples:
    """The first samples of several orders, arrays (orders, samples).

    `groups`: answer classes, -1 = none; `scores` by the verifier or None; `logprob` of all tokens and their number
    `tokens`, NaN = unknown.
    """

    groups: np.ndarray
    scores: np.ndarray | None
    logprob: np.ndarray
    tokens: np.ndarray

    def first(self, count: int) -> "Samples":
        """The first `count` samples."""
        scores = None if self.scores is None else self.scores[:, :count]
        return Samples(self.groups[:, :count], scores, self.logprob[:, :count], self.tokens[:, :count])


# Features that need a verifier: a vote without one must not pay for them, nor use them
SCORED = ("leader", "score_mean", "score_best", "score_worst")


def features(probe: Samples) -> dict[str, np.ndarray]:
    """Features of a probe of k samples, by name, each (orders,).

    agreement: share of the most frequent answer; margin: that share less the next one's; distinct: answers that
    differ, for each sample; entropy of the answers (nats, no answer is one more); unanswered: share without an answer;
    leader: the largest answer's share of all scores; score_mean, score_best, score_worst; logprob: mean
    log-probability of a token, and logprob_worst, the lowest of a sample; length: mean of log tokens, and
    length_most.  Unknown features are left out.
    """
    groups = probe.groups
    orders, k = groups.shape
    classes = int(groups.max(initial=-1)) + 2
    cells = groups + 1 + np.arange(orders)[:, None] * classes
    counts = np.bincount(cells.ravel(), minlength=orders * classes).reshape(orders, classes)
    answers = np.sort(np.concatenate([counts[:, 1:], np.zeros((orders, 2))], axis=1), axis=1)
    shares = counts / k
    logs = np.log(np.where(shares > 0, shares, 1.0))
    found = {
        "agreement": answers[:, -1] / k,
        "margin": (answers[:, -1] - answers[:, -2]) / k,
        "distinct": (counts[:, 1:] > 0).sum(axis=1) / k,
        "entropy": -(shares * logs).sum(axis=1),
        "unanswered": shares[:, 0],
    }
    if probe.scores is not None:
        weights = np.bincount(cells.ravel(), probe.scores.ravel(), orders * classes).reshape(orders, classes)
        whole = weights[:, 1:].sum(axis=1)
        most = weights[:, 1:].max(axis=1, initial=0.0)
        found["leader"] = np.divide(most, whole, out=np.zeros(orders), where=whole > 0)
        found["score_mean"] = probe.scores.mean(axis=1)
        found["score_best"], found["score_worst"] = probe.scores.max(axis=1), probe.scores.min(axis=1)
    if (probe.tokens > 0).all():
        lengths = np.log(probe.tokens)
        found["length"], found["length_most"] = lengths.mean(axis=1), lengths.max(axis=1)
        if not np.isnan(probe.logprob).any():
            each = probe.logprob / probe.tokens
            found["logprob"], found["logprob_worst"] = each.mean(axis=1), each.min(axis=1)
    return found


@dataclass(frozen=True)
class Units:
    """Features that vary, and how they become columns of a regression: arrays (features,) of means and spreads."""

    names: list[str]
    means: np.ndarray
    spreads: np.ndarray

    @classmethod
    def of(cls, named: dict[str, np.ndarray], scored: bool) -> "Units":
        """Those of features (…); without `scored` those that need a verifier are left out."""
        kept = {name: each for name, each in named.items() if scored or name not in SCORED}
        varying = {name: each for name, each in kept.items() if each.std() > 1e-9}
        return cls(
            list(varying),
            np.array([each.mean() for each in varying.values()]),
            np.array([each.std() for each in varying.values()]),
        )

    def columns(self, named: dict[str, np.ndarray]) -> np.ndarray:
        """(…, columns): a one, each feature in standard units, and all their products."""
        units = [
            (named[name] - mean) / spread
            for name, mean, spread in zip(self.names, self.means, self.spreads, strict=True)
        ]
        columns = [np.ones(next(iter(named.values())).shape), *units]
        columns += [units[i] * units[j] for i in range(len(units)) for j in range(i + 1)]
        return np.stack(columns, axis=-1)


def design(named: dict[str, np.ndarray], scored: bool) -> np.ndarray:
    """The features as columns of a regression, (…, columns): a one, each in standard units, and all their products.

    Without `scored` those that need a verifier are left out, and so is whatever is the same everywhere.
    """
    return Units.of(named, scored).columns(named)
