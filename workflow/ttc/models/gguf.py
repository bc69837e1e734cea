"""Models in GGUF files as checkpoints: weights in safetensors, tokenizer, chat template and end tokens.

`transformers` reads them, with the package gguf.  What both would pass over in silence is refused here: tensors that
no weight is made of, and tokenizers that split texts by a rule that nobody here knows.
"""

import contextlib
import importlib
import math
import os
from collections.abc import Iterator
from pathlib import Path

import transformers

from ttc.errors import InputError
from ttc.models import checkpoint
from ttc.models.gguf_header import Header, read_header
from ttc.problems.hub_errors import first_line

# How a byte-level tokenizer splits texts, by llama.cpp's name of the rule: as GPT-2's, or with each digit by itself.
# `transformers` knows others, and takes the first for every name that it does not know.
AS_GPT2 = ("gpt-2", "jais", "mpt", "olmo")
DIGITS_APART = ("codeshell", "command-r", "exaone", "refact", "smollm", "starcoder")
BYTE_LEVEL = "gpt2"
ENDS = ("eos", "eot", "eom")  # tokens that end a text, a turn, a message
# What only Llama 3.1 and later have: factors of rotary frequencies, which nothing reads
FACTORS = "rope_freqs.weight"


def convert(file: Path, folder: Path, dtype: str, where: str) -> None:
    """Write the model of a GGUF file to `folder` as `save_pretrained` does, its weights in `dtype`.

    InputError, one sentence, for a file that is broken, of an architecture, with weights or a tokenizer that cannot be
    read, or that holds more than is read.
    """
    header = read_header(file, where)
    _check_tensors(header, file, where)
    tokenizer = _tokenizer(header, file, where)
    network = _network(header, file, dtype, where)
    network.save_pretrained(folder)
    tokenizer.save_pretrained(folder)


def _check_tensors(header: Header, file: Path, where: str) -> None:
    """InputError unless each tensor is there to its end, and of a type of which numbers can be made."""
    import numpy as np

    try:
        # By its name: the version is part of the keys of models in GGUF files only, and an import would be of all
        library = importlib.import_module("gguf")
    except ImportError as error:
        raise InputError(f"{where}: the package gguf, which reads it, is not installed") from error
    sizes, length = {}, file.stat().st_size
    for name, tensor in header.tensors.items():
        try:
            if tensor.kind not in sizes:
                kind = library.GGMLQuantizationType(tensor.kind)
                sizes[tensor.kind] = library.GGML_QUANT_SIZES[kind]
                library.dequantize(np.zeros((1, sizes[tensor.kind][1]), np.uint8), kind)
        except (ValueError, KeyError, NotImplementedError) as error:
            raise InputError(
                f"{where}: its tensor {name} is of type {tensor.kind}, which cannot be read ({first_line(error)}); "
                "take another quantisation of the model"
            ) from error
        numbers, size = sizes[tensor.kind]
        if header.start + tensor.offset + math.prod(tensor.shape) // numbers * size > length:
            raise InputError(f"{where}: not a whole GGUF file (it ends within its tensor {name})")


def _network(header: Header, file: Path, dtype: str, where: str) -> transformers.PreTrainedModel:
    """The network with all weights, as if it had been loaded from a checkpoint."""
    scaled = header.metadata.get(f"{header.architecture}.rope.scaling.type", "none")
    if FACTORS in header.tensors or scaled != "none":
        raise InputError(
            f"{where}: it scales its rotary frequencies ({FACTORS if scaled == 'none' else scaled}), which is not read "
            "here, and every position would be wrong; take the model's safetensors"
        )
    place = {"gguf_file": file.name, "local_files_only": True}
    version = f"transformers {transformers.__version__}"
    try:
        config = transformers.AutoConfig.from_pretrained(file.parent, **place)
    except Exception as error:  # of several libraries
        raise InputError(
            f"{where}: {version} cannot read its architecture '{header.architecture}' from GGUF ({first_line(error)})"
        ) from error
    checkpoint.quiet()
    try:
        with _no_bar():
            network, found = transformers.AutoModelForCausalLM.from_pretrained(
                file.parent,
                config=config,
                dtype=checkpoint.DTYPES[dtype],
                quantization_config=transformers.GgufConfig(dequantize=True),
                output_loading_info=True,
                **place,
            )
    except Exception as error:  # of several libraries
        raise InputError(f"{where}: {version} cannot read its weights ({first_line(error)})") from error
    made = sum(each.numel() for each in network.parameters())
    if found["missing_keys"] or found["mismatched_keys"] or made != header.parameters:
        raise InputError(
            f"{where}: it holds {header.parameters:,} parameters in {len(header.tensors)} tensors, and {version} makes "
            f"a network of {made:,} of them, {len(found['missing_keys'])} of its weights missing; take the model's "
            "safetensors"
        )
    network.generation_config = _ends(header, where)
    return network


@contextlib.contextmanager
def _no_bar() -> Iterator[None]:
    """Without the bar of progress that `transformers` draws of GGUF files, whatever its settings are."""
    with open(os.devnull, "w", encoding="utf-8") as nowhere, contextlib.redirect_stderr(nowhere):
        yield


def _ends(header: Header, where: str) -> transformers.GenerationConfig:
    """The settings of generation: which tokens end it."""
    ids = {name: header.metadata.get(f"tokenizer.ggml.{name}_token_id") for name in (*ENDS, "bos", "padding")}
    ends = sorted({ids[name] for name in ENDS} - {None})
    if not ends:
        raise InputError(f"{where}: it names no token that ends a text (tokenizer.ggml.eos_token_id)")
    return transformers.GenerationConfig(
        eos_token_id=ends, bos_token_id=ids["bos"], pad_token_id=ids["padding"]
    )


def _tokenizer(header: Header, file: Path, where: str) -> transformers.PreTrainedTokenizerFast:
    """The tokenizer with its chat template."""
    rule = header.metadata.get("tokenizer.ggml.pre")
    if header.metadata.get("tokenizer.ggml.model") == BYTE_LEVEL and rule not in _rules():
        raise InputError(
            f"{where}: its tokenizer splits texts by the rule '{rule}', which is not known here; known are "
            f"{', '.join(sorted(_rules()))}"
        )
    try:
        made = transformers.PreTrainedTokenizerFast.from_pretrained(
            file.parent, gguf_file=file.name, local_files_only=True
        )
    except Exception as error:  # of several libraries
        raise InputError(f"{where}: its tokenizer cannot be read ({first_line(error)})") from error
    if rule in DIGITS_APART:
        from tokenizers import pre_tokenizers

        digits, rest = pre_tokenizers.Digits(individual_digits=True), made.backend_tokenizer.pre_tokenizer
        made.backend_tokenizer.pre_tokenizer = pre_tokenizers.Sequence([digits, rest])
    return made


def _rules() -> set[str]:
    from transformers.integrations.gguf.gguf_tokenizer_mapping import GGUF_PRE_TOKENIZER_SPLITS

    return {*AS_GPT2, *DIGITS_APART, *GGUF_PRE_TOKENIZER_SPLITS}
