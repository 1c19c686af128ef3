"""LiDAR files as points."""

from pathlib import Path
from typing import Final

import numpy as np
from numpy.lib.format import open_memmap

from cm3d.errors import InputError
from cm3d.geometry.arrays import NDArrayBool, NDArrayFloat32
from cm3d.sensors.card import LidarFormat

# x, y, z in metres, intensity in [0, 1], age in seconds
POINT_COLUMNS: Final = 5

_FARTHEST_M: Final = 1e4  # no LiDAR sees so far
_LAST_RING: Final = 1023.0  # -1 stands for unknown in files of other tools


def read_sweep(path: Path, lidar: LidarFormat) -> NDArrayFloat32:
    """Read one LiDAR file: points (N, 5) x, y, z in the sensor's frame, intensity in [0, 1], 0.

    A file without a point is a sweep in which nothing came back.

    Raises:
        InputError: The file is missing, cut short, of another kind, or has points that are none.
    """
    values = _read_rows(path, lidar)
    _refuse_points_that_are_none(values, path, lidar)
    if lidar.columns[:4] == ("x", "y", "z", "intensity") and len(lidar.columns) == POINT_COLUMNS:
        points = np.asarray(values, dtype=np.float32)  # the array that was read serves as it is
    else:
        points = np.zeros((len(values), POINT_COLUMNS), dtype=np.float32)
        for column, name in enumerate(("x", "y", "z", "intensity")):
            if name in lidar.columns:
                points[:, column] = values[:, lidar.columns.index(name)]
    points[:, 3] /= np.float32(lidar.full_intensity)
    points[:, 4] = 0.0
    return points


def is_whole(path: Path, lidar: LidarFormat) -> bool:
    """Whether a LiDAR file is there and not cut short, without reading it."""
    if not path.is_file():
        return False
    size_bytes = path.stat().st_size
    row_bytes = np.dtype(lidar.dtype).itemsize * len(lidar.columns)
    return size_bytes > 0 and (lidar.file != "binary" or size_bytes % row_bytes == 0)


def drop_ego_points(sweep: NDArrayFloat32, half_extent_m: float) -> NDArrayFloat32:
    """Without the returns of the ego vehicle itself: |x| and |y| within `half_extent_m`."""
    return np.asarray(sweep[~are_on_ego(sweep, half_extent_m)])


def are_on_ego(sweep: NDArrayFloat32, half_extent_m: float) -> NDArrayBool:
    """Which points (N,) are returns of the ego vehicle itself."""
    on_ego = (np.abs(sweep[:, 0]) < half_extent_m) & (np.abs(sweep[:, 1]) < half_extent_m)
    return np.asarray(on_ego)


def _read_rows(path: Path, lidar: LidarFormat) -> NDArrayFloat32:
    """Numbers (N, columns) of a file."""
    if not path.is_file():
        raise InputError(f"{path}: sweep is missing; restore it or rerun `dvc repro download`")
    width = len(lidar.columns)
    with np.errstate(over="ignore"):  # what no float32 holds becomes infinite, and is refused
        if lidar.file == "npy":
            return np.array(_read_array(path, width), dtype=np.float32)
        if not is_whole(path, lidar) and path.stat().st_size:
            size_bytes = path.stat().st_size
            raise InputError(f"{path}: sweep is cut short ({size_bytes} bytes); fetch it again")
        rows = np.fromfile(path, dtype=np.dtype(lidar.dtype)).reshape(-1, width)
        return np.asarray(rows, dtype=np.float32)


def _read_array(path: Path, width: int) -> NDArrayFloat32:
    """The array (N, width) of a numpy file, not yet in memory: its header may claim anything."""
    try:
        rows: NDArrayFloat32 = open_memmap(path, mode="r")  # type: ignore[no-untyped-call]
    except (OSError, ValueError, EOFError, OverflowError) as error:
        reason = " ".join(str(error).split())
        raise InputError(f"{path}: no array of numbers ({reason}); write it anew") from error
    if rows.dtype.kind not in "fiu":
        raise InputError(f"{path}: no array of numbers; write one as numpy.save does")
    if rows.ndim != 2 or rows.shape[1] != width:
        raise InputError(f"{path}: shape {rows.shape}, expected (N, {width}); write it anew")
    return rows


def _refuse_points_that_are_none(values: NDArrayFloat32, path: Path, lidar: LidarFormat) -> None:
    """Refuse numbers (N, columns) that no LiDAR measures.

    In a file with another number of columns than the card says, most rows begin within a point:
    then positions stand where intensities and rings should. A ring may be NaN, as nobody reads it.
    """
    if not len(values):
        return
    by_column = np.ascontiguousarray(values.T)  # ten times as fast to search
    lowest, highest = by_column.min(axis=1), by_column.max(axis=1)
    position = [lidar.columns.index(name) for name in ("x", "y", "z")]
    measured = [*position, *(lidar.columns.index(n) for n in ("intensity",) if n in lidar.columns)]
    if not np.isfinite([lowest[measured], highest[measured]]).all():
        count = int((~np.isfinite(values[:, measured]).all(axis=1)).sum())
        raise InputError(
            f"{path}: {count} of {len(values)} points have a NaN or infinite number; write it "
            "without them"
        )
    for column, name in enumerate(lidar.columns):
        low, high = _limits(name, lidar)
        if low <= lowest[column] and highest[column] <= high:
            continue
        outside = (by_column[column] < low) | (by_column[column] > high)
        if outside.any():
            raise InputError(
                f"{path}: {name} is {by_column[column][outside][0]:g} and so not in [{low:g}, "
                f"{high:g}] in {int(outside.sum())} of {len(values)} points; write it without "
                f"them, or correct columns ({', '.join(lidar.columns)}) and full_intensity of the "
                "data set"
            )
    if not (lowest[position].any() or highest[position].any()):
        raise InputError(
            f"{path}: all {len(values)} points are zero, as where a disk lost them; fetch it again"
        )


def _limits(name: str, lidar: LidarFormat) -> tuple[float, float]:
    """Least and greatest number that a column may have, inclusive."""
    if name in ("x", "y", "z"):
        return -_FARTHEST_M, _FARTHEST_M
    if name == "intensity":
        return 0.0, float(np.float32(lidar.full_intensity))
    return (-1.0, _LAST_RING) if name == "ring" else (-np.inf, np.inf)
