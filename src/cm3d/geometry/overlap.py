"""Overlap of boxes, and suppression of all but the best of those that overlap."""

import numpy as np
import shapely

from cm3d.geometry.arrays import NDArrayBool, NDArrayFloat, NDArrayInt
from cm3d.geometry.cuboids import Cuboids, Rectangles, bev_corners, rotate_xy


def bev_iou(first_corners_m: NDArrayFloat, second_corners_m: NDArrayFloat) -> NDArrayFloat:
    """Intersection over union of rotated rectangles.

    Args:
        first_corners_m: (N, 4, 2) footprints, see `geometry.cuboids.bev_corners`.
        second_corners_m: (M, 4, 2) footprints in the same frame.

    Returns:
        (N, M) in [0, 1].
    """
    iou = np.zeros((len(first_corners_m), len(second_corners_m)))
    if iou.size == 0:
        return iou
    first, second = shapely.polygons(first_corners_m), shapely.polygons(second_corners_m)
    rows, columns = shapely.STRtree(second).query(first, predicate="intersects")
    intersection = shapely.area(shapely.intersection(first[rows], second[columns]))
    union = shapely.area(first)[rows] + shapely.area(second)[columns] - intersection
    iou[rows, columns] = intersection / union
    return iou


def cuboid_iou(first: Cuboids, second: Cuboids) -> NDArrayFloat:
    """Intersection over union (N,) in [0, 1] of N pairs of boxes, row by row; empty ones have 0."""
    low_m = np.maximum(*(boxes.center_m[:, 2] - boxes.height_m / 2 for boxes in (first, second)))
    high_m = np.minimum(*(boxes.center_m[:, 2] + boxes.height_m / 2 for boxes in (first, second)))
    shared_m3 = _shared_area_m2(first, second) * np.clip(high_m - low_m, 0, None)
    union_m3 = first.size_m.prod(axis=1) + second.size_m.prod(axis=1) - shared_m3
    iou = np.divide(shared_m3, union_m3, out=np.zeros_like(union_m3), where=union_m3 > 0)
    return np.asarray(np.clip(iou, 0, 1))


def _shared_area_m2(first: Cuboids, second: Cuboids) -> NDArrayFloat:
    """Area (N,) that footprints share, in the frame in which the second is a window.

    Along a column of that window, what the first covers of it is the height of its upper edge less
    that of its lower one, both held within the window. So the area is the integral of the held
    height over x, around the first one's edges: no polygon is cut, and sides that coincide do not
    matter.
    """
    offset_m = rotate_xy(first.center_m[:, :2] - second.center_m[:, :2], -second.yaw_rad)
    turned_rad = first.yaw_rad - second.yaw_rad
    begin = bev_corners(Rectangles(offset_m, first.length_m, first.width_m, turned_rad))
    end = np.roll(begin, -1, axis=1)
    half_m = np.stack([second.length_m, second.width_m], axis=1)[:, None] / 2
    # the part of each edge (N, 4) above the window
    run_m, rise_m = np.moveaxis(end - begin, 2, 0)
    left_m, right_m = (
        np.clip(corner[..., 0], -half_m[..., 0], half_m[..., 0]) for corner in (begin, end)
    )
    y_left_m, y_right_m = (
        begin[..., 1] + _share(x_m - begin[..., 0], run_m) * rise_m for x_m in (left_m, right_m)
    )
    climb_m = y_right_m - y_left_m
    bends = [_share(side * half_m[..., 1] - y_left_m, climb_m) for side in (-1, 1)]
    stops = [np.zeros_like(climb_m), np.minimum(*bends), np.maximum(*bends), np.ones_like(climb_m)]
    held_m = [np.clip(y_left_m + stop * climb_m, -half_m[..., 1], half_m[..., 1]) for stop in stops]
    mean_m = sum(
        (stops[i + 1] - stops[i]) * (held_m[i] + held_m[i + 1]) / 2 for i in range(len(stops) - 1)
    )
    # corners run counter-clockwise: upper edges to the left
    return np.asarray(np.clip(np.sum((left_m - right_m) * mean_m, axis=1), 0, None))


def _share(part: NDArrayFloat, whole: NDArrayFloat) -> NDArrayFloat:
    """Quotient, held in [0, 1]; 0 where the whole is."""
    with np.errstate(over="ignore"):
        quotient = np.divide(part, whole, out=np.zeros_like(whole), where=whole != 0)
    return np.clip(quotient, 0, 1)


def image_iou(first_px: NDArrayFloat, second_px: NDArrayFloat) -> NDArrayFloat:
    """Intersection over union of axis-aligned boxes (N, 4) and (M, 4), shape (N, M).

    Boxes are x_min, y_min, x_max, y_max; empty boxes overlap nothing.
    """
    low = np.maximum(first_px[:, None, :2], second_px[None, :, :2])
    high = np.minimum(first_px[:, None, 2:], second_px[None, :, 2:])
    intersection = np.prod(np.clip(high - low, 0, None), axis=2)
    area_first = np.prod(np.clip(first_px[:, 2:] - first_px[:, :2], 0, None), axis=1)
    area_second = np.prod(np.clip(second_px[:, 2:] - second_px[:, :2], 0, None), axis=1)
    union = area_first[:, None] + area_second[None] - intersection
    return np.asarray(np.divide(intersection, union, out=np.zeros_like(union), where=union > 0))


def suppress(too_close: NDArrayBool, scores: NDArrayFloat) -> NDArrayInt:
    """Keep the best, drop what is too close to it, go on with the next best.

    Args:
        too_close: (N, N) symmetric; whether two boxes may not both stay.
        scores: (N,); equal scores keep their order.

    Returns:
        Kept indices, best first.
    """
    order = np.argsort(-scores, kind="stable")
    alive = np.ones(len(scores), dtype=bool)
    kept = []
    for index in order:
        if alive[index]:
            kept.append(index)
            alive &= ~too_close[index]
    return np.array(kept, dtype=np.int64)


def distance_nms(
    center_xy_m: NDArrayFloat, scores: NDArrayFloat, groups: NDArrayInt, radius_m: NDArrayFloat
) -> NDArrayInt:
    """Circle NMS: of boxes of one group closer than its radius, the best stays.

    Args:
        center_xy_m: (N, 2) box centres.
        scores: (N,) confidences.
        groups: (N,) class indices; boxes of different groups never suppress each other.
        radius_m: (N,) radius of each box's group.

    Returns:
        Kept indices, best first.
    """
    # axis by axis: numpy takes ten times as long to sum over an axis of two
    x_m, y_m = (axis_m[:, None] - axis_m[None] for axis_m in center_xy_m.T)
    close = x_m**2 + y_m**2 <= radius_m[:, None] ** 2
    return suppress(close & (groups[:, None] == groups[None]), scores)


def overlap_nms(
    iou: NDArrayFloat, scores: NDArrayFloat, groups: NDArrayInt, max_iou: float
) -> NDArrayInt:
    """IoU NMS within groups; `iou` is (N, N). Kept indices, best first."""
    return suppress((iou > max_iou) & (groups[:, None] == groups[None]), scores)
