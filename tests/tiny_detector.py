"""A detector small enough for tests."""

from typing import Any

from cm3d.params import Detector, load_params


def tiny_detector(**changes: Any) -> Detector:
    """Pillars of 0.4 m, heatmaps of 0.8 m; two tasks, three classes; `changes` on top."""
    return load_params().detector.model_copy(
        update={
            "cell_m": 0.4,
            "max_points": 10,
            "block_strides": [2, 2],
            "neck_upsampling": [1.0, 2.0],
            "head_hidden_layers": 0,
            "gaussian_overlap": 0.1,
            "min_gaussian_radius_cells": 2,
            "box_loss_weight": 0.25,
            "velocity_loss_weight": 0.2,
            "min_score": 0.1,
            "max_boxes": 300,
            "tasks": [["car"], ["pedestrian", "traffic_cone"]],
            **changes,
        }
    )
