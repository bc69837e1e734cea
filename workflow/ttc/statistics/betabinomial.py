"""Beta-binomial fits of counts with point masses at 0 and 1, many resamples at a time: what pass@k is at any k.

A question is answered rightly with a chance p of its own.  p has a beta distribution over questions, and some
questions may never (p = 0) or always (p = 1) be answered rightly.  Of n samples c are right; p is integrated out.
Pass@k is then E[1 - (1 - p)^k] in closed form, at k beyond n, too.  Fitting the distribution, and not the mean curve,
is what Schaeffer et al. 2025 (arXiv 2502.17578) and Kazdan et al. 2025 (arXiv 2510.05197) advise.
"""

from dataclasses import dataclass

import numpy as np

# Which of beta, mass at 0 and mass at 1 a model has
MODELS = {"beta": (), "beta0": (0,), "beta1": (1,), "beta01": (0, 1)}
# Of log a and log b, and of the log of a mass over the beta's: what is beyond cannot be told from the border
SHAPES, ODDS = (-9.0, 9.0), (-16.0, 16.0)
STEPS, SMALL = 100, 1e-8


@dataclass(frozen=True)
class Fit:
    """Fits of one model, a row for each set of weights: `a`, `b` of the beta, `zero` and `one` the masses at 0 and 1.

    `loglik` (rows,): the log-likelihood, binomial coefficients left out; `free`: parameters that were fitted.
    """

    a: np.ndarray
    b: np.ndarray
    zero: np.ndarray
    one: np.ndarray
    loglik: np.ndarray
    free: int

    def unanswered(self, sizes: np.ndarray) -> np.ndarray:
        """E[(1 - p)^k] for each k of `sizes`, not falling: (rows, sizes)."""
        sizes = np.asarray(sizes, dtype=np.int64)
        kept = 1.0 - self.zero - self.one
        a, b = self.a[:, None], self.b[:, None]
        steps = np.arange(int(sizes.max(initial=0)))
        # E[(1 - p)^k] of a beta is the product over i < k of (b + i) / (a + b + i)
        logs = np.concatenate(
            [np.zeros((len(a), 1)), np.cumsum(np.log1p(-a / (a + b + steps)), axis=1)], axis=1
        )
        return self.zero[:, None] + kept[:, None] * np.exp(logs[:, sizes])

    def pass_at_k(self, sizes: np.ndarray) -> np.ndarray:
        """E[1 - (1 - p)^k] for each k of `sizes`: (rows, sizes)."""
        return 1.0 - self.unanswered(sizes)


def fit(totals: np.ndarray, correct: np.ndarray, weights: np.ndarray, model: str = "beta01") -> Fit:
    """Maximum-likelihood fits of a model of `MODELS` to `correct` of `totals` samples (points,), 1 <= totals.

    `weights` (rows, points): how often each point counts in each fit, such as in bootstrap resamples; a row must hold
    something.  Newton's method in log a, log b and log odds of the masses, damped where a step does not help.  Shapes
    lie in [e^-9, e^9].  ValueError for a count beyond its total.
    """
    totals, correct = np.asarray(totals, dtype=np.int64), np.asarray(correct, dtype=np.int64)
    if (totals < 1).any() or (correct < 0).any() or (correct > totals).any():
        raise ValueError("counts must lie between 0 and their totals, and totals be at least 1")
    points, place = np.unique(np.stack([totals, correct], axis=1), axis=0, return_inverse=True)
    sums = np.zeros((len(weights), len(points)))
    np.add.at(sums.T, place.ravel(), np.asarray(weights, dtype=np.float64).T)
    likelihood = _Likelihood(points[:, 0], points[:, 1], MODELS[model])
    theta = _maximised(likelihood, sums)
    a, b = np.exp(theta[:, 0]), np.exp(theta[:, 1])
    masses = likelihood.masses(theta)
    zero, one = np.zeros(len(theta)), np.zeros(len(theta))
    for column, end in enumerate(likelihood.ends):
        (zero, one)[end][:] = masses[:, 1 + column]
    return Fit(a, b, zero, one, likelihood.value(theta, sums), theta.shape[1])


