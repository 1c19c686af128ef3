"""Masks of neighbouring cameras that show one object."""

import numpy as np
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components
from scipy.spatial.distance import cdist

from cm3d.geometry.arrays import NDArrayFloat
from cm3d.lift.mask_points import MaskPoints
from cm3d.tables import Masks


def merge_cameras(
    found: MaskPoints, points_m: NDArrayFloat, masks: Masks, reach_m: NDArrayFloat
) -> MaskPoints:
    """Give all points of an object to that of its masks that has most.

    Masks of one class in different cameras whose mean points are nearer than the class's reach
    show one object, which the edge between the images cuts.

    Args:
        found: Points of masks.
        points_m: (N, 3) all points.
        masks: All masks of the keyframe.
        reach_m: (M,) reach of each mask's class.
    """
    rows, start, size = np.unique(found.mask, return_index=True, return_counts=True)
    if len(rows) == 0:
        return found
    seen = masks[rows]
    mean_m = np.add.reduceat(points_m[found.point, :2], start) / size[:, None]
    near = cdist(mean_m, mean_m) < reach_m[rows]
    near &= seen.class_name[:, None] == seen.class_name
    near &= seen.camera_token[:, None] != seen.camera_token
    _, part_of = connected_components(coo_array(near), directed=False)
    largest_first = np.lexsort((rows, -size, part_of))
    _, first = np.unique(part_of[largest_first], return_index=True)
    keeper = np.arange(len(masks))
    keeper[rows] = rows[largest_first[first]][part_of]
    return found.with_masks(keeper[found.mask])
