"""Published verifiers whose layers a server of vLLM computes: it gives hidden states, and the kind's head reads them.

The checkpoint is here, too: for its tokenizer, its head and the weights of its last norm, by which the server's states
are checked.  Requests hold tokens, so what is read is what is read here (`ttc.verifiers.pooling`).
"""

import base64
import binascii
import json
import shlex
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import torch

from ttc import noise
from ttc.engines.client import Request, Server, Unreadable
from ttc.engines.recording import jitter
from ttc.engines.server import answers, describe
from ttc.engines.vllm_settings import BODY, EXTENSION, LEFT_OUT
from ttc.errors import InputError
from ttc.models.checkpoint import UNUSED, Source
from ttc.verifiers.pooling import Pooled, PooledReader
from ttc.verifiers.vllm_network import HeadNetwork, read_weights

PATH = "/embeddings"
TOGETHER = 16  # inputs of a request
POOLER = {"task": "embed", "seq_pooling_type": "LAST", "use_activation": False}
FIELDS = {
    "encoding_format": "base64",
    "embed_dtype": "float32",
    "endianness": "little",
    "use_activation": False,
}
FIELDS |= {"add_special_tokens": False}
NEAR = 0.05  # by which the mean square of a normed state may be off 1, in bfloat16
PROBES = 4, 9  # tokens that the states are checked on: inputs of two lengths, one the beginning of the other


class HostedNetwork(HeadNetwork):
    """A verifier's network whose layers a server has."""

    def __init__(
        self, source: Source, network_class: type, rows: list[int] | None, server: Server, model: str
    ):
        """server, model: where the layers are, and what they are called there."""
        super().__init__(source, network_class, rows, "cpu")
        self.server, self.model = server, model
        self.asked = 0

    def open(self, **_) -> None:
        """See whether the server has the layers of this checkpoint; InputError where it does not give their states."""
        self.described = describe(self.server, self.model)
        self.window = int(self.described.get("max_model_len") or self.config.max_position_embeddings)
        tokens = [(7 * place + 5) % self.config.vocab_size for place in range(max(PROBES))]
        try:
            states, _ = self.read([tokens[:count] for count in (1, *PROBES)])
        except InputError as error:
            raise InputError(f"{self._lacking} ({error}); {self._start}") from None
        spread = (states[1:] - states[:-1]).abs().amax(-1)
        if spread.min() == 0:
            raise InputError(
                f"{self._lacking} (it gives one state for inputs that end otherwise: its pooling is not LAST); "
                f"{self._start}"
            )
        norm = self._last_norm()
        if norm is not None:
            squares = (states / norm).square().mean(-1)
            if not bool(((squares - 1).abs() < NEAR).all()):
                raise InputError(
                    f"{self._lacking} (divided by the weights of this checkpoint's last norm its states have a mean "
                    f"square of {float(squares[-1]):.3g} where 1 is expected: they are another model's, or normalized "
                    f"or pooled); {self._start}"
                )

    def read(self, inputs: Sequence[Sequence[int]]) -> tuple[torch.Tensor, list[int]]:
        """See `HeadNetwork.read`; what the server had kept it does not say."""
        parts = [inputs[start : start + TOGETHER] for start in range(0, len(inputs), TOGETHER)]
        found: dict[int, torch.Tensor] = {}
        for came in answers(self.server, self._requests(parts), None, self._states):
            if came is not None:
                found[came[0]] = came[1]
        for place, part in enumerate(parts):
            if len(found[place]) != len(part):
                raise InputError(
                    f"{self.server.url}: {len(found[place])} states came for {len(part)} inputs of '{self.model}'"
                )
        return torch.cat([found[place] for place in range(len(parts))]), [0] * len(inputs)

    @property
    def command(self) -> str:
        """What starts such a server, where this checkpoint and, for a head of its own, this package are."""
        words = ["vllm", "serve", self.source.path, "--served-model-name", self.model, "--runner", "pooling"]
        words += ["--convert", "embed", "--dtype", self.source.dtype, "--enable-prefix-caching"]
        words += ["--hf-overrides", json.dumps({"architectures": [self.architecture]})]
        words += ["--pooler-config", json.dumps(POOLER)]
        if set(self.left_out) == set(UNUSED):
            return shlex.join(words)
        words += ["--load-format", BODY, "--worker-extension-cls", EXTENSION]
        words += ["--model-loader-extra-config", json.dumps({LEFT_OUT: self.left_out})]
        return f"PYTHONPATH=workflow {shlex.join(words)}"

    def _requests(self, parts: list[Sequence[Sequence[int]]]) -> Iterator[Request]:
        for place, part in enumerate(parts):
            self.asked += 1
            body = FIELDS | {"model": self.model, "input": [list(each) for each in part]}
            yield Request(place, False, body, jitter(noise.stream(0, "states", self.asked)), PATH)

    def _states(self, response: object) -> torch.Tensor:
        """The states in a response, in the order of its inputs; Unreadable where there are none."""
        data = response.get("data") if isinstance(response, dict) else None
        if not isinstance(data, list) or not data:
            raise Unreadable("it has no `data`")
        rows = [_floats(each) for each in sorted(data, key=_place)]
        size = self.config.hidden_size
        if {len(row) for row in rows} != {size}:
            raise InputError(
                f"{self.server.url} gives states of {len(rows[0])} numbers, and '{self.source.path}' has {size}: it "
                "serves another model"
            )
        made = torch.from_numpy(np.stack(rows))
        if not bool(made.isfinite().all()):
            raise Unreadable("a hidden state in it is not finite")
        return made

    def _last_norm(self) -> torch.Tensor | None:
        """Weights of the norm behind the last layer, float32; None for layers that end in no plain norm of squares."""
        if not type(self.last_norm).__name__.endswith("RMSNorm") or "gemma" in self.config.model_type:
            return None
        name = f"{self.head.base_model_prefix}.norm.weight"
        weights = read_weights(Path(self.source.path), {name}, {}).get(name)
        return None if weights is None or bool((weights == 0).any()) else weights.float()

    @property
    def _lacking(self) -> str:
        return f"{self.server.place}: the server does not give the hidden states of {self.source.path}"

    @property
    def _start(self) -> str:
        return f"start it as `{self.command}`"


