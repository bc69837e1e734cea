"""Linear layers that oneDNN computes: float32 on a CPU, with weights that are laid out for it once.

`torch` multiplies float32 with MKL.  Products of few rows, as decoding has them, take oneDNN a quarter to a half less
time on the processor that was tried (docs/log.md).  It rounds otherwise, so a study says which of the two it takes.
A row's bits do not depend on how many rows there are, from two on (`ttc.models.padding` pads to more).
"""

import torch

from ttc.errors import InputError

ONEDNN = "onednn"
ROWS = 16  # the number of rows that weights are laid out for: that of a small step


class PackedLinear(torch.nn.Module):
    """A linear layer for inference; what it was made of is let go."""

    def __init__(self, layer: torch.nn.Linear):
        super().__init__()
        self.bias = None if layer.bias is None else layer.bias.detach()
        self.weight = torch.ops.mkldnn._reorder_linear_weight(layer.weight.detach(), ROWS)

    def forward(self, given: torch.Tensor) -> torch.Tensor:
        """[..., inputs] to [..., outputs]."""
        return torch.ops.mkldnn._linear_pointwise(given, self.weight, self.bias, "none", [], "")


def pack(network: torch.nn.Module, library: str | None, where: str) -> torch.nn.Module:
    """The network, its linear layers computed by `library`, which is `onednn` or None for those of `torch`.

    InputError, which names `where`, for a network on a GPU or in another dtype, and a processor without oneDNN.
    """
    if library is None:
        return network
    weight = next(network.parameters())
    if weight.device.type != "cpu" or weight.dtype != torch.float32:
        raise InputError(
            f"{where}: linear is {library}, which computes float32 on a CPU, and this model is "
            f"{str(weight.dtype).removeprefix('torch.')} on {weight.device.type}; set runtime.device to cpu, or leave "
            "linear out"
        )
    if not torch.backends.mkldnn.is_available():
        raise InputError(f"{where}: linear is {library}, and torch has no oneDNN here; leave linear out")
    # No class of its own, whose forward may do more.  By name, so that each layer's weights are let go with it.
    names = [name for name, layer in network.named_modules() if type(layer) is torch.nn.Linear]
    for name in names:
        network.set_submodule(name, PackedLinear(network.get_submodule(name)))
    return network
