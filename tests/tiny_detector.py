"""A detector small enough for tests, its classes, and where its sensor files are."""

from pathlib import Path
from typing import Any

import numpy as np
import torch

from cm3d.detectors.inputs import Images
from cm3d.params import BevFusion, Network, Predict, load_params
from cm3d.sensors.card import LidarFormat, Sensors
from cm3d.taxonomy import Taxonomy, load_taxonomy

PROJECT = Path(__file__).resolve().parents[1]


def tiny_detector(**changes: Any) -> Network:
    """Pillars of 0.4 m, heatmaps of 0.8 m; `changes` on top."""
    return load_params(PROJECT / "params.yaml").network.model_copy(
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


def tiny_bevfusion(modality: str, **changes: Any) -> BevFusion:
    """Images of 64 x 32 pixels, eight depths up to 8 m; `changes` of its cameras on top."""
    section = load_params(PROJECT / "params.yaml").bevfusion
    cameras = section.cameras.model_copy(
        update={
            "weights": "random",
            "width_px": 64,
            "height_px": 32,
            "scaled_width_px": 64,
            "min_scaled_width_px": 60,
            "max_scaled_width_px": 70,
            "neck_channels": 8,
            "first_depth_m": 1.0,
            "last_depth_m": 9.0,
            "bev_channels": 8,
            "bev_stride": 1.0,
            **changes,
        }
    )
    return section.model_copy(update={"modality": modality, "cameras": cameras})


def tiny_images(rng: np.random.Generator) -> Images:
    """Two cameras at the LiDAR, one along x and one along y, that see noise."""
    focal_px, (width_px, height_px) = 32.0, (64, 32)
    intrinsics_px = np.array([[focal_px, 0, 31.5], [0, focal_px, 15.5], [0, 0, 1]])
    along_x = np.array([[0.0, 0, 1], [-1, 0, 0], [0, -1, 0]])  # x right, y down, z ahead
    lidar_SE3_camera = np.stack([np.eye(4)] * 2)
    lidar_SE3_camera[0, :3, :3] = along_x
    lidar_SE3_camera[1, :3, :3] = np.array([[0.0, -1, 0], [1, 0, 0], [0, 0, 1]]) @ along_x
    pixels = rng.integers(0, 256, (2, 3, height_px, width_px), dtype=np.uint8)
    return Images(
        pixels=torch.from_numpy(pixels),
        intrinsics_px=torch.from_numpy(np.stack([intrinsics_px] * 2)).float(),
        lidar_SE3_camera=torch.from_numpy(lidar_SE3_camera).float(),
        image_augmentation=torch.eye(3).repeat(2, 1, 1),
        lidar_augmentation=torch.eye(4),
        seen=torch.ones(2, dtype=torch.bool),
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
