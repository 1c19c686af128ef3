"""Headings that agree over a track and with its motion."""

from typing import NamedTuple

import numpy as np

from cm3d.geometry.angles import direction_of, wrap_angle
from cm3d.geometry.arrays import NDArrayBool, NDArrayFloat, NDArrayInt, NDArrayObject
from cm3d.lift.tracks.followed import OWN
from cm3d.lift.tracks.grid import Grid
from cm3d.lift.tracks.motion import TrackMotion


class TrackHeadings(NamedTuple):
    """Headings of K tracks over T keyframes, and what gave them, in the words of `Explanations`.

    Args:
        yaw_rad: (K, T), global frame.
        told_by: (K, T) what gave the axis, or `OWN`.
        front_by: (K,) what told front from back, or `OWN`.
    """

    yaw_rad: NDArrayFloat
    told_by: NDArrayObject
    front_by: NDArrayObject


def track_headings(
    yaw_rad: NDArrayFloat,
    yaw_weight: NDArrayFloat,
    vehicle: NDArrayBool,
    grid: Grid,
    motion: TrackMotion,
    max_axis_error_rad: float,
) -> TrackHeadings:
    """Headings of tracks.

    What never moved keeps one heading, its boxes' consensus. What moves faces its motion;
    where it rests in between, the motion nearest in time. Vehicles keep the axis of their boxes,
    which lanes and rectangles know better than a short displacement, unless it is far off.

    Args:
        yaw_rad: (N,) of the boxes.
        yaw_weight: (N,) in [0, 1], how well each is known.
        vehicle: (K,) whether the track is a vehicle.
        grid: K tracks over T keyframes.
        motion: Of the same tracks.
        max_axis_error_rad: Largest angle between motion and the axis that is kept.
    """
    resting = consensus(yaw_rad, yaw_weight, grid)
    driven = nearest_direction(motion)
    box_yaw = yaw_rad[grid.row]
    turned = box_yaw + np.pi * np.round((driven - box_yaw) / np.pi)
    keeps_axis = vehicle[:, None] & (np.abs(driven - turned) < max_axis_error_rad)
    moving = np.where(keeps_axis, turned, driven)
    travelled = motion.travelled[:, None]
    pooled = np.where(motion.known, "track", OWN)
    return TrackHeadings(
        wrap_angle(np.where(travelled, moving, resting[:, None])),
        np.where(travelled, np.where(keeps_axis, OWN, "motion"), pooled[:, None]).astype(object),
        np.where(motion.travelled, "motion", pooled).astype(object),
    )


def consensus(yaw_rad: NDArrayFloat, yaw_weight: NDArrayFloat, grid: Grid) -> NDArrayFloat:
    """One heading (K,) per track: the mean axis of its boxes, pointing as most of them do."""
    weight = np.maximum(yaw_weight, 1e-6)
    doubled = grid.mean(np.stack([np.cos(2 * yaw_rad), np.sin(2 * yaw_rad)], axis=-1), weight)
    axis_rad = direction_of(doubled) / 2
    facing = grid.mean(np.stack([np.cos(yaw_rad), np.sin(yaw_rad)], axis=-1), weight)
    agreement = np.cos(axis_rad) * facing[:, 0] + np.sin(axis_rad) * facing[:, 1]
    return np.where(agreement < 0, axis_rad + np.pi, axis_rad)


def nearest_direction(motion: TrackMotion) -> NDArrayFloat:
    """Direction (K, T) of the motion, or of the motion nearest in time where there is none."""
    direction = direction_of(motion.velocity_mps)
    return np.take_along_axis(direction, _nearest_step(motion.moving), axis=1)


def _nearest_step(marked: NDArrayBool) -> NDArrayInt:
    """The marked step (K, T) nearest to each, the earlier of two; anything without a mark."""
    steps = np.arange(marked.shape[1])
    far = marked.shape[1]
    before = np.maximum.accumulate(np.where(marked, steps, -far), axis=1)
    backward = np.where(marked, steps, 2 * far)[:, ::-1]
    after = np.minimum.accumulate(backward, axis=1)[:, ::-1]
    nearest = np.where(steps - before <= after - steps, before, after)
    return np.asarray(np.clip(nearest, 0, far - 1))
