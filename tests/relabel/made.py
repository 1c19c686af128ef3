"""Boxes at random, close enough to each other that many match."""

import numpy as np

from cm3d.tables import Boxes3D

CLASSES = ("car", "truck", "pedestrian")


def scattered(seed: int, rows: int, keyframes: int = 2, extent_m: float = 6.0) -> Boxes3D:
    rng = np.random.default_rng(seed)
    return Boxes3D.from_columns(
        sample_token=[f"f{step}" for step in rng.integers(0, keyframes, rows)],
        class_name=[CLASSES[index] for index in rng.integers(0, len(CLASSES), rows)],
        score=rng.uniform(0.01, 0.99, rows),
        center_m=rng.uniform(-extent_m, extent_m, (rows, 3)),
        length_m=rng.uniform(1, 5, rows),
        width_m=rng.uniform(0.5, 2, rows),
        height_m=rng.uniform(1, 2, rows),
        yaw_rad=rng.uniform(-np.pi, np.pi, rows),
        velocity_mps=rng.normal(size=(rows, 2)),
        attribute_name=[""] * rows,
    )
