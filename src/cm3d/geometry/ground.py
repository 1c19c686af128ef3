"""Height of the ground below LiDAR points."""

import numpy as np

from cm3d.geometry.arrays import NDArrayFloat, NDArrayInt

_BIN_M = 0.1
_CELL_M = 6.0
_MAX_STEP_M = 1.0
_QUANTILE = 0.05


def ground_height(points_m: NDArrayFloat) -> NDArrayFloat:
    """Ground height (N,) at points (N, 3), in their frame.

    SAM3D takes the mode of all heights. Roads tilt over 54 m, so that mode only anchors a local
    estimate here: in each 6 m cell the 5% quantile of the heights within 1 m of the mode (low,
    for a far cell may hold more of a car than of the road). Cells without such heights fall back
    to the mode.
    """
    if len(points_m) == 0:
        return np.empty(0)
    mode_m = _mode(points_m[:, 2])
    cell = _cells(points_m[:, :2])
    near = np.flatnonzero(np.abs(points_m[:, 2] - mode_m) <= _MAX_STEP_M)
    ranked = near[np.lexsort((points_m[near, 2], cell[near]))]
    cells, starts, counts = np.unique(cell[ranked], return_index=True, return_counts=True)
    height_m = np.full(cell.max() + 1, mode_m)
    height_m[cells] = points_m[ranked[starts + (_QUANTILE * (counts - 1)).astype(np.int64)], 2]
    return height_m[cell]


def _mode(height_m: NDArrayFloat) -> float:
    bins, counts = np.unique(np.round(height_m / _BIN_M), return_counts=True)
    return float(bins[np.argmax(counts)] * _BIN_M)


def _cells(xy_m: NDArrayFloat) -> NDArrayInt:
    """One number per square cell, from 0."""
    index = np.floor((xy_m - xy_m.min(axis=0)) / _CELL_M).astype(np.int64)
    return np.asarray(index[:, 0] * (index[:, 1].max() + 1) + index[:, 1])
