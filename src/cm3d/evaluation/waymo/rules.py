"""What Waymo's detection metric counts: cutoffs of the score, overlaps, levels and ranges."""

from typing import Final

import numpy as np

from cm3d.geometry.arrays import NDArrayFloat, NDArrayFloat32, NDArrayInt
from cm3d.taxonomy import Taxonomy

# A prediction takes part at every cutoff that its score reaches; both in single precision.
SCORE_CUTOFFS: Final[NDArrayFloat32] = (np.arange(101) * 0.01).astype(np.float32)

# Level 2 is all ground truth, level 1 what is not hard.
LEVELS: Final = (1, 2)

# Ground truth with as few LiDAR points is of level 2, unless somebody has said otherwise.
MAX_HARD_POINTS: Final = 5

# Of the distance of a box's centre to the vehicle's origin, in three dimensions.
RANGES: Final = ("0_30m", "30_50m", "50m")
_RANGE_BOUNDS_M: Final = (30.0, 50.0)

# Matches must overlap by as much. Both are at least a half, which `overlap.pairs` relies on.
VEHICLE_IOU: Final = 0.7
OTHER_IOU: Final = 0.5


def least_iou(taxonomy: Taxonomy) -> NDArrayFloat32:
    """How much matches of each class (C,) must overlap: what moves as a vehicle does, by more."""
    are_vehicles = [row.motion == "vehicle" for row in taxonomy.classes.values()]
    return np.where(are_vehicles, VEHICLE_IOU, OTHER_IOU).astype(np.float32)


def range_index(center_m: NDArrayFloat) -> NDArrayInt:
    """Which of `RANGES` centres (N, 3) in the vehicle's frame lie in, (N,)."""
    distance_m = np.sqrt(np.sum(center_m**2, axis=1))
    return np.asarray(np.searchsorted(_RANGE_BOUNDS_M, distance_m, side="right"))


def levels_of(num_lidar_points: NDArrayInt, annotated: NDArrayInt) -> NDArrayInt:
    """Level (N,): the annotated one, or, where that is 0, by the number of LiDAR points.

    Where their number is unknown, nothing says that it is 2.
    """
    is_hard = (num_lidar_points >= 0) & (num_lidar_points <= MAX_HARD_POINTS)
    return np.where(annotated > 0, annotated, np.where(is_hard, 2, 1))


def last_cutoff(scores: NDArrayFloat | NDArrayFloat32) -> NDArrayInt:
    """The last of `SCORE_CUTOFFS` that each score (N,) reaches; -1 where it reaches none."""
    return np.searchsorted(SCORE_CUTOFFS, scores.astype(np.float32), side="right") - 1
