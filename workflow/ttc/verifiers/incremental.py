"""A trained process verifier that reads only what is new: each step of a search once, and each rollout.

A row's past is kept as the keys and values of the policy's and of the fresh layers and the policy's last hidden state,
its *belief* about the next token.  New tokens are read in pieces of 4 to 64, all rows of a call with pieces of one
size, each row at its own positions.

As in the engine, what a row is given does not depend on the rows around it (float32, one thread): a token's slot in
the cache is its position, the sizes of a row's pieces follow from its own number of new tokens, calls are padded to a
multiple of 8 rows and of 32 attended slots.
"""

from dataclasses import dataclass, replace
from itertools import groupby
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from transformers.cache_utils import Cache

from ttc.engines.base import StepScore
from ttc.engines.transformers import ROWS, WIDTH, round_up
from ttc.errors import InputError
from ttc.verifiers.scoring import TokenVerifier

SMALLEST, LARGEST = 4, 64  # tokens of a piece: powers of two


@dataclass
class Prefixes:
    """Rows of a verifier: what was computed for each distinct prefix, and the prefix at which each row stands.

    Rows that are equal share a prefix, so a fork copies nothing.  A prefix's tensors are never written to again.
    """

    places: np.ndarray  # [rows] index of the prefix of each row
    lengths: np.ndarray  # [prefixes] tokens read
    beliefs: (
        torch.Tensor
    )  # [prefixes, width] the policy's hidden state at the last of them; zeros before the first
    caches: list[
        torch.Tensor
    ]  # keys and values, layer by layer: [prefixes, key-value heads, slots, head size]


class Work(NamedTuple):
    """One distinct piece of reading."""

    prefix: int  # where it goes on
    start: int  # tokens before it
    tokens: tuple[int, ...]  # what is read
    keep: int  # how many of them the row keeps
    pieces: tuple[int, ...]  # sizes of the calls that read them


def pieces(tokens: int) -> tuple[int, ...]:
    """Sizes of the pieces in which `tokens` new tokens are read; the last may be filled up with padding."""
    full, rest = divmod(tokens, LARGEST)
    last = (max(SMALLEST, 1 << (rest - 1).bit_length()),) if rest else ()
    return (LARGEST,) * full + last


class PieceCache(Cache):
    """Keys and values of some layers for the rows of one call; each row writes a piece at its own positions."""

    def __init__(self, caches: list[torch.Tensor]):
        """caches: keys and values, layer by layer, of these rows; written to in place."""
        self.layers = []
        self._caches = caches
        self._slots: torch.Tensor | None = None  # [rows, piece]
        self._width = 0  # slots attended to

    def place(self, slots: torch.Tensor, width: int) -> None:
        """Where the next call writes, and how many slots it attends to."""
        self._slots, self._width = slots, width

    def get_seq_length(self, layer_idx: int = 0) -> int:
        return 0

    def update(self, key_states, value_states, layer_idx, *args, **kwargs):
        """Store the new keys and values [rows, heads, piece, size]; return those to attend to."""
        rows = torch.arange(len(self._slots), device=self._slots.device)[:, None]
        seen = []
        for cache, new in zip(
            self._caches[2 * layer_idx : 2 * layer_idx + 2], (key_states, value_states), strict=True
        ):
            cache[rows, :, self._slots] = new.transpose(1, 2)
            seen.append(cache[:, :, : self._width])
        return tuple(seen)


