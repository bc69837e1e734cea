"""Networks and tokenizers of published checkpoints, complete or refused.

`transformers` fills missing weights, such as a head's, with random numbers and only warns; here that is an error.
"""

import logging
import sys
import textwrap
from dataclasses import dataclass
from pathlib import Path

import torch
from huggingface_hub.errors import StrictDataclassError
from safetensors import SafetensorError
from transformers import (
    AutoConfig,
    PreTrainedConfig,
    PreTrainedModel,
    PreTrainedTokenizerBase,
)
from transformers.utils import logging as transformers_logging

from ttc.errors import InputError, nearest
from ttc.models import tokenizers

DTYPES = {"float32": torch.float32, "bfloat16": torch.bfloat16, "float16": torch.float16}
UNUSED = ("lm_head.",)  # a language model's head, left in the checkpoint of a model that has another

# What from_pretrained raises for bad input; the last one for values in config.json
FAILURES = (
    OSError,
    ValueError,
    RuntimeError,
    ImportError,
    KeyError,
    SafetensorError,
    StrictDataclassError,
)


@dataclass(frozen=True)
class Source:
    """Where a checkpoint is and how it is to be loaded; see `ttc.verifiers.load`."""

    kind: str
    path: str
    revision: str | None
    dtype: str
    device: torch.device
    attention: str
    trust_remote_code: bool
    local_files_only: bool
    linear: str | None = None  # of the network, once it is loaded (`ttc.models.linear`)

    def __post_init__(self):
        if self.dtype not in DTYPES:
            raise InputError(
                f"dtype '{self.dtype}' is unknown; allowed are {', '.join(DTYPES)}{nearest(self.dtype, DTYPES)}"
            )
        # A hub name is `owner/name`: anything else can only be a directory
        named = self.path.count("/") == 1 and not self.path.startswith((".", "/", "~"))
        if Path(self.path).is_dir():
            if not (Path(self.path) / "config.json").is_file():
                raise InputError(f"{self.path}: not a checkpoint directory, it has no config.json")
            if self.revision is not None:
                raise InputError(
                    f"{self.path}: a directory has no revisions and '{self.revision}' was asked for; "
                    "leave revision out or give the model's hub name"
                )
        elif not named:
            raise InputError(f"{self.path}: there is no such checkpoint directory")

    @property
    def options(self) -> dict:
        """What `from_pretrained` of tokenizer and network are both given."""
        return {
            "revision": self.revision or "main",
            "trust_remote_code": self.trust_remote_code,
            "local_files_only": self.local_files_only,
        }

    def refuse(self, error: Exception, what: str) -> InputError:
        """The one sentence for `error`, which loading `what` raised."""
        reason = textwrap.shorten(str(error), 300, placeholder=" …") or type(error).__name__
        hint = ""
        if self.local_files_only and not Path(self.path).is_dir():
            hint = "; only this machine's files were looked at, because local_files_only is set"
        return InputError(
            f"{self.path}: its {what} cannot be loaded as kind '{self.kind}': {reason.rstrip('.')}{hint}"
        )


def load_tokenizer(source: Source) -> PreTrainedTokenizerBase:
    """The checkpoint's tokenizer (`ttc.models.tokenizers.load_tokenizer`); InputError where it cannot be loaded."""
    try:
        return tokenizers.load_tokenizer(source.path, **source.options)
    except FAILURES as error:
        raise source.refuse(error, "tokenizer") from error


def check_architecture(source: Source, wanted: str) -> None:
    """InputError unless the checkpoint's configuration is of the model type `wanted`."""
    try:
        config, _ = PreTrainedConfig.get_config_dict(source.path, **source.options)
    except FAILURES as error:
        raise source.refuse(error, "configuration") from error
    if config.get("model_type") != wanted:
        raise InputError(
            f"{source.path}: its architecture is '{config.get('model_type')}' and kind '{source.kind}' "
            f"is made of '{wanted}'"
        )


