"""Overlap of boxes: rotated in bird's-eye view, axis-aligned in the image."""

import numpy as np
import shapely

from cm3d.geometry.arrays import NDArrayFloat


def bev_iou(first_corners_m: NDArrayFloat, second_corners_m: NDArrayFloat) -> NDArrayFloat:
    """Intersection over union of rotated rectangles.

    Args:
        first_corners_m: (N, 4, 2) footprints, see `geometry.boxes.bev_corners`.
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
