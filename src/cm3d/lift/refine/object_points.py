"""Of the points in a mask, those that belong to the object."""

import numpy as np

from cm3d.geometry.arrays import NDArrayBool, NDArrayFloat, NDArrayInt
from cm3d.geometry.ground import GroundField
from cm3d.lift.keyframe import Scan
from cm3d.lift.mask_points import MaskPoints
from cm3d.lift.refine.clusters import in_largest_cluster
from cm3d.params import Refine


def object_points(found: MaskPoints, scan: Scan, ground: GroundField, params: Refine) -> MaskPoints:
    """Drop what a mask holds besides its object; no mask loses its last point.

    Ground before and beside the object goes first, then what is seen through windows and past
    outlines (all but the largest cluster), then the older sweeps of objects that the keyframe
    alone shows well: what moves leaves a tail in them.
    """
    if params.ground:
        found = _where(found, _above_ground(found, scan, ground, params.ground_clearance_m))
    if params.cluster:
        found = _where(found, _clustered(found, scan, params))
    if params.newest:
        found = _where(found, _recent(found, scan.time_lag_s, params.enough_points))
    return found


def _where(found: MaskPoints, wanted: NDArrayBool) -> MaskPoints:
    """Keep wanted points, and all points of masks that have none."""
    left = np.bincount(found.mask[wanted], minlength=found.mask.max(initial=0) + 1)
    return found.select(wanted | (left[found.mask] == 0))


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


def _recent(found: MaskPoints, time_lag_s: NDArrayFloat, enough: int) -> NDArrayBool:
    new: NDArrayBool = time_lag_s[found.point] <= 0
    count: NDArrayInt = np.bincount(found.mask[new], minlength=found.mask.max(initial=0) + 1)
    return np.asarray(new | (count[found.mask] < enough))
