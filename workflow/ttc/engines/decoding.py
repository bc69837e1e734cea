"""The queue of rows of the `transformers` engine, and the loop that makes them longer.

Rows are put in in groups, also while others are in work; they enter the batch in that order as places get free, and a
group comes out when its last row has stopped.

Rows of a group whose tokens so far are the same share one *node* of the batch: one cache, one forward pass, and each
draws its own next token from the same logits.  Where their tokens part, the node branches.  So 256 samples of a
question start as one node, and what is computed grows with their variety; what a row gets does not, since a node's bits
do not depend on the batch.
"""

from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Protocol

import numpy as np
import torch

from ttc.engines import confidence
from ttc.engines.drawing import choose
from ttc.engines.protocol import Continuation, Tell, spans
from ttc.engines.rows import RowState, Stored, Table
from ttc.engines.stopping import BLANK, END, STEP, StopTable
from ttc.errors import InputError
from ttc.models.forward import Below, Forward, SharedPrefix
from ttc.models.padding import ROWS, round_up

REFILL_AT = 1 / 16  # share of a full batch that must be free before waiting rows enter
COMPACT_AT = 0.3  # share of a batch that must be free before it is rebuilt smaller
FINISH = np.array(["length", "end", "step"], dtype=object)


class Host(Protocol):
    """What decoding needs to know of its engine, and counts for it."""

    forward: Forward
    stop_table: StopTable
    window: int  # tokens of the longest row
    top: int
    tokens_generated: int  # of groups that came out
    tokens_computed: int  # fed to the model: rows with the same tokens share one


@dataclass
class Group:
    """Rows that come out together."""

    key: Hashable
    state: RowState
    own: range  # of the rows of the state
    rows: np.ndarray  # their places in the table
    going: int  # how many have not stopped


