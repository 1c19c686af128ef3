"""A keyframe of a turning vehicle, with files on disk."""

from pathlib import Path
from typing import Any

import numpy as np

from cm3d.datasets.nuscenes import CARD
from cm3d.export.mmdet3d.infos import keyframe_info
from cm3d.geometry.cuboids import rotate_xy
from cm3d.geometry.se3 import SE3
from cm3d.sensors.lidar import read_sweep
from cm3d.tables import Boxes3D, Sweeps
from cm3d.training.frames import TrainingFrame

POSES = [[0.9163, 0.01, -0.02, 0.4, 100, -50, 2], [0.95, 0.02, -0.01, 0.3, 95, -52, 2]]
PATHS = ["samples/LIDAR_TOP/now.pcd.bin", "sweeps/LIDAR_TOP/before.pcd.bin"]
GLOBAL_SE3_EGO = SE3.from_yaw(0.7, np.array([99.0, -50.0, 0.3]))
SWEEPS = Sweeps.from_columns(
    sample_token=["a", "a"],
    sweep_index=[0, 1],
    path=PATHS,
    time_lag_s=[0, 0.05],
    global_SE3_lidar=POSES,
)
BOXES = Boxes3D.from_columns(
    sample_token=["a", "a"],
    class_name=["bus", "car"],
    score=[0.7, 0.6],
    center_m=[[110, -45, 2.5], [90, -60, 1.8]],
    length_m=[12, 4],
    width_m=[3, 2],
    height_m=[4, 1.6],
    yaw_rad=[1, -2],
    velocity_mps=[[np.nan, np.nan], [3, 0]],
    attribute_name=["", ""],
)


def write_keyframe(root: Path) -> dict[str, Any]:
    """Write its LiDAR files and return its info.

    A tilted LiDAR moved and turned between two sweeps; each sees 50 points of each of two
    standing objects.
    """
    for path, pose in zip(PATHS, POSES, strict=True):
        points_m = SE3.from_pose(np.array(pose)).inverse().transform_points(_points_within(BOXES))
        values = np.concatenate([points_m, np.zeros((len(points_m), 2))], axis=1)
        (root / path).parent.mkdir(parents=True)
        values.astype(np.float32).tofile(root / path)
    frame = TrainingFrame("a", SWEEPS, BOXES)
    points_m = read_sweep(root / PATHS[0], CARD.lidar)[:, :3]
    return keyframe_info(frame, 1_500_000_000_000_000, GLOBAL_SE3_EGO, points_m)


def _points_within(boxes: Boxes3D) -> np.ndarray:
    """50 points well within each box, global frame."""
    rng = np.random.default_rng(0)
    size_m = np.stack([boxes.length_m, boxes.width_m, boxes.height_m], axis=1)
    offset_m = rng.uniform(-0.45, 0.45, (len(boxes), 50, 3)) * size_m[:, None]
    offset_m[..., :2] = rotate_xy(offset_m[..., :2], boxes.yaw_rad[:, None])
    return (offset_m + boxes.center_m[:, None]).reshape(-1, 3)