class IncrementalVerifier(TokenVerifier):
    """`ttc.engines.base.StepVerifier` on a `SurpriseVerifier` of kind `prm`.

    Equal steps of equal rows are read once; `tokens_scored` counts each of them.  `score` is the reference: it reads
    whole solutions, and its scores differ from these by rounding only (below 1e-5 in float32).
    """

    def __init__(self, path: Path, batch_rows: int = 1024, device: str = "auto"):
        super().__init__(path, batch_rows, device)
        if self.kind != "prm":
            raise InputError(f"{path} is of kind '{self.kind}'; a search follows a process verifier (prm)")

    @torch.inference_mode()
    def prefill(self, prompts: list[list[int]]) -> tuple[Prefixes, list[int]]:
        """Rows at the end of `prompts`; each distinct prompt is computed once and each prompt billed."""
        config = self.model.config
        slots = (1, config.num_key_value_heads, 0, config.head_dim)
        state = Prefixes(
            np.zeros(len(prompts), dtype=np.int64),
            np.zeros(1, dtype=np.int64),
            torch.zeros(1, config.hidden_size, device=self.device),
            [
                torch.zeros(slots, device=self.device)
                for _ in range(2 * (config.num_hidden_layers + config.fresh_layers))
            ],
        )
        read = [len(prompt) for prompt in prompts]
        self._read(state, prompts, read)
        return state, read

    def fork(self, state: Prefixes, rows: np.ndarray) -> Prefixes:
        """Copies of `rows`; they share what was computed for their prefixes."""
        return replace(state, places=state.places[rows])

    @torch.inference_mode()
    def score_more(
        self, state: Prefixes, steps: list[list[int]], rollouts: list[list[int]]
    ) -> list[StepScore]:
        """See `ttc.engines.base.StepVerifier.score_more`."""
        new = [step + rollout for step, rollout in zip(steps, rollouts, strict=True)]
        scores = self._read(state, new, [len(step) for step in steps])
        return [StepScore(each[0], each[-1], len(read)) for each, read in zip(scores, new, strict=True)]

    def _read(self, state: Prefixes, new: list[list[int]], keep: list[int]) -> list[list[float]]:
        """Scores of the steps that end in each row's new tokens, the last of which ends one in any case.

        Afterwards a row stands behind the first `keep` of its new tokens.
        """
        self.tokens_scored += sum(map(len, new))
        distinct: dict[tuple, int] = {}
        prefixes = state.places.tolist()
        items = [
            distinct.setdefault((prefix, tuple(tokens), kept), len(distinct))
            for prefix, tokens, kept in zip(prefixes, new, keep, strict=True)
        ]
        work = [
            Work(prefix, int(state.lengths[prefix]), tokens, kept, pieces(len(tokens)))
            for prefix, tokens, kept in distinct
        ]
        self._check(work)
        batches = self._batches(work)
        scores: list[list[float]] = [[]] * len(work)
        places = np.zeros(len(work), dtype=np.int64)
        self._move(state, [work[item] for batch in batches for item in batch])
        start = 0
        for batch in batches:
            rows = slice(start, start + len(batch))
            # Padding repeats an item of the batch: whichever of the equal rows comes last stands for it.
            places[batch] = np.arange(rows.start, rows.stop)
            for item, values in zip(
                batch, self._read_batch(state, rows, [work[i] for i in batch]), strict=True
            ):
                scores[item] = values
            start = rows.stop
        state.places = places[items]
        return [scores[item] for item in items]

    def _check(self, work: list[Work]) -> None:
        if not all(each.tokens for each in work):
            raise InputError("an empty step cannot be scored; every step needs at least one token")
        self.check_length(max((each.start + len(each.tokens) for each in work), default=0))

    def _batches(self, work: list[Work]) -> list[list[int]]:
        """Items read together: equal pieces, similar lengths, filled up with repeats to a multiple of 8."""
        order = sorted(range(len(work)), key=lambda item: (work[item].pieces, work[item].start))
        batches = []
        for _, group in groupby(order, key=lambda item: work[item].pieces):
            items = list(group)
            for start in range(0, len(items), self.batch_rows):
                batch = items[start : start + self.batch_rows]
                batches.append(batch + batch[:1] * (round_up(len(batch), ROWS) - len(batch)))
        return batches

    def _move(self, state: Prefixes, work: list[Work]) -> None:
        """Replace the prefixes of `state` by those of `work`, in order, with room for what will be read."""
        index = np.array([each.prefix for each in work], dtype=np.int64)
        slots = max((each.start + sum(each.pieces) for each in work), default=0)
        extra = max(0, round_up(slots, WIDTH) - state.caches[0].shape[2])
        rows = torch.as_tensor(index, device=self.device)
        state.caches = [
            torch.nn.functional.pad(cache.index_select(0, rows), (0, 0, 0, extra)) for cache in state.caches
        ]
        state.beliefs = state.beliefs.index_select(0, rows)
        state.lengths = state.lengths[index]

    def _read_batch(self, state: Prefixes, rows: slice, work: list[Work]) -> list[list[float]]:
        """Read one batch, whose prefixes are `rows` of `state`, and move these prefixes on."""
        sizes = work[0].pieces
        counts = np.array([len(each.tokens) for each in work])
        tokens = np.zeros((len(work), sum(sizes)), dtype=np.int64)
        for row, each in enumerate(work):
            tokens[row, : counts[row]] = each.tokens
        starts = torch.as_tensor(state.lengths[rows], device=self.device)
        caches = [cache[rows] for cache in state.caches]
        policy = PieceCache(caches[: 2 * self.model.config.num_hidden_layers])
        fresh = PieceCache(caches[2 * self.model.config.num_hidden_layers :])
        belief, believed, hidden = state.beliefs[rows], [], []
        for piece in torch.as_tensor(tokens, device=self.device).split(sizes, dim=1):
            made = self._forward(piece, starts, belief, policy, fresh)
            believed.append(made[0])
            hidden.append(made[1])
            belief = made[0][:, -1]
            starts = starts + piece.shape[1]
        keep = np.array([each.keep for each in work])
        every = torch.arange(len(work), device=self.device)
        state.beliefs[rows] = torch.cat(believed, dim=1)[every, torch.as_tensor(keep - 1, device=self.device)]
        state.lengths[rows] += keep
        place = np.arange(tokens.shape[1])
        ends = (tokens == self.separator) & (place < counts[:, None]) | (place == counts[:, None] - 1)
        at_row, at_token = np.nonzero(ends)
        values = self.values(
            torch.cat(hidden, dim=1)[
                torch.as_tensor(at_row, device=self.device), torch.as_tensor(at_token, device=self.device)
            ]
        )
        return [part.tolist() for part in np.split(values, np.cumsum(ends.sum(axis=1))[:-1])]

    def _forward(
        self,
        tokens: torch.Tensor,
        starts: torch.Tensor,
        belief: torch.Tensor,
        policy: PieceCache,
        fresh: PieceCache,
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """The policy's and the fresh layers' last hidden states [rows, piece, width] at one piece of every row.

        starts: position of the piece in each row; belief: the policy's hidden state before it [rows, width].
        """
        slots = starts[:, None] + torch.arange(tokens.shape[1], device=self.device)
        width = round_up(int(slots[:, -1].max()) + 1, WIDTH)
        hidden_from = torch.arange(width, device=self.device) > slots[:, :, None]
        mask = torch.zeros(hidden_from.shape, device=self.device).masked_fill(hidden_from, float("-inf"))[
            :, None
        ]
        policy.place(slots, width)
        fresh.place(slots, width)
        call = {"attention_mask": mask, "position_ids": slots, "use_cache": True}
        believed = self.model.model(input_ids=tokens, past_key_values=policy, **call).last_hidden_state
        joined = self.model.join(torch.cat([belief[:, None], believed[:, :-1]], dim=1), tokens)
        joined = joined.masked_fill(slots[:, :, None] == 0, 0.0)  # nothing is before the first token
        return believed, self.model.fresh(
            inputs_embeds=joined, past_key_values=fresh, **call
        ).last_hidden_state

    def self_check(self) -> None:
        """Score a few growing solutions alone, in a crowd and shuffled; InputError if a bit differs (CPU only)."""
        if self.device.type != "cpu":
            return
        rng = np.random.Generator(np.random.PCG64(0))
        size = self.model.config.vocab_size
        probes = [
            [rng.integers(0, size, length).tolist() for length in rng.integers(1, 20, 3)] for _ in range(40)
        ]

        def score(order: np.ndarray, batch_rows: int) -> list[list[StepScore]]:
            kept, self.batch_rows = self.batch_rows, batch_rows
            state, _ = self.prefill([probes[index][0] for index in order])
            made = [
                self.score_more(state, [probes[index][step] for index in order], [[]] * len(order))
                for step in (1, 2)
            ]
            self.batch_rows = kept
            return [[step[place] for step in made] for place in np.argsort(order)]

        before = self.tokens_scored
        crowd = score(np.arange(len(probes)), 64)
        shuffled = score(rng.permutation(len(probes)), 16)
        alone = [score(np.array([index]), ROWS)[0] for index in range(3)]
        self.tokens_scored = before
        if crowd != shuffled or crowd[:3] != alone:
            raise InputError(
                "the verifier's self-check failed: the same steps scored alone, in a crowd and shuffled got different "
                f"scores, so results would depend on batches (torch {torch.__version__}, "
                f"{torch.get_num_threads()} threads; use one thread per process)"
            )
