"""A tiny detector."""

import pytest

from cm3d.params import Detector, load_params


@pytest.fixture
def detector() -> Detector:
    """A square of 6.4 m in pillars of 0.4 m, heatmaps of 0.8 m; two tasks, three classes."""
    return load_params().detector.model_copy(
        update={
            "range_m": 3.2,
            "pillar_m": 0.4,
            "max_pillar_points": 10,
            "pillar_channels": 4,
            "block_channels": [8, 8],
            "block_layers": [1, 0],
            "block_strides": [2, 2],
            "neck_channels": 8,
            "head_channels": 8,
            "head_hidden_layers": 0,
            "gaussian_overlap": 0.1,
            "min_gaussian_radius_cells": 2,
            "box_loss_weight": 0.25,
            "velocity_loss_weight": 0.2,
            "min_score": 0.1,
            "max_boxes": 300,
            "tasks": [["car"], ["pedestrian", "traffic_cone"]],
        }
    )
