"""The files of a tokenizer, which a model trained from another takes over as they are.

Loading a tokenizer and saving it again may change how it splits texts: `transformers` has rules of its own for some.
"""

import shutil
from dataclasses import dataclass
from pathlib import Path

NAMES = (
    "tokenizer.json",
    "tokenizer_config.json",
    "tokenizer.model",
    "special_tokens_map.json",
    "added_tokens.json",
    "vocab.json",
    "merges.txt",
    "chat_template.jinja",
    "chat_template.json",
)
FOLDER = "additional_chat_templates"


@dataclass(frozen=True)
class TokenizerFiles:
    """The tokenizer of the checkpoint in `folder`, to be given to `ttc.models.directory.save_model`."""

    folder: Path

    def save_pretrained(self, output: Path) -> None:
        """Copy the files that there are."""
        for name in NAMES:
            if (self.folder / name).is_file():
                shutil.copyfile(self.folder / name, output / name)
        if (self.folder / FOLDER).is_dir():
            shutil.copytree(self.folder / FOLDER, output / FOLDER)
