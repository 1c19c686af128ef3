"""Keyframes in which a track was missed."""

import numpy as np

from cm3d.geometry.arrays import NDArrayBool, NDArrayFloat, NDArrayInt
from cm3d.lift.tracks.grid import Grid


def fillable(
    grid: Grid, xy_m: NDArrayFloat, ego_xy_m: NDArrayFloat, max_keyframes: int, range_m: float
) -> NDArrayBool:
    """Cells (K, T) between boxes of a track that a short gap left empty, near the ego vehicle.

    Args:
        grid: K tracks over T keyframes.
        xy_m: (K, T, 2) where the tracks are.
        ego_xy_m: (T, 2) where the ego vehicle is.
        max_keyframes: Longest gap.
        range_m: Largest distance from the ego vehicle.
    """
    short = _gap_lengths(grid) <= max_keyframes
    near = np.linalg.norm(xy_m - ego_xy_m, axis=-1) <= range_m
    return np.asarray(grid.alive & ~grid.observed & short & near)


def _gap_lengths(grid: Grid) -> NDArrayInt:
    """Keyframes (K, T) from the last box before to the next one after, without both."""
    steps, end = np.arange(len(grid.time_s)), len(grid.time_s)
    before = np.maximum.accumulate(np.where(grid.observed, steps, -1), axis=1)
    after = np.minimum.accumulate(np.where(grid.observed, steps, end)[:, ::-1], axis=1)[:, ::-1]
    return np.asarray(after - before - 1)
