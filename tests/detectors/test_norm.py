import pytest
import torch
from torch import nn

from cm3d.detectors.norm import BatchNorm


@pytest.mark.parametrize("shape", [(7, 3), (2, 3, 4, 5)])
def test_it_is_batch_normalisation(shape: tuple[int, ...]) -> None:
    reference = (nn.BatchNorm1d if len(shape) == 2 else nn.BatchNorm2d)(3, momentum=0.2)
    ours = BatchNorm(3, momentum=0.2)
    features = torch.randn(shape, generator=torch.Generator().manual_seed(0)) + 2
    for _ in range(2):
        torch.testing.assert_close(ours(features), reference(features))
    torch.testing.assert_close(ours.state_dict(), reference.state_dict())
    torch.testing.assert_close(ours.eval()(features), reference.eval()(features))


def test_an_affine_of_moments_normalises_like_the_values_themselves() -> None:
    reference, ours = BatchNorm(3, momentum=0.2), BatchNorm(3, momentum=0.2)
    values = torch.randn(50, 3, generator=torch.Generator().manual_seed(0)) * 3 + 1
    scale, shift = ours.affine_of(values.mean(0), values.square().mean(0), torch.tensor([50.0]))
    torch.testing.assert_close(values * scale + shift, reference(values), atol=1e-5, rtol=1e-5)
    torch.testing.assert_close(ours.state_dict(), reference.state_dict())


def test_a_row_alone_is_normalised_by_running_figures() -> None:
    norm = BatchNorm(2).train()
    norm.running_mean.copy_(torch.tensor([1.0, 2.0]))
    torch.testing.assert_close(norm(torch.tensor([[2.0, 2.0]])), torch.tensor([[1.0, 0.0]]))
    assert norm(torch.zeros(0, 2)).shape == (0, 2)
