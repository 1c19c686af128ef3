"""The sum over cells beside loops, and its gradients beside differences."""

import pytest
import torch
from torch import Tensor

from cm3d.detectors.cameras.splat import splat

PIXELS, DEPTHS, CHANNELS, CELLS = 20, 7, 5, 11


@pytest.fixture
def case() -> tuple[Tensor, Tensor, Tensor]:
    """Weights, features, and cells of which some are nowhere and some stand twice in a pixel."""
    generator = torch.Generator().manual_seed(0)
    weight = torch.rand(PIXELS, DEPTHS, dtype=torch.float64, generator=generator)
    features = torch.randn(PIXELS, CHANNELS, dtype=torch.float64, generator=generator)
    return weight, features, torch.randint(-1, CELLS, (PIXELS, DEPTHS), generator=generator)


def test_sums_are_those_of_a_loop(case: tuple[Tensor, Tensor, Tensor]) -> None:
    weight, features, cell = case
    expected = torch.zeros(CELLS, CHANNELS, dtype=torch.float64)
    for pixel in range(PIXELS):
        for depth in range(DEPTHS):
            if cell[pixel, depth] >= 0:
                expected[cell[pixel, depth]] += weight[pixel, depth] * features[pixel]
    torch.testing.assert_close(splat(weight, features, cell, CELLS), expected)


def test_gradients_are_those_of_differences(case: tuple[Tensor, Tensor, Tensor]) -> None:
    weight, features, cell = case
    inputs = (weight.requires_grad_(), features.requires_grad_())
    assert torch.autograd.gradcheck(lambda w, f: splat(w, f, cell, CELLS), inputs)


def test_nothing_lies_anywhere(case: tuple[Tensor, Tensor, Tensor]) -> None:
    weight, features, cell = case
    weight.requires_grad_()
    summed = splat(weight, features, torch.full_like(cell, -1), CELLS)
    assert not summed.any()
    summed.sum().backward()
    assert weight.grad is not None
    assert not weight.grad.any()


def test_the_same_input_gives_the_same_bytes(case: tuple[Tensor, Tensor, Tensor]) -> None:
    weight, features, cell = case
    first, again = (splat(weight.float(), features.float(), cell, CELLS) for _ in range(2))
    assert torch.equal(first, again)
