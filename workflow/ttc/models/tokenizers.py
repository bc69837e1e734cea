"""Tokenizers: made from a vocabulary, loaded as their files say, or taken over as these files.

`transformers` has rules of its own for splitting texts of some architectures, Qwen2's among them: a tokenizer made by
them may read a text as other tokens than those the model was trained on, and so may one that is loaded and saved again.
"""

import shutil
from dataclasses import dataclass
from pathlib import Path

from ttc.models.word_tokenizer import CORE, FILES, TEMPLATES, WordTokenizer

UNKNOWN = "<unk>"  # what a model writes that is no text of the task, such as a number run into a label


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


def load_tokenizer(path: Path | str, **options):
    """The tokenizer of a model directory, or of a model of the hub, as its tokenizer.json says if it has one.

    options: of `from_pretrained`.  To find out about classes, as `AutoTokenizer` does, takes two seconds of imports.
    """
    if not options and WordTokenizer.reads(Path(path)):
        return WordTokenizer(Path(path))
    if _is_whole(path, options):
        from transformers import PreTrainedTokenizerFast

        return PreTrainedTokenizerFast.from_pretrained(path, **options)
    from transformers import AutoTokenizer

    return AutoTokenizer.from_pretrained(path, **{"local_files_only": Path(path).is_dir()} | options)


def _is_whole(path: Path | str, options: dict) -> bool:
    if Path(path).is_dir():
        return (Path(path) / CORE).is_file()
    from transformers.utils import cached_file

    place = {name: options[name] for name in ("revision", "local_files_only") if name in options}
    return cached_file(path, CORE, _raise_exceptions_for_missing_entries=False, **place) is not None


@dataclass(frozen=True)
class TokenizerFiles:
    """The tokenizer of the checkpoint in `folder`, to be given to `ttc.models.directory.save_model`."""

    folder: Path

    def save_pretrained(self, output: Path) -> None:
        """Copy the files that there are."""
        for name in FILES:
            if (self.folder / name).is_file():
                shutil.copyfile(self.folder / name, output / name)
        if (self.folder / TEMPLATES).is_dir():
            shutil.copytree(self.folder / TEMPLATES, output / TEMPLATES)
