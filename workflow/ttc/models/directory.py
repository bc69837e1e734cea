"""Devices, and model directories as they are read and written."""

import json
from collections.abc import Callable
from pathlib import Path

import torch
from safetensors.torch import load_file

from ttc.errors import InputError
from ttc.models.card import ACTIVE, write_card
from ttc.models.parameters import active


def resolve_device(name: str) -> torch.device:
    """`auto` is the GPU if there is one; any other name must be a device torch can use."""
    if name == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    if name.startswith("cuda") and not torch.cuda.is_available():
        raise InputError(f"runtime.device is '{name}' and torch sees no GPU; use cpu or auto")
    return torch.device(name)


def spread(device: torch.device) -> str | None:
    """The `device_map` of a network that is computed and not trained: over all GPUs that the job sees, if several."""
    return "auto" if device.type == "cuda" and torch.cuda.device_count() > 1 else None


def read_weights(
    path: Path, wanted: Callable[[dict], bool], device: torch.device
) -> tuple[dict, dict[str, torch.Tensor]] | None:
    """Configuration and weights (float32) of a local model directory whose configuration is `wanted`, else None.

    They are read from config.json and model.safetensors; importing the model's class would take two seconds.
    """
    files = path / "config.json", path / "model.safetensors"
    if not all(file.is_file() for file in files):
        return None
    config = json.loads(files[0].read_text(encoding="utf-8"))
    if not wanted(config):
        return None
    return config, {name: tensor.float() for name, tensor in load_file(files[1], str(device)).items()}


def save_model(output: Path, model, tokenizer, **card) -> None:
    """Write a model directory: safetensors weights, configuration, tokenizer and card.

    card: kind, training, metrics; the number of parameters is added.
    """
    output.mkdir(parents=True, exist_ok=True)
    model.save_pretrained(output)
    tokenizer.save_pretrained(output)
    write_card(output, card | counted(model))


def counted(model: torch.nn.Module) -> dict[str, int]:
    """What a card says of a network's size: its parameters, and of a mixture of experts those that a token passes.

    InputError for a mixture whose configuration does not say how many experts read a token.
    """
    total = count_parameters(model)
    shapes = {name: list(each.shape) for name, each in model.named_parameters()}
    passed = active(shapes, model.config.to_dict(), total) if hasattr(model, "config") else total
    return {"parameters": total} | ({} if passed == total else {ACTIVE: passed})


def count_parameters(model: torch.nn.Module) -> int:
    """Parameters of a model, tied ones once."""
    return sum(parameter.numel() for parameter in model.parameters())
