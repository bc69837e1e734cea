"""Published verifiers within a beam search, each kind: what is new of a solution, against all of it at every step.

A search with N = 64 and M = 4 is imitated: of each of four problems 64 beams grow by a step of words in each round, and
16 of them, drawn by chance, go on.  Both variants answer the same requests.  Steps have the lengths of lines of
solutions of MATH-500, 2.9 characters a token, and there are as many rounds as such a solution has lines on average
(those of Llama 3.2 1B in the pool of docs/pools.md, where it is there).  Without the pool solutions have 18 lines, and
lines 1 to 59 tokens, all equally often.

The verifiers are small random ones of each kind's architecture (6 layers, width 128).  Ours keeps keys and values.  The
baseline is the same verifier without: equal solutions are read once, and solutions of equal width together.  Tokens are
those that the network computes, without padding.

Goals, for each kind: at least 8 times fewer tokens, and at least 5 times less time.
"""

import os
import time
from pathlib import Path

import numpy as np
import polars as pl

from benchmarks import ROOT
from benchmarks.frame import Bench
from tests.support.published import KINDS, WORDS, checkpoint
from ttc.problems.stops import Stops
from ttc.verifiers.follow import TextSteps
from ttc.verifiers.load import load

TITLE = "published verifiers within a search"
GOAL = "for each kind at least 8 times fewer tokens and 5 times less time than reading whole solutions"
DATA = Path(os.environ.get("TTC_DATA", ROOT / "../shared/data"))
POOL = DATA / "pools/math500_llama_3b_1b_prm_scored.parquet"
CHARACTERS = 2.9  # of a token
SOME = WORDS[WORDS.index("Please") :]  # words that are one token each
QUESTION = 68  # tokens, the mean of MATH
SIZE = {
    "hidden_size": 128,
    "num_hidden_layers": 6,
    "head_dim": 32,
    "intermediate_size": 384,
    "max_position_embeddings": 8192,
    "initializer_range": 0.05,
}


class Words:
    """A policy's tokenizer: a token for each word, and one for the line end."""

    def batch_decode(self, solutions, **_):
        return [
            "".join("\n" if token == len(SOME) else f"{SOME[token]} " for token in tokens)
            for tokens in solutions
        ]


class Whole:
    """A verifier that reads whole solutions, and the tokens that it computes."""

    def __init__(self, verifier):
        self.verifier, self.computed = verifier, 0

    def __getattr__(self, name):
        return getattr(self.verifier, name)

    def scores(self, readings, names, known=None):
        self.computed += sum(len(each.tokens) for each in set(readings))
        return self.verifier.scores(readings, names, known)


def lines() -> list[list[int]]:
    """Tokens of each line of solutions."""
    if not POOL.is_file():
        rng = np.random.default_rng(0)
        return rng.integers(1, 60, (100, 18)).tolist()
    pool = pl.read_parquet(POOL).filter(pl.col("model").str.contains("1B") & (pl.col("kind") == "iid"))
    return [
        [max(1, round(len(line) / CHARACTERS)) for line in text.split("\n") if line.strip()]
        for text in pool["completion"]
    ]


def requests(
    solutions: list[list[int]], problems: int, beams: int, width: int, rounds: int | None = None
) -> tuple[list[str], list[tuple]]:
    """The questions, and of each round the rows that are forked and the steps that they grow by."""
    rng = np.random.default_rng(1)
    lengths = np.concatenate([np.array(each) for each in solutions])
    first = np.arange(problems)[:, None]  # of each problem the row that its beams are forks of
    rows, made = np.repeat(first, beams, axis=1), []
    for _ in range(rounds or round(len(lengths) / len(solutions))):
        steps = [
            [*rng.integers(0, len(SOME), length).tolist(), len(SOME)]
            for length in rng.choice(lengths, problems * beams)
        ]
        made.append((rows.flatten(), steps))
        kept = [np.sort(rng.choice(beams, beams // width, replace=False)) for _ in range(problems)]
        rows = np.repeat(beams * first + np.array(kept), width, axis=1)
    return [" ".join(rng.choice(SOME, QUESTION)) for _ in range(problems)], made


def replay(questions: list[str], rounds: list[tuple], verifier) -> list[float]:
    """The scores that a verifier gives to all steps; all problems advance together, as in a search."""
    steps, scores = TextSteps(verifier, Words(), Stops((), ())), []
    state, _ = steps.prefill(questions)
    for rows, new in rounds:
        state = steps.fork(state, rows)
        scores += [each.step for each in steps.score_more(state, new, [[]] * len(new))]
    return scores


def measure(bench: Bench) -> None:
    """A headline for each kind."""
    solutions = lines()
    problems, beams = (1, 8) if bench.quick else (4, 64)
    questions, rounds = requests(solutions, problems, beams, 4, 3 if bench.quick else None)
    steps = sum(len(new) for _, new in rounds)
    for kind in KINDS:
        folder = bench.out / "published" / kind
        if not (folder / "model.safetensors").exists():
            checkpoint(folder, kind, **SIZE)
        ours = load(kind, folder, device="cpu")
        whole = Whole(load(kind, folder, device="cpu", memory=None))
        for verifier in (ours, whole):  # warmed up
            replay(questions, rounds[:1], verifier)
        ours.prefixes.tokens_computed = whole.computed = 0
        made = []
        for variant, verifier in (("ours", ours), ("baseline", whole)):
            started = time.perf_counter()
            made.append(replay(questions, rounds, verifier))
            seconds = time.perf_counter() - started
            tokens = whole.computed or ours.prefixes.tokens_computed
            note = f"{tokens:,} tokens" + f", {ours.prefixes.most_kept:,} kept at most" * (variant == "ours")
            bench.record(variant, seconds, steps, "steps", case=kind, note=note)
        bench.same(f"scores of {steps:,} steps ({kind})", *made, 1e-5)
        ratio = whole.computed / ours.prefixes.tokens_computed
        bench.goal(f"{kind}: tokens, baseline over ours", ratio, at_least=8)
        bench.goal(f"{kind}: time, baseline over ours", bench.ratio(kind), at_least=5)
