"""Coverage of the intervals of the hybrid, by simulation, as a table for docs/spending.md.

python -m tools.hybrid_coverage --questions 100      # some minutes
"""

from dataclasses import replace

import numpy as np

from tools.spending_coverage import FOLDS, ORDERS, SIZES, TARGETS, question, simulated
from ttc.evaluation.hybrid.measure import MEASURES, compared, finer, measure
from ttc.evaluation.hybrid.options import COUNTED, Option, Outside
from ttc.evaluation.hybrid.rules import Rule, World
from ttc.evaluation.spending.paths import WEIGHTED, Paths, joined, walk
from ttc.noise import generator

LOOKS = [2, 4]
SHOWN = ("accuracy", "gain", "gain_fixed", "gain_samples", "saving")
RULES = [
    Rule(WEIGHTED, name, form, LOOKS[0])
    for name in ("hybrid", "cascade")
    for form in ("batch", "price", "steps")
]
# FLOPs of a token of the policy, the verifier and a policy of three times the size
POLICY, VERIFIER, LARGER = 2.0, 2.0, 6.0


def population(count: int) -> tuple[Paths, Outside]:
    """`count` questions: their paths, and one run of each other option.

    A search turns half of the middling around; revisions help a little everywhere; the larger policy is right where the
    policy is, and in half of the other cases.
    """
    random = generator(0, "coverage", "hybrid")
    pools = [question(f"q{each:05}", random) for each in range(count)]
    paths = joined([walk(pool, SIZES, LOOKS, ORDERS, "last", random) for pool in pools])
    paths = replace(paths, correct={WEIGHTED: paths.correct[WEIGHTED]})
    rate = np.array([pool.correct.mean() for pool in pools])
    tokens = paths.tokens[:, :, 0].mean(axis=1)
    options, correct, spent = [], [], {name: [] for name in COUNTED}

    def add(option: Option, chance: np.ndarray, price: float) -> None:
        options.append(option)
        correct.append(random.random(count) < chance)
        made = option.budget * tokens
        for name, each in zip(
            COUNTED, (np.full(count, option.budget), made, made, price * made), strict=True
        ):
            spent[name].append(each)

    for budget in (4, 16):
        middling = 2 * rate * (1 - rate) * np.log2(budget) / 2
        add(
            Option("beam", "beam(width=4)", WEIGHTED, budget),
            np.clip(rate + middling, 0, 1),
            POLICY + VERIFIER,
        )
        name = f"revisions(sequential={budget}, parallel=1)"
        revised = np.clip(rate + 0.02 * np.log2(budget), 0, 1)
        add(Option("revisions", name, "hierarchical", budget), revised, POLICY + VERIFIER)
    add(Option("larger", "greedy", "none", 1), rate + 0.5 * (1 - rate), LARGER)
    add(Option("larger", "majority", "majority", 4), rate + 0.6 * (1 - rate), LARGER)
    stacked = {name: np.stack(each, axis=1) for name, each in spent.items()}
    return paths, Outside(options, np.stack(correct, axis=1).astype(float), stacked)


def drawn(paths: Paths, outside: Outside, size: int, seed: int) -> World:
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
    elsewhere = Outside(
        outside.options, outside.correct[rows], {name: each[rows] for name, each in outside.spent.items()}
    )
    # What a sample costs on average is the population's, so that all studies have one budget
    per = float((POLICY * paths.tokens + VERIFIER * paths.read)[:, :, 0].mean())
    targets = per * np.array(TARGETS, dtype=float)
    fold = np.arange(size) % FOLDS
    return World(own, elsewhere, fold, targets, LOOKS[:1], LOOKS, (POLICY, VERIFIER), "flops", per)


def main() -> None:
    """The hybrid and the cascade of `evaluate_hybrid`."""
    everything = population(4000)

    def values(questions: int, seed: int) -> dict:
        world, once = drawn(*everything, questions, seed), np.ones(questions)
        fine = finer(world.targets)
        return compared(world, world.had(once, fine), once, fine)

    def ends(questions: int, seed: int, resamples: int) -> tuple[dict, dict]:
        made = measure(
            drawn(*everything, questions, seed), resamples, generator(seed, "coverage", "resamples")
        )
        return made.low, made.high

    simulated(__doc__.splitlines()[0], 300, RULES, ("name", "form"), MEASURES, SHOWN, values, ends)


if __name__ == "__main__":
    main()
