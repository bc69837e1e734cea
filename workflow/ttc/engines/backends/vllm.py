"""An engine on vLLM, for large models on GPUs; on a CPU it is for tests.

A row is its token ids and nothing else: vLLM's prefix cache remembers what has been computed for them, as long as there
is room, so a fork or a next step reads little anew.  A row's noise is seeded by its stream and its position.  The same
seed gives other noise than the `transformers` engine's, and other noise on a GPU than on a CPU.

On a CPU with one thread tokens and log-probabilities do not depend on the batch, as measured; on GPUs they may, unless
VLLM_BATCH_INVARIANT=1 is set and the GPU is one that vLLM supports with it (docs/vllm.md).
"""

import json
from pathlib import Path

import numpy as np
import torch

from ttc.engines.protocol import Continuation, Engine, Tell, unheard
from ttc.engines.self_check import check_batches, random_prompts
from ttc.engines.vllm_queue import Rows, VllmQueue
from ttc.engines.vllm_settings import GPU_SHARE, open_llm, read_config, share_beside
from ttc.errors import InputError
from ttc.models.directory import resolve_device
from ttc.models.tokenizers import load_tokenizer
from ttc.models.weights import end_tokens, weights_of
from ttc.problems.formats import Form
from ttc.problems.stops import Stops
from ttc.runtime import Runtime

DECLARATION = {"title": "vLLM, for large models on GPUs", "environment": "vllm"}


class VllmEngine(Engine):
    """`ttc.engines.protocol.Engine` on a model directory (`ttc.models.weights`), through vLLM.

    stops: by which tokens and texts steps and solutions end.  batch_rows: rows in work at once.  All GPUs that this
    process sees share the model; it takes `share` of their memory.
    """

    def __init__(
        self,
        path: Path | str,
        stops: Stops,
        batch_rows: int = 1024,
        device: str = "auto",
        share: float = GPU_SHARE,
    ):
        self.path, self.stops, self.batch_rows = path, stops, batch_rows
        weights = weights_of(path)
        self.device = resolve_device(device)
        self.tokenizer = load_tokenizer(weights.folder)
        self.llm = open_llm(
            weights.folder,
            device,
            dtype=weights.dtype,
            trust_remote_code=weights.trust_remote_code,
            rows=batch_rows,
            share=share,
            enable_prefix_caching=True,
            skip_tokenizer_init=not stops.texts,  # vLLM reads texts only to stop at them
        )
        config = read_config(weights.folder)
        self.window = self.llm.model_config.max_model_len  # less than the model's where memory is short
        self.vocabulary = config["vocab_size"]
        self.top = 0
        self.tokens_generated = 0  # tokens this engine has decoded, for billing checks
        self.tokens_prefilled = 0
        self.tokens_asked = 0  # tokens of rows handed to vLLM, and how many of them its prefix cache knew
        self.tokens_cached = 0

    def prefill(self, prompts: list[list[int]]) -> Rows:
        """Rows for `prompts`; each distinct prompt is billed once, and computed when its rows are first extended."""
        if not all(prompts):
            raise InputError("a prompt has no tokens; the engine needs at least one")
        largest = max(map(max, prompts), default=0)
        if largest >= self.vocabulary:  # vLLM pads its embeddings and would read one of nothing
            raise InputError(
                f"{self.path}: a prompt has the token {largest} and the network knows {self.vocabulary}; "
                "tokenizer and network are not of one model"
            )
        self.tokens_prefilled += sum(len(prompt) - 1 for prompt in set(map(tuple, prompts)))
        count = len(prompts)
        tokens = [list(prompt) for prompt in prompts]
        return Rows(tokens, [len(prompt) for prompt in prompts], [False] * count, [True] * count)

    def fork(self, state: Rows, rows: np.ndarray) -> Rows:
        """Rows that continue `rows`, in order; nothing is computed or copied."""
        parts = (state.tokens, state.prompts, state.ended, state.blank)
        return Rows(*([part[row] for row in rows] for part in parts))

    def queue(self, stop: str, keep: bool = True, tell: Tell = unheard) -> VllmQueue:
        """See `ttc.engines.protocol.Engine.queue`."""
        if stop not in ("step", "end"):
            raise ValueError(f"stop is '{stop}'; allowed are step, end")
        return VllmQueue(self, stop == "step", keep, tell)

    def self_check(self) -> None:
        """InputError if the tokens or a bit of a row depend on its batch (`ttc.engines.self_check`).

        GPUs are let through: there the deviation is measured and reported instead.
        """
        if self.device.type != "cpu":
            return
        probes, streams, rng = random_prompts(self.vocabulary, 24)

        def decode(order: np.ndarray, rows: int) -> list[Continuation]:
            return self.extend(self.prefill([probes[i] for i in order]), streams[order], "end", 1.0, 16)

        counters = ("tokens_generated", "tokens_prefilled", "tokens_asked", "tokens_cached")
        before = [getattr(self, name) for name in counters]
        check_batches(decode, len(probes), rng, "engine", "vLLM on a CPU")
        for name, value in zip(counters, before, strict=True):
            setattr(self, name, value)


def open_engine(
    path: Path, form: Form, runtime: Runtime, engines: int = 1, verifier: Path | None = None
) -> VllmEngine:
    """See `ttc.engines.open.open_engine`; vLLM takes its share of a GPU's memory when it starts."""
    folder = weights_of(path).folder
    config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    stops = form.stops(load_tokenizer(folder), end_tokens(folder, config), str(path))
    share = GPU_SHARE
    if verifier is not None and resolve_device(runtime.device).type != "cpu":
        total = torch.cuda.mem_get_info()[1]
        share = share_beside(weights_of(verifier).folder, total, runtime.verifier_memory << 20)
    return VllmEngine(path, stops, runtime.batch_rows, runtime.device, share / engines)
