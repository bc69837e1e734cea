"""Coverage of the intervals of budgets spread across questions, by simulation, as a table for docs/spending.md.

python -m tools.spending_coverage --questions 100      # some minutes
"""

import argparse
from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np

from ttc.evaluation.pool import Costs, Pool, Steps
from ttc.evaluation.spending.measure import MEASURES, Rule, Study, measure
from ttc.evaluation.spending.paths import MAJORITY, WEIGHTED, Paths, joined, walk
from ttc.noise import generator

SAMPLES, ORDERS, FOLDS = 32, 4, 10
SIZES = np.array([1, 2, 3, 4, 6, 8, 12, 16, 24, 32])
TARGETS, PROBE = [4, 8], 2
SHOWN = ("accuracy", "gain_generations", "gain_tokens", "saving_generations")


def question(name: str, random: np.random.Generator) -> Pool:
    """A question: pass rates as in the default study, wrong answers that attract, scores one sd apart."""
    rate, wrong = random.beta(0.37, 0.62), random.dirichlet(np.full(12, 0.3))
    right = random.random(SAMPLES) < rate
    groups = np.where(right, 0, 1 + random.choice(12, SAMPLES, p=wrong)).astype(np.int32)
    scores = 1 / (1 + np.exp(-random.normal(right - 0.5, 1.0)))
    tokens = 20.0 + 30.0 * (1 - rate) + random.integers(0, 10, SAMPLES)
    costs = Costs(tokens, {"prm": tokens + 20}, -0.3 * tokens)
    return Pool(
        problem_id=name,
        index=np.arange(SAMPLES),
        groups=groups,
        correct=right.astype(float),
        steps={"prm": Steps(scores, np.ones(SAMPLES, dtype=int))},
        tokens=float(tokens.mean()),
        verifier_tokens={"prm": float(tokens.mean() + 20)},
        logprob=float("nan"),
        each=costs,
    )


def population(count: int) -> Paths:
    """The paths of `count` questions."""
    random = generator(0, "coverage", "spending")
    looks = [size for size in SIZES.tolist() if not size & (size - 1) and PROBE <= size < SAMPLES]
    return joined(
        [walk(question(f"q{each:05}", random), SIZES, looks, ORDERS, "last", random) for each in range(count)]
    )


def drawn(paths: Paths, size: int, seed: int) -> Study:
    """A study of `size` questions of the population."""
    random = generator(seed, "coverage", "study", size)
    rows = random.choice(len(paths.problem_ids), size, replace=False)
    own = replace(
        paths,
        problem_ids=[paths.problem_ids[row] for row in rows],
        correct={rule: values[rows] for rule, values in paths.correct.items()},
        tokens=paths.tokens[rows],
        read=paths.read[rows],
        probes={k: {name: each[rows] for name, each in named.items()} for k, named in paths.probes.items()},
    )
    return Study(own, np.arange(size) % FOLDS, None, TARGETS, [PROBE], (2.0, 2.0))


def simulated(
    title: str,
    truth: int,
    rules: list,
    labels: tuple[str, ...],
    measures: Sequence[str],
    shown: Sequence[str],
    drawn_values: Callable[[int, int], dict],
    drawn_ends: Callable[[int, int, int], tuple[dict, dict]],
) -> None:
    """Print the share of studies whose interval holds the mean of all studies, which learn as they do.

    labels: attributes of a rule that begin its row; shown: the columns, of all `measures`.  drawn_values(questions,
    seed): {rule: (measures, targets)} of a study; drawn_ends(questions, seed, resamples): its lower and upper ends.
    """
    parser = argparse.ArgumentParser(description=title)
    parser.add_argument("--questions", type=int, default=100)
    parser.add_argument("--studies", type=int, default=100)
    parser.add_argument("--truth", type=int, default=truth, help="studies whose mean is the truth")
    parser.add_argument("--resamples", type=int, default=100)
    given = parser.parse_args()
    places = [measures.index(name) for name in shown]
    found = []
    for seed in range(given.truth):
        values = drawn_values(given.questions, seed)
        found.append([values[rule][places] for rule in rules])
    true, spread = np.mean(found, axis=0), np.std(found, axis=0, ddof=1)
    inside, wide = np.zeros((2, *true.shape))
    for seed in range(given.studies):
        ends = drawn_ends(given.questions, seed, given.resamples)
        low, high = (np.array([each[rule][places] for rule in rules]) for each in ends)
        inside += (low <= true) & (true <= high)
        wide += (high - low) / 2
    print(
        f"{given.questions} questions, {given.studies} studies; half-width over 1.96 standard deviations of studies\n"
    )
    heads = [f"{name}: truth, covered, width" for name in shown]
    print(f"| {' | '.join(labels)} | mean budget | {' | '.join(heads)} |")
    print("|---" * (len(labels) + 1 + len(heads)) + "|")
    for row, rule in enumerate(rules):
        begin = " | ".join(getattr(rule, label) for label in labels)
        for column, target in enumerate(TARGETS):
            cells = [
                f"{true[row, each, column]:.3f}, {100 * inside[row, each, column] / given.studies:.0f} %, "
                f"{wide[row, each, column] / given.studies / (1.96 * spread[row, each, column]):.2f}"
                for each in range(len(places))
            ]
            print(f"| {begin} | {target} | {' | '.join(cells)} |")


def main() -> None:
    """The rules of `evaluate_spending`."""
    paths = population(4000)

    def values(questions: int, seed: int) -> dict:
        study, once = drawn(paths, questions, seed), np.ones(questions)
        return study.compared(study.spent(once), once)

    def ends(questions: int, seed: int, resamples: int) -> tuple[dict, dict]:
        made = measure(drawn(paths, questions, seed), resamples, generator(seed, "coverage", "resamples"))
        return made.low, made.high

    rules = [
        Rule(vote, rule, PROBE)
        for vote in (MAJORITY, WEIGHTED)
        for rule in ("batch", "price", "price_by_steps")
    ]
    simulated(__doc__.splitlines()[0], 600, rules, ("selection", "name"), MEASURES, SHOWN, values, ends)


if __name__ == "__main__":
    main()
