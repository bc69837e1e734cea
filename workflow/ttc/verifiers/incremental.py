"""A trained verifier that reads step by step and only what is new: in a search each step once, and its rollout.

A row's past is kept as the keys and values of the policy's and of the fresh layers, and as the policy's last hidden
state, its *belief* about the next token.  A step is read in pieces of 4 to 64 tokens, each row at its own positions.
Rows that are equal so far share what was computed, in a search as in a pool of samples.

As in the engine, what a row is given does not depend on the rows around it (CPU, float32, one thread): a token's slot
in the cache is its position, a row is read beside rows that have as many pieces and attend to as many slots, and calls
are padded to a multiple of 8 rows.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch

from ttc.engines.protocol import StepScore
from ttc.engines.self_check import check_batches
from ttc.errors import InputError
from ttc.models.padding import ROWS, WIDTH, round_up, rows_of
from ttc.models.pieces import layers_of
from ttc.problems.text import step_ends
from ttc.verifiers.readers import TokenReading
from ttc.verifiers.trained import TokenVerifier

PIECES = (4, 8, 12, 16, 24, 32, 48, 64)  # tokens of a piece; few sizes, so that many rows have the same
PROBES = (
    7 * ROWS
)  # of the self-check; about a fifth are of equal pieces, so that batches of several sizes are compared
CPU_TOKENS = 2048  # tokens of one call on a CPU: more no longer fit a core's cache


@dataclass(frozen=True, eq=False)
class Kept:
    """What was computed for the prefixes of one call; kept as long as a row stands at one of them."""

    beliefs: torch.Tensor  # [prefixes, hidden size]; zeros before the first token
    policy: torch.Tensor  # cache of the policy's layers: [parts, prefixes, …, slots, size]
    fresh: torch.Tensor  # and of the fresh ones


@dataclass
class Prefixes:
    """Rows of a verifier: the distinct prefixes, where each was computed, and the one at which each row stands.

    A fork copies nothing, and nothing is written to again once the call that made it is over.
    """

    places: np.ndarray  # [rows] index of the prefix of each row
    lengths: np.ndarray  # [prefixes] tokens read
    kept: np.ndarray  # [prefixes] `Kept`, which has the prefix
    source: np.ndarray  # [prefixes] which prefix of it


class Work(NamedTuple):
    """What is read of one or more equal rows."""

    prefix: int  # where it goes on
    start: int  # tokens before it
    tokens: tuple[int, ...]  # what is read
    keep: int  # how many of them the rows keep
    pieces: tuple[int, ...]  # sizes of the calls that read them

    @property
    def width(self) -> int:
        """Slots attended to."""
        return round_up(self.start + sum(self.pieces), WIDTH)


def pieces(tokens: int) -> tuple[int, ...]:
    """Sizes of the pieces in which `tokens` new tokens are read; the last may be filled up with padding."""
    full, rest = divmod(tokens, PIECES[-1])
    last = (min(size for size in PIECES if size >= rest),) if rest else ()
    return (PIECES[-1],) * full + last


class IncrementalVerifier(TokenVerifier):
    """`ttc.engines.protocol.StepVerifier` and a `Verifier` on a `SurpriseVerifier`, both reading step by step.

    So a step has one score, in a pool as in a search, which takes kind `prm`; kind `orm` gives a solution the score at
    its last step.  `TokenVerifier`, which reads whole solutions, is the reference: its scores differ by rounding only,
    some 1e-5 in float32.  Equal rows are read once; `tokens_scored` counts each of them.
    """

    def __init__(self, path: Path, batch_rows: int = 1024, device: str = "auto"):
        super().__init__(path, batch_rows, device)
        self.policy, self.fresh = layers_of(self.model.model), layers_of(self.model.fresh)

    @torch.inference_mode()
    def prefill(self, prompts: list[list[int]]) -> tuple[Prefixes, list[int]]:
        """Rows at the end of `prompts`; each distinct prompt is computed once and each prompt billed."""
        none = np.zeros(1, dtype=np.int64)
        nothing = np.array([self._empty(1, 0)], dtype=object)
        state = Prefixes(np.zeros(len(prompts), dtype=np.int64), none, nothing, none)
        read = [len(prompt) for prompt in prompts]
        self._read(state, prompts, read)
        return state, read

    def fork(self, state: Prefixes, rows: np.ndarray) -> Prefixes:
        """Copies of `rows`; they share what was computed for their prefixes."""
        used, places = np.unique(state.places[rows], return_inverse=True)
        return Prefixes(places, state.lengths[used], state.kept[used], state.source[used])

    def join(self, states: Sequence[Prefixes]) -> Prefixes:
        """See `ttc.engines.protocol.StepVerifier.join`; rows at one prefix still share it."""
        lengths, kept, source = (
            np.concatenate([getattr(each, name) for each in states]) for name in ("lengths", "kept", "source")
        )
        distinct: dict[tuple[int, int], int] = {}
        own = np.array(
            [
                distinct.setdefault((id(each), place), len(distinct))
                for each, place in zip(kept, source.tolist(), strict=True)
            ]
        )
        first = np.unique(own, return_index=True)[1]
        offsets = np.cumsum([0, *(len(each.lengths) for each in states[:-1])])
        places = np.concatenate([each.places + start for each, start in zip(states, offsets, strict=True)])
        return Prefixes(own[places], lengths[first], kept[first], source[first])

    @torch.inference_mode()
    def score_more(
        self, state: Prefixes, steps: list[list[int]], rollouts: list[list[int]]
    ) -> list[StepScore]:
        """See `ttc.engines.protocol.StepVerifier.score_more`."""
        new = [step + rollout for step, rollout in zip(steps, rollouts, strict=True)]
        scores = self._read(state, new, [len(step) for step in steps])
        return [StepScore(*each, len(read)) for each, read in zip(scores, new, strict=True)]

    def scores(
        self, readings: Sequence[TokenReading], names: Sequence[str] | None = None
    ) -> list[list[float]]:
        """See `ttc.verifiers.protocol.Verifier.scores`; equal readings are billed each.

        Solutions of one problem share their prompt and the steps with which they begin alike.
        """
        billed = self.tokens_scored + sum(len(each.tokens) for each in readings)
        pairs = [(each.tokens[: each.start], each.tokens[each.start :]) for each in readings]
        distinct = sorted(set(pairs))
        scores: dict[tuple, list[float]] = {}
        for start in range(0, len(distinct), self.batch_rows):
            block = distinct[start : start + self.batch_rows]
            scores.update(zip(block, self._score_block(block), strict=True))
        self.tokens_scored = billed
        first = -1 if self.kind == "orm" else 0
        return [scores[pair][first:] for pair in pairs]

    def _score_block(self, pairs: list[tuple[tuple[int, ...], tuple[int, ...]]]) -> list[list[float]]:
        """The scores of each of these prompts and solutions."""
        steps = [self._steps(solution) for _, solution in pairs]
        scores: list[list[float]] = [[] for _ in pairs]
        state, _ = self.prefill([prompt for prompt, _ in pairs])
        going = list(range(len(pairs)))
        for number in range(max(map(len, steps))):
            rows = [place for place, row in enumerate(going) if len(steps[row]) > number]
            state, going = self.fork(state, np.array(rows)), [going[place] for place in rows]
            new = [steps[row][number] for row in going]
            for row, score in zip(going, self.score_more(state, new, [()] * len(new)), strict=True):
                scores[row].append(score.step)
        return scores

    def _steps(self, solution: tuple[int, ...]) -> list[tuple[int, ...]]:
        ends = (step_ends(list(solution), self.separator) + 1).tolist()
        return [solution[start:end] for start, end in zip([0, *ends], ends, strict=False)]

    def _read(self, state: Prefixes, new: list[list[int]], keep: list[int]) -> list[tuple[float, float]]:
        """Scores at the last kept and at the last of each row's new tokens.

        Afterwards a row stands behind the first `keep` of them.
        """
        self.tokens_scored += sum(map(len, new))
        distinct: dict[tuple, int] = {}
        items = [
            distinct.setdefault((prefix, tuple(tokens), kept), len(distinct))
            for prefix, tokens, kept in zip(state.places.tolist(), new, keep, strict=True)
        ]
        lengths = state.lengths.tolist()
        work = [
            Work(prefix, lengths[prefix], tokens, kept, pieces(len(tokens)))
            for prefix, tokens, kept in distinct
        ]
        if not all(keep):
            raise InputError("an empty step cannot be scored; every step needs at least one token")
        self.check_length(max((each.start + len(each.tokens) for each in work), default=0))
        batches = self._batches(work)
        kept = self._move(state, [work[item] for batch in batches for item in batch])
        scores = np.zeros((len(work), 2))
        places = np.zeros(len(work), dtype=np.int64)
        start = 0
        for batch in batches:
            # Padding repeats an item of the batch: whichever of the equal rows comes last stands for it.
            rows = slice(start, start + len(batch))
            places[batch] = np.arange(rows.start, rows.stop)
            scores[batch] = self._read_batch(kept, state.lengths, rows, [work[item] for item in batch])
            start = rows.stop
        state.places = places[items]
        return [tuple(each) for each in scores[items].tolist()]

    def _batches(self, work: list[Work]) -> list[list[int]]:
        """Items that are read together, filled up with repeats to a multiple of 8."""
        kinds = [(each.pieces, each.width) for each in work]
        order = sorted(range(len(work)), key=kinds.__getitem__)
        batches = []
        for (sizes, _), group in groupby(order, key=kinds.__getitem__):
            items = list(group)
            rows = self.batch_rows
            if self.device.type == "cpu":
                rows = min(rows, rows_of(max(sizes), CPU_TOKENS))
            for start in range(0, len(items), rows):
                batch = items[start : start + rows]
                batches.append(batch + batch[:1] * (round_up(len(batch), ROWS) - len(batch)))
        return batches

    def _empty(self, prefixes: int, slots: int) -> Kept:
        """Room for so many prefixes."""
        beliefs = torch.zeros(prefixes, self.model.config.hidden_size, device=self.device)
        return Kept(beliefs, self.policy.empty(prefixes, slots), self.fresh.empty(prefixes, slots))

    def _move(self, state: Prefixes, work: list[Work]) -> Kept:
        """Replace the prefixes of `state` by copies of those of `work`, in order, with room for what will be read."""
        index = np.array([each.prefix for each in work], dtype=np.int64)
        made = self._empty(len(work), max((each.width for each in work), default=0))
        kept, source = state.kept[index], state.source[index]
        for each in dict.fromkeys(kept):
            mine = np.flatnonzero(kept == each)
            into, of = self._tensor(mine), self._tensor(source[mine])
            made.beliefs.index_copy_(0, into, each.beliefs.index_select(0, of))
            for cache, stored in ((made.policy, each.policy), (made.fresh, each.fresh)):
                slots = min(cache.shape[-2], stored.shape[-2])
                # Of a part of the slots `index_select` would first copy those of all prefixes
                chosen = stored.index_select(1, of)[..., :slots, :]
                cache[..., :slots, :].index_copy_(1, into, chosen)
        state.lengths = state.lengths[index]
        state.kept, state.source = np.full(len(work), made), np.arange(len(work))
        return made

    def _read_batch(self, kept: Kept, lengths: np.ndarray, rows: slice, work: list[Work]) -> np.ndarray:
        """Read one batch, whose prefixes are `rows` of `kept`; moves these on and returns scores [rows, 2]."""
        sizes, width = work[0].pieces, work[0].width
        tokens = np.zeros((len(work), sum(sizes)), dtype=np.int64)
        for row, each in enumerate(work):
            tokens[row, : len(each.tokens)] = each.tokens
        slots = lengths[rows, None] + np.arange(tokens.shape[1])
        tokens, slots = self._tensor(tokens), self._tensor(slots)
        belief, believed, hidden = kept.beliefs[rows], [], []
        for piece, at in zip(tokens.split(sizes, dim=1), slots.split(sizes, dim=1), strict=True):
            embedded = self.model.model.embed_tokens(piece)
            believed.append(self.policy.read(embedded, at, kept.policy[:, rows], width))
            joined = self.model.join(torch.cat([belief[:, None], believed[-1][:, :-1]], dim=1), piece)
            joined = joined.masked_fill(at[:, :, None] == 0, 0.0)  # nothing is before the first token
            hidden.append(self.fresh.read(joined, at, kept.fresh[:, rows], width))
            belief = believed[-1][:, -1]
        keep = np.array([each.keep for each in work])
        last = np.array([len(each.tokens) for each in work])
        every = self._tensor(np.arange(len(work)))
        kept.beliefs[rows] = torch.cat(believed, dim=1)[every, self._tensor(keep - 1)]
        lengths[rows] += keep
        ends = self._tensor(np.stack([keep, last], axis=1) - 1)
        return self.values(torch.cat(hidden, dim=1)[every[:, None], ends].flatten(0, 1)).reshape(-1, 2)

    def _tensor(self, array: np.ndarray) -> torch.Tensor:
        return torch.as_tensor(array, device=self.device)

    def self_check(self) -> None:
        """InputError if a bit of the scores of growing solutions depends on the batch (CPU only)."""
        if self.device.type != "cpu":
            return
        rng = np.random.Generator(np.random.PCG64(0))
        size = self.model.config.vocab_size
        probes = [
            [rng.integers(0, size, length).tolist() for length in rng.integers(1, 20, 3)]
            for _ in range(PROBES)
        ]

        def score(order: np.ndarray, rows: int) -> list[list[StepScore]]:
            kept, self.batch_rows = self.batch_rows, round_up(rows, ROWS)
            state, _ = self.prefill([probes[index][0] for index in order])
            made = [
                self.score_more(state, [probes[index][step] for index in order], [[]] * len(order))
                for step in (1, 2)
            ]
            self.batch_rows = kept
            return [list(each) for each in zip(*made, strict=True)]

        before = self.tokens_scored
        where = f"torch {torch.__version__}, {torch.get_num_threads()} threads"
        check_batches(score, len(probes), rng, "verifier", where)
        self.tokens_scored = before
