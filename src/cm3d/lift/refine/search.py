"""Pattern search: the box that explains best what was seen, near a first guess."""

import numpy as np

from cm3d.geometry.arrays import NDArrayFloat
from cm3d.lift.refine.candidates import Candidates
from cm3d.lift.refine.objective import Objective

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
        choice = np.argmin(costs, axis=1)
        found = costs[np.arange(len(choice)), choice]
        better = found < cost - _LEAST_GAIN
        chosen = tried.pick(choice)
        best = Candidates(*(np.where(better, *both) for both in zip(chosen, best, strict=True)))
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
    origin = boxes.expanded()
    moved = origin.moved(
        along * objective.length_m[:, None], across * objective.width_m[:, None]
    )._replace(yaw_rad=origin.yaw_rad + turned)
    full = Candidates(*(np.broadcast_to(column, along.shape) for column in moved))
    return full.resized(
        full.length_m * np.exp(longer), full.width_m * np.exp(wider), objective.sensor_m[:2]
    )


def _moves(resize: bool, turn: bool) -> NDArrayFloat:
    """(5, C) steps in both directions of all that may change."""
    sizes = np.diag([_ALONG, _ACROSS, _RESIZE, _RESIZE, _TURN])
    allowed = sizes[:, [True, True, resize, resize, turn]]
    return np.concatenate([allowed, -allowed], axis=1)
