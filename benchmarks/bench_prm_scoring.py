"""PRM scoring within a beam search: each new step once, against whole prefixes at every step.

A search (M = 4, N = 64, the test problems) is run once and what it asked of its verifier is written down: which rows to
fork and which steps to score.  Both variants then answer the same requests in the same batches, so nothing but the
verifier is timed.  The baseline reads prompt and solution from the start for every step, as `TokenVerifier` does for
whole solutions: equal prefixes once, prefixes of equal length together.  So it is already better than scoring every
beam, which most repositories do.  The reference `every beam` is that: equal prefixes are read as often as they occur.

Tokens are those that the verifier was given to read (its bill), of equal rows each.

Goals, for beam search: at least 3 times fewer tokens and at least 2 times less time.  A lookahead is shown without a
goal: most of what its verifier reads are rollouts, which are new to both.
"""

import time
from typing import NamedTuple

import numpy as np

from benchmarks.frame import Bench
from benchmarks.materials import configuration, path, problems
from tests.support.full_prefixes import FullPrefixes
from ttc.engines.backends.transformers import TransformersEngine
from ttc.stages.search import search_problems
from ttc.verifiers.incremental import IncrementalVerifier
from ttc.verifiers.trained import TokenVerifier

TITLE = "PRM scoring within a search"
GOAL = "at least 3 times fewer tokens and 2 times less time than reading whole prefixes"


class Numbered(NamedTuple):
    """A verifier's state and its number in a record."""

    number: int
    held: object


class Recorder:
    """Passes a search's requests on to its verifier and keeps them: (what, number of what it makes, what it is of)."""

    def __init__(self, verifier):
        self.verifier, self.requests, self.states = verifier, [], 0

    @property
    def tokens_scored(self) -> int:
        return self.verifier.tokens_scored

    def _keep(self, name: str, held, *given) -> Numbered:
        self.states += 1
        self.requests.append((name, self.states, *given))
        return Numbered(self.states, held)

    def prefill(self, prompts):
        state, read = self.verifier.prefill(prompts)
        return self._keep("prefill", state, prompts), read

    def fork(self, state, rows):
        return self._keep("fork", self.verifier.fork(state.held, rows), state.number, rows)

    def join(self, states):
        made = self.verifier.join([each.held for each in states])
        return self._keep("join", made, [each.number for each in states])

    def score_more(self, state, steps, rollouts):
        self.requests.append(("score_more", state.number, steps, rollouts))
        return self.verifier.score_more(state.held, steps, rollouts)


class EveryBeam(TokenVerifier):
    """Whole solutions, equal ones as often as they occur."""

    def score(self, prompts, solutions):
        made = []
        for start in range(0, len(prompts), self.batch_rows):
            batch = slice(start, start + self.batch_rows)
            given = zip(prompts[batch], solutions[batch], strict=True)
            made += self._score_batch([self.reading(*each) for each in given])
        return made


def replay(requests, verifier) -> list[float]:
    """The scores that a verifier gives to recorded requests; a state is let go after its last use, as in a search."""
    last = {}
    for place, request in enumerate(requests):
        last |= dict.fromkeys(_used(request), place)
    states, scores = {}, []
    for place, (name, number, *given) in enumerate(requests):
        if name == "prefill":
            states[number], _ = verifier.prefill(*given)
        elif name == "fork":
            states[number] = verifier.fork(states[given[0]], given[1])
        elif name == "join":
            states[number] = verifier.join([states[each] for each in given[0]])
        else:
            scores += [score.ahead for score in verifier.score_more(states[number], *given)]
        for each in _used(requests[place]):
            if last[each] == place:
                states.pop(each, None)
    return scores


def _used(request: tuple) -> list[int]:
    """Numbers of the states that a request is of or makes."""
    name, number, *given = request
    return [number, *({"fork": given[:1], "join": given[0]}.get(name, []) if given else [])]


def measure(bench: Bench) -> None:
    """The headlines for beam search and lookahead, and growth over the length of solutions."""
    prm = path(bench, "prm")
    ours, whole = IncrementalVerifier(prm, device="cpu"), TokenVerifier(prm, device="cpu")
    count, beams = (8, 16) if bench.quick else (100, 64)
    for case, strategy in (
        ("beam", {"kind": "beam", "width": 4}),
        ("lookahead", {"kind": "lookahead", "width": 4, "depth": 3}),
    ):
        requests = _requests(bench, ours, strategy, count, beams)
        steps = sum(len(each[2]) for each in requests if each[0] == "score_more")
        before = ours.tokens_scored, whole.tokens_scored
        bench.same(
            f"scores of {steps:,} steps ({case})",
            replay(requests, ours),
            replay(requests, FullPrefixes(whole)),
            1e-5,
        )
        tokens = ours.tokens_scored - before[0], whole.tokens_scored - before[1]
        seconds = bench.time(lambda asked=requests: replay(asked, ours))
        bench.record("ours", seconds, steps, "steps", case=case, note=f"{tokens[0]:,} tokens")
        seconds = bench.time(lambda asked=requests: replay(asked, FullPrefixes(whole)), repeats=2)
        bench.record("baseline", seconds, steps, "steps", case=case, note=f"{tokens[1]:,} tokens")
        if case == "beam":
            bench.goal("tokens, baseline over ours", tokens[1] / tokens[0], at_least=3)
            bench.goal("time, baseline over ours", bench.ratio(case), at_least=2)
            started = time.perf_counter()
            replay(requests, FullPrefixes(EveryBeam(prm, device="cpu")))
            seconds = time.perf_counter() - started
            bench.record("every beam", seconds, steps, "steps", case=case, note=f"{tokens[1]:,} tokens")
    for length in (16, 32) if bench.quick else (24, 48, 96, 192):
        requests = _growing(ours, length)
        for variant, verifier in (("ours", ours), ("baseline", FullPrefixes(whole))):
            seconds = bench.time(lambda asked=requests, by=verifier: replay(asked, by), repeats=2)
            bench.record(variant, seconds, 64, "solutions", "length", length)


def _requests(bench: Bench, verifier, strategy: dict, count: int, beams: int) -> list[tuple]:
    """What a search asks of its verifier."""
    defaults = configuration()
    engine = TransformersEngine(path(bench, "policy"), device="cpu")
    recorder = Recorder(verifier)
    spec = {
        "seed": 0,
        "strategy": strategy,
        "budget": beams,
        "temperature": 1.0,
        "max_tokens": defaults["sampling"]["max_tokens"],
        **{
            name: defaults["search"][name]
            for name in ("max_rounds", "max_step_tokens", "finished", "duplicates")
        },
    }
    search_problems(engine, recorder, problems(bench, count), spec, 2048)
    return recorder.requests


def _growing(verifier, length: int) -> list[tuple]:
    """Requests for 64 different solutions of `length` random tokens, in steps of 8."""
    rng = np.random.default_rng(0)
    prompts = rng.integers(5, 30, (64, 8)).tolist()
    steps = rng.integers(5, 30, (length // 8, 64, 8))
    steps[:, :, -1] = verifier.separator
    return [("prefill", 1, prompts)] + [("score_more", 1, each.tolist(), [[]] * 64) for each in steps]
