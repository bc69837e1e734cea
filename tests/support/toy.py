"""A policy and a verifier written out as tables, so that a search over them can be worked out by hand.

Tokens are characters: `.` ends a step, `$` ends a solution.  `text("ab.")` are the tokens of a string.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import numpy as np

from tests.support.full_prefixes import FullPrefixes
from ttc import noise
from ttc.engines.protocol import Continuation, Engine, StepScore, spans, unheard
from ttc.search.loop import search
from ttc.search.options import Draw

STEP, END = ord("."), ord("$")
STREAM = noise.stream(7, "test")
Uniform = Callable[[np.uint64, int], float]


def text(string: str) -> list[int]:
    """Tokens of a string."""
    return [ord(character) for character in string]


def string(tokens: list[int]) -> str:
    """String of tokens."""
    return "".join(map(chr, tokens))


def keyed(stream: np.uint64, position: int) -> float:
    """The noise that the engine interface asks for."""
    return float(noise.uniform(np.array([stream]), position)[0])


def scripted(seed_stream: np.uint64, draws: Mapping[tuple[int, ...], float]) -> Uniform:
    """Noise in which place i of round r of the problem of `seed_stream` draws `draws[r, i]` everywhere.

    `draws[j, r, i]` is place i of round r of subtree j.
    """
    table = {}
    for path, draw in draws.items():
        stream = np.array([seed_stream])
        for number in path:
            stream = noise.substreams(stream, number)
        table[int(stream[0])] = draw
    return lambda stream, position: table[int(stream)]


@dataclass
class ToyEngine(Engine):
    """Keeps rows as token lists; `policy` gives the next character's odds after prompt and solution.

    With `shuffled` its queue gives a few of the groups at a time, in an order that this generator draws; without, all.
    """

    policy: Mapping[str, Mapping[str, float]] | Callable[[str], Mapping[str, float]]
    uniform: Uniform = keyed
    tokens_generated: int = 0  # tokens made by `extend`
    prefilled: int = 0  # tokens read by `prefill`
    # (rows, temperature, limits) of each group, by the calls that gave them
    takes: list[list[tuple[int, float, list[int]]]] = field(default_factory=list)
    shuffled: np.random.Generator | None = None

    def prefill(self, prompts):
        self.prefilled += sum(map(len, prompts))
        return [(list(prompt), False) for prompt in prompts]

    def fork(self, state, rows):
        return [(list(state[row][0]), state[row][1]) for row in rows]

    @property
    def calls(self):
        """All groups."""
        return [call for calls in self.takes for call in calls]

    def queue(self, stop, keep=True, tell=unheard):
        return ToyQueue(self, stop, tell)

    def _extend_row(self, state, row, stream, stop, temperature, max_tokens):
        tokens, ended = state[row]
        assert not ended, f"{string(tokens)} has ended and must not be extended"
        made, logprob, finish = [], 0.0, "length"
        while len(made) < max_tokens:
            odds = self._odds(string(tokens))
            token, probability = self._draw(odds, stream, len(tokens), temperature)
            logprob += float(np.log(probability))
            tokens.append(token)
            made.append(token)
            if token == END or (token == STEP and stop == "step"):
                finish = "end" if token == END else "step"
                break
        state[row] = (tokens, finish == "end")
        self.tokens_generated += len(made)
        return Continuation(made, logprob, finish)

    def _odds(self, prefix):
        odds = self.policy(prefix) if callable(self.policy) else self.policy[prefix]
        return sorted((ord(character), odds[character]) for character in odds if odds[character] > 0)

    def _draw(self, odds, stream, position, temperature):
        """Inverse of the cumulative probabilities, in order of tokens; temperature 0: the most probable."""
        if temperature == 0:
            return max(odds, key=lambda pair: pair[1])
        weights = np.array([probability for _, probability in odds]) ** (1 / temperature)
        place = int(
            np.searchsorted(np.cumsum(weights / weights.sum()), self.uniform(stream, position), side="right")
        )
        return odds[min(place, len(odds) - 1)]


class ToyQueue:
    """The queue of a `ToyEngine`: rows are made longer one by one, when their group is taken."""

    def __init__(self, engine, stop, tell):
        self.engine, self.stop, self.tell, self.groups = engine, stop, tell, []

    def put(self, groups, state, streams, temperature, limits):
        assert len(streams) == len(state) == len(limits) == sum(count for _, count in groups) > 0
        assert streams.dtype == np.uint64 and limits.min() >= 1
        for key, rows in spans(groups):
            own = streams[rows.start : rows.stop]
            self.groups.append((key, rows, state, own, temperature, limits.tolist()))

    def take(self):
        groups, shuffled = self.groups, self.engine.shuffled
        if shuffled is not None:
            groups = [groups[place] for place in shuffled.permutation(len(groups))]
            groups = groups[: shuffled.integers(1, len(groups), endpoint=True)] if groups else []
        self.groups = [group for group in self.groups if not any(group is taken for taken in groups)]
        self.engine.takes.append([(len(streams), *rest) for _, _, _, streams, *rest in groups])
        return [(group[0], self._extend(*group[1:])) for group in groups]

    def _extend(self, rows, state, streams, temperature, limits):
        made = [
            self.engine._extend_row(state, row, stream, self.stop, temperature, limits[row])
            for row, stream in zip(rows, streams, strict=True)
        ]
        self.tell(len(made), sum(len(each.tokens) for each in made))
        return made


@dataclass
class ToyVerifier:
    """Scores every step by a table (or function) of the solution's string up to that step's end; else 0.5."""

    table: Mapping[str, float] | Callable[[str], float]
    tokens_scored: int = 0
    calls: list[list[str]] = field(default_factory=list)  # solutions of each call

    def score(self, prompts, solutions):
        self.calls.append([string(solution) for solution in solutions])
        self.tokens_scored += sum(len(p) + len(s) for p, s in zip(prompts, solutions, strict=True))
        return [[self._value(prefix) for prefix in steps(string(solution))] for solution in solutions]

    def _value(self, prefix):
        return self.table(prefix) if callable(self.table) else self.table.get(prefix, 0.5)


@dataclass
class ToyStepVerifier(ToyVerifier):
    """The same scores from a verifier that follows the search and reads every token once."""

    def prefill(self, prompts):
        self.tokens_scored += sum(map(len, prompts))
        return [[] for _ in prompts], [len(prompt) for prompt in prompts]

    def fork(self, state, rows):
        return [list(state[row]) for row in rows]

    def join(self, states):
        return [row for state in states for row in state]

    def score_more(self, state, steps, rollouts):
        self.calls.append(
            [string(s + step + ahead) for s, step, ahead in zip(state, steps, rollouts, strict=True)]
        )
        made = []
        for row, (step, ahead) in enumerate(zip(steps, rollouts, strict=True)):
            assert not state[row] or state[row][-1] == STEP, "only a row of whole steps may grow"
            state[row] = state[row] + step
            made.append(
                StepScore(
                    self._value(string(state[row])),
                    self._value(string(state[row] + ahead)),
                    len(step) + len(ahead),
                )
            )
        self.tokens_scored += sum(each.tokens for each in made)
        return made


def steps(solution: str) -> list[str]:
    """Prefixes of a solution that end with a step (the last may be cut)."""
    ends = [place + 1 for place, character in enumerate(solution) if character in ".$"]
    if solution and (not ends or ends[-1] < len(solution)):
        ends.append(len(solution))
    return [solution[:end] for end in ends]


def random_policy(seed):
    """A policy drawn at random: probabilities of `a`, `b`, `.` and `$` after every prefix, some of them 0."""

    def policy(prefix):
        weights = noise.uniform(np.array([noise.stream(seed, prefix)]), np.arange(4))
        weights = np.where(weights < 0.2, 0.0, weights)
        weights = weights if weights.sum() else np.ones(4)
        return dict(zip("ab.$", weights / weights.sum(), strict=True))

    return policy


def random_score(seed):
    """A verifier drawn at random, of few distinct scores so that ties occur."""
    return lambda prefix: round(keyed(noise.stream(seed, "score", prefix), 0) * 4) / 4


def run(engine, verifier, budget, strategy, prompts=("p",), streams=(STREAM,), **changes):
    """Search with limits that do not bind unless `changes` say so; a verifier of whole solutions is adapted."""
    if not hasattr(verifier, "score_more"):
        verifier = FullPrefixes(verifier)
    apart = {name: changes.pop(name) for name in ("options", "verifier_prompts") if name in changes}
    limits = {"temperature": 1.0, "max_step_tokens": 10, "max_tokens": 40, "max_rounds": 40} | changes
    return search(
        engine,
        verifier,
        [text(p) for p in prompts],
        np.array(streams, dtype=np.uint64),
        strategy,
        budget,
        Draw(**limits),
        **apart,
    )


def solution(result, node):
    """The string of a solution up to this node of the tree."""
    before = solution(result, result.nodes[node.parent]) if node.parent >= 0 else ""
    return before + string(node.tokens)


def found(result):
    """The candidates as strings."""
    return [string(candidate.tokens) for candidate in result.candidates]
