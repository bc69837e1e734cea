"""The queue of rows of the vLLM engine: each row is a request, and vLLM's own steps let requests in as others leave.

A row whose step has nothing to read yet when a request stops is asked for again.
"""

import itertools
from bisect import bisect_left
from collections.abc import Hashable, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np

from ttc import noise
from ttc.engines.protocol import Continuation, Tell, spans
from ttc.errors import InputError
from ttc.problems.stops import Stops

COLDEST, HOTTEST = 0.01, 2.0  # temperatures that vLLM takes as they are
_numbers = itertools.count()  # of requests of this process


@dataclass
class Rows:
    """Rows of the engine; nobody changes a list, so that forks may share it."""

    tokens: list[list[int]]
    prompts: list[int]  # how many of the tokens are the prompt, in which no text is looked for
    ended: list[bool]
    blank: list[bool]  # the step in work has nothing to read yet


@dataclass
class Grown:
    """What a row has got."""

    tokens: list[int] = field(default_factory=list)
    logprobs: list[float] = field(default_factory=list)
    confidences: list[float] = field(default_factory=list)
    finish: str = ""


@dataclass
class Group:
    """Rows that come out together: `rows` of what was put in."""

    key: Hashable
    rows: range
    state: Rows
    streams: np.ndarray
    temperature: float
    limits: list[int]
    made: list[Grown]
    going: int  # how many have not stopped


class Host(Protocol):
    """What the queue needs to know of its engine, and counts for it."""

    llm: Any
    stops: Stops
    tokenizer: Any
    window: int  # tokens of the longest row
    top: int
    tokens_generated: int  # of groups that came out
    tokens_asked: int  # tokens of rows handed to vLLM, and how many of them its prefix cache knew
    tokens_cached: int


