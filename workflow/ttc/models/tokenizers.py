"""Tokenizers of models: made from a vocabulary, or loaded from a model's folder."""

from pathlib import Path

# What a model writes that is no text of the task, such as a number run into a label
UNKNOWN = "<unk>"


def build_tokenizer(vocabulary: list[str], pattern: str):
    """A lossless word-level tokenizer: `pattern` cuts a text into tokens, and joining tokens gives the text back."""
    from tokenizers import Regex, Tokenizer, decoders, models, pre_tokenizers
    from transformers import PreTrainedTokenizerFast

    ids = {token: index for index, token in enumerate(vocabulary)}
    tokenizer = Tokenizer(models.WordLevel(ids, unk_token=UNKNOWN))
    tokenizer.pre_tokenizer = pre_tokenizers.Split(Regex(pattern), behavior="isolated")
    tokenizer.decoder = decoders.Fuse()
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        pad_token="<pad>",
        bos_token="<bos>",
        eos_token="<eos>",
        unk_token=UNKNOWN,
        clean_up_tokenization_spaces=False,
    )


def load_tokenizer(path: Path | str):
    """The tokenizer of a model directory, as its tokenizer.json says if it has one.

    `AutoTokenizer` makes some architectures' tokenizers, Qwen2's among them, from the vocabulary alone, with rules of
    its own for splitting texts; and finding out about classes takes it two seconds of imports.
    """
    if (Path(path) / "tokenizer.json").is_file():
        from transformers import PreTrainedTokenizerFast

        return PreTrainedTokenizerFast.from_pretrained(path)
    from transformers import AutoTokenizer

    return AutoTokenizer.from_pretrained(path, local_files_only=Path(path).is_dir())
