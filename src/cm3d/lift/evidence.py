"""How well boxes are known, for those who weigh them against others."""

from collections.abc import Iterable
from typing import NamedTuple, Self

import numpy as np

from cm3d.geometry.arrays import NDArrayFloat, NDArrayInt


class Evidence(NamedTuple):
    """How well N boxes are known, each (N,).

    Args:
        position_std_m: Standard deviation of each coordinate of the centre, positive.
        size_weight: In [0, 1], how much of the object's size was seen.
        yaw_weight: In [0, 1], how well the heading is known.
    """

    position_std_m: NDArrayFloat
    size_weight: NDArrayFloat
    yaw_weight: NDArrayFloat

    @classmethod
    def concatenate(cls, parts: Iterable["Evidence"]) -> Self:
        """Stack; there is at least one part."""
        return cls(*(np.concatenate(column) for column in zip(*parts, strict=True)))

    def rows(self, rows: NDArrayInt) -> "Evidence":
        """That of some of the boxes."""
        return Evidence(*(column[rows] for column in self))
