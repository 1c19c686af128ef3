"""Overlap of boxes, and suppression of all but the best of those that overlap."""

import numpy as np
import shapely

from cm3d.geometry.arrays import NDArrayBool, NDArrayFloat, NDArrayInt


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
