"""Rows of an engine, and the loop that makes them longer.

Rows whose tokens so far are the same share one *node* of the batch: one cache, one forward pass, and each draws its own
next token from the same logits.  Where their tokens part, the node branches.  So 256 samples of a question start as
one node, and what is computed grows with their variety; what a row gets does not, since a node's bits do not depend on
the batch.
"""

from dataclasses import dataclass

import numpy as np
import torch

from ttc import noise
from ttc.engines.protocol import Continuation
from ttc.engines.stopping import BLANK, END, STEP, StopTable
from ttc.models.forward import Forward
from ttc.models.padding import ROWS, round_up

REFILL_AT = 1 / 16  # share of a full batch that must be free before waiting rows enter
COMPACT_AT = 0.3  # share of a batch that must be free before it is rebuilt smaller
FINISH = np.array(["length", "end", "step"], dtype=object)


@dataclass
class RowState:
    """Rows of an engine: cached prefixes (all tokens but the last), the pending last token, and the lengths."""

    # [parts, stored prefixes, …, slots, size]; shared by rows and forks, never written to
    cache: torch.Tensor
    source: np.ndarray  # [rows] the stored prefix of a row
    lengths: np.ndarray  # [rows] tokens so far, the pending one included
    pending: np.ndarray  # [rows] last token, not yet in the cache
    ended: np.ndarray  # [rows] the solution has ended; nothing is stored for such a row
    blank: np.ndarray  # [rows] the step in work has nothing to read yet
    # [rows, some] last tokens of the solution, -1 before it, in which texts that end it are looked for
    tail: np.ndarray


