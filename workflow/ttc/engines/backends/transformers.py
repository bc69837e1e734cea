"""The default engine: batched decoding of a `transformers` causal language model with a key-value cache that forks.

A row's tokens and log-probabilities do not depend on the batch it is in (CPU, float32, one thread): a token's cache
slot is its position, noise is keyed, and paddings follow the rules of `ttc.models.padding`.  The last token of a row is
always *pending*: it is fed, alone, by the next decoding step, so each quantity has one call form (prompts by prefill,
everything after them by cached decoding).

A fork copies nothing: a row names the stored cache that it continues.  What all prompts begin with (a system prompt,
solved examples) is computed once by an engine of a published model, and kept as long as the engine is: which tokens
these are is known from the form of the prompts, so that a row's numbers do not depend on which prompts are beside it.
"""

from collections.abc import Callable
from functools import cached_property
from pathlib import Path

import numpy as np
import torch

from ttc.engines.decoding import Decoding
from ttc.engines.protocol import Continuation, Engine, Tell, unheard
from ttc.engines.rows import RowState, Stored
from ttc.engines.self_check import check_batches, random_prompts
from ttc.engines.stopping import StopTable
from ttc.errors import InputError
from ttc.models.directory import read_weights, resolve_device, spread
from ttc.models.forward import Below, Forward, SharedPrefix
from ttc.models.linear import pack
from ttc.models.llama_decoding import LlamaForward
from ttc.models.padding import ROWS, batches_of_equal_width, round_up
from ttc.models.tokenizers import load_tokenizer
from ttc.models.weights import Weights, end_tokens, weights_of
from ttc.problems.formats import Form
from ttc.problems.stops import Stops, single_token
from ttc.runtime import Runtime

DECLARATION = {"title": "transformers, with batched decoding of its own", "environment": None}

PADDED = ("sdpa", "eager")  # ways of attention that take a mask of ours
LEAST_SHARED = 64  # tokens of a beginning that is worth a cache of its own
CPU_ROWS = 256  # caches of more rows than this leave the processor's cache, and each row takes longer


