"""An engine on vLLM, for large models on GPUs; on a CPU it is for tests.

A row is its token ids and nothing else: vLLM's prefix cache remembers what has been computed for them, as long as there
is room, so a fork or a next step reads little anew.  A row's noise is seeded by its stream and its position.  The same
seed gives other noise than the `transformers` engine's, and other noise on a GPU than on a CPU.

On a CPU with one thread tokens and log-probabilities do not depend on the batch, as measured; on GPUs they may, unless
VLLM_BATCH_INVARIANT=1 is set and the GPU is one that vLLM supports with it (docs/vllm.md).
"""

import json
from bisect import bisect_left
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from ttc import noise
from ttc.engines.protocol import Continuation
from ttc.engines.self_check import check_batches, random_prompts
from ttc.engines.vllm_settings import GPU_SHARE, open_llm, read_config, share_beside
from ttc.errors import InputError
from ttc.models.directory import resolve_device
from ttc.models.tokenizers import load_tokenizer
from ttc.models.weights import end_tokens, weights_of
from ttc.problems.formats import Form
from ttc.problems.stops import Stops
from ttc.runtime import Runtime

DECLARATION = {"title": "vLLM, for large models on GPUs", "environment": "vllm"}

COLDEST, HOTTEST = 0.01, 2.0  # temperatures that vLLM takes as they are


@dataclass
class Rows:
    """Rows of the engine; nobody changes a list, so that forks may share it."""

    tokens: list[list[int]]
    prompts: list[int]  # how many of the tokens are the prompt, in which no text is looked for
    ended: list[bool]
    blank: list[bool]  # the step in work has nothing to read yet


class Grown:
    """What a row has got in one call of `extend`."""

    def __init__(self):
        self.tokens: list[int] = []
        self.logprobs: list[float] = []
        self.finish = ""


class VllmEngine:
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
        self.end, self.step, self.nothing = map(frozenset, (stops.end, stops.step, stops.blank))
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

    def extend(
        self, state: Rows, streams: np.ndarray, stop: str, temperature: float, max_tokens: int
    ) -> list[Continuation]:
        """See `ttc.engines.protocol.Engine.extend`; noise is vLLM's own, seeded by stream and position."""
        if stop not in ("step", "end"):
            raise ValueError(f"stop is '{stop}'; allowed are step, end")
        if any(state.ended):
            raise ValueError("a row that has ended cannot be extended")
        if max_tokens < 1:
            raise ValueError(f"max_tokens is {max_tokens}; allowed is a whole number from 1")
        if temperature and not COLDEST <= temperature <= HOTTEST:
            raise InputError(
                f"temperature is {temperature}; vLLM takes 0 and the numbers from {COLDEST} to {HOTTEST}"
            )
        longest = max(map(len, state.tokens), default=0) + max_tokens
        if longest > self.window:
            raise InputError(
                f"a solution may grow to {longest} tokens and the model's window is {self.window}, or its memory here "
                "holds no more; lower max_tokens or use a model with a longer window"
            )
        streams = np.asarray(streams, dtype=np.uint64)
        made = [Grown() for _ in state.tokens]
        waiting = list(range(len(made)))
        while waiting:
            self._generate(state, made, waiting, streams, stop, temperature, max_tokens)
            waiting = [row for row in waiting if not made[row].finish]
        for row, grown in enumerate(made):
            state.tokens[row] = state.tokens[row] + grown.tokens
            state.ended[row] = grown.finish == "end"
            state.blank[row] = self._blank_after(state.blank[row], grown.tokens)
        self.tokens_generated += sum(len(grown.tokens) for grown in made)
        return [Continuation(grown.tokens, float(np.sum(grown.logprobs)), grown.finish) for grown in made]

    def _generate(
        self,
        state: Rows,
        made: list[Grown],
        rows: list[int],
        streams: np.ndarray,
        stop: str,
        temperature: float,
        max_tokens: int,
    ) -> None:
        """One request for each of `rows`; a row gets its `finish` unless all that it has of its step is blank."""
        from vllm import SamplingParams

        prefixes = [state.tokens[row] + made[row].tokens for row in rows]
        # Of stream and position: a row that is extended again, or copied there, draws fresh noise.
        seeds = noise.substreams(streams[rows], np.array([len(prefix) for prefix in prefixes])) >> np.uint64(
            1
        )
        stop_tokens = sorted(self.end | self.step if stop == "step" else self.end)
        asked = [
            SamplingParams(
                temperature=temperature,
                max_tokens=max_tokens - len(made[row].tokens),
                seed=int(seed),
                logprobs=0,  # the sampled token's own, before the temperature
                flat_logprobs=True,
                stop_token_ids=stop_tokens,
                ignore_eos=True,  # the end tokens of `stops` are the only ones
                stop=list(self.stops.texts) or None,
                include_stop_str_in_output=True,
                detokenize=bool(self.stops.texts),
            )
            for row, seed in zip(rows, seeds, strict=True)
        ]
        outputs = self.llm.generate(
            [{"prompt_token_ids": prefix} for prefix in prefixes], asked, use_tqdm=False
        )
        for row, prefix, output in zip(rows, prefixes, outputs, strict=True):
            self.tokens_asked += len(prefix)
            self.tokens_cached += output.num_cached_tokens or 0
            self._take(state, made[row], row, output.outputs[0], stop, max_tokens)

    def _take(self, state: Rows, grown: Grown, row: int, output, stop: str, max_tokens: int) -> None:
        """Add to a row what one request has given, up to a text that ends it."""
        known = len(grown.tokens)
        grown.tokens += output.token_ids
        given = output.logprobs  # flat: at each start there is the token that was sampled
        grown.logprobs += [given.logprobs[start] for start in given.start_indices]
        written = self._text_end(state.tokens[row][state.prompts[row] :], grown.tokens, known)
        if written is not None:
            del grown.tokens[written:], grown.logprobs[written:]
        last, blank = grown.tokens[-1], state.blank[row] and self.nothing.issuperset(grown.tokens)
        if written is not None or last in self.end or isinstance(output.stop_reason, str):
            grown.finish = "end"
        elif stop == "step" and last in self.step and not blank:
            grown.finish = "step"
        elif len(grown.tokens) == max_tokens:
            grown.finish = "length"

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
        text = self.tokenizer.decode(tokens, skip_special_tokens=True, clean_up_tokenization_spaces=False)
        return self.stops.find_text(text) is not None

    def _blank_after(self, blank: bool, tokens: list[int]) -> bool:
        """Whether the step in work after `tokens` has nothing to read; `blank` says it of the one before them."""
        for token in tokens:
            blank = blank and token in self.nothing
            if not blank and token in self.step:
                blank = True
        return blank

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
        share = share_beside(weights_of(verifier).folder, torch.cuda.mem_get_info()[1])
    return VllmEngine(path, stops, runtime.batch_rows, runtime.device, share / engines)
