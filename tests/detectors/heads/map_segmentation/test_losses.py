import numpy as np
import pytest
import torch

from cm3d.detectors.heads.map_segmentation.losses import map_loss
from cm3d.geometry.ground_map import MAP_CLASSES

WALKWAY = MAP_CLASSES.index("walkway")


def test_loss_by_hand() -> None:
    """p = 0.5 costs 0.25 ln 2; p = 0.8 of the right kind 0.2^2 of its logarithm."""
    logits = torch.zeros(1, 6, 1, 4)
    masks = torch.zeros(1, 6, 1, 4, dtype=torch.bool)
    logits[0, WALKWAY, 0] = torch.tensor([0.0, np.log(4), np.log(4), -np.log(4)])
    masks[0, WALKWAY, 0] = torch.tensor([True, True, False, False])
    terms = map_loss(logits, masks)
    assert list(terms) == [f"map/{name}" for name in MAP_CLASSES]
    even, right = 0.25 * np.log(2), -(0.2**2) * np.log(0.8)
    wrong = -(0.8**2) * np.log(0.2)
    expected = (even + right + wrong + right) / 4
    assert terms["map/walkway"].item() == pytest.approx(expected, rel=1e-5)
    assert terms["map/divider"].item() == pytest.approx(even, rel=1e-5)


def test_a_term_is_a_mean_over_frames() -> None:
    generator = torch.Generator().manual_seed(0)
    logits = torch.randn(3, 6, 8, 8, generator=generator)
    masks = torch.rand(3, 6, 8, 8, generator=generator) < 0.3
    each = [map_loss(logits[k : k + 1], masks[k : k + 1]) for k in range(3)]
    for name, term in map_loss(logits, masks).items():
        assert term.item() == pytest.approx(np.mean([one[name].item() for one in each]), rel=1e-5)


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_extremes_are_finite(dtype: torch.dtype) -> None:
    logits = torch.tensor([-300.0, 300.0]).repeat(6, 2).view(1, 6, 2, 2).to(dtype).requires_grad_()
    masks = torch.tensor([[True, True], [False, False]]).expand(1, 6, 2, 2)
    total = torch.stack(list(map_loss(logits, masks).values())).sum()
    # half of the pixels are wrong by 300
    assert total.item() == pytest.approx(6 * 150, rel=1e-2)
    assert torch.isfinite(torch.autograd.grad(total, logits)[0]).all()
