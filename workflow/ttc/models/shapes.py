"""Names and shapes of a checkpoint's weights, from the headers of its safetensors files.  Standard library only."""

import json
import math
from pathlib import Path

INDEX, SINGLE = "model.safetensors.index.json", "model.safetensors"


def weight_files(folder: Path) -> list[Path]:
    """The files that hold a checkpoint's weights: those of its index, or the single one; they need not be there."""
    index = folder / INDEX
    if not index.is_file():
        return [folder / SINGLE]
    return [folder / name for name in sorted(set(json.loads(index.read_text())["weight_map"].values()))]


def shapes_in(file: Path) -> dict[str, list[int]]:
    """Shapes by name of the weights in one file.

    OSError where it cannot be read, ValueError where it is not safetensors or lacks a part.
    """
    with file.open("rb") as content:
        length = int.from_bytes(content.read(8), "little")
        size = file.stat().st_size - 8 - length
        if size < 0:
            raise ValueError(f"{file.name} is shorter than its header says")
        header = json.loads(content.read(length))
    weights = {name: each for name, each in header.items() if name != "__metadata__"}
    if max((each["data_offsets"][1] for each in weights.values()), default=0) != size:
        raise ValueError(f"{file.name} is not as long as its header says")
    return {name: list(each["shape"]) for name, each in weights.items()}


def stored_shapes(folder: Path) -> dict[str, list[int]]:
    """Shapes by name of all weights of a checkpoint; raises as `shapes_in`."""
    return {name: shape for file in weight_files(folder) for name, shape in shapes_in(file).items()}


def count(shapes: dict[str, list[int]]) -> int:
    """Numbers in weights of these shapes."""
    return sum(math.prod(shape) for shape in shapes.values())
