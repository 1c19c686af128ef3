"""LiDAR accumulation: past sweeps brought into one frame (paper, section 3.1)."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from cm3d.geometry.se3 import SE3
from cm3d.sensors.card import Sensors
from cm3d.sensors.lidar import drop_ego_points, read_sweep
from cm3d.tables.index import Sweeps

Floats = np.ndarray[Any, np.dtype[Any]]


@dataclass(frozen=True, eq=False)
class PointCloud:
    """Points of one or more sweeps.

    Args:
        xyz_m: (N, 3) in the frame that the caller names.
        intensity: (N,) in [0, 1].
        time_lag_s: (N,) age of each point against the keyframe.
    """

    xyz_m: Floats
    intensity: Floats
    time_lag_s: Floats


def accumulate(
    sensors: Sensors,
    sweeps: Sweeps,
    dst_SE3_global: SE3,
    max_sweeps: int,
    ego_half_extent_m: float,
    dtype: type[np.floating[Any]] = np.float64,
) -> PointCloud:
    """Read a keyframe's sweeps, past ones included, into one frame.

    The ego vehicle's motion is compensated by each sweep's own pose; moving objects keep a tail.

    Args:
        sensors: Where files are and how they are read.
        sweeps: Rows of one keyframe.
        dst_SE3_global: The frame that the points are wanted in.
        max_sweeps: How many sweeps at most, the keyframe counted.
        ego_half_extent_m: See `drop_ego_points`.
        dtype: That points are moved in: between frames of one sensor, single precision is good
            for micrometres; in the global frame it is not.
    """
    chosen = sweeps[sweeps.sweep_index < max_sweeps]
    xyz_m, intensity = [np.empty((0, 3), dtype)], [np.empty(0, dtype)]
    time_lag_s = [np.empty(0, dtype)]
    for row in range(len(chosen)):
        sweep = read_sweep(sensors.root / chosen.path[row], sensors.lidar)
        points = drop_ego_points(sweep, ego_half_extent_m)
        dst_SE3_lidar = dst_SE3_global @ SE3.from_pose(chosen.global_SE3_lidar[row])
        rotation = dst_SE3_lidar.rotation.T.astype(dtype)
        moved_m = points[:, :3].astype(dtype, copy=False) @ rotation
        xyz_m.append(moved_m + dst_SE3_lidar.translation_m.astype(dtype))
        intensity.append(points[:, 3].astype(dtype))
        time_lag_s.append(np.full(len(points), chosen.time_lag_s[row], dtype))
    return PointCloud(np.concatenate(xyz_m), np.concatenate(intensity), np.concatenate(time_lag_s))
