"""Tracks by keyframes: where the boxes of a scene stand in time."""

from dataclasses import dataclass
from typing import Final, Self

import numpy as np

from cm3d.geometry.arrays import NDArrayBool, NDArrayFloat, NDArrayInt
from cm3d.lift.tracks.detections import Detections
from cm3d.lift.tracks.kalman import States, doubt, smoothed

_ROUNDS: Final = 3  # after which weights hardly change


@dataclass(frozen=True, eq=False)
class Grid:
    """K tracks over T keyframes.

    Args:
        row: (K, T) the box of a track in a keyframe; where there is none, its nearest before,
            or its first.
        observed: (K, T) whether there is one.
        time_s: (T,).
    """

    row: NDArrayInt
    observed: NDArrayBool
    time_s: NDArrayFloat

    @classmethod
    def from_tracks(cls, track: NDArrayInt, frame: NDArrayInt, time_s: NDArrayFloat) -> Self:
        """Spread boxes (N,) over tracks, numbered from 0 without gaps, and keyframes."""
        row = np.full((track.max(initial=-1) + 1, len(time_s)), -1, dtype=np.int64)
        row[track, frame] = np.arange(len(track))
        observed = row >= 0
        last = np.maximum.accumulate(np.where(observed, np.arange(len(time_s)), -1), axis=1)
        source = np.where(last >= 0, last, observed.argmax(axis=1)[:, None])
        return cls(np.take_along_axis(row, source, axis=1), observed, time_s)

    @property
    def first(self) -> NDArrayInt:
        """(K,) first keyframe of each track."""
        return np.asarray(self.observed.argmax(axis=1))

    @property
    def last(self) -> NDArrayInt:
        """(K,) last keyframe of each track."""
        return np.asarray(len(self.time_s) - 1 - self.observed[:, ::-1].argmax(axis=1))

    @property
    def alive(self) -> NDArrayBool:
        """(K, T) from each track's first keyframe to its last."""
        step = np.arange(len(self.time_s))
        return np.asarray((step >= self.first[:, None]) & (step <= self.last[:, None]))

    @property
    def length(self) -> NDArrayInt:
        """(K,) boxes of each track."""
        return np.asarray(self.observed.sum(axis=1))

    def mean(self, values: NDArrayFloat, weight: NDArrayFloat) -> NDArrayFloat:
        """Weighted means (K,) or (K, D) over the boxes of each track, of values of boxes."""
        weights = np.where(self.observed, weight[self.row], 0.0)
        total = weights.sum(axis=1)
        return np.asarray(np.einsum("kt,kt...->k...", weights, values[self.row]).T / total).T


def smoothed_states(boxes: Detections, grid: Grid) -> States:
    """States (K, T) of tracks, from all of their boxes."""
    return _smoothed(boxes, grid, boxes.std_m[grid.row])


def robust_states(boxes: Detections, grid: Grid, dof: float) -> States:
    """The same, where boxes far from the rest of their track count less: see `doubt`."""
    xy_m, std_m = boxes.xy_m[grid.row], boxes.std_m[grid.row]
    states = _smoothed(boxes, grid, std_m)
    for _ in range(_ROUNDS):
        variance_factor = doubt(xy_m - states.mean[..., :2], std_m, dof)
        states = _smoothed(boxes, grid, std_m * np.sqrt(variance_factor))
    return states


def robust_positions(boxes: Detections, grid: Grid, dof: float) -> NDArrayFloat:
    """One position (K, 2) per track: a mean in which boxes far from the rest count less."""
    xy_m, std_m = boxes.xy_m[grid.row], boxes.std_m[grid.row]
    certain = np.where(grid.observed, std_m**-2, 0.0)
    weight = certain
    for _ in range(3 * _ROUNDS):
        mean_m = np.einsum("kt,ktd->kd", weight, xy_m) / weight.sum(axis=1)[:, None]
        weight = certain / doubt(xy_m - mean_m[:, None], std_m, dof)
    return np.asarray(mean_m)


def _smoothed(boxes: Detections, grid: Grid, std_m: NDArrayFloat) -> States:
    """States (K, T) of tracks whose boxes are known so well (K, T)."""
    first = grid.row[np.arange(len(grid.row)), grid.first]
    return smoothed(
        boxes.xy_m[grid.row],
        std_m,
        grid.observed,
        boxes.velocity_covariance[first],
        boxes.motion.acceleration_mps2[first],
        grid.time_s,
    )


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
