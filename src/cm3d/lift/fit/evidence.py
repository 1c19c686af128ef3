"""How well boxes are known, for those who weigh them against others."""

from dataclasses import dataclass

import numpy as np

from cm3d.geometry.arrays import NDArrayFloat
from cm3d.geometry.rows import Rows
from cm3d.lift.lanes import Headings


@dataclass(frozen=True, eq=False)
class Evidence(Rows):
    """How well N boxes are known, each (N,).

    Args:
        position_std_m: Standard deviation of each coordinate of the centre, positive.
        size_weight: In [0, 1], how much of the object's size was seen.
        yaw_weight: In [0, 1], how well the axis is known.
        front_weight: In [0, 1], how well it is known which end of it is the front.
    """

    position_std_m: NDArrayFloat
    size_weight: NDArrayFloat
    yaw_weight: NDArrayFloat
    front_weight: NDArrayFloat


_LEAST_QUALITY = 0.05
_STD_M = 0.1
_STD_PER_LENGTH = 0.1
_DOUBLED_AT_M = 60.0  # as far away, a box is known twice as badly as one at 0 m


def fit_quality(cost: NDArrayFloat) -> NDArrayFloat:
    """Quality (N,) in (0, 1] of boxes whose objective costs so much."""
    return np.asarray(np.clip(1 - cost, _LEAST_QUALITY, 1.0))


def front_weight(headings: Headings, max_lane_distance_m: float) -> NDArrayFloat:
    """How well lanes tell front from back (N,), less the further away they are."""
    return np.asarray(np.clip(1 - headings.lane_distance_m / max_lane_distance_m, 0.0, 1.0))


def evidence_of(
    quality: NDArrayFloat, length_m: NDArrayFloat, range_m: NDArrayFloat, front: NDArrayFloat
) -> Evidence:
    """Long, far and badly fitted boxes are known less well; all arguments are (N,)."""
    std_m = (_STD_M + _STD_PER_LENGTH * length_m) * (1 + range_m / _DOUBLED_AT_M)
    return Evidence(std_m * (1.5 - quality), quality, quality, front)
