"""Published verifiers that read only what is new: what was computed of a prefix is kept and gone on from.

A prefix (`ttc.verifiers.prefix_tree`) has, while there is room, the keys and values of its last piece.  Where these
exceed the memory, those that were used longest ago are dropped, and read again when they are needed.

On a CPU in float32 a piece is read for itself, beside others that have as many columns before and in it, so that not a
bit of a score depends on what else is read or was kept.  Elsewhere pieces that follow each other are read in one, and
scores differ by rounding.
"""

from collections.abc import Iterator, Sequence
from itertools import accumulate, pairwise
from typing import TYPE_CHECKING

import numpy as np
import torch
from transformers import DynamicCache

from ttc.models.kept_tokens import PADDING, TokenMemory
from ttc.models.padding import ROWS, round_up
from ttc.verifiers.prefix_tree import Path, Prefix, PrefixTree

if TYPE_CHECKING:
    from ttc.verifiers.published import PublishedVerifier, Reading

# Columns of a piece, and of what is kept before it, on a CPU in float32: few sizes, so that many rows have the same
PIECES = (16, 32, 64, 128)
PAST = 128
CPU_TOKENS = 2048  # tokens of one call on a CPU: more no longer fit a core's cache
PROBE = 24  # tokens by which a network shows that it can go on from what is kept
ROUNDING = 8  # times what the network's type rounds by: what later tokens may change at most
TOLERANCE = 0.05  # between scores of the probe read whole and in pieces; half precision rounds


class KeptPrefix(Prefix):
    """A prefix whose last piece may be kept as keys and values."""

    def __init__(self, parent: "KeptPrefix | None", tokens: tuple[int, ...], memory: TokenMemory):
        super().__init__(parent, tokens)
        self._memory = memory
        self.slots: np.ndarray | None = None  # where keys and values of the piece are kept
        self.used = 0  # when it was needed last

    def drop(self) -> None:
        """Keep no keys and values of the piece."""
        if self.slots is not None:
            self._memory.release(self.slots)
            self.slots = None

    def __del__(self):
        self.drop()


