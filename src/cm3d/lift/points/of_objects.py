"""Of the points in a mask, those that belong to the object."""

import numpy as np
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components
from scipy.spatial.distance import cdist

from cm3d.geometry.arrays import NDArrayBool, NDArrayFloat, NDArrayInt
from cm3d.geometry.ground import GroundField
from cm3d.lift.keyframe import Scan
from cm3d.lift.points.clusters import in_largest_cluster
from cm3d.lift.points.in_masks import MaskPoints
from cm3d.params import Refine
from cm3d.tables import Masks


def object_points(found: MaskPoints, scan: Scan, ground: GroundField, params: Refine) -> MaskPoints:
    """Drop what a mask holds besides its object; no mask loses its last point.

    Ground before and beside the object goes first, then what is seen through windows and past
    outlines (all but the largest cluster).
    """
    if params.ground:
        found = _where(found, _above_ground(found, scan, ground, params.ground_clearance_m))
    if params.cluster:
        found = _where(found, _clustered(found, scan, params))
    return found


def newest_points(found: MaskPoints, time_lag_s: NDArrayFloat, enough: int) -> MaskPoints:
    """Without old sweeps of masks with enough new points: what moves leaves a tail in them.

    Args:
        found: Points of masks.
        time_lag_s: (N,) age of all points.
        enough: Points of the newest sweep.
    """
    new: NDArrayBool = time_lag_s[found.point] <= 0
    count: NDArrayInt = np.bincount(found.mask[new], minlength=found.mask.max(initial=0) + 1)
    return found[new | (count[found.mask] < enough)]


def _where(found: MaskPoints, wanted: NDArrayBool) -> MaskPoints:
    """Keep wanted points, and all points of masks that have none."""
    left = np.bincount(found.mask[wanted], minlength=found.mask.max(initial=0) + 1)
    return found[wanted | (left[found.mask] == 0)]


def _above_ground(
    found: MaskPoints, scan: Scan, ground: GroundField, clearance_m: float
) -> NDArrayBool:
    points_m = scan.points_m[found.point]
    return np.asarray(points_m[:, 2] - ground.below(points_m) > clearance_m)


def _clustered(found: MaskPoints, scan: Scan, params: Refine) -> NDArrayBool:
    xy_m = scan.points_m[found.point, :2]
    range_m: NDArrayFloat = np.linalg.norm(xy_m - scan.sensor_m[:2], axis=1)
    link_m = params.link_m + params.link_per_range * range_m
    return in_largest_cluster(xy_m, found.mask, link_m)


def merge_cameras(
    found: MaskPoints, points_m: NDArrayFloat, masks: Masks, reach_m: NDArrayFloat
) -> MaskPoints:
    """Give all points of an object to that of its masks that has most.

    The edge between two images cuts an object in two masks of one class. They are each other's
    nearest in these cameras, by their mean points, and nearer than the class's reach.

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
    cameras, camera = np.unique(seen.camera_token.astype(str), return_inverse=True)
    apart_m = cdist(mean_m, mean_m)
    apart_m[seen.class_name[:, None] != seen.class_name] = np.inf
    apart_m[(camera[:, None] == camera) | (apart_m >= reach_m[rows])] = np.inf
    of_camera = [apart_m[:, camera == one].min(axis=1) for one in range(len(cameras))]
    nearest = (apart_m == np.column_stack(of_camera)[:, camera]) & (apart_m < np.inf)
    _, part_of = connected_components(coo_array(nearest & nearest.T), directed=False)
    largest_first = np.lexsort((rows, -seen.score, -size, part_of))
    _, first = np.unique(part_of[largest_first], return_index=True)
    keeper = np.arange(len(masks))
    keeper[rows] = rows[largest_first[first]][part_of]
    return found.with_masks(keeper[found.mask])


def shared_points(found: MaskPoints, rows: NDArrayInt) -> NDArrayFloat:
    """How many points each of some masks (N,) shares with each other, (N, N); with itself, all."""
    shape = (found.mask.max(initial=-1) + 1, found.point.max(initial=-1) + 1)
    ones = np.ones(len(found), dtype=np.float64)
    has = coo_array((ones, (found.mask, found.point)), shape=shape).tocsr()[rows]
    return np.asarray((has @ has.T).toarray())


def reach(found: MaskPoints, points_m: NDArrayFloat, rows: NDArrayInt) -> NDArrayFloat:
    """How far the points of some masks (N,) reach in xy, in metres."""
    start = np.searchsorted(found.mask, rows)
    stop = np.searchsorted(found.mask, rows, side="right")
    xy_m = np.vstack([points_m[found.point, :2], np.zeros((1, 2))])
    bounds = np.column_stack([start, stop]).ravel()
    low_m = np.minimum.reduceat(xy_m, bounds)[::2]
    high_m = np.maximum.reduceat(xy_m, bounds)[::2]
    return np.asarray(np.hypot(*(high_m - low_m).T))
