"""What the cost of a fit says about its box."""

import numpy as np

from cm3d.geometry.arrays import NDArrayFloat
from cm3d.lift.evidence import Evidence

_LEAST_QUALITY = 0.05
_STD_M = 0.1
_STD_PER_LENGTH = 0.1
_DOUBLED_AT_M = 60.0  # as far away, a box is known twice as badly as one at 0 m


def fit_quality(cost: NDArrayFloat) -> NDArrayFloat:
    """Quality (N,) in (0, 1] of boxes whose objective costs so much."""
    return np.asarray(np.clip(1 - cost, _LEAST_QUALITY, 1.0))


def evidence_of(quality: NDArrayFloat, length_m: NDArrayFloat, range_m: NDArrayFloat) -> Evidence:
    """Long, far and badly fitted boxes are known less well; all arguments are (N,)."""
    std_m = (_STD_M + _STD_PER_LENGTH * length_m) * (1 + range_m / _DOUBLED_AT_M)
    return Evidence(std_m * (1.5 - quality), quality, quality)
