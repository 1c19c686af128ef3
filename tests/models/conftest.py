"""A tiny detector."""

import pytest

from cm3d.params import Detector, load_params


@pytest.fixture
def detector() -> Detector:
    """A square of 6.4 m in pillars of 0.4 m, heatmaps of 0.8 m; two tasks, three classes."""
    return load_params().detector.model_copy(
        update={
            "range_m": 3.2,
            "pillar_channels": 4,
            "block_channels": [8, 8],
            "block_layers": [1, 0],
            "block_strides": [2, 2],
            "neck_channels": 8,
            "head_channels": 8,
            "head_hidden_layers": 0,
            "tasks": [["car"], ["pedestrian", "traffic_cone"]],
        }
    )