class TransformersEngine(Engine):
    """`ttc.engines.protocol.Engine` on a model directory (`ttc.models.weights`).

    `stops` makes, of the tokenizer and the tokens that end a solution, by what steps and solutions end
    (`ttc.problems.stops`); `beginning`, of the tokenizer, the tokens with which prompts begin.
    """

    def __init__(
        self,
        path: Path | str,
        batch_rows: int = 1024,
        device: str = "auto",
        stops: Callable[[object, tuple[int, ...], str], Stops] = single_token,
        beginning: Callable[[object], list[int]] = lambda tokenizer: [],
        weights: Weights | None = None,
    ):
        """weights: how they are loaded, where the directory's card does not say."""
        self.path = path
        self.device = resolve_device(device)
        self.weights = weights or weights_of(path)
        self.tokenizer = load_tokenizer(self.weights.folder)
        self.batch_rows = batch_rows  # rows in work at once
        self.forward, config = self._load()
        self.window = longest_sequence(config)
        self.vocabulary = config["vocab_size"]
        self.stops = stops(self.tokenizer, end_tokens(self.weights.folder, config), str(path))
        self.stop_table = StopTable(self.stops, self.tokenizer, self.vocabulary)
        self.top = 0
        self.tokens_generated = 0  # tokens this engine has decoded, for billing checks
        self.beginning = tuple(beginning(self.tokenizer))
        self.tokens_prefilled = 0  # tokens of prompts, each distinct prompt counted whole
        self.positions_prefilled = 0  # what was computed for them, padding included
        # Tokens fed to the model while decoding: rows with the same tokens share one
        self.tokens_computed = 0

    @cached_property
    def model(self):
        """The `transformers` model, loaded where it is needed: that takes seconds."""
        from transformers import AutoModelForCausalLM

        if self.weights.attention not in PADDED:
            raise InputError(
                f"{self.path}: attention is '{self.weights.attention}'; the transformers engine pads, and takes "
                f"{' or '.join(PADDED)}"
            )
        places = spread(self.device)
        model = AutoModelForCausalLM.from_pretrained(
            self.weights.folder, device_map=places, **self.weights.options
        )
        model = (model.to(self.device) if places is None else model).eval()
        return pack(model, self.weights.linear, str(self.path))

    def _load(self) -> tuple[Forward, dict]:
        """The forward pass that the model's configuration asks for, and that configuration."""
        exact = self.weights.dtype == "float32" and self.weights.linear is None
        found = read_weights(self.weights.folder, LlamaForward.fits, self.device) if exact else None
        if found is not None:
            config, weights = found
            return LlamaForward(config, weights), config
        config = self.model.config.to_dict()
        if exact and LlamaForward.fits(config):
            return LlamaForward(config, self.model.state_dict()), config
        from ttc.models.generic import GenericForward

        return GenericForward(self.model), config

    @cached_property
    def prefix(self) -> SharedPrefix | None:
        """Keys and values of the tokens with which prompts begin, computed where the first of these is read."""
        if not LEAST_SHARED <= len(self.beginning) <= self.window - LEAST_SHARED:
            return None
        with torch.inference_mode():
            made = self.forward.prefix(self.beginning)
        self.positions_prefilled += 0 if made is None else len(self.beginning)
        return made

    @torch.inference_mode()
    def prefill(self, prompts: list[list[int]]) -> RowState:
        """Rows for `prompts`; each distinct prompt is computed once, and their common beginning once for all."""
        places: dict[tuple[int, ...], int] = {}
        source = np.array(
            [places.setdefault(tuple(prompt), len(places)) for prompt in prompts], dtype=np.int64
        )
        distinct = list(places)
        lengths = np.array([len(prompt) for prompt in distinct], dtype=np.int64)
        if lengths.min(initial=1) < 1:
            raise InputError("a prompt has no tokens; the engine needs at least one")
        pending = np.array([prompt[-1] for prompt in distinct], dtype=np.int64)
        shared = self._shared(distinct)
        own = lengths - shared
        stored = np.empty(len(distinct), dtype=object)
        for below in (False, True):
            chosen = np.flatnonzero((shared > 0) == below)
            for width, rows in batches_of_equal_width(own[chosen], self.batch_rows, self.device):
                rows = chosen[rows]
                tokens = np.zeros((round_up(len(rows), self.forward.rows), width), dtype=np.int64)
                for place, row in enumerate(rows):
                    tokens[place, : own[row]] = distinct[row][shared[row] :]
                made = self.forward.prefill(self.tensor(tokens), Below(self.prefix) if below else None)
                self.positions_prefilled += tokens.size
                for place, row in enumerate(rows):
                    slots = round_up(int(own[row]), self.forward.granule)
                    stored[row] = Stored(made[:, place, ..., :slots, :].clone())
        self.tokens_prefilled += int((lengths - 1).sum())
        none, tail = np.zeros(len(prompts), dtype=bool), np.full((len(prompts), self.stop_table.width), -1)
        prefix = self.prefix if shared.any() else None
        return RowState(
            stored[source], lengths[source], pending[source], none, ~none, tail, shared[source], prefix
        )

    def _shared(self, prompts: list[tuple[int, ...]]) -> np.ndarray:
        """Tokens that each prompt shares with the others: the length of the prefix, or 0."""
        count = len(self.beginning)
        begins = np.array(
            [each[:count] == self.beginning and len(each) > count for each in prompts], dtype=bool
        )
        if not begins.any() or self.prefix is None:
            return np.zeros(len(prompts), dtype=np.int64)
        return begins * count

    def fork(self, state: RowState, rows: np.ndarray) -> RowState:
        """Rows that continue `rows`, in order; nothing is computed or copied."""
        return state.fork(np.asarray(rows, dtype=np.int64))

    def queue(self, stop: str, keep: bool = True, tell: Tell = unheard) -> Decoding:
        """See `ttc.engines.protocol.Engine.queue`."""
        if stop not in ("step", "end"):
            raise ValueError(f"stop is '{stop}'; allowed are step, end")
        most_nodes = min(self.batch_rows, CPU_ROWS) if self.device.type == "cpu" else self.batch_rows
        return Decoding(self, stop == "step", keep, self.batch_rows, most_nodes, tell)

    def self_check(self) -> None:
        """InputError if the tokens or a bit of a row depend on its batch (`ttc.engines.self_check`).

        GPUs are let through: there the deviation is measured and reported instead.
        """
        if self.device.type != "cpu":
            return
        probes, streams, rng = random_prompts(self.vocabulary, 40)
        if self.prefix is not None:
            probes = [[*self.beginning, *each] if place % 2 else each for place, each in enumerate(probes)]

        def decode(order: np.ndarray, rows: int) -> list[Continuation]:
            kept, self.batch_rows = self.batch_rows, round_up(rows, ROWS)
            made = self.extend(self.prefill([probes[i] for i in order]), streams[order], "end", 1.0, 24)
            self.batch_rows = kept
            return made

        before = self.tokens_generated, self.tokens_prefilled, self.positions_prefilled
        where = f"torch {torch.__version__}, {torch.get_num_threads()} threads"
        check_batches(decode, len(probes), rng, "engine", where)
        self.tokens_generated, self.tokens_prefilled, self.positions_prefilled = before

    def tensor(self, array: np.ndarray) -> torch.Tensor:
        """An array as a tensor on the engine's device."""
        return torch.as_tensor(array, device=self.device)


def open_engine(
    path: Path, form: Form, runtime: Runtime, engines: int = 1, verifier: Path | None = None
) -> TransformersEngine:
    """See `ttc.engines.open.open_engine`."""
    return TransformersEngine(path, runtime.batch_rows, runtime.device, form.stops, form.beginning)


def longest_sequence(config: dict) -> int:
    """Tokens that the model reads at most; no more than its sliding window, which the engine does not slide."""
    sliding = "sliding_attention" in (config.get("layer_types") or [])
    window = config["max_position_embeddings"]
    return min(window, config["sliding_window"]) if sliding else window
