"""LiDAR files and their accumulation over sweeps."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from cm3d.errors import InputError
from cm3d.geometry.arrays import NDArrayFloat, NDArrayFloat32
from cm3d.geometry.se3 import SE3
from cm3d.tables.index import Sweeps

_VALUES_PER_POINT = 5  # x, y, z in metres, intensity, ring


@dataclass(frozen=True, eq=False)
class PointCloud:
    """Points of one or more sweeps.

    Args:
        xyz_m: (N, 3) in the frame that the caller names.
        intensity: (N,) as the sensor gives it, 0 to 255.
        time_lag_s: (N,) age of each point against the keyframe.
    """

    xyz_m: NDArrayFloat
    intensity: NDArrayFloat
    time_lag_s: NDArrayFloat


def read_sweep(path: Path) -> NDArrayFloat32:
    """Read one nuScenes LiDAR file: (N, 5) x, y, z, intensity, ring in the sensor's frame.

    Raises:
        InputError: The file is missing or cut short.
    """
    try:
        values = np.fromfile(path, dtype=np.float32)
        size_bytes = path.stat().st_size
    except FileNotFoundError as error:
        raise InputError(
            f"{path}: sweep is missing; restore it or rerun `dvc repro download`"
        ) from error
    if size_bytes % (4 * _VALUES_PER_POINT):
        raise InputError(f"{path}: sweep is cut short ({size_bytes} bytes); fetch it again")
    return values.reshape(-1, _VALUES_PER_POINT)


def drop_ego_points(sweep: NDArrayFloat32, half_extent_m: float) -> NDArrayFloat32:
    """Without the returns of the ego vehicle itself: |x| and |y| within `half_extent_m`."""
    on_ego = (np.abs(sweep[:, 0]) < half_extent_m) & (np.abs(sweep[:, 1]) < half_extent_m)
    return np.asarray(sweep[~on_ego])


def accumulate(
    root: Path, sweeps: Sweeps, dst_SE3_global: SE3, max_sweeps: int, ego_half_extent_m: float
) -> PointCloud:
    """Read a keyframe's sweeps, past ones included, into one frame.

    The ego vehicle's motion is compensated by each sweep's own pose; moving objects keep a tail.

    Args:
        root: Root folder of the data set.
        sweeps: Rows of one keyframe.
        dst_SE3_global: The frame that the points are wanted in.
        max_sweeps: How many sweeps at most, the keyframe counted.
        ego_half_extent_m: See `drop_ego_points`.
    """
    chosen = sweeps[sweeps.sweep_index < max_sweeps]
    xyz_m, intensity, time_lag_s = [np.empty((0, 3))], [np.empty(0)], [np.empty(0)]
    for row in range(len(chosen)):
        points = drop_ego_points(read_sweep(root / chosen.path[row]), ego_half_extent_m)
        dst_SE3_lidar = dst_SE3_global @ SE3.from_pose(chosen.global_SE3_lidar[row])
        xyz_m.append(dst_SE3_lidar.transform_points(points[:, :3].astype(np.float64)))
        intensity.append(points[:, 3].astype(np.float64))
        time_lag_s.append(np.full(len(points), chosen.time_lag_s[row]))
    return PointCloud(np.concatenate(xyz_m), np.concatenate(intensity), np.concatenate(time_lag_s))
