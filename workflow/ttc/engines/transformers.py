"""The default engine: batched decoding of a `transformers` causal language model with a key-value cache that forks.

Three rules make a row's tokens and log-probabilities independent of the batch it is in (float32, one thread): a
token's cache slot is its position, rows are padded to a multiple of 8 and the attended width to a multiple of 32.
The last token of a row is always *pending*: it is fed, alone, by the next decoding step, so each quantity has one
call form (prompts by prefill, everything after them by cached decoding).
"""

from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import torch
from transformers import AutoModelForCausalLM, AutoTokenizer
from transformers.cache_utils import Cache

from ttc import noise
from ttc.engines.base import Continuation
from ttc.errors import InputError
from ttc.models.loading import resolve_device

ROWS = 8  # rows are padded to a multiple of this: fewer make the matrix product use another kernel
WIDTH = 32  # and attended widths to a multiple of this
COMPACT_BELOW = 0.7  # share of unfinished rows below which a batch is rebuilt without the finished ones


class SlotCache(Cache):
    """Keys and values of a batch, one slot per position; each row writes at its own position.

    keys, values: per layer a tensor [rows, key-value heads, slots, head size].
    """

    def __init__(self, keys: list[torch.Tensor], values: list[torch.Tensor]):
        self.keys, self.values = keys, values
        self.layers = []
        self.slots: torch.Tensor | None = None  # [rows]: where this call's single token goes; None = prefill
        self.width = 0  # slots attended to

    def get_seq_length(self, layer_idx: int = 0) -> int:
        return 0

    def update(self, key_states, value_states, layer_idx, *args, **kwargs):
        """Store the new keys and values [rows, heads, tokens, size]; return those to attend to."""
        keys, values = self.keys[layer_idx], self.values[layer_idx]
        if self.slots is None:
            keys[:, :, : key_states.shape[2]] = key_states
            values[:, :, : value_states.shape[2]] = value_states
            return key_states, value_states
        rows = torch.arange(len(self.slots), device=keys.device)
        keys[rows, :, self.slots] = key_states[:, :, 0]
        values[rows, :, self.slots] = value_states[:, :, 0]
        return keys[:, :, : self.width], values[:, :, : self.width]


@dataclass
class RowState:
    """Rows of an engine: cached prefixes (all tokens but the last), the pending last token, and the lengths."""

    keys: list[torch.Tensor]  # per layer [rows, key-value heads, capacity, head size]
    values: list[torch.Tensor]
    lengths: np.ndarray  # [rows] tokens so far, the pending one included
    pending: np.ndarray  # [rows] last token, not yet in the cache
    ended: np.ndarray = field(
        default_factory=lambda: np.zeros(0, dtype=bool)
    )  # [rows] end token was generated

    @property
    def capacity(self) -> int:
        return self.keys[0].shape[2]

    def reserve(self, width: int) -> None:
        """Make room for rows of `width` tokens."""
        if width > self.capacity:
            extra = round_up(width, WIDTH) - self.capacity
            self.keys = [torch.nn.functional.pad(layer, (0, 0, 0, extra)) for layer in self.keys]
            self.values = [torch.nn.functional.pad(layer, (0, 0, 0, extra)) for layer in self.values]


