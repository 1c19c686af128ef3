"""LiDAR rays near masks: a box that they pass right through is in the wrong place."""

import numpy as np

from cm3d.geometry.arrays import NDArrayBool, NDArrayFloat, NDArrayInt
from cm3d.lift.fit.footprints import Candidates
from cm3d.lift.fit.observations import MaskViews, Samples, sample_points

_CORE = 0.85  # of a footprint: corners of real objects are round
_HEIGHT_CORE = 0.7  # of a height: roofs and undersides are not flat
_BEHIND = 0.02  # of a ray's length: what ends nearer behind a box ends in it
_BESIDE = 0.15  # of a mask's width, on either side
_BESIDE_PX = 2.0
_MIN_DEPTH_M = 1.0
_NO_STEP_M = 1e-6  # rays along a face are tilted by as much


def rays_near(points_m: NDArrayFloat, views: MaskViews, solid: NDArrayBool, most: int) -> Samples:
    """Rays that pass through a mask's box in the image, or just beside it, by their ends.

    Args:
        points_m: (P, 3) points of one sweep, global frame.
        views: N masks.
        solid: (N,) masks of objects that no ray passes; the others have none.
        most: Rays per mask; of more, an even choice stays.
    """
    owners, ends = [np.empty(0, np.int64)], [np.empty(0, np.int64)]
    for camera in np.unique(views.camera):
        of_camera = np.flatnonzero(solid & (views.camera == camera))
        if len(of_camera) == 0:
            continue
        mask, point = _pairs(points_m, views[of_camera])
        owners.append(of_camera[mask])
        ends.append(point)
    owner = np.concatenate(owners)
    order = np.argsort(owner, kind="stable")
    chosen = np.concatenate(ends)[order]
    return sample_points(points_m[chosen], owner[order], np.arange(len(views)), most)


def _pairs(points_m: NDArrayFloat, views: MaskViews) -> tuple[NDArrayInt, NDArrayInt]:
    """Masks of one camera and the points whose pixels are in or beside their boxes."""
    pixels_P_global, (width_px, height_px) = views.pixels_P_global[0], views.size_px[0]
    depth_m = points_m @ pixels_P_global[2, :3] + pixels_P_global[2, 3]
    ahead = np.flatnonzero(depth_m > _MIN_DEPTH_M)
    u, v = pixels_P_global[:2, :3] @ points_m[ahead].T + pixels_P_global[:2, 3:]
    u, v = u / depth_m[ahead], v / depth_m[ahead]
    seen = (u >= 0) & (u < width_px) & (v >= 0) & (v < height_px)
    visible, u, v = ahead[seen], u[seen], v[seen]
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
    ray_m = rays.points_m - sensor_m
    step_along_m, step_across_m = wide.turned_into_box_frame(
        ray_m[:, None, :, 0], ray_m[:, None, :, 1]
    )
    along_m, across_m = wide.in_box_frame(*sensor_m[:2])
    above_m = (sensor_m[2] - middle_m)[:, None, None]
    spans = [
        _between_faces(along_m, step_along_m, _CORE * wide.length_m / 2),
        _between_faces(across_m, step_across_m, _CORE * wide.width_m / 2),
        _between_faces(above_m, ray_m[:, None, :, 2], _HEIGHT_CORE * height_m[:, None, None] / 2),
    ]
    enter = np.maximum(np.maximum(spans[0][0], spans[1][0]), spans[2][0])
    leave = np.minimum(np.minimum(spans[0][1], spans[1][1]), spans[2][1])
    through = (np.maximum(enter, 0) < leave) & (leave < 1 - _BEHIND) & rays.valid[:, None]
    return np.asarray(np.count_nonzero(through, axis=2) / rays.divisor()[:, None])


def _between_faces(
    start_m: NDArrayFloat, step_m: NDArrayFloat, half_m: NDArrayFloat
) -> tuple[NDArrayFloat, NDArrayFloat]:
    """From where to where, in shares of their length, rays are between two faces."""
    per_m = 1 / np.where(np.abs(step_m) < _NO_STEP_M, _NO_STEP_M, step_m)
    middle, half = -start_m * per_m, half_m * np.abs(per_m)
    return middle - half, middle + half