@dataclass(frozen=True)
class _Likelihood:
    """Log-likelihood of points (totals, correct) under a beta and masses at `ends`, with its derivatives.

    Parameters of a row: log a, log b, and for each end the log of its mass over the beta's.
    """

    totals: np.ndarray
    correct: np.ndarray
    ends: tuple[int, ...]

    @property
    def bounds(self) -> np.ndarray:
        """Least and largest value of each parameter: (2, parameters)."""
        return np.array([SHAPES, SHAPES, *[ODDS] * len(self.ends)]).T

    def masses(self, theta: np.ndarray) -> np.ndarray:
        """Mass of the beta and of each end: (rows, 1 + ends)."""
        odds = np.concatenate([np.zeros((len(theta), 1)), theta[:, 2:]], axis=1)
        odds = np.exp(odds - odds.max(axis=1, keepdims=True))
        return odds / odds.sum(axis=1, keepdims=True)

    def at_end(self, end: int) -> np.ndarray:
        """Points that a question at this end may have."""
        return self.correct == (self.totals if end else 0)

    def value(self, theta: np.ndarray, weights: np.ndarray) -> np.ndarray:
        """Log-likelihood of each row."""
        log_beta, _, _ = self._beta(theta, derivatives=False)
        return (weights * self._mixed(theta, log_beta)[0]).sum(axis=1)

    def derivatives(self, theta: np.ndarray, weights: np.ndarray):
        """Log-likelihood (rows,), its gradient (rows, parameters) and Hessian (rows, parameters, parameters)."""
        log_beta, slope, curve = self._beta(theta, derivatives=True)
        total, parts = self._mixed(theta, log_beta)
        rows, parameters = theta.shape
        masses = self.masses(theta)[:, 1:]
        # Of the log of the masses: d log m_j / d odds_i = [i = j] - m_i, and the second -m_i ([i = j] - m_j)
        second = -(masses[:, :, None] * np.eye(len(self.ends)) - masses[:, :, None] * masses[:, None, :])
        own = np.zeros((rows, len(self.totals), parameters))
        own[:, :, :2] = slope
        own[:, :, 2:] = -masses[:, None]
        gradient = parts[0][:, :, None] * own
        outer = parts[0][:, :, None, None] * own[:, :, :, None] * own[:, :, None, :]
        for column, share in enumerate(parts[1:]):
            each = np.zeros((rows, parameters))
            each[:, 2:] = np.eye(len(self.ends))[column] - masses
            gradient += share[:, :, None] * each[:, None]
            outer += share[:, :, None, None] * (each[:, :, None] * each[:, None, :])[:, None]
        outer[:, :, :2, :2] += parts[0][:, :, None, None] * curve
        outer[:, :, 2:, 2:] += second[:, None]
        outer -= gradient[:, :, :, None] * gradient[:, :, None, :]
        return (
            (weights * total).sum(axis=1),
            np.einsum("rp,rpi->ri", weights, gradient),
            np.einsum("rp,rpij->rij", weights, outer),
        )

    def _mixed(self, theta: np.ndarray, log_beta: np.ndarray) -> tuple[np.ndarray, list[np.ndarray]]:
        """Log-likelihood of every point, and the share that the beta, then each end, has in it: each (rows, points)."""
        logs = np.log(self.masses(theta))
        parts = [logs[:, :1] + log_beta]
        parts += [
            np.where(self.at_end(end), logs[:, [1 + column]], -np.inf) for column, end in enumerate(self.ends)
        ]
        total = parts[0] if len(parts) == 1 else np.logaddexp.reduce(parts)
        return total, [np.exp(part - total) for part in parts]

    def _beta(self, theta: np.ndarray, derivatives: bool):
        """Log of the beta-binomial probability without the coefficient, (rows, points), its gradient and Hessian."""
        a, b = np.exp(theta[:, :1]), np.exp(theta[:, 1:2])
        steps = np.arange(int(self.totals.max()))

        def summed(values: np.ndarray, upto: np.ndarray) -> np.ndarray:
            return np.concatenate([np.zeros((len(values), 1)), np.cumsum(values, axis=1)], axis=1)[:, upto]

        sides = (
            (a + steps, self.correct),
            (b + steps, self.totals - self.correct),
            (a + b + steps, self.totals),
        )
        right, wrong, both = (summed(np.log(value), upto) for value, upto in sides)
        if not derivatives:
            return right + wrong - both, None, None
        first = [summed(1 / value, upto) for value, upto in sides]
        squares = [-summed(1 / value**2, upto) for value, upto in sides]
        slope = np.stack([a * (first[0] - first[2]), b * (first[1] - first[2])], axis=-1)
        curve = np.empty((*right.shape, 2, 2))
        curve[..., 0, 0] = a * (first[0] - first[2]) + a**2 * (squares[0] - squares[2])
        curve[..., 1, 1] = b * (first[1] - first[2]) + b**2 * (squares[1] - squares[2])
        curve[..., 0, 1] = curve[..., 1, 0] = -a * b * squares[2]
        return right + wrong - both, slope, curve