class PrefixReader(PrefixTree):
    """Scores of readings by a verifier that goes on from the prefixes that it has read."""

    def __init__(self, verifier: "PublishedVerifier", memory: int):
        """memory: bytes of keys and values that are kept, or as many as one input has where that is more."""
        super().__init__()
        self.verifier, self.memory = verifier, TokenMemory(memory)
        self.tokens_computed = 0  # without padding
        self.tokens_again = 0  # of these, read before and dropped
        self.prefixes_again = 0
        self.most_kept = 0  # tokens at a time
        self._clock = 0

    def make(self, parent: KeptPrefix | None, tokens: tuple[int, ...]) -> KeptPrefix:
        """See `PrefixTree.make`."""
        return KeptPrefix(parent, tokens, self.memory)

    def scores(self, readings: Sequence["Reading"], keep: bool) -> list[list[float]]:
        """Scores of different readings.  keep: they will be gone on from (`hold`)."""
        self._clock += 1
        paths = [self.path(each) for each in readings]
        self.memory.least = max([self.memory.least, *(path[-1].length for path in paths)])
        todo = [path for path in paths if any(prefix.score is None for prefix in path)]
        # What was used last comes first: otherwise each would drop what the next one needs
        todo.sort(key=lambda path: (-_recent(path), [prefix.tokens for prefix in path]))
        for group in self._groups(todo):
            self._read_group(group, keep)
        return self.scores_of(paths, readings, keep)

    def told(self) -> str:
        """What was computed and kept, for the log."""
        again = (
            f", {self.tokens_again:,} of them again, of {self.prefixes_again:,} pieces that did not fit the memory of "
            f"{self.memory.capacity:,} tokens (runtime.verifier_memory)"
        )
        return (
            f"{self.tokens_computed:,} computed{again if self.tokens_again else ''}; "
            f"up to {self.most_kept:,} were kept"
        )

    def _groups(self, paths: list[Path]) -> Iterator[list[Path]]:
        """Paths that fit the memory together."""
        group: list[Path] = []
        seen: set[KeptPrefix] = set()
        tokens = 0
        for path in paths:
            more = sum(len(prefix.tokens) for prefix in path if prefix not in seen)
            if group and tokens + more > self.memory.capacity:
                yield group
                group, tokens, seen = [], 0, set()
                more = path[-1].length
            group.append(path)
            seen.update(path)
            tokens += more
        if group:
            yield group

    def _read_group(self, group: list[Path], keep: bool) -> None:
        """Give all prefixes of these paths their scores; waves of pieces, each behind what is there."""
        after: dict[KeptPrefix | None, list[KeptPrefix]] = {
            None: []
        }  # what must be read, by what must be read before it
        for path in group:
            unread = [place for place, prefix in enumerate(path) if prefix.score is None]
            before = None
            for prefix in path[: unread[-1] + 1 if unread else 0]:
                if prefix.score is None or prefix.slots is None:
                    if prefix not in after:
                        after[before].append(prefix)
                        after[prefix] = []
                    before = prefix
            for prefix in path:
                prefix.used = self._clock
        pinned = {prefix for path in group for prefix in path}
        waiting = after[None]
        while waiting:
            chains = [self._chain(prefix, after) for prefix in waiting]
            kept = {prefix for chain in chains if keep or after[chain[-1]] for prefix in chain}
            for batch in self._batches(chains):
                self._make_room(sum(len(p.tokens) for chain in batch for p in chain if p in kept), pinned)
                self._read_batch(batch, kept)
            waiting = [prefix for chain in chains for prefix in after[chain[-1]]]

    def _chain(self, prefix: KeptPrefix, after: dict) -> list[KeptPrefix]:
        """Pieces that are read in one: a piece and, where rounding may differ, what alone follows it."""
        chain = [prefix]
        if not self.verifier.alone:
            while len(after[chain[-1]]) == 1 and after[chain[-1]][0].parent is chain[-1]:
                chain.append(after[chain[-1]][0])
        return chain

    def _batches(self, chains: list[list[KeptPrefix]]) -> Iterator[list[list[KeptPrefix]]]:
        """Chains that are read together, with at most `batch_tokens` columns, what is kept included."""
        most, cpu = self.verifier.batch_tokens, self.verifier.source.device.type == "cpu"
        batch: list[list[KeptPrefix]] = []
        widest = (0, 0)
        for chain in sorted(chains, key=self._columns):
            new, past = self._columns(chain)
            wider = (max(new, widest[0]), max(past, widest[1]))
            rows = len(batch) + 1
            full = rows * sum(wider) > most or (cpu and rows * wider[0] > CPU_TOKENS)
            if batch and (full or (self.verifier.alone and wider != widest)):
                yield batch
                batch, wider = [], (new, past)
            batch.append(chain)
            widest = wider
        if batch:
            yield batch

    def _columns(self, chain: list[KeptPrefix]) -> tuple[int, int]:
        """Columns of what is new, and of what is kept before it."""
        new, past = sum(len(prefix.tokens) for prefix in chain), chain[0].length - len(chain[0].tokens)
        if self.verifier.alone:
            # One of padding at least, so that all are masked in the same way
            columns = next((size for size in PIECES if size > new), round_up(new + 1, PAST))
            return columns, round_up(past, PAST)
        return new, past

    def _make_room(self, tokens: int, pinned: set[KeptPrefix]) -> None:
        """Drop what was used longest ago, and of that the longest prefixes, until there is room."""
        if self.memory.free >= tokens:
            return
        others = [each for each in self.known.values() if each.slots is not None and each not in pinned]
        for prefix in sorted(others, key=lambda each: (each.used, -each.length)):
            prefix.drop()
            if self.memory.free >= tokens:
                return

    @torch.inference_mode()
    def _read_batch(self, batch: list[list[KeptPrefix]], kept: set[KeptPrefix]) -> None:
        verifier = self.verifier
        width, past = (max(each) for each in zip(*map(self._columns, batch), strict=True))
        rows = round_up(len(batch), ROWS) if verifier.alone else len(batch)
        tokens, mask = np.zeros((rows, width), np.int64), np.zeros((rows, past + width), np.int64)
        slots, starts = np.full((rows, past), PADDING), np.zeros((rows, 1), np.int64)
        for row in range(rows):
            chain = batch[row % len(batch)]  # padding repeats rows
            new, before = [token for prefix in chain for token in prefix.tokens], _slots(chain[0].parent)
            tokens[row, : len(new)], slots[row, past - len(before) :] = new, before
            mask[row, past - len(before) : past + len(new)], starts[row] = 1, len(before)
        positions = np.minimum(starts + np.arange(width), verifier.window - 1)
        # Each prefix that is read: its row, and the columns at which it begins and ends
        read = [
            (prefix, row, *ends)
            for row, chain in enumerate(batch)
            for prefix, ends in zip(
                chain, pairwise(accumulate((len(p.tokens) for p in chain), initial=0)), strict=True
            )
        ]
        places = sorted({end - 1 for _, _, _, end in read})
        tensors = [self._tensor(each) for each in (tokens, mask, positions)]
        cache = self.memory.load(torch.from_numpy(slots))
        answers = verifier.logits(*tensors[:2], torch.tensor(places), **_going_on(cache, tensors[2]))
        column = {place: index for index, place in enumerate(places)}
        at = [row for _, row, _, _ in read], [column[end - 1] for _, _, _, end in read]
        for (prefix, *_), score in zip(read, verifier.rounded(answers[at]), strict=True):
            self.tokens_computed += len(prefix.tokens)
            if prefix.score is None:
                prefix.score = score
            else:
                self.tokens_again += len(prefix.tokens)
                self.prefixes_again += 1
        self._store(cache, past, [each for each in read if each[0] in kept])

    def _store(self, cache: DynamicCache, past: int, read: list[tuple[KeptPrefix, int, int, int]]) -> None:
        if not read:
            return
        for prefix, *_ in read:
            prefix.slots = self.memory.take(len(prefix.tokens))
        self.memory.store(
            np.concatenate([prefix.slots for prefix, *_ in read]),
            cache,
            np.repeat([row for _, row, _, _ in read], [end - start for _, _, start, end in read]),
            past + np.concatenate([np.arange(start, end) for _, _, start, end in read]),
        )
        self.most_kept = max(self.most_kept, self.memory.used)

    def _tensor(self, array: np.ndarray) -> torch.Tensor:
        return torch.as_tensor(array, device=self.verifier.source.device)

    @torch.inference_mode()
    def works(self) -> bool:
        """Whether the network goes on from what is kept as if it had read all: a probe, read whole and in pieces.

        It does not if later tokens change what it says of earlier ones, or if it keeps its past in other ways.
        """
        verifier, third = self.verifier, PROBE // 3
        rows = verifier.network.get_input_embeddings().num_embeddings
        tokens = self._tensor(np.arange(1, PROBE + 1))[None] * 7 % rows
        mask, places = torch.ones_like(tokens), torch.arange(1, 4) * third - 1
        whole = verifier.logits(tokens, mask, places)[0]
        other = torch.cat([tokens[:, :third], (tokens[:, third:] + 1) % rows], dim=1)
        change = (verifier.logits(other, mask, places)[0, 0] - whole[0]).abs().max()
        if change > ROUNDING * torch.finfo(whole.dtype).eps * whole[0].abs().max():
            return False
        cache, parts = DynamicCache(), []
        try:
            for start in range(0, PROBE, third):
                end = start + third
                more = _going_on(cache, self._tensor(np.arange(start, end))[None])
                parts.append(verifier.logits(tokens[:, start:end], mask[:, :end], places[:1], **more)[0])
                if any(layer.is_initialized and layer.keys.shape[2] != end for layer in cache.layers):
                    return False
        # Networks that cannot go on from a cache say so in many ways; they read whole solutions, as they always did
        except (TypeError, ValueError, AttributeError, RuntimeError, NotImplementedError):
            return False
        if not any(layer.is_initialized for layer in cache.layers):
            return False
        self.memory.shape_like(cache)
        scores = [verifier.probability(each.double()) for each in (torch.cat(parts), whole)]
        return not (scores[0] - scores[1]).abs().max() > TOLERANCE  # damaged weights are told by their scores


def _going_on(cache: DynamicCache, positions: torch.Tensor) -> dict:
    """What a network is given besides, to go on behind what a cache holds."""
    return {"past_key_values": cache, "position_ids": positions, "use_cache": True}


def _slots(prefix: KeptPrefix | None) -> np.ndarray:
    """Where the keys and values of a whole prefix are."""
    parts: list[np.ndarray] = []
    while prefix is not None:
        parts.append(prefix.slots)
        prefix = prefix.parent
    return np.concatenate(parts[::-1]) if parts else np.zeros(0, np.int64)


def _recent(path: Path) -> int:
    """When what is kept of a path was used last; 0 where nothing is."""
    return max((prefix.used for prefix in path if prefix.slots is not None), default=0)
