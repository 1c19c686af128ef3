"""The bird's-eye grids of a detector: rows along y, columns along x, both from -range."""

import math
from dataclasses import dataclass
from typing import Self

import torch
from torch import Tensor

from cm3d.errors import InputError
from cm3d.params import Detector

# Each of the three strided convolutions of the voxels' encoder halves the resolution.
SPARSE_STRIDE = 8


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
    def of_points(cls, detector: Detector) -> Self:
        """The grid that points are gathered on.

        Raises:
            InputError: The square does not split into cells that every stride divides.
        """
        size = round(2 * detector.range_m / detector.cell_m)
        stride = encoder_stride(detector) * math.prod(detector.block_strides)
        fits = math.isclose(size * detector.cell_m, 2 * detector.range_m, rel_tol=1e-6)
        if not fits or size % stride:
            raise InputError(
                f"detector.range_m: a square of {2 * detector.range_m} m does not split into "
                f"cells of {detector.cell_m} m in a multiple of {stride}; change cell_m"
            )
        return cls(detector.range_m, detector.cell_m, size)

    @classmethod
    def of_canvas(cls, detector: Detector) -> Self:
        """The grid that the backbone reads."""
        points, stride = Grid.of_points(detector), encoder_stride(detector)
        return cls(points.range_m, points.cell_m * stride, points.size // stride)

    @classmethod
    def of_maps(cls, detector: Detector) -> Self:
        """The grid of the head's maps."""
        canvas, stride = Grid.of_canvas(detector), detector.map_stride
        return cls(canvas.range_m, canvas.cell_m * stride, canvas.size // stride)

    def continuous_cell(self, xy_m: Tensor) -> Tensor:
        """Positions (N, 2), x then y, in cells from the grid's lower corner."""
        return (xy_m + self.range_m) / self.cell_m

    def cell(self, xy_m: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Row and column (N,) of positions (N, 2), and whether they lie within the grid."""
        column, row = torch.floor(self.continuous_cell(xy_m)).long().unbind(1)
        inside = (row >= 0) & (row < self.size) & (column >= 0) & (column < self.size)
        return row, column, inside


def encoder_stride(detector: Detector) -> int:
    """Cells of points per cell of the canvas that the backbone reads."""
    return SPARSE_STRIDE if detector.encoder == "voxels" else 1