class Decoding:
    """One call of `extend`: rows that wait, rows in work at nodes of the batch, and what has been generated.

    A node is a place of the batch's cache; `pending` and `lengths` are the last token and the length of its rows.
    """

    def __init__(
        self,
        forward: Forward,
        state: RowState,
        streams: np.ndarray,
        temperature: float,
        max_tokens: int,
        stop_table: StopTable,
        by_step: bool,
    ):
        self.forward, self.state, self.streams = forward, state, streams
        self.temperature, self.max_tokens = temperature, max_tokens
        self.stop_table, self.by_step = stop_table, by_step
        rows = len(state.lengths)
        self.finish = np.zeros(rows, dtype=np.uint8)  # an index of FINISH
        self.blank = state.blank.copy()
        self.tokens = np.zeros((rows, max_tokens), dtype=np.int32)
        self.logprobs = np.zeros(rows)
        self.counts = np.zeros(rows, dtype=np.int64)
        self.tokens_computed = 0
        # Rows wait by length; those that start from the same tokens are neighbours and get the same number.
        self.waiting = np.lexsort((state.pending, state.source, state.lengths))
        order = np.stack([state.source, state.pending])[:, self.waiting]
        self.starts = np.cumsum(np.append(0, (order[:, 1:] != order[:, :-1]).any(axis=0)))[:rows]
        slots = int(state.lengths.max(initial=0)) + max_tokens
        self.cache = forward.empty(ROWS, slots)  # gets more places as nodes branch
        self.rows, self.nodes = np.zeros(0, dtype=np.int64), np.zeros(0, dtype=np.int64)  # in work, and where
        self.pending, self.lengths = np.zeros(ROWS, dtype=np.int64), np.ones(ROWS, dtype=np.int64)
        self.used = np.zeros(0, dtype=np.int64)  # places that are nodes, ascending
        self.saved: list[torch.Tensor] = []  # prefixes of rows that stopped without ending
        self.source = np.zeros(rows, dtype=np.int64)  # and which of them, all put together, is a row's

    def run(self, most_rows: int, most_nodes: int) -> None:
        """Generate until every row has stopped; the state then holds what may be extended again.

        most_rows: rows in work at once; most_nodes: nodes below which more rows are taken in (branching may exceed it).
        """
        while len(self.rows) or len(self.waiting):
            if len(self.used) <= (1 - REFILL_AT) * most_nodes and len(self.waiting):
                self._admit(most_rows - len(self.rows), most_nodes - len(self.used))
            if round_up(len(self.used), ROWS) <= (1 - COMPACT_AT) * self.places:
                self._compact()
            self._branch(*self._choose())
        self._store()

    def continuations(self) -> list[Continuation]:
        """What was generated, row by row."""
        flat = self.tokens[np.arange(self.max_tokens) < self.counts[:, None]].tolist()
        edges = np.append(0, np.cumsum(self.counts)).tolist()
        return [
            Continuation(flat[start:stop], logprob, reason)
            for start, stop, logprob, reason in zip(
                edges[:-1], edges[1:], self.logprobs.tolist(), FINISH[self.finish], strict=True
            )
        ]

    @property
    def places(self) -> int:
        """Places that a step computes: up to the last node, in multiples of `ROWS`."""
        return round_up(int(self.used[-1]) + 1, ROWS) if len(self.used) else 0

    def _admit(self, rows: int, nodes: int) -> None:
        """Take in waiting rows, up to the given numbers of rows and of nodes."""
        count = min(max(rows, 0), int(np.searchsorted(self.starts, self.starts[0] + nodes)))
        if not count:
            return
        entering, starts = self.waiting[:count], self.starts[:count]
        self.waiting, self.starts = self.waiting[count:], self.starts[count:]
        _, first, own = np.unique(starts, return_index=True, return_inverse=True)
        places = self._free(len(first))
        stored = self.state.cache[..., : self.cache.shape[-2], :]
        made = stored.index_select(1, self._index(self.state.source[entering[first]]))
        self.cache[..., : made.shape[-2], :].index_copy_(1, self._index(places), made)
        self.pending[places] = self.state.pending[entering[first]]
        self.lengths[places] = self.state.lengths[entering[first]]
        self.used = np.sort(np.append(self.used, places))
        self.rows, self.nodes = np.append(self.rows, entering), np.append(self.nodes, places[own])

    def _choose(self) -> tuple[np.ndarray, np.ndarray]:
        """Compute all nodes and draw a token for every row in work; which token, and whether the row stops there."""
        places, rows = self.places, self.rows
        lengths = self.lengths[:places]
        width = round_up(int(self.lengths[self.used].max()), self.forward.granule)
        logits = self.forward.decode(
            self._index(self.pending[:places]), self._index(lengths - 1), self.cache[:, :places], width
        )
        self.tokens_computed += places
        chosen, logprobs = choose(
            logits, self.nodes, self.streams[rows], lengths[self.nodes], self.temperature
        )
        self.tokens[rows, self.counts[rows]] = chosen
        self.counts[rows] += 1
        self.logprobs[rows] += logprobs
        return chosen, self._stops(rows, chosen)

    def _stops(self, rows: np.ndarray, chosen: np.ndarray) -> np.ndarray:
        """Which of the rows stop with the tokens that they were given, and how."""
        marks = self.stop_table.of_token[chosen]
        self.finish[rows[(marks & END) != 0]] = 1
        if self.by_step:
            readable = (marks & BLANK) == 0
            self.blank[rows[readable]] = False
            self.finish[rows[((marks & STEP) != 0) & ~self.blank[rows]]] = 2
        if self.stop_table.texts:
            written = np.concatenate([self.state.tail[rows], self.tokens[rows]], axis=1)
            ends = self.stop_table.width + self.counts[rows]
            self.finish[rows[self.stop_table.text_ends(written, ends, chosen)]] = 1
        return (self.finish[rows] > 0) | (self.counts[rows] == self.max_tokens)

    def _branch(self, chosen: np.ndarray, stopped: np.ndarray) -> None:
        """Let rows that stopped go, and give those that go on a node for each (node, token)."""
        if stopped.any():
            self._save(stopped & (self.finish[self.rows] != 1))
            self.rows, self.nodes, chosen = self.rows[~stopped], self.nodes[~stopped], chosen[~stopped]
        pairs, own = np.unique((self.nodes << 32) | chosen, return_inverse=True)
        parents, tokens = pairs >> 32, pairs & 0xFFFFFFFF
        # The first child of a node stays in its place; each other one gets a copy of the cache.
        stays = np.append(True, parents[1:] != parents[:-1])[: len(parents)]
        places = parents.copy()
        self.used = parents[stays]
        if not stays.all():
            places[~stays] = self._free(int((~stays).sum()))
            made = self.cache.index_select(1, self._index(parents[~stays]))
            self.cache.index_copy_(1, self._index(places[~stays]), made)
            self.used = np.sort(places)
        self.pending[places], self.lengths[places] = tokens, self.lengths[parents] + 1
        self.nodes = places[own]

    def _free(self, count: int) -> np.ndarray:
        """The lowest `count` places that are no nodes; the cache grows where there are too few."""
        have = self.cache.shape[1]
        if len(self.used) + count > have:
            more = round_up(max(len(self.used) + count, 2 * have), ROWS)
            cache = self.forward.empty(more, self.cache.shape[-2])
            cache[:, :have] = self.cache
            self.cache = cache
            self.pending = np.append(self.pending, np.zeros(more - have, dtype=np.int64))
            self.lengths = np.append(self.lengths, np.ones(more - have, dtype=np.int64))
        free = np.ones(self.cache.shape[1], dtype=bool)
        free[self.used] = False
        return np.flatnonzero(free)[:count]

    def _compact(self) -> None:
        """Move the nodes together."""
        count = len(self.used)
        self.cache[:, :count] = self.cache.index_select(1, self._index(self.used))
        self.pending[:count], self.lengths[:count] = self.pending[self.used], self.lengths[self.used]
        self.nodes = np.searchsorted(self.used, self.nodes)
        self.used = np.arange(count)

    def _save(self, leaving: np.ndarray) -> None:
        """Keep the prefixes of rows in work that leave but may be extended again."""
        if leaving.any():
            places, own = np.unique(self.nodes[leaving], return_inverse=True)
            width = round_up(int(self.lengths[places].max()), self.forward.granule)
            self.source[self.rows[leaving]] = sum(each.shape[1] for each in self.saved) + own
            self.saved.append(self.cache[..., :width, :].index_select(1, self._index(places)))

    def _store(self) -> None:
        """Update the state."""
        state, slots = self.state, max((each.shape[-2] for each in self.saved), default=1)
        made = [torch.nn.functional.pad(each, (0, 0, 0, slots - each.shape[-2])) for each in self.saved]
        state.cache = torch.cat(made, dim=1) if made else self.forward.empty(0, slots)
        state.source = self.source
        state.lengths = state.lengths + self.counts
        if len(self.counts):
            state.pending = self.tokens[np.arange(len(self.counts)), self.counts - 1].astype(np.int64)
        state.ended = self.finish == 1
        state.blank = self.blank | (self.finish == 2)
        if self.stop_table.texts:
            written = np.concatenate([state.tail, self.tokens], axis=1)
            state.tail = self.stop_table.last(written, self.stop_table.width + self.counts)

    def _index(self, array: np.ndarray) -> torch.Tensor:
        return torch.as_tensor(array, device=self.cache.device)


