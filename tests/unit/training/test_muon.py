"""Muon against torch's, whose iteration runs in bfloat16, and against the iteration as the post states it."""

import pytest
import torch

from ttc.training.muon import COEFFICIENTS, ITERATIONS, Muon, orthogonalise

SHAPES = [(48, 48), (24, 48), (192, 48), (48, 192), (48, 48), (5, 3)]


def stated(matrix):
    """The quintic iteration of the post, in float64, on X itself."""
    a, b, c = COEFFICIENTS
    wide = matrix.double() if matrix.shape[0] <= matrix.shape[1] else matrix.double().T
    wide = wide / wide.norm()
    for _ in range(ITERATIONS):
        gram = wide @ wide.T
        wide = a * wide + (b * gram + c * gram @ gram) @ wide
    return wide if matrix.shape[0] <= matrix.shape[1] else wide.T


def parameters(seed):
    generator = torch.Generator().manual_seed(seed)
    made = [torch.nn.Parameter(torch.randn(shape, generator=generator)) for shape in SHAPES]
    return made, generator


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("rank", [2, None])
def test_the_iteration_on_gram_matrices_is_the_one_on_the_matrix(shape, rank):
    generator = torch.Generator().manual_seed(1)
    rank = rank or min(shape)
    matrices = torch.randn(3, shape[0], rank, generator=generator) @ torch.randn(
        3, rank, shape[1], generator=generator
    )
    for ours, matrix in zip(orthogonalise(matrices), matrices, strict=True):
        assert torch.allclose(ours.double(), stated(matrix), atol=1e-4)


def test_singular_values_come_near_one():
    matrices = torch.randn(2, 40, 60, generator=torch.Generator().manual_seed(2))
    values = torch.linalg.svdvals(orthogonalise(matrices))
    assert values.min() > 0.6 and values.max() < 1.3


def test_a_gradient_of_zero_changes_nothing():
    assert torch.equal(orthogonalise(torch.zeros(1, 4, 6)), torch.zeros(1, 4, 6))


@pytest.mark.parametrize("weight_decay", [0.0, 0.1])
def test_steps_are_those_of_torch_within_its_bfloat16(weight_decay):
    ours, generator = parameters(0)
    theirs = [torch.nn.Parameter(each.detach().clone()) for each in ours]
    settings = {"lr": 0.02, "momentum": 0.95, "weight_decay": weight_decay}
    pair = Muon(ours, **settings), torch.optim.Muon(theirs, **settings)
    for _ in range(4):
        before = [each.detach().clone() for each in ours]
        for mine, other in zip(ours, theirs, strict=True):
            mine.grad = torch.randn(mine.shape, generator=generator)
            other.grad = mine.grad.clone()
        for optimizer in pair:
            optimizer.step()
        for mine, other, start in zip(ours, theirs, before, strict=True):
            moved = (mine - start).norm()
            assert moved > 0.01 and (mine - other).norm() < 0.05 * moved
            with torch.no_grad():
                other.copy_(mine)  # so that each step is compared by itself


def test_matrices_of_one_shape_do_not_mix():
    """Together or each by itself: the same steps."""
    together, generator = parameters(3)
    alone = [torch.nn.Parameter(each.detach().clone()) for each in together]
    joint, single = Muon(together, lr=0.1), [Muon([each], lr=0.1) for each in alone]
    for _ in range(3):
        for one, other in zip(together, alone, strict=True):
            one.grad = torch.randn(one.shape, generator=generator)
            other.grad = one.grad.clone()
        joint.step()
        for optimizer in single:
            optimizer.step()
    for one, other in zip(together, alone, strict=True):
        assert torch.allclose(one, other, atol=1e-5)
