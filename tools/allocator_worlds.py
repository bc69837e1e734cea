"""The table of docs/allocators.md: what kinds of allocators gain in invented worlds whose truth is known.

python -m tools.allocator_worlds                  # measures and prints; a few minutes on one core
python -m tools.allocator_worlds --write          # and writes the table into docs/allocators.md
python -m tools.allocator_worlds --studies 5      # fewer studies, for a look

A world says how accurate each strategy is on a question, given the pass rate of one sample on it, and at each budget.
Pass rates are those of the default study, Beta(.37, .62).  A study draws questions, measures difficulty on 256 samples,
and one or several runs of each strategy but the first, which is read off the pool; it fits every kind of allocator.
What the fitted rule is worth is known exactly: the accuracy of what it chooses on 2,000 other questions, minus that of
the best fixed strategy of each budget.  Nothing is cross-validated here.
"""

import argparse
import time
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
from scipy.optimize import brentq
from scipy.special import expit, logit
from scipy.stats import beta

from ttc.evaluation import allocator_files
from ttc.evaluation.allocator import Rule
from ttc.noise import generator

DOCUMENT = Path(__file__).parents[1] / "docs/allocators.md"
MARK = "<!-- written by python -m tools.allocator_worlds -->\n"
BUDGETS = [4, 8, 16, 32, 64, 128, 256]
POOL = 256
HELD_OUT = 2000
# Name: strategies, and what the best rule gains over the best fixed strategy of each budget, in points
WORLDS = {"crossing": (3, 7.61), "moderate": (3, 1.0), "search": (8, 0.56)}


@dataclass(frozen=True)
class World:
    """Accuracies of strategies, as logits: level + .25 log2 N + strength · (offset + slope · ease + bend · ease · log).

    The level is the logit of the pass rate, the ease its tanh.  `effects` (3, strategies): offsets, slopes and bends.
    """

    effects: np.ndarray
    strength: float

    def accuracy(self, rate: np.ndarray) -> np.ndarray:
        """Accuracy of every strategy on questions of these pass rates, (questions, strategies, budgets)."""
        level = logit(np.clip(rate, 0.002, 0.998))[:, None, None]
        ease, log = np.tanh(level / 1.5), np.log2(BUDGETS)
        offset, slope, bend = self.effects[:, None, :, None]
        effect = offset + slope * ease + bend * ease * (log - log.mean()) / log.std()
        return expit(level + 0.25 * log + self.strength * effect)


@cache
def world(name: str) -> World:
    """A world by name, its strength set so that the best rule gains what `WORLDS` says."""
    count, gain = WORLDS[name]
    if count == 3:
        # parallel, half and half, sequential
        effects = np.array([[0.0, 0.1, 0.0], [-1.0, 0.0, 1.0], [0.0, 0.0, 0.0]])
    else:
        effects = generator(0, "worlds", name).normal(size=(3, count)) * [[0.5], [1.0], [0.5]]
    rates = np.sort(rates_of(HELD_OUT))

    def short(strength: float) -> float:
        accuracy = World(effects, strength).accuracy(rates)
        return 100 * (accuracy.max(axis=1).mean() - best_fixed(accuracy)) - gain

    return World(effects, brentq(short, 1e-3, 10))


def rates_of(count: int) -> np.ndarray:
    """Pass rates at evenly spread quantiles of the distribution, in no order."""
    places = (np.arange(count) + 0.5) / count
    return generator(0, "rates", count).permutation(beta(0.37, 0.62).ppf(places))


def best_fixed(accuracy: np.ndarray) -> float:
    """Mean accuracy of the strategy that is truly best at each budget."""
    return float(accuracy.mean(axis=0).max(axis=0).mean())


@dataclass(frozen=True)
class Study:
    """What a study measures: difficulty (questions,) and outcomes (questions, strategies, budgets)."""

    difficulty: np.ndarray
    outcomes: np.ndarray


def study(made: World, questions: int, runs: int, random: np.random.Generator) -> Study:
    """Questions drawn and measured: the first strategy off the pool, the others `runs` times."""
    rate = random.beta(0.37, 0.62, questions)
    difficulty = random.binomial(POOL, rate) / POOL
    outcomes = random.binomial(runs, made.accuracy(rate)) / runs
    outcomes[:, 0] = made.accuracy(difficulty)[:, 0]
    return Study(difficulty, outcomes)


