"""The tokenizer of models from scratch, read without the import of `transformers`, which takes a second."""

import json
from collections.abc import Sequence
from pathlib import Path

from tokenizers import AddedToken, Tokenizer

CORE, CONFIGURATION = "tokenizer.json", "tokenizer_config.json"
TEMPLATES = "additional_chat_templates"  # a folder
# Files of which a tokenizer may be made
FILES = (
    CORE,
    CONFIGURATION,
    "tokenizer.model",
    "special_tokens_map.json",
    "added_tokens.json",
    "vocab.json",
    "merges.txt",
    "chat_template.jinja",
    "chat_template.json",
    TEMPLATES,
)
SPECIAL = ("bos_token", "eos_token", "unk_token", "pad_token")
# What a configuration that `transformers` has written for such a tokenizer says besides; one that says more is not ours
FURTHER = {
    "backend",
    "clean_up_tokenization_spaces",
    "is_local",
    "local_files_only",
    "model_max_length",
    "tokenizer_class",
}


class WordTokenizer:
    """What this project asks of a `PreTrainedTokenizerFast` that `build_tokenizer` made, with the same answers."""

    is_fast = True
    chat_template = None

    def __init__(self, folder: Path):
        self.folder = folder
        self.backend_tokenizer = Tokenizer.from_file(str(folder / CORE))
        known = json.loads((folder / CONFIGURATION).read_text(encoding="utf-8"))
        self.special_tokens_map = {name: known[name] for name in SPECIAL}
        self.bos_token, self.eos_token, self.unk_token, self.pad_token = (known[name] for name in SPECIAL)
        self.all_special_tokens = list(dict.fromkeys(self.special_tokens_map.values()))
        self.all_special_ids = self.convert_tokens_to_ids(self.all_special_tokens)
        self.bos_token_id, self.eos_token_id, self.unk_token_id, self.pad_token_id = (
            self.convert_tokens_to_ids(known[name]) for name in SPECIAL
        )

    @staticmethod
    def reads(folder: Path) -> bool:
        """Whether a model directory has such a tokenizer."""
        core, configuration = folder / CORE, folder / CONFIGURATION
        if {each.name for each in folder.glob("*") if each.name in FILES} != {CORE, CONFIGURATION}:
            return False
        known = json.loads(configuration.read_text(encoding="utf-8"))
        if known.get("tokenizer_class") != "TokenizersBackend" or not known.keys() <= {*SPECIAL, *FURTHER}:
            return False
        said = json.loads(core.read_text(encoding="utf-8"))
        # `transformers` writes a template that adds nothing; with more, a text may get other tokens than its own
        template = said.get("post_processor") or {"type": "TemplateProcessing"}
        plain = template["type"] == "TemplateProcessing" and not template.get("special_tokens")
        whole = said.get("truncation") is None and said.get("padding") is None
        words = said["model"]["type"] == "WordLevel"
        return words and plain and whole and all(isinstance(known.get(name), str) for name in SPECIAL)

    def __len__(self) -> int:
        return self.backend_tokenizer.get_vocab_size(with_added_tokens=True)

    def __call__(self, texts: str | Sequence[str], add_special_tokens: bool = False) -> dict[str, list]:
        """Token ids of a text, or of each of several, under `input_ids`."""
        if isinstance(texts, str):
            return {"input_ids": self.encode(texts, add_special_tokens)}
        read = self.backend_tokenizer.encode_batch_fast(list(texts), add_special_tokens=add_special_tokens)
        return {"input_ids": [each.ids for each in read]}

    @property
    def added_tokens_decoder(self) -> dict[int, AddedToken]:
        """Added tokens by their ids."""
        return self.backend_tokenizer.get_added_tokens_decoder()

    def get_vocab(self) -> dict[str, int]:
        """Ids of all tokens."""
        return self.backend_tokenizer.get_vocab(with_added_tokens=True)

    def convert_tokens_to_ids(self, tokens: str | Sequence[str]) -> int | list[int]:
        """The id of a token, or those of several; that of the unknown token for what is none."""
        if not isinstance(tokens, str):
            return [self.convert_tokens_to_ids(each) for each in tokens]
        known = self.backend_tokenizer.token_to_id(tokens)
        return self.backend_tokenizer.token_to_id(self.unk_token) if known is None else known

    def convert_ids_to_tokens(self, ids: int | Sequence[int]) -> str | list[str]:
        """The token of an id, or those of several."""
        core = self.backend_tokenizer
        return core.id_to_token(ids) if isinstance(ids, int) else [core.id_to_token(each) for each in ids]

    def encode(self, text: str, add_special_tokens: bool = False) -> list[int]:
        """Token ids of a text as it stands; `build_tokenizer` has no special tokens added."""
        return self.backend_tokenizer.encode(text, add_special_tokens=add_special_tokens).ids

    def decode(self, tokens: Sequence[int], skip_special_tokens: bool = False) -> str:
        """The text of token ids."""
        return self.backend_tokenizer.decode(list(tokens), skip_special_tokens=skip_special_tokens)

    def batch_decode(
        self,
        sequences: Sequence[Sequence[int]],
        skip_special_tokens: bool = False,
        clean_up_tokenization_spaces: bool = False,
    ) -> list[str]:
        """Texts of token ids; nothing is ever cleaned up."""
        if clean_up_tokenization_spaces:
            raise ValueError("a tokenizer of words has no spaces to clean up")
        return self.backend_tokenizer.decode_batch(list(sequences), skip_special_tokens=skip_special_tokens)

    def save_pretrained(self, output: Path) -> None:
        """Write its files, as `transformers` does."""
        from transformers import PreTrainedTokenizerFast

        PreTrainedTokenizerFast.from_pretrained(self.folder).save_pretrained(output)
