"""Searches that advance each at its own pace, against a plain loop in lock-step (`tests/support/lock_step.py`).

The baseline makes one generation and one scoring call a round for all problems, so that each round waits for the
slowest line of all.  Ours is `ttc.search.loop`: rows of all problems go through one queue, and a problem goes on as
soon as its own lines are there.  Both search the same problems with the same engine and verifier, and find the same.

Occupancy is counted without a network, on the same loop: 500 problems, 64 at a time (the baseline's are blocks that
wait for each other), 16 beams, M = 4, an engine that has a number of places and gives each row in work a token a step.
How long a line is and when a solution ends is drawn as measured on solutions of MATH-500
(`benchmarks/step_lengths.py`).  The share of places with a
row is what a GPU, whose step takes about as long for few rows as for many, has of a batch.  The time is that of the
default study's models on a CPU, one thread, where a step of few rows costs less and a full batch is no gain.

Goal: at least 0.6 of 256 places occupied.
"""

import time

import numpy as np

from benchmarks.frame import Bench
from benchmarks.materials import configuration, path, problems, prompts
from benchmarks.step_lengths import SHARES, STEPS, TOKENS
from tests.support.lock_step import lock_step
from ttc import noise
from ttc.engines.backends.transformers import TransformersEngine
from ttc.engines.protocol import Continuation, StepScore, spans, unheard
from ttc.search.loop import Searches
from ttc.search.options import Draw, Options
from ttc.search.strategy import Strategy
from ttc.stages.search import problem_streams
from ttc.verifiers.incremental import IncrementalVerifier

TITLE = "search at its own pace"
GOAL = "64 problems at a time with 16 beams each occupy at least 0.6 of a batch of 256 places"
STRATEGY, BEAMS = Strategy("beam", 4), 16
AT_A_TIME = 64  # problems


class Places:
    """An engine of so many places without a network: rows are numbers of their steps, tokens say nothing."""

    top = 0

    def __init__(self, places: int):
        self.places = places
        self.steps = self.tokens_generated = 0

    @property
    def occupied(self) -> float:
        """Share of the places that had a row, over all steps."""
        return self.tokens_generated / (self.steps * self.places)

    def prefill(self, prompts):
        return np.zeros(len(prompts), dtype=np.int64)

    def fork(self, state, rows):
        return state[rows]

    def queue(self, stop, keep=True, tell=unheard):
        return Queue(self)


class Queue:
    """Its queue: rows wait in the order in which they came, and enter as places get free."""

    def __init__(self, engine: Places):
        self.engine, self.groups, self.waiting = engine, {}, []
        self.left = np.zeros(0, dtype=np.int64)  # tokens that each row in work still gets
        self.of: list[object] = []  # and its group

    def put(self, groups, state, streams, temperature, limits):
        lengths = np.interp(noise.uniform(streams, 0), SHARES, TOKENS).astype(np.int64)
        # How many steps a solution has, given that it has those that it has
        at_least = np.interp(state, STEPS, SHARES)
        shares = at_least + (1 - at_least) * noise.uniform(streams, 1)
        ends = np.interp(shares, SHARES, STEPS) < state + 2
        made = []
        for stream, length, limit, end in zip(streams.tolist(), lengths, limits, ends, strict=True):
            finish = "length" if length > limit else "end" if end else "step"
            made.append(Continuation([stream % 2**31] * int(min(length, limit)), 0.0, finish))
        state += 1
        for key, rows in spans(groups):
            own = made[rows.start : rows.stop]
            self.groups[key] = [len(own), own]
            self.waiting += [(key, len(each.tokens)) for each in own]

    def take(self):
        while self.groups:
            entering = self.waiting[: self.engine.places - len(self.left)]
            self.waiting = self.waiting[len(entering) :]
            self.left = np.append(self.left, [length for _, length in entering]).astype(np.int64)
            self.of += [key for key, _ in entering]
            steps = int(self.left.min())  # until the next row leaves
            self.engine.steps += steps
            self.engine.tokens_generated += steps * len(self.left)
            self.left -= steps
            for place in np.flatnonzero(self.left == 0):
                self.groups[self.of[place]][0] -= 1
            self.of = [key for key, left in zip(self.of, self.left, strict=True) if left]
            self.left = self.left[self.left > 0]
            done = [key for key, (going, _) in self.groups.items() if not going]
            if done:
                return [(key, self.groups.pop(key)[1]) for key in done]
        return []


