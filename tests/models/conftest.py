"""A tiny detector."""

import pytest

from cm3d.params import Detector
from tests.tiny_detector import tiny_detector


@pytest.fixture
def detector() -> Detector:
    """A square of 6.4 m."""
    return tiny_detector(
        range_m=3.2,
        pillar_channels=4,
        block_channels=[8, 8],
        block_layers=[1, 0],
        neck_channels=8,
        head_channels=8,
    )
