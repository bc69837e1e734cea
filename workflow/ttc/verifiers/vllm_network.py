"""The network of a published verifier, its layers elsewhere (in vLLM, or in a server of it) and its head in torch.

The head is the kind's own network, with its own pass, in which hidden states of vLLM stand in for the layers: whatever
a kind or an architecture does behind them is done.
"""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from pathlib import Path

import torch
from safetensors import safe_open
from torch import nn
from transformers.modeling_outputs import BaseModelOutputWithPast
from transformers.models.auto.modeling_auto import MODEL_FOR_CAUSAL_LM_MAPPING_NAMES as LANGUAGE_MODELS

from ttc.digests import weight_files
from ttc.engines.vllm_settings import import_vllm, open_body
from ttc.models.checkpoint import FAILURES, UNUSED, Source, check_complete, empty_network
from ttc.models.directory import resolve_device
from ttc.models.shapes import shapes_in, stored_shapes

HEAD_ROWS = (
    32  # states that the head is given at a time: always so many, or the last bits depend on their number
)


class Given(nn.Module):
    """In place of a network's layers: hidden states that were computed elsewhere."""

    states: torch.Tensor  # [rows, width, hidden size]

    def forward(self, *_, **__) -> BaseModelOutputWithPast:
        """The states, whatever is asked."""
        return BaseModelOutputWithPast(last_hidden_state=self.states)


class HeadNetwork(ABC):
    """A verifier's network; calls are answered by its head, from the states that it was given last (`give`)."""

    window: int  # tokens of the longest input that the layers take

    def __init__(self, source: Source, network_class: type, rows: list[int] | None, device: str):
        """rows: of the head the only ones that are needed.  The layers are not there before `open`."""
        where = resolve_device(device)
        shape = shape_of(source, network_class)
        self.source, self.device = source, device
        self.config, self.embeddings = shape.config, shape.get_input_embeddings()
        self.last_norm = getattr(shape.base_model, "norm", None)  # without weights
        self.head, self.layers = head_of(Path(source.path), shape, rows)
        self.head.to(where)

    @property
    def architecture(self) -> str | None:
        """The language model with these layers, as `transformers` calls it."""
        return LANGUAGE_MODELS.get(self.config.model_type)

    @property
    def left_out(self) -> list[str]:
        """What the names of weights begin with that are the head's, or nobody's."""
        return [*sorted({f"{name.split('.')[0]}." for name in self.head.state_dict()}), *UNUSED]

    @abstractmethod
    def open(self, **memory) -> None:
        """Have the layers ready."""

    @abstractmethod
    def read(self, inputs: Sequence[Sequence[int]]) -> tuple[torch.Tensor, list[int]]:
        """The hidden state of the last token of each input, float32 [n, hidden size]; tokens of each known before."""

    def get_input_embeddings(self) -> nn.Module:
        """As `transformers` calls it."""
        return self.embeddings

    def __call__(self, *arguments, **named):
        """See the kind's network."""
        return self.head(*arguments, **named)

    def give(self, states: torch.Tensor) -> torch.Tensor:
        """Let the head answer to `HEAD_ROWS` hidden states [n, hidden size], as to tokens of a row: their places."""
        padding = HEAD_ROWS - len(states)
        self.layers.states = nn.functional.pad(states, (0, 0, 0, padding))[None].to(self.head.device)
        return torch.arange(HEAD_ROWS, device=self.head.device)


class PooledNetwork(HeadNetwork):
    """A verifier's network whose layers are vLLM's, in this process."""

    def __init__(self, source: Source, network_class: type, rows: list[int] | None, device: str):
        """See `HeadNetwork`."""
        import_vllm(resolve_device(device))
        super().__init__(source, network_class, rows, device)

    def open(self, **memory) -> None:
        """Start vLLM; memory: see `ttc.engines.vllm_settings.open_body`."""
        self.llm = open_body(
            Path(self.source.path),
            self.device,
            self.architecture,
            self.left_out,
            dtype=self.source.dtype,
            trust_remote_code=self.source.trust_remote_code,
            **memory,
        )
        self.window = self.llm.model_config.max_model_len
        from vllm import PoolingParams

        self.raw = PoolingParams(use_activation=False)

    def read(self, inputs: Sequence[Sequence[int]]) -> tuple[torch.Tensor, list[int]]:
        """See `HeadNetwork.read`."""
        outputs = self.llm.encode(
            [{"prompt_token_ids": list(each)} for each in inputs],
            pooling_params=self.raw,
            pooling_task="embed",
            use_tqdm=False,
        )
        states = torch.stack([output.outputs.data.float().cpu() for output in outputs])
        return states, [output.num_cached_tokens or 0 for output in outputs]


def head_of(folder: Path, shape: nn.Module, rows: list[int] | None) -> tuple[nn.Module, Given]:
    """A network without its layers, in float32, and what stands in for them.

    shape: the network without weights; it is used up.  rows: of its output embeddings the only ones that it keeps.
    """
    layers = Given()
    tied = dict(shape.all_tied_weights_keys)
    cut = None
    if rows is not None:
        whole = shape.get_output_embeddings()
        cut = next(name for name, module in shape.named_modules() if module is whole)
        few = nn.Linear(whole.in_features, len(rows), whole.bias is not None, device="meta")
        shape.set_submodule(cut, few)
    setattr(shape, shape.base_model_prefix, layers)
    stored = stored_shapes(folder)
    places = {each: each if each in stored else tied[each] for each in shape.state_dict()}
    some = {places[each]: rows for each in places if cut is not None and each.startswith(f"{cut}.")}
    weights = read_weights(folder, set(places.values()), some)
    shape.load_state_dict({each: weights[place].float() for each, place in places.items()}, assign=True)
    return shape.eval(), layers


def read_weights(folder: Path, names: set[str], rows: dict[str, list[int]]) -> dict[str, torch.Tensor]:
    """The weights of these names in a checkpoint; of those in `rows` the rows that it says, and no others are read."""
    found = {}
    for file in weight_files(folder):
        with safe_open(file, "pt") as weights:
            for name in names & shapes_in(file).keys():
                if name in rows:
                    some = weights.get_slice(name)
                    found[name] = torch.cat([some[row : row + 1] for row in rows[name]])
                else:
                    found[name] = weights.get_tensor(name)
    return found


def shape_of(source: Source, network_class: type) -> torch.nn.Module:
    """The checkpoint's network without weights; InputError unless the checkpoint has exactly those that it needs."""
    try:
        shape = empty_network(source, network_class)
        stored = stored_shapes(Path(source.path))
    except (*FAILURES, TypeError) as error:
        raise source.refuse(error, "network") from error
    needed = {name: list(each.shape) for name, each in shape.state_dict().items()}
    for name, other in shape.all_tied_weights_keys.items():
        if name not in stored and other in stored:  # one weight under two names
            del needed[name]
    both = needed.keys() & stored.keys()
    check_complete(
        source,
        {
            "missing_keys": needed.keys() - both,
            "mismatched_keys": [
                (name, stored[name], needed[name]) for name in both if stored[name] != needed[name]
            ],
            "unexpected_keys": {name for name in stored.keys() - both if not name.endswith(".inv_freq")},
        },
    )
    return shape
