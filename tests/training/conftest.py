"""A tiny detector and scenes of box-shaped point clouds on disk."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from cm3d import params
from cm3d.detectors.protocol import Detector, Needs
from cm3d.detectors.registry import build_detector
from cm3d.geometry.cuboids import rotate_xy
from cm3d.params import Schedule, Training
from cm3d.sensors.card import Sensors
from cm3d.tables import Boxes3D, Sweeps
from cm3d.training.frames import TrainingFrame
from cm3d.training.recipe import Recipe
from tests.tiny_detector import sensors_at, tiny_detector, tiny_taxonomy


@pytest.fixture
def detector() -> params.Detector:
    """12.8 m around the LiDAR."""
    return tiny_detector(
        range_m=12.8,
        sweeps=2,
        ego_half_extent_m=1.0,
        pillar_channels=8,
        block_channels=[16, 16],
        block_layers=[1, 1],
        neck_channels=16,
        head_channels=16,
    )


@pytest.fixture
def model(detector: params.Detector) -> Detector:
    """Such a detector of cars, pedestrians and cones, with random weights."""
    return build_detector(detector, tiny_taxonomy(), 0)


@pytest.fixture
def needs(model: Detector) -> Needs:
    """What it wants of a sample."""
    return model.needs


@pytest.fixture
def sensors(tmp_path: Path) -> Sensors:
    """Where `make_frame` leaves its sweeps."""
    return sensors_at(tmp_path)


@pytest.fixture
def schedule() -> Schedule:
    """Two epochs in batches of two, without augmentation."""
    return Schedule(
        epochs=2,
        batch_size=2,
        max_lr=0.01,
        weight_decay=0.01,
        gradient_clip=35.0,
        flip=False,
        max_rotation_rad=0.0,
        max_scale=0.0,
        translation_std_m=0.0,
        copy_paste=False,
        class_balanced=False,
    )


@pytest.fixture
def make_recipe(detector: params.Detector, schedule: Schedule) -> Callable[..., Recipe]:
    """A recipe with changes to its schedule; `schedule`, `ema_decay` and `seed` are its own."""

    def make(seed: int = 0, **changes: Any) -> Recipe:
        shared = {"schedule": 1, "precision": "bf16", "ema_decay": 0.0}
        own = {name: changes.pop(name) for name in set(shared) & set(changes)}
        chosen = schedule.model_copy(update=changes)
        return Recipe(detector, tiny_taxonomy(), chosen, Training(**shared | own), seed)

    return make


@pytest.fixture
def make_boxes() -> Callable[..., Boxes3D]:
    """Boxes of one keyframe from (class, x, y, yaw) rows, moving at 1 m/s along x."""

    def make(token: str, *rows: tuple[str, float, float, float]) -> Boxes3D:
        sizes = {"car": (4.0, 1.8, 1.5), "pedestrian": (0.8, 0.6, 1.8), "traffic_cone": (0.4,) * 3}
        size_m = np.array([sizes.get(row[0], (2.0, 2.0, 2.0)) for row in rows]).reshape(-1, 3)
        return Boxes3D(
            sample_token=np.full(len(rows), token, dtype=object),
            class_name=np.array([row[0] for row in rows], dtype=object),
            score=np.ones(len(rows)),
            center_m=np.array([(x, y, 0.0) for _, x, y, _ in rows]).reshape(-1, 3),
            length_m=size_m[:, 0],
            width_m=size_m[:, 1],
            height_m=size_m[:, 2],
            yaw_rad=np.array([row[3] for row in rows]),
            velocity_mps=np.tile([1.0, 0.0], (len(rows), 1)),
            attribute_name=np.full(len(rows), "", dtype=object),
        )

    return make


@pytest.fixture
def make_frame(tmp_path: Path) -> Callable[..., TrainingFrame]:
    """A keyframe at a pose, with sweeps on disk that fill its boxes (global frame) with points."""

    def make(boxes: Boxes3D, token: str, pose: tuple[float, ...] = (1, 0, 0, 0, 0, 0, 0)):
        rng = np.random.default_rng(len(token))
        frame = TrainingFrame(
            sample_token=token,
            sweeps=Sweeps(
                sample_token=np.full(2, token, dtype=object),
                sweep_index=np.arange(2),
                path=np.array([f"{token}_{index}.bin" for index in range(2)], dtype=object),
                time_lag_s=np.array([0.0, 0.05]),
                global_SE3_lidar=np.tile(np.asarray(pose, dtype=float), (2, 1)),
            ),
            boxes=boxes,
        )
        lidar_SE3_global = frame.global_SE3_lidar.inverse()
        for path in frame.sweeps.path:
            points = lidar_SE3_global.transform_points(_points_of(boxes, rng))
            values = np.concatenate([points, rng.uniform(0, 255, (len(points), 2))], axis=1)
            values.astype(np.float32).tofile(tmp_path / path)
        return frame

    return make


def _points_of(boxes: Boxes3D, rng: np.random.Generator) -> np.ndarray:
    """80 points within each box, and 300 on the ground."""
    size_m = np.stack([boxes.length_m, boxes.width_m, boxes.height_m], axis=1)
    inside = rng.uniform(-0.5, 0.5, (len(boxes), 80, 3)) * size_m[:, None]
    inside[..., :2] = rotate_xy(inside[..., :2], boxes.yaw_rad[:, None])
    ground = np.append(rng.uniform(-12, 12, (300, 2)), np.full((300, 1), -1.0), axis=1)
    return np.concatenate([(inside + boxes.center_m[:, None]).reshape(-1, 3), ground])
