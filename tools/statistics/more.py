"""Extrapolations whose truth is known: worlds of pass rates, and pools of which most samples are held out."""

import json
from collections import defaultdict
from collections.abc import Callable
from pathlib import Path

import numpy as np

from ttc.evaluation.extrapolation.measure import Sampled, measure
from ttc.evaluation.selection import encode
from ttc.noise import generator

TIMES, SUBSETS = 10, 50


def _beta(random: np.random.Generator, size: int) -> np.ndarray:
    return random.beta(0.37, 0.62, size)


def _masses(random: np.random.Generator, size: int) -> np.ndarray:
    rates, place = random.beta(0.6, 0.8, size), random.random(size)
    return np.where(place < 0.2, 0.0, np.where(place > 0.9, 1.0, rates))


def _logits(random: np.random.Generator, size: int) -> np.ndarray:
    return 1 / (1 + np.exp(-random.normal(-1, 2.5, size)))


def _two(random: np.random.Generator, size: int) -> np.ndarray:
    return np.where(random.random(size) < 0.3, random.beta(1, 30, size), random.beta(4, 2, size))


def _points(random: np.random.Generator, size: int) -> np.ndarray:
    return random.choice([0.002, 0.3, 0.9], size, p=[0.2, 0.4, 0.4])


# Pass rates of random questions
WORLDS: dict[str, Callable[[np.random.Generator, int], np.ndarray]] = {
    "beta(.37, .62)": _beta,
    "beta, a fifth never, a tenth always": _masses,
    "normal in logits": _logits,
    "two betas: beta(1, 30), beta(4, 2)": _two,
    "three points: .002, .3, .9": _points,
}


def covered(
    world: str, samples: int, questions: int, studies: int, replicates: int = 150
) -> dict[str, float]:
    """Of pass@k in a world: how often the band holds the whole true curve, its width and errors at ten times more.

    `held`; `true` and `width`, at ten times the samples; and the root mean square error there of the `mean` of both
    fits, of `beta` alone, of `masses`, and of the baselines `plug-in` and `power law`.  Shares.
    """
    population = WORLDS[world](np.random.default_rng(1), 1_000_000)
    found = defaultdict(list)
    names = {
        "mean": "accuracy",
        "beta": "without_masses",
        "masses": "with_masses",
        "plug-in": "plugged_in",
        "power law": "power_law",
    }
    true: dict[int, float] = {}
    for number in range(studies):
        random = generator(number, "more", world, samples, questions)
        right = random.random((questions, samples)) < WORLDS[world](random, questions)[:, None]
        asked = [
            Sampled(f"q{place:05d}", np.full(samples, -1), row.astype(float))
            for place, row in enumerate(right)
        ]
        rows = measure(asked, TIMES, replicates, SUBSETS, number, voting=False)
        for row in rows:
            if row["budget"] not in true:
                true[row["budget"]] = float((1 - (1 - population) ** row["budget"]).mean())
        found["held"].append(all(row["low"] <= true[row["budget"]] <= row["high"] for row in rows))
        last = rows[-1]
        found["true"].append(true[last["budget"]])
        found["width"].append(last["high"] - last["low"])
        for name, column in names.items():
            found[name].append((last[column] - true[last["budget"]]) ** 2)
    return {name: float(np.mean(values) ** (0.5 if name in names else 1.0)) for name, values in found.items()}


def pool(path: Path) -> list[Sampled]:
    """The questions of a file of Best-of-Infinity: lists of answers, of which those equal to the gold are right."""
    rows = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    return [
        Sampled(
            f"q{row['problem_num']:03d}",
            encode([answer for answer, _ in row["all_answers"]]),
            np.array([float(answer == row["gold_answer"]) for answer, _ in row["all_answers"]]),
        )
        for row in rows
    ]


def shortest(questions: list[Sampled]) -> int:
    """The samples that every question has."""
    return min(len(each.groups) for each in questions)


def _some(question: Sampled, samples: int, which: int | str) -> Sampled:
    """So many random samples of a question."""
    random = generator(0, "held out", question.problem_id, samples, which)
    chosen = random.permutation(len(question.groups))[:samples]
    return Sampled(question.problem_id, question.groups[chosen], question.correct[chosen])


def held_out(
    questions: list[Sampled], samples: int, draws: int, replicates: int = 150
) -> dict[str, dict[str, float]]:
    """What `samples` random ones of each question say of all of them, by measure: means over random `draws`.

    `now`: accuracy with the samples shown; `said`, and how often the band holds what is `true`: pass@k, or the vote, of
    all samples, as many times those shown as all questions have; for pass@k also the baselines `plug-in` and `power
    law`.
    """
    most = shortest(questions) // samples * samples
    questions = [_some(each, most, "all") for each in questions]
    whole = {
        row["measure"]: row for row in measure(questions, 2, 10, SUBSETS, 0, True) if row["budget"] == most
    }
    found: dict[str, dict[str, list]] = {name: defaultdict(list) for name in whole}
    for draw in range(draws):
        shown = [_some(each, samples, draw) for each in questions]
        for row in measure(shown, most // samples, replicates, SUBSETS, draw, True):
            into = found[row["measure"]]
            if row["budget"] == samples:
                into["now"].append(row["accuracy"])
            if row["budget"] == most:
                true = whole[row["measure"]]["accuracy"]
                into["true"].append(true)
                into["said"].append(row["accuracy"])
                into["held"].append(row["low"] <= true <= row["high"])
                if row["measure"] == "pass_at_k":
                    into["plug-in"].append(row["plugged_in"])
                    into["power law"].append(np.nan if row["power_law"] is None else row["power_law"])
    return {
        name: {each: float(np.mean(values)) for each, values in columns.items()}
        for name, columns in found.items()
    }
