"""Where the top laser's points are in images, as Waymo says: with the rolling shutter."""

from collections.abc import Container, Iterator, Mapping
from typing import Any

import numpy as np

from cm3d.datasets.waymo.cameras import Camera
from cm3d.datasets.waymo.components import CAMERAS, LASER, LIDAR, LIDAR_CAMERA_PROJECTION, TIME, TOP
from cm3d.datasets.waymo.range_images import CHANNELS, RANGE
from cm3d.datasets.waymo.reading import (
    FIRST,
    FIRST_SHAPE,
    SECOND,
    check_keys,
    range_image,
    stream_rows,
)
from cm3d.datasets.waymo.segments import Segment
from cm3d.datasets.waymo.top_laser import TopRows
from cm3d.errors import InputError
from cm3d.geometry.arrays import NDArrayFloat
from cm3d.geometry.point_pixels import PointPixels

_PLACES = 2  # a point is in two images at most: of each, the camera, column and row
_COLUMNS = (FIRST_SHAPE, f"{FIRST}.values", f"{SECOND}.values")


def stream_pixels(
    segment: Segment, cameras: Mapping[int, Camera], frames: Container[int]
) -> Iterator[tuple[int, PointPixels]]:
    """Time and known pixels of each frame that has any, by rows of its cloud (`stream_clouds`).

    Args:
        segment: Which one; it may have no `lidar_camera_projection`.
        cameras: How cameras are mounted.
        frames: Times (us) of those that have a pose.

    Raises:
        InputError: A file is malformed, or does not fit the other.
    """
    if not segment.has_projections:
        return
    check_keys(segment, LIDAR_CAMERA_PROJECTION, frames)
    returns = TopRows(segment, LIDAR, _COLUMNS)
    for row in stream_rows(segment, LIDAR_CAMERA_PROJECTION, _COLUMNS):
        measured = returns.take(row[TIME]) if row[LASER] == TOP else None
        if measured is not None:
            places = _places(row, measured, segment)
            yield row[TIME], _pixels(places, cameras, segment, row[TIME])


def _places(row: dict[str, Any], measured: dict[str, Any], segment: Segment) -> NDArrayFloat:
    """Two places (N, 6) of all first returns, then of the second ones; NaN where not known."""
    path, parts = segment.path(LIDAR_CAMERA_PROJECTION), []
    for name in (FIRST, SECOND):
        image = range_image(measured, name, CHANNELS, segment.path(LIDAR))
        if image is None:
            continue
        is_return = image[..., RANGE] > 0
        places = range_image(row, name, 3 * _PLACES, path)
        if places is None:
            parts.append(np.full((int(is_return.sum()), 3 * _PLACES), np.nan))
            continue
        if places.shape[:2] != is_return.shape:
            raise InputError(
                f"{path}: frame {row[TIME]}: {' x '.join(map(str, places.shape[:2]))} pixels, "
                f"lidar has {' x '.join(map(str, is_return.shape))}; fetch both again"
            )
        if not np.isfinite(places[is_return]).all():
            raise InputError(f"{path}: frame {row[TIME]}: a number is not finite; fetch it again")
        parts.append(places[is_return].astype(np.float64))
    return np.concatenate(parts)


def _pixels(
    places: NDArrayFloat, cameras: Mapping[int, Camera], segment: Segment, time_us: int
) -> PointPixels:
    """Places (N, 6) without the lens, a row each; not of points whose lens cannot be undone."""
    point = np.repeat(np.arange(len(places)), _PLACES)
    number, u, v = places.reshape(-1, 3).T
    path = segment.path(LIDAR_CAMERA_PROJECTION)
    if strange := set(number[~np.isnan(number)].tolist()) - {0, *cameras}:
        raise InputError(
            f"{path}: frame {time_us}: camera {min(strange):g} has no camera_calibration; fetch "
            "both again"
        )
    is_known = ~np.isnan(number)
    pixel_px = np.zeros((len(number), 2))
    for name, camera in cameras.items():
        own = np.flatnonzero(number == name)
        # whole numbers: the middle of a pixel is the best guess
        pixel_px[own], is_known[own] = camera.without_lens(np.column_stack([u, v])[own] + 0.5)
    is_known = np.repeat(is_known.reshape(-1, _PLACES).all(axis=1), _PLACES)
    is_first = np.tile(np.arange(_PLACES) == 0, len(places))
    # a point that is in no image keeps one row, so that it is not projected either
    is_in_none = np.repeat((places[:, ::3] == 0).all(axis=1), _PLACES)
    rows = np.flatnonzero(is_known & ((number > 0) | (is_in_none & is_first)))
    channels = np.array(["", *CAMERAS.values()], dtype=object)
    return PointPixels(point[rows], channels[number[rows].astype(np.int64)], pixel_px[rows])
