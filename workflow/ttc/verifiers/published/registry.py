"""Published process reward models: each *kind* is a way to ask a model about steps and to read its answer.

verifier = load("qwen_extra0", "models/Qwen2.5-Math-PRM-7B", dtype="bfloat16")
verifier.score(["What is 2 + 3 * 4?"], [["3 * 4 = 12", "2 + 12 = 14"]])  # [[step 1, step 2]]
"""

from pathlib import Path

from ttc.errors import InputError, nearest
from ttc.models.directory import resolve_device
from ttc.verifiers.published.base import PublishedVerifier
from ttc.verifiers.published.chat_plus import ChatPlus
from ttc.verifiers.published.ki_tag import KiTag
from ttc.verifiers.published.loading import Source
from ttc.verifiers.published.qwen_extra0 import QwenExtra0
from ttc.verifiers.published.skywork_value import SkyworkValue
from ttc.verifiers.published.trl_tokencls import TrlTokenClassification

KINDS: dict[str, type[PublishedVerifier]] = {
    each.kind: each for each in (KiTag, ChatPlus, QwenExtra0, SkyworkValue, TrlTokenClassification)
}


def load(
    kind: str,
    path: Path | str,
    *,
    revision: str | None = None,
    dtype: str = "float32",
    device: str = "auto",
    attention: str = "sdpa",
    trust_remote_code: bool = False,
    local_files_only: bool = True,
    separator: str | None = None,
    batch_tokens: int = 16384,
) -> PublishedVerifier:
    """The verifier of a checkpoint, ready to score.

    path: a model directory or a hub name; revision: of a hub name.  dtype: float32, bfloat16 or float16.  attention:
    what transformers calls it (eager, sdpa, flash_attention_2).  trust_remote_code: no kind needs it.
    local_files_only: read what is on this machine and never the network.  separator: what follows each step, for kind
    `trl_tokencls` only (None: a line end).  batch_tokens: tokens of one call with its padding; a longer input is read
    alone.

    InputError for an unknown kind or option, a checkpoint that is missing, is not of this kind or lacks weights, and a
    tokenizer without the kind's tokens.
    """
    if kind not in KINDS:
        raise InputError(
            f"verifier kind '{kind}' is unknown; allowed are {', '.join(KINDS)}{nearest(kind, KINDS)}"
        )
    if separator is not None and kind != TrlTokenClassification.kind:
        raise InputError(f"verifier kind '{kind}' has a step separator of its own; leave separator out")
    if batch_tokens < 1:
        raise InputError(f"batch_tokens is {batch_tokens}; allowed is a whole number from 1")
    source = Source(
        kind,
        str(path),
        revision,
        dtype,
        resolve_device(device),
        attention,
        trust_remote_code,
        local_files_only,
    )
    options = {} if separator is None else {"separator": separator}
    return KINDS[kind](source, batch_tokens, **options)


def load_reader(
    kind: str, path: Path | str, *, trust_remote_code: bool = False, separator: str | None = None
) -> PublishedVerifier:
    """The verifier of `kind` that the model in a directory may become, without its network.

    Its `reading` gives the tokens and places that a verifier learns from: those that it will be scored by.
    InputError as `load`, but for weights, which are not looked at.
    """
    source = Source(kind, str(path), None, "float32", resolve_device("cpu"), "sdpa", trust_remote_code, True)
    options = {} if separator is None else {"separator": separator}
    return KINDS[kind](source, batch_tokens=1, with_network=False, **options)
