"""Muon (https://kellerjordan.github.io/posts/muon/): momentum whose update is the nearest orthogonal matrix.

`torch.optim.Muon` takes one matrix after another, in bfloat16.  For matrices of 48 by 48 that is time spent on starting
products, and on CPUs without bfloat16 arithmetic it is slow at every size.  Here matrices of equal shape are one batch,
in float32, and the iteration runs on their small Gram matrices.
"""

from collections.abc import Iterable

import torch

COEFFICIENTS = (3.4445, -4.7750, 2.0315)  # of the quintic iteration, as in the post and in torch
ITERATIONS = 5
SMALLEST_NORM = 1e-7


class Muon(torch.optim.Optimizer):
    """The update of `torch.optim.Muon` with Nesterov momentum and its learning rate scale, for matrices only."""

    def __init__(self, params: Iterable, lr: float, momentum: float = 0.95, weight_decay: float = 0.0):
        super().__init__(params, {"lr": lr, "momentum": momentum, "weight_decay": weight_decay})

    @torch.no_grad()
    def step(self) -> None:
        """Take one step from the gradients; every parameter has one."""
        for group in self.param_groups:
            for (rows, columns), matrices in _by_shape(group["params"]).items():
                gradients = torch.stack([matrix.grad for matrix in matrices])
                state = self.state[matrices[0]]  # the momentum of all matrices of this shape
                if not state:
                    state["momentum"] = torch.zeros_like(gradients)
                state["momentum"].lerp_(gradients, 1 - group["momentum"])
                updates = orthogonalise(gradients.lerp_(state["momentum"], group["momentum"]))
                rate = group["lr"] * max(1, rows / columns) ** 0.5
                for matrix, update in zip(matrices, updates, strict=True):
                    matrix.mul_(1 - group["lr"] * group["weight_decay"]).sub_(update, alpha=rate)


def orthogonalise(matrices: torch.Tensor) -> torch.Tensor:
    """Bring the singular values of matrices [n, rows, columns] near one by five Newton–Schulz steps.

    A step on a wide matrix X multiplies it by P = aI + bA + cA² with A = XXᵀ.  P commutes with A, so the steps need no
    X: the next A is PAP, and the result is the product of all P times X.  For columns = 4 · rows that is half the
    arithmetic.  For a tall matrix the same holds from the right with A = XᵀX.
    """
    a, b, c = COEFFICIENTS
    tall = matrices.shape[1] > matrices.shape[2]
    scale = matrices.flatten(1).norm(dim=1).clamp(min=SMALLEST_NORM).reciprocal()[:, None, None]
    gram = torch.bmm(matrices.mT, matrices) if tall else torch.bmm(matrices, matrices.mT)
    gram = gram * scale.square()
    product = None
    for iteration in range(ITERATIONS):
        factor = torch.baddbmm(gram, gram, gram, beta=b, alpha=c)
        factor.diagonal(dim1=1, dim2=2).add_(a)
        product = factor * scale if product is None else torch.bmm(factor, product)
        if iteration < ITERATIONS - 1:
            gram = torch.bmm(torch.bmm(factor, gram), factor)
    return torch.bmm(matrices, product) if tall else torch.bmm(product, matrices)


def _by_shape(matrices: list[torch.Tensor]) -> dict[torch.Size, list[torch.Tensor]]:
    shapes: dict[torch.Size, list[torch.Tensor]] = {}
    for matrix in matrices:
        shapes.setdefault(matrix.shape, []).append(matrix)
    return shapes
