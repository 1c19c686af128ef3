"""Point clouds and boxes to measure with."""

from dataclasses import dataclass
from typing import Final

import numpy as np

from benchmarks.keyframes import REAL_KEYFRAME
from cm3d.datasets.nuscenes import CARD
from cm3d.geometry.arrays import NDArrayFloat, NDArrayFloat32, NDArrayInt
from cm3d.sensors.lidar import drop_ego_points, read_sweep

_BOXES: Final = 40
_RANDOM_POINTS: Final = 30_000


@dataclass(frozen=True, eq=False)
class Labels:
    """Boxes in the LiDAR frame.

    Args:
        class_index: (N,).
        center_m: (N, 3).
        size_m: (N, 3) length, width, height.
        yaw_rad: (N,).
        velocity_mps: (N, 2).
    """

    class_index: NDArrayInt
    center_m: NDArrayFloat
    size_m: NDArrayFloat
    yaw_rad: NDArrayFloat
    velocity_mps: NDArrayFloat


def sweep(rng: np.random.Generator) -> NDArrayFloat32:
    """Points (N, 5) of the real keyframe ($CM3D_REAL_KEYFRAME) or, without it, random ones."""
    files = sorted((REAL_KEYFRAME / "samples" / "LIDAR_TOP").glob("*.bin"))
    return drop_ego_points(read_sweep(files[0], CARD.lidar), 1.0) if files else random_sweep(rng)


def cloud(sweeps: int) -> NDArrayFloat32:
    """Points (N, 5) as dense as those of so many sweeps, LiDAR frame: one stands in for all."""
    rng = np.random.default_rng(0)
    one = sweep(rng)
    many = np.tile(one, (sweeps, 1))
    age = np.repeat(np.arange(sweeps), len(one))
    many[:, 1] -= 0.3 * age
    many[:, 4] = 0.05 * age
    many[:, :3] += rng.normal(0, 0.02, (len(many), 3))
    return np.asarray(many, dtype=np.float32)


def random_sweep(rng: np.random.Generator) -> NDArrayFloat32:
    """Points on the ground (N, 5), denser near the sensor."""
    distance_m = rng.uniform(1.5, 50, _RANDOM_POINTS)
    bearing_rad = rng.uniform(-np.pi, np.pi, _RANDOM_POINTS)
    xy_m = distance_m[:, None] * np.stack([np.cos(bearing_rad), np.sin(bearing_rad)], axis=1)
    rest = rng.uniform([-2, 0, 0], [0, 1, 0], (_RANDOM_POINTS, 3))
    return np.concatenate([xy_m, rest], axis=1, dtype=np.float32, casting="same_kind")


def labels(seed: int, classes: int, range_m: float) -> Labels:
    """Random boxes within nine tenths of the range."""
    rng, reach_m = np.random.default_rng(seed), 0.9 * range_m
    return Labels(
        class_index=rng.integers(0, classes, _BOXES),
        center_m=rng.uniform([-reach_m, -reach_m, -2], [reach_m, reach_m, 0], (_BOXES, 3)),
        size_m=rng.uniform(0.5, 5, (_BOXES, 3)),
        yaw_rad=rng.uniform(-np.pi, np.pi, _BOXES),
        velocity_mps=rng.normal(0, 3, (_BOXES, 2)),
    )
