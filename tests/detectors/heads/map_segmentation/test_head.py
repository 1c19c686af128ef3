import numpy as np
import pytest
import torch

from cm3d.detectors.heads.map_segmentation.head import MapHead
from cm3d.detectors.heads.map_segmentation.losses import map_loss
from cm3d.detectors.heads.map_segmentation.task import MapTask
from cm3d.geometry.ground_map import MAP_CLASSES
from cm3d.params import Detector
from cm3d.tables.map_predictions import MAP_THRESHOLDS
from tests.tiny_detector import tiny_detector, tiny_taxonomy


@pytest.fixture
def head(wide_detector: Detector) -> MapHead:
    """On maps of 25.6 m with 32 x 32 cells and 4 channels."""
    torch.manual_seed(0)
    return MapHead(wide_detector, 4)


def test_a_logit_per_class_and_pixel(head: MapHead) -> None:
    assert head(torch.randn(2, 4, 32, 32)).shape == (2, len(MAP_CLASSES), 200, 200)


def test_weights_hold_no_grid(head: MapHead) -> None:
    assert not any("transform" in name for name in head.state_dict())


def test_it_learns_what_it_sees(head: MapHead) -> None:
    """A map that is 1 where y is above 0 tells the two halves apart."""
    features = torch.zeros(1, 4, 32, 32)
    features[:, :, 16:] = 1
    masks = torch.zeros(1, 6, 200, 200, dtype=torch.bool)
    masks[:, 0, 100:125, 76:124] = True
    optimizer = torch.optim.AdamW(head.parameters(), lr=0.05)
    losses = []
    for _ in range(15):
        terms = map_loss(head(features), masks)
        losses.append(sum(term.item() for term in terms.values()))
        optimizer.zero_grad()
        torch.stack(list(terms.values())).sum().backward()
        optimizer.step()
    assert losses[-1] < losses[0] / 5


def test_thresholds_count_from_equality_on() -> None:
    """Compared in single precision, as BEVFusion does."""
    thresholds = torch.tensor(MAP_THRESHOLDS)
    probability = torch.rand(10_000, generator=torch.Generator().manual_seed(0))
    logits = torch.cat([torch.logit(probability), torch.logit(thresholds), torch.zeros(1)])
    expected = (logits.sigmoid()[:, None] >= thresholds).sum(1)
    found = MapTask(tiny_detector(), tiny_taxonomy()).thresholds_reached(logits)
    assert found.dtype == torch.uint8
    np.testing.assert_array_equal(found.numpy(), expected.numpy())
    assert found[-1] == 4  # a half reaches .35, .4, .45 and .5