def round_up(number: int, multiple: int) -> int:
    """The smallest multiple of `multiple` that is at least `number`."""
    return -(-number // multiple) * multiple


class TransformersEngine:
    """`ttc.engines.base.Engine` on a `transformers` model directory or hub name."""

    def __init__(self, path: Path | str, batch_rows: int = 1024, device: str = "auto"):
        self.device = resolve_device(device)
        self.tokenizer = AutoTokenizer.from_pretrained(path)
        self.model = AutoModelForCausalLM.from_pretrained(path, dtype=torch.float32).to(self.device).eval()
        self.batch_rows = max(ROWS, round_up(batch_rows, ROWS))
        config = self.model.config
        self.layers = config.num_hidden_layers
        self.heads = config.num_key_value_heads
        self.head_size = getattr(config, "head_dim", None) or config.hidden_size // config.num_attention_heads
        self.window = config.max_position_embeddings
        self.end = config.eos_token_id
        self.separator = self.tokenizer.convert_tokens_to_ids("\n")
        if not isinstance(self.end, int):
            raise InputError(
                f"{path}: this engine needs one end token; the model's configuration names {self.end}"
            )
        if self.separator in (None, self.tokenizer.unk_token_id):
            raise InputError(
                f"{path}: its tokenizer has no token of its own for a line end, by which steps are told"
            )
        self.tokens_generated = 0  # tokens this engine has decoded, for billing checks
        self.tokens_prefilled = 0

    @torch.inference_mode()
    def prefill(self, prompts: list[list[int]]) -> RowState:
        """Rows for `prompts`; each distinct prompt is computed once."""
        distinct = {tuple(prompt): None for prompt in prompts}
        order = {prompt: row for row, prompt in enumerate(distinct)}
        lengths = np.array([len(prompt) for prompt in distinct])
        if lengths.min(initial=1) < 1:
            raise InputError("a prompt has no tokens; the engine needs at least one")
        state = self._empty(len(order), int(lengths.max(initial=1)))
        state.lengths = lengths
        state.pending = np.array([prompt[-1] for prompt in distinct], dtype=np.int64)
        by_length = np.argsort(lengths, kind="stable")
        known = list(distinct)
        for start in range(0, len(known), self.batch_rows):
            self._prefill_batch(state, by_length[start : start + self.batch_rows], known)
        rows = np.array([order[tuple(prompt)] for prompt in prompts])
        return state if len(order) == len(prompts) else self.fork(state, rows)

    def fork(self, state: RowState, rows: np.ndarray) -> RowState:
        """Copies of `rows`, in order; only their caches are copied, nothing is computed."""
        index = torch.as_tensor(np.asarray(rows, dtype=np.int64), device=self.device)
        return RowState(
            [layer.index_select(0, index) for layer in state.keys],
            [layer.index_select(0, index) for layer in state.values],
            state.lengths[rows].copy(),
            state.pending[rows].copy(),
            state.ended[rows].copy(),
        )

    @torch.inference_mode()
    def extend(
        self, state: RowState, streams: np.ndarray, stop: str, temperature: float, max_tokens: int
    ) -> list[Continuation]:
        """See `ttc.engines.base.Engine.extend`."""
        if stop not in ("step", "end"):
            raise ValueError(f"stop is '{stop}'; allowed are step, end")
        if state.ended.any():
            raise ValueError("a row that has ended cannot be extended")
        longest = int(state.lengths.max(initial=0)) + max_tokens
        if longest > self.window:
            raise InputError(
                f"a solution may grow to {longest} tokens and the model's window is {self.window}; "
                "lower max_tokens or use a model with a longer window"
            )
        state.reserve(longest)
        results: list[Continuation | None] = [None] * len(state.lengths)
        order = np.argsort(state.lengths, kind="stable")
        for start in range(0, len(order), self.batch_rows):
            rows = order[start : start + self.batch_rows]
            self._extend_batch(state, rows, streams, stop, temperature, max_tokens, results)
        return results

    def self_check(self) -> None:
        """Decode a few probes alone, in a crowd and shuffled; InputError if a token or a bit differs.

        That batches do not matter is an observation about kernels, not a promise of theirs, so each job makes sure.
        GPUs are let through: there the deviation is measured and reported instead.
        """
        if self.device.type != "cpu":
            return
        rng = np.random.Generator(np.random.PCG64(0))
        size = self.model.config.vocab_size
        probes = [rng.integers(0, size, int(length)).tolist() for length in rng.integers(3, 24, 40)]
        streams = noise.substreams(np.zeros(len(probes), dtype=np.uint64), np.arange(len(probes)))

        def decode(order: np.ndarray, batch_rows: int) -> list[Continuation]:
            kept, self.batch_rows = self.batch_rows, batch_rows
            made = self.extend(self.prefill([probes[i] for i in order]), streams[order], "end", 1.0, 24)
            self.batch_rows = kept
            return [made[place] for place in np.argsort(order)]

        before = self.tokens_generated, self.tokens_prefilled
        crowd = decode(np.arange(len(probes)), 64)
        shuffled = decode(rng.permutation(len(probes)), 16)
        alone = [decode(np.array([index]), ROWS)[0] for index in range(3)]
        self.tokens_generated, self.tokens_prefilled = before
        if crowd != shuffled or crowd[:3] != alone:
            raise InputError(
                "the engine's self-check failed: the same probe decoded alone, in a crowd and shuffled gave different "
                f"results, so outputs would depend on batches (torch {torch.__version__}, "
                f"{torch.get_num_threads()} threads; use one thread per process)"
            )

    def _empty(self, rows: int, width: int) -> RowState:
        shape = (rows, self.heads, round_up(width, WIDTH), self.head_size)
        return RowState(
            [torch.zeros(shape, device=self.device) for _ in range(self.layers)],
            [torch.zeros(shape, device=self.device) for _ in range(self.layers)],
            np.zeros(rows, dtype=np.int64),
            np.zeros(rows, dtype=np.int64),
            np.zeros(rows, dtype=bool),
        )

    def _prefill_batch(self, state: RowState, rows: np.ndarray, prompts: list[tuple[int, ...]]) -> None:
        """Compute the keys and values of all but the last token of these prompts."""
        width = round_up(int(state.lengths[rows].max()), WIDTH)
        tokens = np.zeros((round_up(len(rows), ROWS), width), dtype=np.int64)
        for place, row in enumerate(rows):
            tokens[place, : len(prompts[row]) - 1] = prompts[row][:-1]
        self.tokens_prefilled += int((state.lengths[rows] - 1).sum())
        batch = self._empty(len(tokens), width)
        cache = SlotCache(batch.keys, batch.values)
        allowed = torch.ones(width, width, dtype=torch.bool, device=self.device).tril()
        mask = torch.zeros(1, 1, width, width, device=self.device).masked_fill(~allowed, float("-inf"))
        self.model.model(
            input_ids=torch.as_tensor(tokens, device=self.device),
            attention_mask=mask,
            position_ids=torch.arange(width, device=self.device)[None],
            past_key_values=cache,
            use_cache=True,
        )
        index = torch.as_tensor(rows, device=self.device)
        for layer in range(self.layers):
            state.keys[layer][index, :, :width] = cache.keys[layer][: len(rows), :, : state.capacity]
            state.values[layer][index, :, :width] = cache.values[layer][: len(rows), :, : state.capacity]

    def _extend_batch(self, state, rows, streams, stop, temperature, max_tokens, results) -> None:
        """Decode the rows of one batch until each has stopped."""
        tokens = np.zeros((len(rows), max_tokens), dtype=np.int64)
        logprobs = np.zeros((len(rows), max_tokens), dtype=np.float64)
        counts = np.zeros(len(rows), dtype=np.int64)
        finish = np.full(len(rows), "length", dtype=object)
        places = np.arange(len(rows))  # positions in `rows` that the batch holds
        active = np.ones(len(rows), dtype=bool)  # of these, the ones that go on
        batch = self._gather(state, rows, places)
        for step in range(max_tokens):
            logits = self._decode(state, rows[places], batch)
            going = places[active]
            chosen, chosen_logprobs = choose(
                logits[torch.as_tensor(active, device=self.device)],
                streams[rows[going]],
                state.lengths[rows[going]],
                temperature,
            )
            tokens[going, step] = chosen
            logprobs[going, step] = chosen_logprobs
            counts[going] += 1
            state.pending[rows[going]] = chosen
            state.lengths[rows[going]] += 1
            ended = chosen == self.end
            state.ended[rows[going[ended]]] = True
            finish[going[ended]] = "end"
            stopped = ended
            if stop == "step":
                separated = chosen == self.separator
                finish[going[separated]] = "step"
                stopped = ended | separated
            active[np.flatnonzero(active)[stopped]] = False
            if not active.any():
                break
            # A stopped row stays in the batch, computing its pending token again and again, until enough have
            # stopped that rebuilding the batch without them is cheaper.
            if active.mean() < COMPACT_BELOW:
                self._scatter(state, rows, places, batch)
                places, active = places[active], active[active]
                batch = self._gather(state, rows, places)
        self._scatter(state, rows, places, batch)
        self.tokens_generated += int(counts.sum())
        for place, row in enumerate(rows):
            taken = slice(0, counts[place])
            results[row] = Continuation(
                tokens[place, taken].tolist(), float(logprobs[place, taken].sum()), str(finish[place])
            )

    def _gather(self, state: RowState, rows: np.ndarray, places: np.ndarray) -> SlotCache:
        """The caches of these rows as one batch, padded with copies of its first row to a multiple of 8."""
        index = rows[places]
        padded = np.concatenate([index, np.repeat(index[:1], round_up(len(index), ROWS) - len(index))])
        index = torch.as_tensor(padded, device=self.device)
        return SlotCache(
            [layer.index_select(0, index) for layer in state.keys],
            [layer.index_select(0, index) for layer in state.values],
        )

    def _scatter(self, state: RowState, rows: np.ndarray, places: np.ndarray, batch: SlotCache) -> None:
        """Write the batch's caches back to the rows they came from."""
        index = torch.as_tensor(rows[places], device=self.device)
        for layer in range(self.layers):
            state.keys[layer].index_copy_(0, index, batch.keys[layer][: len(index)])
            state.values[layer].index_copy_(0, index, batch.values[layer][: len(index)])

    def _decode(self, state: RowState, rows: np.ndarray, batch: SlotCache) -> torch.Tensor:
        """Feed each row's pending token; logits [rows, vocabulary] of the next one."""
        total = batch.keys[0].shape[0]
        slots = np.zeros(total, dtype=np.int64)
        slots[: len(rows)] = state.lengths[rows] - 1
        slots[len(rows) :] = slots[0]
        pending = np.zeros(total, dtype=np.int64)
        pending[: len(rows)] = state.pending[rows]
        pending[len(rows) :] = pending[0]
        batch.width = round_up(int(slots.max()) + 1, WIDTH)
        batch.slots = torch.as_tensor(slots, device=self.device)
        visible = torch.arange(batch.width, device=self.device)[None] <= batch.slots[:, None]
        mask = torch.zeros(visible.shape, device=self.device).masked_fill(~visible, float("-inf"))
        output = self.model(
            input_ids=torch.as_tensor(pending, device=self.device)[:, None],
            attention_mask=mask[:, None, None, :],
            position_ids=batch.slots[:, None],
            past_key_values=batch,
            use_cache=True,
        )
        return output.logits[: len(rows), -1].float()


def choose(
    logits: torch.Tensor, streams: np.ndarray, positions: np.ndarray, temperature: float
) -> tuple[np.ndarray, np.ndarray]:
    """Next tokens [rows] and their log-probabilities at temperature 1 (nats).

    logits: [rows, vocabulary]; positions: [rows] absolute position of the token to choose.  Sampling inverts the
    cumulative distribution, in float64, at the uniform number of (stream, position); temperature 0 takes the most
    probable token, the lower id on a tie.
    """
    logprobs = torch.log_softmax(logits, dim=-1)
    if temperature == 0:
        chosen = logits.argmax(dim=-1)
    else:
        cumulative = torch.softmax(logits.double() / temperature, dim=-1).cumsum(dim=-1)
        uniform = torch.as_tensor(noise.uniform(streams, positions), device=logits.device)
        # The last entry may be a little below 1: scaling keeps the inverse inside the vocabulary.
        chosen = torch.searchsorted(cumulative, uniform[:, None] * cumulative[:, -1:], right=True)[:, 0]
        chosen = chosen.clamp(max=logits.shape[1] - 1)
    taken = logprobs.gather(1, chosen[:, None])[:, 0]
    return chosen.cpu().numpy(), taken.double().cpu().numpy()