def choose(
    logits: torch.Tensor, nodes: np.ndarray, streams: np.ndarray, positions: np.ndarray, temperature: float
) -> tuple[np.ndarray, np.ndarray]:
    """Next tokens [rows] and their log-probabilities at temperature 1 (nats).

    logits: [nodes, vocabulary]; nodes: [rows] whose logits a row draws from; positions: [rows] absolute position of
    the token to choose.  Sampling inverts the cumulative distribution, added up in float64, at the uniform number of
    (stream, position); temperature 0 takes the most probable token, the lower id on a tie.
    """
    logprobs = torch.log_softmax(logits, dim=-1)
    nodes = torch.as_tensor(nodes, device=logits.device)
    if temperature == 0:
        chosen = logits.argmax(dim=-1)[nodes]
    else:
        probabilities = torch.softmax(logits if temperature == 1 else logits / temperature, dim=-1)
        cumulative = probabilities.cumsum(dim=-1, dtype=torch.float64).index_select(0, nodes)
        uniform = torch.as_tensor(noise.uniform(streams, positions), device=logits.device)
        # The last entry is only nearly 1: scaling keeps the inverse inside the vocabulary.
        chosen = torch.searchsorted(cumulative, uniform[:, None] * cumulative[:, -1:], right=True)[:, 0]
        chosen = chosen.clamp_(max=logits.shape[1] - 1)
    taken = logprobs[nodes, chosen]
    return chosen.cpu().numpy(), taken.double().cpu().numpy()
