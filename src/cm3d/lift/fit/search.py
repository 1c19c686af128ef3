"""Pattern search: the box that explains best what was seen, near a first guess."""

from dataclasses import replace

import numpy as np

from cm3d.geometry.arrays import NDArrayBool, NDArrayFloat
from cm3d.geometry.rows import columns
from cm3d.lift.fit.footprints import Candidates
from cm3d.lift.fit.objective import Facts, Objective

# First steps: shares of the class's length and width, a logarithm of sizes, an angle (rad).
_ALONG, _ACROSS, _RESIZE, _TURN = 0.1, 0.15, 0.1, 0.1
_LEAST_GAIN = 1e-6


def search(
    objective: Objective,
    start: Candidates,
    penalty: NDArrayFloat,
    resize: bool,
    turn: bool,
    rounds: int,
) -> tuple[Candidates, NDArrayFloat]:
    """Move, turn and resize boxes as long as their cost falls.

    In each round a box takes the best of single steps, or halves its steps if none helps.

    Args:
        objective: What is known of N objects.
        start: (N,) first guesses.
        penalty: (N,) added to the cost.
        resize: Whether sizes may change.
        turn: Whether headings may change.
        rounds: Number of rounds.

    Returns:
        (N,) boxes and (N,) costs.
    """
    best, step = start, np.ones(len(penalty))
    cost = objective.cost(start.expanded())[:, 0] + penalty
    for _ in range(rounds):
        tried = _neighbours(best, step, objective, resize, turn)
        costs = objective.cost(tried) + penalty[:, None]
        cheapest = (np.arange(len(costs)), np.argmin(costs, axis=1))
        found = costs[cheapest]
        better = found < cost - _LEAST_GAIN
        best = best.replaced(better, tried[cheapest])
        cost = np.where(better, found, cost)
        step = np.where(better, step, step / 2)
    return best, cost


def _neighbours(
    boxes: Candidates, step: NDArrayFloat, objective: Objective, resize: bool, turn: bool
) -> Candidates:
    """All single steps (N, C) from N boxes."""
    moves = _moves(resize, turn)
    # Contiguous, because numpy's exp and cos of strided arrays differ in the last bit with where
    # in memory their result happens to lie.
    along, across, longer, wider, turned = np.ascontiguousarray(moves[:, None] * step[:, None])
    origin, facts = boxes.expanded(), objective.facts
    moved = origin.moved(along * facts.length_m[:, None], across * facts.width_m[:, None])
    moved = replace(moved, yaw_rad=origin.yaw_rad + turned)
    full = Candidates(*(np.broadcast_to(c, along.shape) for c in columns(moved).values()))
    return full.resized(
        full.length_m * np.exp(longer), full.width_m * np.exp(wider), objective.sensor_m[:2]
    )


def _moves(resize: bool, turn: bool) -> NDArrayFloat:
    """(5, C) steps in both directions of all that may change."""
    sizes = np.diag([_ALONG, _ACROSS, _RESIZE, _RESIZE, _TURN])
    allowed = sizes[:, [True, True, resize, resize, turn]]
    return np.concatenate([allowed, -allowed], axis=1)


def at(center_m: NDArrayFloat, facts: Facts, yaw_rad: NDArrayFloat) -> Candidates:
    """Boxes (N,) of given centres (N, 3) and headings (N,) and their classes' sizes."""
    return Candidates(center_m[:, 0], center_m[:, 1], yaw_rad, facts.length_m, facts.width_m)


def behind_seen_sides(objective: Objective, yaw_rad: NDArrayFloat) -> Candidates:
    """Boxes of given headings and their classes' sizes whose near sides touch the points.

    Along an axis of which the sensor sees a face, the box reaches away from the outermost point;
    along the other it is centred on the points. Objects that do not fill their boxes are centred
    on the mean of their points.

    Args:
        objective: What is known of N objects.
        yaw_rad: (N,) headings.
    """
    facts, samples = objective.facts, objective.facts.samples
    at_origin = at(np.zeros((len(yaw_rad), 3)), facts, yaw_rad)
    along_m, across_m = at_origin.expanded().in_box_frame(
        samples.points_m[..., 0], samples.points_m[..., 1]
    )
    sensor_along_m, sensor_across_m = at_origin.in_box_frame(*objective.sensor_m[:2])
    boxes = at_origin.moved(
        _centre(along_m, samples.valid, sensor_along_m, facts.length_m),
        _centre(across_m, samples.valid, sensor_across_m, facts.width_m),
    )
    mean_m, hollow = samples.mean(), facts.hollow
    return replace(
        boxes,
        x_m=np.where(hollow, mean_m[:, 0], boxes.x_m),
        y_m=np.where(hollow, mean_m[:, 1], boxes.y_m),
    )


def _centre(
    position_m: NDArrayFloat, valid: NDArrayBool, sensor_m: NDArrayFloat, extent_m: NDArrayFloat
) -> NDArrayFloat:
    """Centre (N,) along one axis."""
    low_m = np.where(valid, position_m, np.inf).min(axis=1)
    high_m = np.where(valid, position_m, -np.inf).max(axis=1)
    beyond = np.where(sensor_m > high_m, high_m - extent_m / 2, (low_m + high_m) / 2)
    return np.asarray(np.where(sensor_m < low_m, low_m + extent_m / 2, beyond))