class HostedReader(PooledReader):
    """Scores of readings by a verifier whose layers a server has."""

    def told(self) -> str:
        """What was sent, for the log."""
        return f"{self.tokens_sent:,} sent to the server, in {self.requests:,} inputs that begin with what it had read"


class Hosted(Pooled):
    """A kind whose layers a server has; comes before the kind among the bases of a class."""

    network: HostedNetwork

    def __init__(self, source: Source, batch_tokens: int, server: Server, model: str, **options):
        """server, model: see `HostedNetwork`."""
        self.server, self.model = server, model
        super().__init__(source, batch_tokens, "cpu", {}, **options)
        self.prefixes = HostedReader(self)

    def open_network(self) -> HostedNetwork:
        """See `PublishedVerifier.open_network`."""
        return HostedNetwork(self.source, self.network_class, self.head_rows, self.server, self.model)


def _place(given: object) -> int:
    place = given.get("index") if isinstance(given, dict) else None
    if not isinstance(place, int):
        raise Unreadable("a hidden state in it has no `index`")
    return place


def _floats(given: dict) -> np.ndarray:
    """Numbers of an embedding, written in base64 or as a list."""
    said = given.get("embedding")
    try:
        if isinstance(said, str):
            return np.frombuffer(base64.b64decode(said, validate=True), dtype="<f4").copy()
        return np.array(said, dtype=np.float32).reshape(-1)
    except (binascii.Error, ValueError, TypeError):
        raise Unreadable("a hidden state in it is no list of numbers") from None
