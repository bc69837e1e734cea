"""Published process reward models through vLLM's pooling runner, for the kinds that classify tokens.

What is read, where, and what is refused is the kinds' own (`ttc.verifiers.kinds`); only the network is vLLM's.
"""

from pathlib import Path
from typing import NamedTuple

import torch

from ttc import plugins
from ttc.engines.vllm_settings import import_vllm, open_llm
from ttc.errors import InputError
from ttc.models.checkpoint import FAILURES, Source, check_complete, empty_network
from ttc.models.directory import resolve_device
from ttc.models.shapes import stored_shapes
from ttc.verifiers import kinds
from ttc.verifiers.published import PublishedVerifier

AT_ONCE = 1 << 18  # tokens handed to vLLM, which makes its own batches of them


class Answer(NamedTuple):
    """What a network answers, as those of `transformers` do."""

    logits: torch.Tensor


class PooledNetwork:
    """A token classifier in vLLM; called as the kinds call theirs.

    `shape` is the same network without weights: its configuration and sizes are asked for.
    """

    def __init__(self, source: Source, network_class: type, device: str):
        import_vllm(resolve_device(device))
        from vllm import PoolingParams
        from vllm.config import PoolerConfig

        self.shape = shape_of(source, network_class)
        self.config = self.shape.config
        self.llm = open_llm(
            Path(source.path),
            device,
            dtype=source.dtype,
            trust_remote_code=source.trust_remote_code,
            skip_tokenizer_init=True,
            runner="pooling",
            enable_prefix_caching=False,  # every token's answer is asked for, those in the cache would be missing
            # All tokens, and the kinds choose: a checkpoint's own choice is by Qwen's number of the mark
            pooler_config=PoolerConfig(task="token_classify", tok_pooling_type="ALL"),
        )
        self.raw = PoolingParams(use_activation=False)

    def get_input_embeddings(self) -> torch.nn.Module:
        """As `transformers` calls it."""
        return self.shape.get_input_embeddings()

    def __call__(self, tokens: torch.Tensor, mask: torch.Tensor) -> Answer:
        """Logits [rows, width, values], zero in padding; tokens and mask [rows, width]."""
        rows = [row[: int(length)].tolist() for row, length in zip(tokens, mask.sum(1), strict=True)]
        outputs = self.llm.encode(
            [{"prompt_token_ids": row} for row in rows],
            pooling_params=self.raw,
            pooling_task="token_classify",
            use_tqdm=False,
        )
        answers = [output.outputs.data.float().cpu() for output in outputs]
        if [len(answer) for answer in answers] != [len(row) for row in rows]:
            raise RuntimeError("vLLM gave another number of answers than it was given tokens")
        return Answer(torch.nn.utils.rnn.pad_sequence(answers, batch_first=True))


class Pooled(PublishedVerifier):
    """A kind whose network is vLLM's; comes before the kind among the bases of a class."""

    here = False

    def __init__(self, source: Source, batch_tokens: int, device: str, **options):
        self.place = device
        super().__init__(source, AT_ONCE, **options)

    def open_network(self) -> PooledNetwork:
        """See `PublishedVerifier.open_network`."""
        return PooledNetwork(self.source, self.network_class, self.place)

    def logits(self, tokens: torch.Tensor, mask: torch.Tensor, places: torch.Tensor) -> torch.Tensor:
        """See `PublishedVerifier.logits`."""
        return self.network(tokens, mask).logits[:, places]

    def _window(self) -> int:
        """The kind's window, or what vLLM has room for where that is less."""
        return min(super()._window(), self.network.llm.model_config.max_model_len)


def pooled(kind: str, own: type[PublishedVerifier]) -> type[Pooled]:
    """The class of a kind whose network is vLLM's, made of the kind's `own`; InputError where vLLM does not take it."""
    able = [name for name, each in plugins.declarations(kinds.__name__).items() if each["vllm"]]
    if kind not in able:
        raise InputError(
            f"verifier kind '{kind}' needs the transformers engine; vLLM takes the kinds {' and '.join(able)}"
        )
    return type(f"Pooled{own.__name__}", (Pooled, own), {})


def shape_of(source: Source, network_class: type) -> torch.nn.Module:
    """The checkpoint's network without weights; InputError unless the checkpoint has exactly those that it needs."""
    try:
        shape = empty_network(source, network_class)
        stored = stored_shapes(Path(source.path))
    except (*FAILURES, TypeError) as error:
        raise source.refuse(error, "network") from error
    needed = {name: list(each.shape) for name, each in shape.state_dict().items()}
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