class VllmQueue:
    """`ttc.engines.protocol.Queue`; noise is vLLM's own, seeded by stream and position."""

    def __init__(self, engine: Host, by_step: bool, keep: bool, tell: Tell):
        """by_step, keep, tell: see `ttc.engines.protocol.Engine.queue`."""
        self.engine, self.stops, self.by_step, self.keep = engine, engine.stops, by_step, keep
        self.tell = tell
        stops = engine.stops
        self.end, self.step, self.nothing = map(frozenset, (stops.end, stops.step, stops.blank))
        self.asked: dict[str, tuple[Group, int]] = {}  # the row of each request

    def put(
        self,
        groups: Sequence[tuple[Hashable, int]],
        state: Rows,
        streams: np.ndarray,
        temperature: float,
        limits: np.ndarray,
    ) -> None:
        """See `ttc.engines.protocol.Queue.put`."""
        if any(state.ended):
            raise ValueError("a row that has ended cannot be extended")
        if limits.min() < 1:
            raise ValueError(f"max_tokens is {limits.min()}; allowed is a whole number from 1")
        if temperature and not COLDEST <= temperature <= HOTTEST:
            raise InputError(
                f"temperature is {temperature}; vLLM takes 0 and the numbers from {COLDEST} to {HOTTEST}"
            )
        longest = max(len(tokens) + int(limit) for tokens, limit in zip(state.tokens, limits, strict=True))
        if longest > self.engine.window:
            raise InputError(
                f"a solution may grow to {longest} tokens and the model's window is {self.engine.window}, or its "
                "memory here holds no more; lower max_tokens or use a model with a longer window"
            )
        made = [Grown() for _ in state.tokens]
        for key, rows in spans(groups):
            group = Group(key, rows, state, streams, temperature, limits.tolist(), made, len(rows))
            for row in rows:
                self._ask(group, row)

    def take(self) -> list[tuple[Hashable, list[Continuation]]]:
        """See `ttc.engines.protocol.Queue.take`."""
        done: list[Group] = []
        while not done and self.asked:
            for output in self.engine.llm.llm_engine.step():
                # What a queue before this one has left unfinished, because of an error, is nobody's
                if output.finished and output.request_id in self.asked:
                    done += self._answered(*self.asked.pop(output.request_id), output)
        return [(group.key, self._close(group)) for group in done]

    def _ask(self, group: Group, row: int) -> None:
        """Hand vLLM a request for what the row still lacks."""
        from vllm import SamplingParams
        from vllm.sampling_params import RequestOutputKind

        known = group.made[row].tokens
        prefix = group.state.tokens[row] + known
        # Of stream and position: a row that is extended again, or copied there, draws fresh noise.
        seed = noise.substreams(group.streams[row], len(prefix)) >> np.uint64(1)
        texts = self.stops.texts
        asked = SamplingParams(
            temperature=group.temperature,
            max_tokens=group.limits[row] - len(known),
            seed=int(seed),
            logprobs=self.engine.top,  # beside the sampled token's own; before the temperature
            flat_logprobs=True,
            stop_token_ids=sorted(self.end | self.step if self.by_step else self.end),
            ignore_eos=True,  # the end tokens of `stops` are the only ones
            stop=list(texts) or None,
            include_stop_str_in_output=True,
            detokenize=bool(texts),
            output_kind=RequestOutputKind.FINAL_ONLY,
        )
        name = f"row-{next(_numbers)}"
        self.engine.llm.llm_engine.add_request(name, {"type": "token", "prompt_token_ids": prefix}, asked)
        self.asked[name] = group, row

    def _answered(self, group: Group, row: int, output) -> list[Group]:
        """Take in what a request has given; the group, if it is complete with it."""
        engine, grown = self.engine, group.made[row]
        engine.tokens_asked += len(group.state.tokens[row]) + len(grown.tokens)
        engine.tokens_cached += output.num_cached_tokens or 0
        known = len(grown.tokens)
        self._take(group, row, output.outputs[0])
        self.tell(bool(grown.finish), len(grown.tokens) - known)
        if not grown.finish:
            self._ask(group, row)
            return []
        group.going -= 1
        return [] if group.going else [group]

    def _take(self, group: Group, row: int, output) -> None:
        """Add to a row what one request has given, up to a text that ends it; without `finish` all of it is blank."""
        state, grown, top = group.state, group.made[row], self.engine.top
        known = len(grown.tokens)
        grown.tokens += output.token_ids
        given = output.logprobs  # flat: at each start there is the token that was sampled
        grown.logprobs += [given.logprobs[start] for start in given.start_indices]
        if top:  # behind the token that was sampled stand the most probable ones
            grown.confidences += [
                -float(np.mean(given.logprobs[start + 1 : start + 1 + top])) for start in given.start_indices
            ]
        written = self._text_end(state.tokens[row][state.prompts[row] :], grown.tokens, known)
        if written is not None:
            del grown.tokens[written:], grown.logprobs[written:], grown.confidences[written:]
        last, blank = grown.tokens[-1], state.blank[row] and self.nothing.issuperset(grown.tokens)
        if written is not None or last in self.end or isinstance(output.stop_reason, str):
            grown.finish = "end"
        elif self.by_step and last in self.step and not blank:
            grown.finish = "step"
        elif len(grown.tokens) == group.limits[row]:
            grown.finish = "length"

    def _close(self, group: Group) -> list[Continuation]:
        """What a group's rows have got; their state then holds what may be extended again."""
        state, made = group.state, [group.made[row] for row in group.rows]
        for row, grown in zip(group.rows, made, strict=True):
            state.tokens[row] = state.tokens[row] + grown.tokens
            state.ended[row] = grown.finish == "end" or not self.keep
            state.blank[row] = self._blank_after(state.blank[row], grown.tokens)
        self.engine.tokens_generated += sum(len(grown.tokens) for grown in made)
        return [
            Continuation(
                grown.tokens,
                float(np.sum(grown.logprobs)),
                grown.finish,
                grown.confidences if self.engine.top else None,
            )
            for grown in made
        ]

    def _text_end(self, before: list[int], tokens: list[int], known: int) -> int | None:
        """How many of `tokens`, the first `known` of them searched, a text that ends the solution needs; None without.

        vLLM searches what one request gives; a text may have begun before it.
        """
        if not self.stops.texts:
            return None
        start = max(0, len(before) + known - self.stops.longest_text)  # a token has a character at least
        solution = (before + tokens)[start:]
        searched = len(solution) - len(tokens)
        if not self._has_text(solution):
            return None
        counts = range(known + 1, len(tokens))
        found = bisect_left(counts, True, key=lambda count: self._has_text(solution[: searched + count]))
        return known + 1 + found

    def _has_text(self, tokens: list[int]) -> bool:
        text = self.engine.tokenizer.decode(
            tokens, skip_special_tokens=True, clean_up_tokenization_spaces=False
        )
        return self.stops.find_text(text) is not None

    def _blank_after(self, blank: bool, tokens: list[int]) -> bool:
        """Whether the step in work after `tokens` has nothing to read; `blank` says it of the one before them."""
        for token in tokens:
            blank = blank and token in self.nothing
            if not blank and token in self.step:
                blank = True
        return blank
