"""A detector small enough for tests, its classes, and where its sensor files are."""

from pathlib import Path
from typing import Any

from cm3d.params import Detector, Predict, load_params
from cm3d.sensors.card import LidarFormat, Sensors
from cm3d.taxonomy import Taxonomy, load_taxonomy

PROJECT = Path(__file__).resolve().parents[1]


def tiny_detector(**changes: Any) -> Detector:
    """Pillars of 0.4 m, heatmaps of 0.8 m; `changes` on top."""
    return load_params(PROJECT / "params.yaml").detector.model_copy(
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
            **changes,
        }
    )


def tiny_taxonomy(*class_names: str) -> Taxonomy:
    """Some classes of nuScenes; without names three in two heads: cars, and what is smaller."""
    names = class_names or ("car", "pedestrian", "traffic_cone")
    values = load_taxonomy("nuscenes", PROJECT / "taxonomies").model_dump()
    return Taxonomy.model_validate(
        values | {"classes": {name: values["classes"][name] for name in names}}
    )


def tiny_predict(**changes: Any) -> Predict:
    """The default choice of boxes, with changes."""
    changes = {"min_score": 0.1, "max_boxes": 300, **changes}
    return load_params(PROJECT / "params.yaml").predict.model_copy(update=changes)


def sensors_at(root: Path) -> Sensors:
    """Sensor files as nuScenes has them."""
    columns = ("x", "y", "z", "intensity", "ring")
    lidar = LidarFormat(file="binary", dtype="float32", columns=columns, full_intensity=255.0)
    return Sensors(root, lidar)
