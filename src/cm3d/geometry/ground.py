"""Height of the ground below LiDAR points."""

from dataclasses import dataclass
from typing import Self

import numpy as np

from cm3d.geometry.arrays import NDArrayFloat, NDArrayInt

_BIN_M = 0.1
_CELL_M = 6.0
_MAX_STEP_M = 1.0
_QUANTILE = 0.05


@dataclass(frozen=True, eq=False)
class GroundField:
    """Height of the ground anywhere around one scan.

    SAM3D takes the mode of all heights. Roads tilt over 54 m, so that mode only anchors a local
    estimate here: in each 6 m cell the 5% quantile of the heights within 1 m of the mode (low,
    for a far cell may hold more of a car than of the road). Cells without such heights fall back
    to the mode.

    Args:
        corner: (2,) lowest cell along x and y.
        height_m: (columns, rows) height of each cell's ground, in the frame of the points.
    """

    corner: NDArrayInt
    height_m: NDArrayFloat

    @classmethod
    def from_points(cls, points_m: NDArrayFloat) -> Self:
        """Estimate from points (N, 3) in a frame whose z axis is up; without any it is 0."""
        if len(points_m) == 0:
            return cls(np.zeros(2, dtype=np.int64), np.zeros((1, 1)))
        cells = _cells(points_m)
        corner = cells.min(axis=0)
        shape = cells.max(axis=0) - corner + 1
        mode_m = _mode(points_m[:, 2])
        near = np.abs(points_m[:, 2] - mode_m) <= _MAX_STEP_M
        cell = np.ravel_multi_index(tuple((cells[near] - corner).T), tuple(shape))
        height_m = np.full(shape.prod(), mode_m)
        order = np.lexsort((points_m[near, 2], cell))
        found, starts, counts = np.unique(cell[order], return_index=True, return_counts=True)
        low = starts + (_QUANTILE * (counts - 1)).astype(np.int64)
        height_m[found] = points_m[near, 2][order[low]]
        return cls(corner, height_m.reshape(shape))

    def below(self, points_m: NDArrayFloat) -> NDArrayFloat:
        """Ground height (M,) at points (M, 2) or (M, 3); outside, that of the nearest cell."""
        cell = np.clip(_cells(points_m) - self.corner, 0, np.array(self.height_m.shape) - 1)
        return np.asarray(self.height_m[cell[:, 0], cell[:, 1]])


def _mode(height_m: NDArrayFloat) -> float:
    bins, counts = np.unique(np.round(height_m / _BIN_M), return_counts=True)
    return float(bins[np.argmax(counts)] * _BIN_M)


def _cells(points_m: NDArrayFloat) -> NDArrayInt:
    """(N, 2) indices of the square cells that points fall into."""
    return np.asarray(np.floor(points_m[:, :2] / _CELL_M), dtype=np.int64)