class Scores:
    """A verifier that scores a step by a number drawn for it."""

    tokens_scored = 0

    def prefill(self, prompts):
        return np.zeros(len(prompts)), [0] * len(prompts)

    def fork(self, state, rows):
        return state[rows]

    def join(self, states):
        return np.concatenate(states)

    def score_more(self, state, steps, rollouts):
        scores = noise.uniform(np.array([step[0] for step in steps], dtype=np.uint64), 0).tolist()
        return [StepScore(score, score, 0) for score in scores]


def at_own_pace(engine, verifier, prompts, streams, draw, rows: int):
    """The searches of ours, in order of the problems."""
    given = (prompts, streams, STRATEGY, BEAMS, draw, Options(), prompts, rows)
    made = dict(Searches(engine, verifier, *given))
    return [made[place] for place in range(len(prompts))]


def count_places(bench: Bench, problems: int, places: int) -> None:
    """Both loops on an engine without a network."""
    draw = Draw(1.0, 2048, 2048, 40)
    streams = noise.substreams(np.full(problems, noise.stream(0, "places")), np.arange(problems))
    prompts = [[1]] * problems
    plain, queued = Places(places), Places(places)
    expected = [
        result
        for start in range(0, problems, AT_A_TIME)
        for result in lock_step(
            plain,
            Scores(),
            prompts[start : start + AT_A_TIME],
            streams[start : start + AT_A_TIME],
            STRATEGY,
            BEAMS,
            draw,
            Options(),
        )
    ]
    found = at_own_pace(queued, Scores(), prompts, streams, draw, AT_A_TIME * BEAMS)
    bench.same(f"searches with {places} places", found, expected)
    for variant, engine in (("ours", queued), ("baseline", plain)):
        print(f"  {bench.item} {places} places {variant}: {engine.steps:,} steps", flush=True)
    bench.goal(f"occupancy of {places} places, lock-step", plain.occupied)
    goal = 0.6 if places < AT_A_TIME * BEAMS else None
    bench.goal(f"occupancy of {places} places", queued.occupied, at_least=goal)
    bench.goal(f"steps, lock-step over ours, {places} places", plain.steps / queued.steps)


def measure(bench: Bench) -> None:
    """Occupancy for batches of three sizes, then the time of a search by the default study's models."""
    count = 8 if bench.quick else 64
    # A quarter of the beams at a time, as vLLM's usual 256 are of 1,024; and places for all of them
    for places in (AT_A_TIME * BEAMS // 4, AT_A_TIME * BEAMS):
        count_places(bench, 32 if bench.quick else 500, places)
    defaults = configuration()
    engine = TransformersEngine(path(bench, "policy"), device="cpu")
    verifier = IncrementalVerifier(path(bench, "prm"), device="cpu")
    table = problems(bench, count)
    tokens = prompts(engine.tokenizer, table)
    streams = problem_streams(0, STRATEGY, BEAMS, table["problem_id"].to_list())
    step = defaults["search"]["max_step_tokens"] or defaults["sampling"]["max_tokens"]
    draw = Draw(1.0, step, defaults["sampling"]["max_tokens"], defaults["search"]["max_rounds"])

    def ours():
        return at_own_pace(engine, verifier, tokens, streams, draw, 2048)

    def theirs():
        return lock_step(engine, verifier, tokens, streams, STRATEGY, BEAMS, draw, Options())

    bench.same(f"searches of {len(tokens)} problems", ours(), theirs())
    for variant, function in (("ours", ours), ("baseline", theirs)):
        before = engine.tokens_computed, engine.tokens_generated
        started = time.process_time()
        seconds = bench.time(function)
        spent = time.process_time() - started
        computed, made = engine.tokens_computed - before[0], engine.tokens_generated - before[1]
        note = f"{computed / made:.2f} tokens computed for each that was generated, {spent:.1f} CPU seconds in all"
        bench.record(variant, seconds, len(tokens), "problems", note=note)
    bench.goal("problems/s on a CPU, ours over lock-step", bench.ratio())