class Decoding:
    """`ttc.engines.protocol.Queue`: rows that wait, rows in work at nodes of the batch, and what has been generated.

    A node is a place of the batch's cache; `pending` and `lengths` are the last token and the length of its rows, of
    which the first `shared` tokens are no part of that cache.
    """

    def __init__(self, engine: Host, by_step: bool, keep: bool, most_rows: int, most_nodes: int, tell: Tell):
        """by_step, keep, tell: see `ttc.engines.protocol.Engine.queue`.

        most_rows: rows in work at once; most_nodes: nodes below which more rows are taken in (branching may exceed it).
        """
        self.engine, self.forward, self.stop_table = engine, engine.forward, engine.stop_table
        self.by_step, self.keep, self.top = by_step, keep, engine.top
        self.most_rows, self.most_nodes, self.tell = most_rows, most_nodes, tell
        self.table = Table(self.stop_table.width, bool(self.top))
        self.groups: dict[int, Group] = {}
        self.number = 0  # of the next group
        # Rows that wait; those that start from the same tokens are neighbours and have the same number
        self.waiting, self.starts = np.zeros(0, dtype=np.int64), np.zeros(0, dtype=np.int64)
        self.start = 0  # number of the next
        self.prefix: SharedPrefix | None = None
        self.cache = self.forward.empty(
            ROWS, 1
        )  # gets more places as nodes branch, and more slots as they grow
        self.rows, self.nodes = np.zeros(0, dtype=np.int64), np.zeros(0, dtype=np.int64)  # in work, and where
        self.pending, self.lengths = np.zeros(ROWS, dtype=np.int64), np.ones(ROWS, dtype=np.int64)
        self.shared = np.zeros(ROWS, dtype=np.int64)
        self.used = np.zeros(0, dtype=np.int64)  # places that are nodes, ascending

    def put(
        self,
        groups: Sequence[tuple[Hashable, int]],
        state: RowState,
        streams: np.ndarray,
        temperature: float,
        limits: np.ndarray,
    ) -> None:
        """See `ttc.engines.protocol.Queue.put`."""
        if state.ended.any():
            raise ValueError("a row that has ended cannot be extended")
        if limits.min() < 1:
            raise ValueError(f"max_tokens is {limits.min()}; allowed is a whole number from 1")
        longest = int((state.lengths + limits).max())
        if longest > self.engine.window:
            raise InputError(
                f"a solution may grow to {longest} tokens and the model's window is {self.engine.window}; "
                "lower max_tokens or use a model with a longer window"
            )
        rows = self.table.take(len(streams), int(limits.max()))
        known = self.table.rows
        first = {
            "group": self.number + np.repeat(np.arange(len(groups)), [count for _, count in groups]),
            "stream": streams,
            "temperature": temperature,
            "limit": limits,
            "count": 0,
            "logprob": 0.0,
            "finish": 0,
            "blank": state.blank,
            "length": state.lengths,
            "pending": state.pending,
            "shared": state.shared,
            "stored": state.stored,
        }
        for column, value in first.items():
            known[column][rows] = value
        self.table.tokens[rows, : self.table.tail] = state.tail
        state.stored = np.full(len(streams), None)  # what the rows go on from is kept until they enter
        self.prefix = state.prefix or self.prefix
        for key, own in spans(groups):
            mine = rows[own.start : own.stop]
            self.groups[self.number] = Group(key, state, own, mine, len(own))
            self.number += 1
        self._line_up(rows)

    def take(self) -> list[tuple[Hashable, list[Continuation]]]:
        """See `ttc.engines.protocol.Queue.take`."""
        done: list[Group] = []
        with torch.inference_mode():
            while not done and (len(self.rows) or len(self.waiting)):
                if len(self.used) <= (1 - REFILL_AT) * self.most_nodes and len(self.waiting):
                    self._admit(self.most_rows - len(self.rows), self.most_nodes - len(self.used))
                if round_up(len(self.used), ROWS) <= (1 - COMPACT_AT) * self.places:
                    self._compact()
                chosen, stopped = self._choose()
                self.tell(int(stopped.sum()), len(chosen))
                done = self._branch(chosen, stopped)
        return self._close(done)

    @property
    def places(self) -> int:
        """Places that a step computes: up to the last node, in multiples of `ROWS`."""
        return round_up(int(self.used[-1]) + 1, ROWS) if len(self.used) else 0

    def _line_up(self, rows: np.ndarray) -> None:
        """Let rows wait: by length, behind those that wait already."""
        known = self.table.rows[rows]
        kinds: dict[Stored, int] = {}
        stored = np.array([kinds.setdefault(each, len(kinds)) for each in known["stored"]])
        order = np.lexsort((known["pending"], stored, known["length"]))
        begins = np.stack([stored, known["pending"]])[:, order]
        starts = self.start + np.cumsum(np.append(0, (begins[:, 1:] != begins[:, :-1]).any(axis=0)))
        self.waiting = np.append(self.waiting, rows[order])
        self.starts = np.append(self.starts, starts)
        self.start = int(starts[-1]) + 1

    def _admit(self, rows: int, nodes: int) -> None:
        """Take in waiting rows, up to the given numbers of rows and of nodes."""
        count = min(max(rows, 0), int(np.searchsorted(self.starts, self.starts[0] + nodes)))
        if not count:
            return
        entering, starts = self.waiting[:count], self.starts[:count]
        self.waiting, self.starts = self.waiting[count:], self.starts[count:]
        _, first, own = np.unique(starts, return_index=True, return_inverse=True)
        known = self.table.rows[entering[first]]
        places = self._free(len(first))
        self.pending[places], self.lengths[places] = known["pending"], known["length"]
        self.shared[places] = known["shared"]
        self._widen(self._width(places))
        for place, stored in zip(places.tolist(), known["stored"], strict=True):
            self.cache[:, place, ..., : stored.cache.shape[-2], :] = stored.cache
        self.table.rows["stored"][entering] = None
        self.used = np.sort(np.append(self.used, places))
        self.rows, self.nodes = np.append(self.rows, entering), np.append(self.nodes, places[own])

    def _choose(self) -> tuple[np.ndarray, np.ndarray]:
        """Compute all nodes and draw a token for every row in work; which token, and whether the row stops there."""
        places, rows, known = self.places, self.rows, self.table.rows
        lengths, width = self.lengths[:places], self._width(self.used)
        self._widen(width)
        logits = self.forward.decode(
            self._index(self.pending[:places]),
            self._index(np.maximum(lengths - 1 - self.shared[:places], 0)),
            self.cache[:, :places],
            width,
            self._below(places),
        )
        self.engine.tokens_computed += places
        chosen, logprobs = choose(
            logits, self.nodes, known["stream"][rows], lengths[self.nodes], known["temperature"][rows]
        )
        counts = known["count"][rows]
        self.table.tokens[rows, self.table.tail + counts] = chosen
        if self.table.confidences is not None:
            sure = confidence.of_tokens(logits, self.top).cpu().numpy()
            self.table.confidences[rows, counts] = sure[self.nodes]
        known["count"][rows] = counts + 1
        known["logprob"][rows] += logprobs
        return chosen, self._stops(rows, chosen)

    def _stops(self, rows: np.ndarray, chosen: np.ndarray) -> np.ndarray:
        """Which of the rows stop with the tokens that they were given, and how."""
        known, marks = self.table.rows, self.stop_table.of_token[chosen]
        known["finish"][rows[(marks & END) != 0]] = 1
        if self.by_step:
            readable = (marks & BLANK) == 0
            known["blank"][rows[readable]] = False
            known["finish"][rows[((marks & STEP) != 0) & ~known["blank"][rows]]] = 2
        counts = known["count"][rows]
        if self.stop_table.texts:
            ends = self.table.tail + counts
            known["finish"][rows[self.stop_table.text_ends(self.table.tokens[rows], ends, chosen)]] = 1
        return (known["finish"][rows] > 0) | (counts == known["limit"][rows])

    def _branch(self, chosen: np.ndarray, stopped: np.ndarray) -> list[Group]:
        """Let rows that stopped go, and give those that go on a node for each (node, token); groups that are done."""
        done: list[Group] = []
        if stopped.any():
            self._save(stopped & (self.table.rows["finish"][self.rows] != 1))
            done = self._leave(self.rows[stopped])
            self.rows, self.nodes, chosen = self.rows[~stopped], self.nodes[~stopped], chosen[~stopped]
        pairs, own = np.unique((self.nodes << 32) | chosen, return_inverse=True)
        parents, tokens = pairs >> 32, pairs & 0xFFFFFFFF
        # The first child of a node stays in its place; each other one gets a copy of the cache.
        stays = np.append(True, parents[1:] != parents[:-1])[: len(parents)]
        places = parents.copy()
        self.used = parents[stays]
        if not stays.all():
            places[~stays] = self._free(int((~stays).sum()))
            self._copy(parents[~stays], places[~stays])
            self.used = np.sort(places)
        self.pending[places], self.lengths[places] = tokens, self.lengths[parents] + 1
        self.shared[places] = self.shared[parents]
        self.nodes = places[own]
        return done

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
            self.shared = np.append(self.shared, np.zeros(more - have, dtype=np.int64))
        free = np.ones(self.cache.shape[1], dtype=bool)
        free[self.used] = False
        return np.flatnonzero(free)[:count]

    def _widen(self, width: int) -> None:
        """Give the cache `width` slots at least."""
        have = self.cache.shape[-2]
        if have < width:
            cache = self.forward.empty(self.cache.shape[1], max(width, 2 * have))
            cache[..., :have, :] = self.cache
            self.cache = cache

    def _compact(self) -> None:
        """Move the last nodes to free places before them."""
        count = len(self.used)
        moved = self.used[self.used >= count]
        free = np.setdiff1d(np.arange(count), self.used)
        self._copy(moved, free)
        where = np.arange(len(self.pending))
        where[moved] = free
        for each in (self.pending, self.lengths, self.shared):
            each[free] = each[moved]
        self.nodes = where[self.nodes]
        self.used = np.arange(count)

    def _copy(self, nodes: np.ndarray, places: np.ndarray) -> None:
        """Copy what nodes hold to other places, one by one: `index_select` would first copy all of the cache."""
        width = self._width(nodes) if len(nodes) else 0
        for node, place in zip(nodes.tolist(), places.tolist(), strict=True):
            self.cache[:, place, ..., :width, :] = self.cache[:, node, ..., :width, :]

    def _save(self, leaving: np.ndarray) -> None:
        """Keep the prefixes of rows in work that leave but may be extended again."""
        if self.keep and leaving.any():
            places, own = np.unique(self.nodes[leaving], return_inverse=True)
            made = np.empty(len(places), dtype=object)
            for number, place in enumerate(places.tolist()):
                width = self._width(places[number])
                made[number] = Stored(self.cache[:, place, ..., :width, :].clone())
            self.table.rows["stored"][self.rows[leaving]] = made[own]

    def _leave(self, rows: np.ndarray) -> list[Group]:
        """Count the rows that have stopped; the groups of which none goes on."""
        done = []
        for number, count in zip(*np.unique(self.table.rows["group"][rows], return_counts=True), strict=True):
            group = self.groups[int(number)]
            group.going -= int(count)
            if not group.going:
                done.append(self.groups.pop(int(number)))
        return done

    def _close(self, groups: list[Group]) -> list[tuple[Hashable, list[Continuation]]]:
        """Keys of groups, and what their rows have got; their state then holds what may be extended again."""
        if not groups:
            return []
        table, rows = self.table, np.concatenate([group.rows for group in groups])
        known = table.rows[rows]
        sure = [None] * len(rows) if table.confidences is None else table.written(rows, table.confidences)
        texts = table.written(rows, table.tokens, table.tail)
        made = zip(texts, known["logprob"].tolist(), FINISH[known["finish"]], sure, strict=True)
        grown = [Continuation(*each) for each in made]
        edges = np.append(0, np.cumsum([len(group.rows) for group in groups]))
        for group, (start, stop) in zip(groups, pairwise(edges), strict=True):
            self._return(group, known[start:stop], table.tokens)
        table.release(rows)
        self.engine.tokens_generated += int(known["count"].sum())
        return [
            (group.key, grown[start:stop])
            for group, (start, stop) in zip(groups, pairwise(edges), strict=True)
        ]

    def _return(self, group: Group, known: np.ndarray, tokens: np.ndarray) -> None:
        """Say in a group's state what has become of its rows; of rows that nothing continues, that they have ended."""
        state, own = group.state, slice(group.own.start, group.own.stop)
        if not self.keep:
            state.ended[own] = True
            return
        tail, ends = self.table.tail, self.table.tail + known["count"]
        state.stored[own] = known["stored"]
        state.lengths[own] += known["count"]
        state.pending[own] = tokens[group.rows, ends - 1]
        state.ended[own] = known["finish"] == 1
        state.blank[own] = known["blank"] | (known["finish"] == 2)
        if tail:
            state.tail[own] = self.stop_table.last(tokens[group.rows], ends)

    def _width(self, places: np.ndarray | np.int64) -> int:
        """Slots that nodes take in the cache."""
        longest = int(np.max(self.lengths[places] - self.shared[places]))
        return round_up(longest, self.forward.granule)

    def _below(self, places: int) -> Below | None:
        """Which places stand below the shared prefix; those that are no nodes do not count."""
        below = self.shared[self.used] > 0
        if not below.any():
            return None
        return Below(self.prefix, None if below.all() else self._index(self.shared[:places] > 0))

    def _index(self, array: np.ndarray) -> torch.Tensor:
        return torch.as_tensor(array, device=self.cache.device)