class Boosting(Rule):
    """Gradient boosting of contrasts on difficulty and log budget, one model a strategy: what is not in the package."""

    def __init__(self, strategies=None, budgets=None):
        super().__init__(strategies, budgets)

    def _rows(self, X):
        logs = np.broadcast_to(np.log2(self.budgets_), (len(X), len(self.budgets_)))
        return np.column_stack([np.repeat(X[:, 0], len(self.budgets_)), logs.ravel()])

    def _fit(self, X, y, costs):
        from sklearn.ensemble import HistGradientBoostingRegressor

        contrasts = y - y.mean(axis=1, keepdims=True)
        self.models_ = [
            HistGradientBoostingRegressor(
                learning_rate=0.05, max_iter=60, max_leaf_nodes=4, min_samples_leaf=100
            ).fit(self._rows(X), contrasts[:, place].ravel())
            for place in range(y.shape[1])
        ]

    def _predict(self, X):
        values = np.stack([model.predict(self._rows(X)) for model in self.models_], axis=1)
        values = values.reshape(len(X), len(self.budgets_), -1).transpose(0, 2, 1)
        return values, np.full(values.shape, np.nan)


def kinds() -> dict[str, type[Rule]]:
    """Kinds that can be used, by name, and boosting."""
    return allocator_files.kinds() | {"boosting": Boosting}


def measure(
    name: str, questions: int, runs: int, studies: int, chosen: dict[str, type[Rule]]
) -> dict[str, list]:
    """By kind: [gain over the best fixed strategy in points, seconds of a fit] of every study."""
    made, rates = world(name), rates_of(HELD_OUT)
    accuracy = made.accuracy(rates)
    new = generator(0, "held out").binomial(POOL, rates)[:, None] / POOL
    found = {kind: [] for kind in (*chosen, "oracle")}
    for number in range(studies):
        drawn = study(made, questions, runs, generator(1, name, questions, runs, number))
        X, y = drawn.difficulty[:, None], drawn.outcomes.reshape(questions, -1)
        for kind, allocator in chosen.items():
            started = time.perf_counter()
            fitted = allocator(budgets=BUDGETS).fit(X, y)
            spent = time.perf_counter() - started
            value = fitted.score(new, accuracy.reshape(HELD_OUT, -1))
            found[kind].append([100 * (value - best_fixed(accuracy)), spent])
        ceiling = drawn.outcomes.max(axis=1).mean() - best_fixed(made.accuracy(drawn.difficulty))
        found["oracle"].append([100 * ceiling, 0.0])
    return found


def table(questions: int, studies: int, boosted: int) -> str:
    """The table as Markdown: a row for each world and number of runs; `boosted` studies have boosting, too."""
    usable = kinds()
    plain = {name: each for name, each in usable.items() if name != "boosting"}
    names = [*plain, "boosting", "oracle"]
    lines = [
        f"| world, runs of each search | best possible | {' | '.join(names)} |",
        "|---" * (2 + len(names)) + "|",
    ]
    seconds = {name: [] for name in names}
    for name, (_, best) in WORLDS.items():
        for runs in (1, 4):
            found = measure(name, questions, runs, studies, plain)
            # Boosting on the first studies only, beside the ridge on the same ones
            boosting = measure(name, questions, runs, boosted, {"boosting": Boosting})["boosting"]
            cells = []
            for kind in names:
                values = np.array(boosting if kind == "boosting" else found[kind])
                seconds[kind] += values[:, 1].tolist()
                cells.append(said(values[:, 0]))
            apart = np.array(boosting)[:, 0] - np.array(found["ridge"])[:boosted, 0]
            cells[names.index("boosting")] += f" (− ridge: {said(apart)})"
            lines.append(f"| {name}, {runs} | {best:+.2f} | {' | '.join(cells)} |")
            print(lines[-1], flush=True)
    spent = [f"{1000 * np.mean(seconds[kind]):.0f} ms" if kind != "oracle" else "–" for kind in names]
    lines.append(f"| one fit | – | {' | '.join(spent)} |")
    counts = f"{studies} studies of {questions} questions; boosting on the first {boosted} of them."
    return "\n".join([counts, "", *lines, ""])


def said(values: np.ndarray) -> str:
    """Mean and standard error, in points."""
    return f"{values.mean():+.2f} ± {values.std(ddof=1) / np.sqrt(len(values)):.2f}"


def main() -> None:
    """Measure, print, and write the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--write", action="store_true", help="write the table into docs/allocators.md")
    parser.add_argument("--studies", type=int, default=100, help="simulated studies of each world")
    parser.add_argument("--boosted", type=int, default=40, help="how many of them have boosting")
    parser.add_argument("--questions", type=int, default=300, help="questions of a study")
    given = parser.parse_args()
    made = table(given.questions, given.studies, min(given.boosted, given.studies))
    if given.write:
        before, _, after = DOCUMENT.read_text(encoding="utf-8").split(MARK)
        DOCUMENT.write_text(f"{before}{MARK}{made}{MARK}{after}", encoding="utf-8")
    else:
        print(made, end="")


if __name__ == "__main__":
    main()
