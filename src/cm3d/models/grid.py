"""The bird's-eye grid of a detector: rows along y, columns along x, both from -range."""

import math
from dataclasses import dataclass
from typing import Self

import numpy as np

from cm3d.errors import InputError
from cm3d.geometry.arrays import NDArrayBool, NDArrayFloat, NDArrayInt
from cm3d.params import Detector


@dataclass(frozen=True)
class Grid:
    """A square of `size` x `size` cells around the LiDAR.

    Args:
        range_m: Half side of the square.
        cell_m: Side of a cell.
        size: Cells per side.
    """

    range_m: float
    cell_m: float
    size: int

    @classmethod
    def of_pillars(cls, detector: Detector) -> Self:
        """The grid that points are gathered on.

        Raises:
            InputError: The square does not split into pillars that every stride divides.
        """
        size = round(2 * detector.range_m / detector.pillar_m)
        stride = math.prod(detector.block_strides)
        fits = math.isclose(size * detector.pillar_m, 2 * detector.range_m, rel_tol=1e-6)
        if not fits or size % stride:
            raise InputError(
                f"detector.range_m: a square of {2 * detector.range_m} m does not split into "
                f"pillars of {detector.pillar_m} m in a multiple of {stride}; change pillar_m"
            )
        return cls(detector.range_m, detector.pillar_m, size)

    @classmethod
    def of_output(cls, detector: Detector) -> Self:
        """The grid of heatmaps: one cell per first stride of pillars."""
        pillars, stride = Grid.of_pillars(detector), detector.block_strides[0]
        return cls(pillars.range_m, pillars.cell_m * stride, pillars.size // stride)

    def continuous_cell(self, center_xy_m: NDArrayFloat) -> NDArrayFloat:
        """Positions (N, 2), x then y, in cells from the grid's lower corner."""
        return (center_xy_m + self.range_m) / self.cell_m

    def cell(self, center_xy_m: NDArrayFloat) -> tuple[NDArrayInt, NDArrayInt, NDArrayBool]:
        """Row and column (N,) of positions (N, 2), and whether they lie within the grid."""
        column, row = np.floor(self.continuous_cell(center_xy_m)).astype(np.int64).T
        inside = (row >= 0) & (row < self.size) & (column >= 0) & (column < self.size)
        return row, column, inside
