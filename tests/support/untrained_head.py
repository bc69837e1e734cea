"""A verifier made of a language model: its layers, and a head of two labels that nobody has trained."""

from pathlib import Path

import torch

from ttc.models.tokenizers import TokenizerFiles


def untrained_verifier(model: Path, made: Path) -> Path:
    """The folder `made`, of kind `trl_tokencls`, from the checkpoint `model`."""
    from transformers import AutoModelForTokenClassification

    torch.manual_seed(0)
    network = AutoModelForTokenClassification.from_pretrained(model, num_labels=2, dtype=torch.float32)
    with torch.no_grad():
        network.score.weight.normal_(std=0.05)
        network.score.bias.zero_()
    network.save_pretrained(made)
    TokenizerFiles(model).save_pretrained(made)
    return made
