"""Headers of GGUF files: what a file says of its model, and which tensors it holds.  Standard library only.

The layout is ggml's (docs/gguf.md of its repository), versions 2 and 3, little-endian.
"""

import mmap
import struct
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ttc.errors import InputError
from ttc.models.shapes import count

SUFFIX = ".gguf"
MAGIC, VERSIONS = b"GGUF", (2, 3)
# Formats of the types of metadata by their number; 8 is a text, 9 a list
_FORMATS = {0: "B", 1: "b", 2: "H", 3: "h", 4: "I", 5: "i", 6: "f", 7: "?", 10: "Q", 11: "q", 12: "d"}
_TEXT, _LIST = 8, 9
_EXPERTS = ("expert_count", "expert_used_count")


@dataclass(frozen=True)
class Tensor:
    """shape: as torch has it, the last dimension first in memory; kind: the number of its type in ggml; offset: of its
    bytes from the start of all tensors.
    """

    shape: list[int]
    kind: int
    offset: int


@dataclass(frozen=True)
class Header:
    """metadata: by key, lists whole; tensors: by name; start: of their bytes in the file."""

    metadata: dict[str, Any]
    tensors: dict[str, Tensor]
    start: int

    @property
    def architecture(self) -> str:
        """The name of the network that llama.cpp gives it."""
        return self.metadata["general.architecture"]

    @property
    def parameters(self) -> int:
        """Numbers in all tensors."""
        return count({name: each.shape for name, each in self.tensors.items()})

    @property
    def active(self) -> int:
        """Of a mixture of experts those that a token passes: stacks of experts count by the share that reads it."""
        experts, used = (self.metadata.get(f"{self.architecture}.{name}") for name in _EXPERTS)
        if not experts or not used:
            return self.parameters
        stacks = {name: each.shape for name, each in self.tensors.items() if "_exps." in name}
        return self.parameters - count(stacks) + round(count(stacks) * used / experts)


def is_gguf(path: Path | str) -> bool:
    """Whether a checkpoint's path names a GGUF file."""
    return Path(path).suffix == SUFFIX


def read_header(path: Path, where: str) -> Header:
    """The header of a file.  InputError for a file that is none, is cut, or holds one part of several."""
    try:
        with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content:
            header = _Reader(content).header()
            last = max((each.offset for each in header.tensors.values()), default=-1)
            if header.start + last >= len(content):
                raise ValueError("it ends before its tensors do")
    except (OSError, ValueError, KeyError, struct.error, UnicodeDecodeError, OverflowError) as error:
        raise InputError(f"{where}: not a whole GGUF file ({error})") from error
    if (parts := header.metadata.get("split.count", 1)) > 1:
        raise InputError(
            f"{where}: it is one of {parts} parts of a model; join them first (llama.cpp's `llama-gguf-split --merge`)"
        )
    return header


class _Reader:
    def __init__(self, content: mmap.mmap):
        self.content, self.place = content, 0

    def header(self) -> Header:
        if self.content[:4] != MAGIC:
            raise ValueError("it does not begin with the letters GGUF")
        self.place = 4
        version = self.number("I")
        if version not in VERSIONS:
            raise ValueError(f"it is of version {version}, and {' and '.join(map(str, VERSIONS))} are read")
        tensors, entries = self.number("Q"), self.number("Q")
        metadata = {self.text(): self.value(self.number("I")) for _ in range(entries)}
        if "general.architecture" not in metadata:
            raise ValueError("it does not name its general.architecture")
        held = {self.text(): self.tensor() for _ in range(tensors)}
        step = metadata.get("general.alignment", 32)
        return Header(metadata, held, -(-self.place // step) * step)

    def number(self, form: str):
        (value,) = struct.unpack_from(f"<{form}", self.content, self.place)
        self.place += struct.calcsize(f"<{form}")
        return value

    def text(self) -> str:
        length = self.number("Q")
        found = self.content[self.place : self.place + length]
        if len(found) < length:
            raise ValueError("it ends within a text")
        self.place += length
        return found.decode("utf-8", errors="surrogateescape")

    def value(self, kind: int):
        if kind == _TEXT:
            return self.text()
        if kind != _LIST:
            return self.number(_FORMATS[kind])
        kind, length = self.number("I"), self.number("Q")
        if kind in _FORMATS:
            values = struct.unpack_from(f"<{length}{_FORMATS[kind]}", self.content, self.place)
            self.place += struct.calcsize(f"<{length}{_FORMATS[kind]}")
            return list(values)
        return [self.value(kind) for _ in range(length)]

    def tensor(self) -> Tensor:
        dimensions = self.number("I")
        if dimensions > 8:
            raise ValueError(f"a tensor in it has {dimensions} dimensions")
        shape = [self.number("Q") for _ in range(dimensions)]
        return Tensor(shape[::-1], self.number("I"), self.number("Q"))