def _start(likelihood: _Likelihood, weights: np.ndarray) -> np.ndarray:
    """Shapes of the moments of the rates, and a third of what lies at an end as its mass."""
    rates = likelihood.correct / likelihood.totals
    size = weights.sum(axis=1)
    mean = np.clip(weights @ rates / size, 0.01, 0.99)
    spread = np.clip(weights @ rates**2 / size - mean**2, 1e-4, None)
    strength = np.clip(mean * (1 - mean) / spread - 1, 0.1, 50)
    theta = np.zeros((len(weights), 2 + len(likelihood.ends)))
    theta[:, 0], theta[:, 1] = np.log(mean * strength), np.log((1 - mean) * strength)
    shares = [weights @ likelihood.at_end(end) / size / 3 for end in likelihood.ends]
    rest = np.clip(1 - sum(shares, start=np.zeros(len(size))), 0.05, None)
    for column, share in enumerate(shares):
        theta[:, 2 + column] = np.log(np.clip(share, 1e-3, None) / rest)
    low, high = likelihood.bounds
    return np.clip(theta, low, high)


def _maximised(likelihood: _Likelihood, weights: np.ndarray) -> np.ndarray:
    """Parameters of each row of `weights`, by damped Newton steps inside the bounds."""
    theta = _start(likelihood, weights)
    low, high = likelihood.bounds
    damping = np.full(len(theta), 1e-3)
    active = np.arange(len(theta))
    for _ in range(STEPS):
        here, mass = theta[active], weights[active]
        value, gradient, hessian = likelihood.derivatives(here, mass)
        # A parameter at its border that would leave stays
        stuck = ((here <= low) & (gradient < 0)) | ((here >= high) & (gradient > 0))
        step = np.clip(here + _step(gradient, hessian, damping[active], stuck), low, high)
        gained = likelihood.value(step, mass) - value
        better = gained >= 0
        theta[active[better]] = step[better]
        damping[active] = np.where(better, damping[active] / 8, damping[active] * 16)
        scale = SMALL * (1 + abs(value))
        done = (better & (gained <= scale)) | (damping[active] > 1e12)
        active = active[~done]
        if not len(active):
            break
    return theta


def _step(gradient: np.ndarray, hessian: np.ndarray, damping: np.ndarray, stuck: np.ndarray) -> np.ndarray:
    """Ascent steps: Newton's, with curvatures made positive and damped; none along what is stuck."""
    gradient = np.where(stuck, 0.0, gradient)
    hessian = np.where(stuck[:, :, None] | stuck[:, None, :], 0.0, hessian)
    values, vectors = np.linalg.eigh(-hessian)
    scale = np.abs(values).max(axis=1, keepdims=True) + 1e-12
    values = np.maximum(np.abs(values), 1e-9 * scale) + damping[:, None] * scale
    along = np.einsum("rij,ri->rj", vectors, gradient) / values
    return np.clip(np.einsum("rij,rj->ri", vectors, along), -3.0, 3.0)
