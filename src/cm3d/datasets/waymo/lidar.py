"""The point cloud of each frame: all lasers and returns, in the frame of the car."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

import numpy as np

from cm3d.datasets.waymo.components import (
    LASER,
    LASERS,
    LIDAR,
    LIDAR_CALIBRATION,
    LIDAR_POSE,
    TIME,
    TOP,
)
from cm3d.datasets.waymo.range_images import (
    CHANNELS,
    POSE_CHANNELS,
    Image,
    Laser,
    points_of_image,
)
from cm3d.datasets.waymo.reading import (
    FIRST,
    FIRST_SHAPE,
    SECOND,
    check_frames,
    check_keys,
    range_image,
    read_rows,
    stream_rows,
    transforms,
)
from cm3d.datasets.waymo.segments import Segment
from cm3d.datasets.waymo.top_laser import TopRows
from cm3d.errors import InputError
from cm3d.geometry.arrays import NDArrayFloat, NDArrayFloat32
from cm3d.geometry.se3 import SE3

COLUMNS: Final = ("x", "y", "z", "intensity", "elongation")

_COLUMNS_OF_RETURNS: Final = (FIRST_SHAPE, f"{FIRST}.values", f"{SECOND}.values")
_AGAIN: Final = "fetch it again"
_FARTHEST_M: Final = 1e4  # a laser sees some 75 m
_STEEPEST_RAD: Final = 1.58  # the short-range ones look straight down


def read_lasers(segment: Segment) -> dict[int, Laser]:
    """How the LiDARs are mounted, by number.

    Raises:
        InputError: The file is malformed.
    """
    beams = [f"beam_inclination.{name}" for name in ("min", "max", "values")]
    rows = read_rows(segment, LIDAR_CALIBRATION, ["extrinsic.transform", *beams])
    path = segment.path(LIDAR_CALIBRATION)
    poses = transforms(rows, "extrinsic.transform", path)
    lasers = {}
    for name, pose, low, high, table in zip(
        rows[LASER].tolist(), poses, *(rows[name] for name in beams), strict=True
    ):
        for inclinations in ([low, high], [] if table is None else table):
            is_rising = (np.diff(inclinations) >= 0).all()
            if not (is_rising and (np.abs(inclinations) < _STEEPEST_RAD).all()):
                raise InputError(
                    f"{path}: {_name(name)}: beam_inclination is not in radians from the lowest "
                    f"beam up; {_AGAIN}"
                )
        lasers[name] = Laser(name, pose, low, high, table)
    return lasers


def lasers_by_time(segment: Segment) -> dict[int, set[int]]:
    """Which lasers saw anything, by frame that has a row of one, in the order of time.

    Raises:
        InputError: The file is malformed.
    """
    rows = read_rows(segment, LIDAR)
    found: dict[int, set[int]] = {}
    for time_us, laser in sorted(zip(rows[TIME].tolist(), rows[LASER].tolist(), strict=True)):
        found.setdefault(time_us, set()).add(laser)
    return found


def stream_clouds(
    segment: Segment, global_SE3_vehicle: Mapping[int, SE3]
) -> Iterator[tuple[int, NDArrayFloat32]]:
    """Time and points (N, 5) of each frame that has any laser's row, as they get complete.

    A file whose frames stand in their order costs the memory of a few frames, a shuffled one that
    of the points of all.

    Args:
        segment: Which one.
        global_SE3_vehicle: Pose of the car by time of the frame.

    Yields:
        Columns are `COLUMNS`: metres in the frame of the car at that time, the hyperbolic tangent
        of the intensity, since that has no bound, and elongation.

    Raises:
        InputError: A file is malformed, or lacks what another refers to.
    """
    lasers, expected = read_lasers(segment), lasers_by_time(segment)
    path = segment.path(LIDAR)
    check_frames(path, expected, global_SE3_vehicle)
    if unknown := set().union(*expected.values()) - lasers.keys():
        raise InputError(
            f"{path}: {_name(min(unknown))} has no row in lidar_calibration; fetch both files again"
        )
    check_keys(segment, LIDAR_POSE, global_SE3_vehicle)
    pixel_poses = TopRows(segment, LIDAR_POSE, (FIRST_SHAPE, f"{FIRST}.values"))
    of_poses = segment.path(LIDAR_POSE)
    pending: dict[int, dict[int, NDArrayFloat]] = {}
    for row in stream_rows(segment, LIDAR, _COLUMNS_OF_RETURNS):
        time_us, name = row[TIME], row[LASER]
        pose = _pixel_pose(pixel_poses, time_us, of_poses) if name == TOP else None
        of_frame = pending.setdefault(time_us, {})
        of_frame[name] = _points(row, lasers[name], pose, global_SE3_vehicle[time_us], segment)
        if of_frame.keys() == expected[time_us]:
            points = np.concatenate([of_frame[name] for name in sorted(of_frame)])
            del pending[time_us]
            points[:, 3] = np.tanh(points[:, 3])
            yield time_us, points.astype(np.float32)


def _points(
    row: Mapping[str, Any],
    laser: Laser,
    pixel_pose: Image | None,
    global_SE3_vehicle: SE3,
    segment: Segment,
) -> NDArrayFloat:
    path = segment.path(LIDAR)
    parts = [np.empty((0, len(COLUMNS)))]
    for name in (FIRST, SECOND):
        image = range_image(dict(row), name, CHANNELS, path)
        if image is None:
            continue
        height, width = image.shape[:2]
        if laser.beams_rad is not None and len(laser.beams_rad) != height:
            raise InputError(
                f"{path}: frame {row[TIME]}, {_name(laser.name)}: {height} rows of pixels, "
                f"lidar_calibration has {len(laser.beams_rad)} beams; fetch both again"
            )
        if pixel_pose is not None and pixel_pose.shape[:2] != (height, width):
            raise InputError(
                f"{path}: frame {row[TIME]}, {_name(laser.name)}: {height} x {width} pixels, "
                f"lidar_pose has {' x '.join(map(str, pixel_pose.shape[:2]))}; fetch both again"
            )
        with np.errstate(invalid="ignore"):
            points = points_of_image(image, laser, pixel_pose, global_SE3_vehicle)
        if not (np.abs(points[:, :3]) < _FARTHEST_M).all():
            raise InputError(
                f"{path}: frame {row[TIME]}, {_name(laser.name)}: a return is {_FARTHEST_M:g} m or "
                f"farther away, or nowhere; {_AGAIN}, and lidar_pose with it"
            )
        if not np.isfinite(points).all() or (points[:, 3] < 0).any():
            raise InputError(
                f"{path}: frame {row[TIME]}, {_name(laser.name)}: a return has an intensity or "
                f"elongation that is not finite, or an intensity below 0; {_AGAIN}"
            )
        parts.append(points)
    return np.concatenate(parts)


def _pixel_pose(rows: TopRows, time_us: int, path: Path) -> Image:
    """Poses (H, W, 6) of the top laser's pixels in a frame."""
    row = rows.take(time_us)
    if row is None:
        raise InputError(f"{path}: no row of frame {time_us}, which lidar has; {_AGAIN}")
    image = range_image(row, FIRST, POSE_CHANNELS, path)
    assert image is not None  # its columns have no nulls
    return image


def _name(laser: int) -> str:
    return f"laser {LASERS.get(laser, laser)}"
