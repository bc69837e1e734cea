"""Names and shapes of a checkpoint's weights, from the headers of its safetensors files.  Standard library only."""

import json
import math
from pathlib import Path

from ttc.digests import weight_files

# Types of safetensors in which a weight may be several numbers of fewer bits
PACKED = {"I8", "U8", "I16", "U16", "I32", "U32", "I64", "U64", "F4", "F6_E2M3", "F6_E3M2"}


def shapes_in(file: Path) -> dict[str, list[int]]:
    """Shapes by name of the weights in one file.

    OSError where it cannot be read, ValueError where it is not safetensors or lacks a part.
    """
    return {name: list(each["shape"]) for name, each in _header(file).items()}


def packed_in(file: Path) -> dict[str, str]:
    """Types by name of the matrices in one file that hold integers, as packed weights do; raises as `shapes_in`."""
    return {
        name: each["dtype"]
        for name, each in _header(file).items()
        if each["dtype"] in PACKED and len(each["shape"]) > 1
    }


def _header(file: Path) -> dict[str, dict]:
    with file.open("rb") as content:
        length = int.from_bytes(content.read(8), "little")
        size = file.stat().st_size - 8 - length
        if size < 0:
            raise ValueError(f"{file.name} is shorter than its header says")
        header = json.loads(content.read(length))
    weights = {name: each for name, each in header.items() if name != "__metadata__"}
    if max((each["data_offsets"][1] for each in weights.values()), default=0) != size:
        raise ValueError(f"{file.name} is not as long as its header says")
    return weights


def stored_shapes(folder: Path) -> dict[str, list[int]]:
    """Shapes by name of all weights of a checkpoint; raises as `shapes_in`."""
    return {name: shape for file in weight_files(folder) for name, shape in shapes_in(file).items()}


def count(shapes: dict[str, list[int]]) -> int:
    """Numbers in weights of these shapes."""
    return sum(math.prod(shape) for shape in shapes.values())
