"""LiDAR rays near masks: a box that they pass right through is in the wrong place."""

import numpy as np

from cm3d.geometry.arrays import NDArrayFloat, NDArrayInt
from cm3d.lift.fit.footprints import Candidates
from cm3d.lift.fit.observations import MaskViews, Samples, sample_points

_CORE = 0.85  # of a footprint: corners of real objects are round
_HEIGHT_CORE = 0.7  # of a height: roofs and undersides are not flat
_BEHIND = 0.02  # of a ray's length: what ends nearer behind a box ends in it
_BESIDE = 0.15  # of a mask's width, on either side
_BESIDE_PX = 2.0
_MIN_DEPTH_M = 1.0
_NO_STEP_M = 1e-6  # rays along a face are tilted by as much


def rays_near(points_m: NDArrayFloat, views: MaskViews, most: int) -> Samples:
    """Rays that pass through a mask's box in the image, or just beside it, by their ends.

    Args:
        points_m: (P, 3) points of one sweep, global frame.
        views: N masks.
        most: Rays per mask; of more, an even choice stays.
    """
    owners, ends = [np.empty(0, np.int64)], [np.empty(0, np.int64)]
    for camera in np.unique(views.camera):
        of_camera = np.flatnonzero(views.camera == camera)
        mask, point = _pairs(points_m, views[of_camera])
        owners.append(of_camera[mask])
        ends.append(point)
    owner = np.concatenate(owners)
    order = np.argsort(owner, kind="stable")
    chosen = np.concatenate(ends)[order]
    return sample_points(points_m[chosen], owner[order], np.arange(len(views)), most)


def _pairs(points_m: NDArrayFloat, views: MaskViews) -> tuple[NDArrayInt, NDArrayInt]:
    """Masks of one camera and the points whose pixels are in or beside their boxes."""
    columns, rows, depth_m = (axis[0] for axis in views[:1].project(points_m[None]))
    width_px, height_px = views.size_px[0]
    seen = (depth_m > _MIN_DEPTH_M) & (columns >= 0) & (columns < width_px)
    visible = np.flatnonzero(seen & (rows >= 0) & (rows < height_px))
    u, v = columns[visible], rows[visible]
    left, top, right, bottom = views.box_px.T[:, :, None]
    beside_px = _BESIDE * (right - left) + _BESIDE_PX
    near = (u > left - beside_px) & (u < right + beside_px) & (v > top) & (v < bottom)
    mask, pixel = np.nonzero(near)
    return mask, visible[pixel]


def share_through(
    rays: Samples,
    boxes: Candidates,
    middle_m: NDArrayFloat,
    height_m: NDArrayFloat,
    sensor_m: NDArrayFloat,
) -> NDArrayFloat:
    """Share (N, C) of an object's rays that pass through each candidate and go on.

    Args:
        rays: Ends of the rays of N objects.
        boxes: (N, C) footprints.
        middle_m: (N,) heights of their centres, global frame.
        height_m: (N,) their vertical extents.
        sensor_m: (3,) where rays start, global frame.
    """
    wide = boxes.expanded()
    along_m, across_m = wide.in_box_frame(sensor_m[0], sensor_m[1])
    end_along_m, end_across_m = wide.in_box_frame(
        rays.points_m[:, None, :, 0], rays.points_m[:, None, :, 1]
    )
    above_m = (sensor_m[2] - middle_m)[:, None, None]
    rise_m = rays.points_m[:, None, :, 2] - sensor_m[2]
    spans = [
        _between_faces(along_m, end_along_m - along_m, _CORE * wide.length_m / 2),
        _between_faces(across_m, end_across_m - across_m, _CORE * wide.width_m / 2),
        _between_faces(above_m, rise_m, _HEIGHT_CORE * height_m[:, None, None] / 2),
    ]
    enter = np.maximum(np.maximum(spans[0][0], spans[1][0]), spans[2][0])
    leave = np.minimum(np.minimum(spans[0][1], spans[1][1]), spans[2][1])
    ahead = (enter < leave) & (leave > 0)
    through = ahead & (leave < 1 - _BEHIND) & rays.valid[:, None]
    return np.asarray(through.sum(axis=2) / rays.divisor()[:, None])


def _between_faces(
    start_m: NDArrayFloat, step_m: NDArrayFloat, half_m: NDArrayFloat
) -> tuple[NDArrayFloat, NDArrayFloat]:
    """From where to where, in shares of their length, rays are between two faces."""
    safe_m = np.where(np.abs(step_m) < _NO_STEP_M, _NO_STEP_M, step_m)
    first, second = (-half_m - start_m) / safe_m, (half_m - start_m) / safe_m
    return np.minimum(first, second), np.maximum(first, second)