def load_config(source: Source) -> PreTrainedConfig:
    """The checkpoint's configuration, as its network will have it."""
    try:
        return AutoConfig.from_pretrained(source.path, **source.options)
    except FAILURES as error:
        raise source.refuse(error, "configuration") from error


def empty_network(source: Source, network_class: type) -> torch.nn.Module:
    """The checkpoint's network without weights, on the meta device; raises one of `FAILURES` or TypeError."""
    config = AutoConfig.from_pretrained(source.path, **source.options)
    make = getattr(network_class, "from_config", None) or network_class._from_config
    with torch.device("meta"):
        return make(config)


def load_network(
    source: Source,
    network_class: type,
    fresh: tuple[str, ...] = (),
    places: str | dict | None = None,
    **changes,
) -> PreTrainedModel:
    """The checkpoint's network as `network_class`, for inference, on its device, or with `places` (the `device_map` of
    `transformers`) on several.

    fresh: what the names of weights begin with that the checkpoint need not have, because they are to be trained;
    changes: entries of its configuration.

    Weights are read from safetensors files only.  InputError if any other weight is missing from the checkpoint, if one
    has another shape there or is left over, or if the rotary frequencies were rounded to the network's dtype.
    """
    # The same facts come back as `found`; the report that transformers logs would repeat them on 20 lines.  A level of
    # the module that logs it would make that module report on the sharding of layers instead.
    logger = logging.getLogger("transformers")
    level = logger.level
    logger.setLevel(logging.ERROR)
    quiet()
    try:
        network, found = network_class.from_pretrained(
            source.path,
            dtype=DTYPES[source.dtype],
            attn_implementation=source.attention,
            use_safetensors=True,
            ignore_mismatched_sizes=True,  # they too come back as `found`, and are refused
            output_loading_info=True,
            device_map=places,
            **source.options,
            **changes,
        )
    except FAILURES as error:
        raise source.refuse(error, "network") from error
    finally:
        logger.setLevel(level)
    check_complete(source, found, fresh)
    check_rotary(source, network)
    return (network.to(source.device) if places is None else network).eval()


def quiet() -> None:
    """No bar of progress where nobody watches: in a job's log it would be a line of hundreds."""
    if not sys.stderr.isatty():
        transformers_logging.disable_progress_bar()


def check_complete(source: Source, found: dict, fresh: tuple[str, ...] = ()) -> None:
    """InputError unless checkpoint and network have the same weights, but for those whose names begin with `fresh`.

    `found` is what from_pretrained reports.
    """
    missing = sorted(name for name in found["missing_keys"] if not name.startswith(fresh))
    if missing:
        raise InputError(
            f"{source.path}: the checkpoint lacks {shown(missing)}, which kind '{source.kind}' needs and which would "
            "be random numbers; it is incomplete or of another kind"
        )
    for name, given, wanted in sorted(found["mismatched_keys"]):
        raise InputError(
            f"{source.path}: the checkpoint's {name} has shape {list(given)}, and kind '{source.kind}' needs "
            f"{list(wanted)}; it is of another kind"
        )
    left = sorted(name for name in found["unexpected_keys"] if not name.startswith(UNUSED))
    if left:
        raise InputError(
            f"{source.path}: the checkpoint has {shown(left)}, which kind '{source.kind}' does not read; "
            "it is of another kind"
        )


def check_rotary(source: Source, network: torch.nn.Module) -> None:
    """InputError if rotary frequencies are not float32: rounded, positions far from the start are told wrongly."""
    for name, buffer in network.named_buffers():
        if name.endswith("inv_freq") and buffer.dtype != torch.float32:
            raise InputError(
                f"{source.path}: this version of transformers keeps the rotary frequencies {name} in {buffer.dtype}, "
                "and scores of long solutions would be wrong; use another version or dtype float32"
            )


def shown(names: list[str]) -> str:
    """Up to three names, and how many more there are."""
    more = f" and {len(names) - 3} more" if len(names) > 3 else ""
    return ", ".join(names[:3]) + more
