"""LiDAR files as points."""

from pathlib import Path
from typing import Final

import numpy as np

from cm3d.errors import InputError
from cm3d.geometry.arrays import NDArrayFloat32
from cm3d.sensors.card import LidarFormat

# x, y, z in metres, intensity in [0, 1], age in seconds
POINT_COLUMNS: Final = 5


def read_sweep(path: Path, lidar: LidarFormat) -> NDArrayFloat32:
    """Read one LiDAR file: points (N, 5) x, y, z in the sensor's frame, intensity in [0, 1], 0.

    Raises:
        InputError: The file is missing, cut short, of another kind, or has points that are none.
    """
    values = _read_rows(path, lidar)
    if lidar.columns[:4] == ("x", "y", "z", "intensity") and len(lidar.columns) == POINT_COLUMNS:
        points = np.asarray(values, dtype=np.float32)  # the array that was read serves as it is
    else:
        points = np.zeros((len(values), POINT_COLUMNS), dtype=np.float32)
        for column, name in enumerate(("x", "y", "z", "intensity")):
            if name in lidar.columns:
                points[:, column] = values[:, lidar.columns.index(name)]
    points[:, 3] /= np.float32(lidar.full_intensity)
    points[:, 4] = 0.0
    if not np.isfinite(points).all():
        count = int((~np.isfinite(points).all(axis=1)).sum())
        raise InputError(
            f"{path}: {count} of {len(points)} points have a NaN or infinite number; write it "
            "without them"
        )
    return points


def is_whole(path: Path, lidar: LidarFormat) -> bool:
    """Whether a LiDAR file is there and not cut short, without reading it."""
    try:
        size_bytes = path.stat().st_size
    except OSError:
        return False
    row_bytes = np.dtype(lidar.dtype).itemsize * len(lidar.columns)
    return size_bytes > 0 and (lidar.file != "binary" or size_bytes % row_bytes == 0)


def drop_ego_points(sweep: NDArrayFloat32, half_extent_m: float) -> NDArrayFloat32:
    """Without the returns of the ego vehicle itself: |x| and |y| within `half_extent_m`."""
    on_ego = (np.abs(sweep[:, 0]) < half_extent_m) & (np.abs(sweep[:, 1]) < half_extent_m)
    return np.asarray(sweep[~on_ego])


def _read_rows(path: Path, lidar: LidarFormat) -> NDArrayFloat32:
    """Numbers (N, columns) of a file."""
    if not path.is_file():
        raise InputError(f"{path}: sweep is missing; restore it or rerun `dvc repro download`")
    width = len(lidar.columns)
    if lidar.file == "npy":
        try:
            rows = np.load(path, allow_pickle=False)
        except ValueError as error:
            raise InputError(f"{path}: no array of numbers ({error}); write it anew") from error
        if rows.ndim != 2 or rows.shape[1] != width:
            raise InputError(f"{path}: shape {rows.shape}, expected (N, {width}); write it anew")
        return np.array(rows, dtype=np.float32)
    if not is_whole(path, lidar) and path.stat().st_size:
        size_bytes = path.stat().st_size
        raise InputError(f"{path}: sweep is cut short ({size_bytes} bytes); fetch it again")
    rows = np.fromfile(path, dtype=np.dtype(lidar.dtype)).reshape(-1, width)
    return np.asarray(rows, dtype=np.float32)
