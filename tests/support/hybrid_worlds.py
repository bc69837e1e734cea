"""Worlds of the hybrid whose best choices are known by construction."""

import numpy as np

from ttc.evaluation.hybrid.options import COUNTED, Option, Outside
from ttc.evaluation.hybrid.rules import World
from ttc.evaluation.pool import Costs, Pool, Steps
from ttc.evaluation.spending.paths import joined, walk

SIZES = np.array([1, 2, 3, 4, 6, 8])
BEAM = Option("beam", "beam(width=4)", "best_of_n_weighted", 4)
LARGER = Option("larger", "greedy", "none", 1)
# FLOPs of a sample, of the search and of the larger policy's solution
SAMPLE, SEARCHED, ASKED = 10.0, 40.0, 100.0


def question(name: str, right: float, score: float, random: np.random.Generator, samples: int = 8) -> Pool:
    """A question with one right answer and one wrong one: a vote of any size is right as often as one sample."""
    correct = (random.random(samples) < right).astype(float)
    tokens = np.full(samples, 10.0)
    scores = np.clip(score + random.normal(0, 0.02, samples), 0, 1)
    return Pool(
        problem_id=name,
        index=np.arange(samples),
        groups=(1 - correct).astype(np.int32),
        correct=correct,
        steps={"prm": Steps(scores, np.ones(samples, dtype=int))},
        tokens=10.0,
        verifier_tokens={"prm": 10.0},
        logprob=float("nan"),
        each=Costs(tokens, {"prm": tokens}, np.full(samples, np.nan)),
    )


def world(
    kinds: list[tuple[float, float, float, float]], seed: int, questions: int = 90, targets=(1.5, 2, 3, 4, 6)
):
    """Questions of several kinds in turn: (right of a sample, score, right after a search, right of the larger policy).

    Targets are in samples; reading scores costs nothing.
    """
    random = np.random.default_rng(seed)
    of = [kinds[place % len(kinds)] for place in range(questions)]
    pools = [question(f"q{place:03}", right, score, random) for place, (right, score, _, _) in enumerate(of)]
    paths = joined([walk(pool, SIZES, [1, 2, 4], 8, "last", random) for pool in pools])
    chances = np.array([[beam, larger] for _, _, beam, larger in of])
    correct = (random.random((questions, 2)) < chances).astype(float)
    flops = np.broadcast_to([SEARCHED, ASKED], (questions, 2))
    spent = dict.fromkeys(COUNTED, flops / 10) | {"flops": flops}
    return World(
        paths,
        Outside([BEAM, LARGER], correct, {name: np.array(each) for name, each in spent.items()}),
        np.arange(questions) // len(kinds) % 5,
        SAMPLE * np.array(targets, dtype=float),
        [1, 2],
        [1, 2, 4],
        (1.0, 0.0),
        "flops",
        SAMPLE,
    )
