"""Keyframes with boxes as mmdet3d's annotation file, its v2 "info" format for nuScenes.

Written for what mmdet3d 1.4.0 reads with a LiDAR pipeline: `NuScenesDataset`,
`LoadPointsFromFile`, `LoadPointsFromMultiSweeps`. Images are left out.
"""

from collections.abc import Iterable
from pathlib import PurePosixPath
from typing import Any, Final

import numpy as np

from cm3d.detectors.boxes import SensorBoxes
from cm3d.export.classes import NUSCENES_CLASSES
from cm3d.export.keyframes import VALUES_PER_POINT
from cm3d.geometry.arrays import NDArrayFloat
from cm3d.geometry.cuboids import points_in_boxes
from cm3d.geometry.se3 import SE3
from cm3d.tables.index import Sweeps
from cm3d.training.frames import TrainingFrame, to_sensor

_MICROSECONDS_PER_S: Final = 1e6


def annotation_file(keyframes: Iterable[dict[str, Any]], version: str) -> dict[str, Any]:
    """The content of an annotation file.

    Args:
        keyframes: As of `keyframe_info`, in the file's order.
        version: Of the database, such as `v1.0-trainval`.
    """
    metainfo = {
        "dataset": "nuscenes",
        "version": version,
        "info_version": "1.1",
        "categories": {name: index for index, name in enumerate(NUSCENES_CLASSES)},
    }
    data_list = [{"sample_idx": index, **info} for index, info in enumerate(keyframes)]
    return {"metainfo": metainfo, "data_list": data_list}


def keyframe_info(
    frame: TrainingFrame, timestamp_us: int, global_SE3_ego: SE3, points_m: NDArrayFloat
) -> dict[str, Any]:
    """One keyframe with its past sweeps and its boxes of the ten classes.

    Args:
        frame: Sweeps, and boxes in the global frame.
        timestamp_us: Time of the keyframe.
        global_SE3_ego: Ego pose then.
        points_m: (P, 3) points of the keyframe's own sweep in its LiDAR frame, to be counted
            per box.

    Raises:
        InputError: The index lists no LiDAR file for the keyframe.
    """
    global_SE3_lidar = frame.global_SE3_lidar
    boxes = to_sensor(frame.boxes, global_SE3_lidar, NUSCENES_CLASSES)
    keyframe = frame.sweeps[frame.sweeps.sweep_index == 0]
    past = frame.sweeps[frame.sweeps.sweep_index > 0]
    timestamp_s = timestamp_us / _MICROSECONDS_PER_S
    return {
        "token": frame.sample_token,
        "timestamp": timestamp_s,
        "ego2global": global_SE3_ego.matrix.tolist(),
        "lidar_points": {
            "lidar_path": PurePosixPath(keyframe.path[0]).name,
            "num_pts_feats": VALUES_PER_POINT,
            "lidar2ego": (global_SE3_ego.inverse() @ global_SE3_lidar).matrix.tolist(),
        },
        "lidar_sweeps": [
            _sweep_info(past[row : row + 1], timestamp_s, global_SE3_lidar)
            for row in np.argsort(past.sweep_index)
        ],
        "instances": _instances(boxes, points_m),
    }


def _sweep_info(sweep: Sweeps, timestamp_s: float, global_SE3_lidar: SE3) -> dict[str, Any]:
    """One past sweep, a single row.

    The loader means to take points back by `lidar2sensor`, yet only subtracts its translation
    (mmdetection3d issue 3054). The translation written here is the one that the subtraction is
    right for; that of the true inverse would misplace sweeps wherever the vehicle turns.
    """
    lidar_SE3_sweep = global_SE3_lidar.inverse() @ SE3.from_pose(sweep.global_SE3_lidar[0])
    read_back = SE3(lidar_SE3_sweep.rotation.T, -lidar_SE3_sweep.translation_m)
    return {
        "timestamp": timestamp_s - float(sweep.time_lag_s[0]),
        # The folder stays: the loader tells keyframes from other sweeps by it.
        "lidar_points": {
            "lidar_path": str(sweep.path[0]),
            "lidar2sensor": read_back.matrix.tolist(),
        },
    }


def _instances(boxes: SensorBoxes, points_m: NDArrayFloat) -> list[dict[str, Any]]:
    """One entry per box; `NuScenesDataset` takes centres of gravity and lowers them itself."""
    inside = points_in_boxes(points_m, boxes.cuboids)
    bbox_3d = np.concatenate([boxes.center_m, boxes.size_m, boxes.yaw_rad[:, None]], axis=1)
    rows = zip(
        bbox_3d.tolist(),
        boxes.class_index.tolist(),
        boxes.velocity_mps.tolist(),
        np.isnan(boxes.velocity_mps).any(axis=1).tolist(),
        inside.sum(axis=1).tolist(),
        strict=True,
    )
    return [
        {
            "bbox_3d": box,
            "bbox_label": label,
            "bbox_label_3d": label,
            "velocity": [None, None] if velocity_unknown else velocity,
            "num_lidar_pts": lidar_points,
            "bbox_3d_isvalid": True,
        }
        for box, label, velocity, velocity_unknown, lidar_points in rows
    ]
