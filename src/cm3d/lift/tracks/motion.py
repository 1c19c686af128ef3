"""Which tracks move, where they are, and how fast."""

from dataclasses import dataclass
from typing import Self

import numpy as np

from cm3d.geometry.arrays import NDArrayBool, NDArrayFloat
from cm3d.geometry.rows import Rows
from cm3d.lift.tracks.detections import Detections
from cm3d.lift.tracks.grid import Grid, robust_positions, robust_states
from cm3d.lift.tracks.kalman import States
from cm3d.params import Tracks


@dataclass(frozen=True, eq=False)
class TrackMotion(Rows):
    """Motion of K tracks over T keyframes.

    Args:
        xy_m: (K, T, 2) positions, global frame.
        velocity_mps: (K, T, 2); exactly 0 where a track stands.
        travelled: (K,) whether the track is ever somewhere else.
        moving: (K, T) whether it moves in the keyframe.
        known: (K,) whether there is more than one box to tell.
    """

    xy_m: NDArrayFloat
    velocity_mps: NDArrayFloat
    travelled: NDArrayBool
    moving: NDArrayBool
    known: NDArrayBool

    @classmethod
    def of(cls, boxes: Detections, grid: Grid, params: Tracks) -> Self:
        """The motion that the boxes of the tracks tell."""
        states = robust_states(boxes, grid, params.outlier_dof)
        first_box = grid.row[np.arange(len(grid.row)), grid.first]
        motion = boxes.motion[first_box]
        known = grid.length > 1
        drift_m = motion.drift_lengths * grid.mean(boxes.length_m, np.ones(len(boxes)))
        travelled = known & _has_travelled(states, grid, drift_m, params.moved_sigma)
        velocity_mps = np.where(travelled[:, None, None], states.mean[..., 2:], 0.0)
        speed_mps = np.linalg.norm(velocity_mps, axis=-1)
        moving = travelled[:, None] & (speed_mps > motion.moving_mps[:, None])
        pooled_m = robust_positions(boxes, grid, params.outlier_dof)
        xy_m = np.where(travelled[:, None, None], states.mean[..., :2], pooled_m[:, None])
        return cls(xy_m, np.where(moving[..., None], velocity_mps, 0.0), travelled, moving, known)


def _has_travelled(
    states: States, grid: Grid, drift_m: NDArrayFloat, moved_sigma: float
) -> NDArrayBool:
    """Whether each track (K,) gets further from its start than noise and drift explain."""
    start = states[np.arange(len(grid.row)), grid.first]
    offset_m = states.mean[..., :2] - start.mean[:, None, :2]
    distance_m = np.linalg.norm(offset_m, axis=-1)
    covariance = states.covariance + start.covariance[:, None]
    std_m = np.sqrt((covariance[..., 0, 0] + covariance[..., 1, 1]) / 2)
    away = (distance_m > drift_m[:, None]) & (distance_m > moved_sigma * std_m)
    return np.asarray(np.any(grid.alive & away, axis=1))


def heights(
    z_m: NDArrayFloat, std_m: NDArrayFloat, grid: Grid, motion: TrackMotion
) -> NDArrayFloat:
    """Heights (K, T): pooled where a track stands, else a mean over about two seconds.

    Args:
        z_m: (N,) of the boxes.
        std_m: (N,) how well their centres are known.
        grid: K tracks over T keyframes.
        motion: Of the same tracks.
    """
    weight = np.where(grid.observed, std_m[grid.row] ** -2, 0.0)
    lag_s = grid.time_s[:, None] - grid.time_s[None, :]
    nearness = np.exp(-0.5 * lag_s**2)
    local = ((weight * z_m[grid.row]) @ nearness) / (weight @ nearness)
    return np.where(motion.travelled[:, None], local, grid.mean(z_m, std_m**-2)[:, None])
