"""Which boxes of neighbouring keyframes are one object: forward through the scene."""

from dataclasses import dataclass, replace
from typing import Self

import numpy as np
from scipy.optimize import linear_sum_assignment

from cm3d.geometry.arrays import NDArrayFloat, NDArrayInt
from cm3d.geometry.rows import Rows
from cm3d.lift.tracks.detections import Detections
from cm3d.lift.tracks.grid import Grid, smoothed_states
from cm3d.lift.tracks.kalman import States, inverse_2x2
from cm3d.params import Tracks


@dataclass(frozen=True, eq=False)
class Live(Rows):
    """Objects that are followed.

    Args:
        number: (K,) of the track.
        states: (K,) at the current keyframe.
        last_s: (K,) when each was last seen.
        box: What each was last seen as; only what concerns its kind is used.
    """

    number: NDArrayInt
    states: States
    last_s: NDArrayFloat
    box: Detections

    @classmethod
    def born(cls, number: NDArrayInt, boxes: Detections, time_s: float) -> Self:
        """Objects that are seen for the first time."""
        states = States.born(boxes.xy_m, boxes.std_m, boxes.velocity_covariance)
        return cls(number, states, np.full(len(number), time_s), boxes)

    def predicted(self, dt_s: float) -> Self:
        """The same objects a step later."""
        states = self.states.predicted(dt_s, self.box.motion.acceleration_mps2)
        return replace(self, states=states)

    def corrected(self, boxes: Detections, time_s: float) -> Self:
        """The same objects, each seen as one of the boxes (K,)."""
        seen = np.ones(len(self), dtype=bool)
        states = self.states.corrected(boxes.xy_m, boxes.std_m, seen)
        return replace(self, states=states, last_s=np.full(len(self), time_s), box=boxes)


def associate(boxes: Detections, time_s: NDArrayFloat, params: Tracks) -> NDArrayInt:
    """The track (N,) of each box, numbered from 0 in order of first sight.

    Args:
        boxes: N boxes.
        time_s: (T,) of the keyframes.
        params: Section `lift.tracks`.
    """
    track = np.full(len(boxes), -1, dtype=np.int64)
    live = Live.born(np.empty(0, np.int64), boxes[:0], 0.0)
    born = 0
    for frame, now_s in enumerate(time_s):
        rows = np.flatnonzero(boxes.frame == frame)
        if frame:
            live = live.predicted(float(now_s - time_s[frame - 1]))
        live = live[now_s - live.last_s <= params.max_gap_s]
        old, new = assign(_costs(live, boxes[rows], params))
        track[rows[new]] = live.number[old]
        fresh = np.setdiff1d(np.arange(len(rows)), new)
        track[rows[fresh]] = born + np.arange(len(fresh))
        born += len(fresh)
        lost = np.setdiff1d(np.arange(len(live)), old)
        seen = live[old].corrected(boxes[rows[new]], float(now_s))
        begun = Live.born(track[rows[fresh]], boxes[rows[fresh]], float(now_s))
        live = Live.concatenate([live[lost], seen, begun])
    return track


def _costs(live: Live, boxes: Detections, params: Tracks) -> NDArrayFloat:
    """Costs (K, M) of each object being seen as each box."""
    cost = np.zeros((len(live), len(boxes)))
    old, new = np.nonzero(live.box.motion.group[:, None] == boxes.motion.group[None, :])
    states, box = live.states[old], boxes[new]
    rest = log_rest(states)
    spread = states.covariance[:, :2, :2] + box.std_m[:, None, None] ** 2 * np.eye(2)
    offset = box.xy_m - states.mean[:, :2]
    square = np.einsum("pi,pij,pj->p", offset, inverse_2x2(spread), offset)
    cost[old, new] = pair_costs(square, spread, rest, live.box[old], box, params)
    return cost


def log_rest(states: States) -> NDArrayFloat:
    """How well objects (N,) may stand: log-density of velocity 0 less that of the mean."""
    velocity_mps, covariance = states.mean[:, 2:], states.covariance[:, 2:, 2:]
    square = np.einsum("ni,nij,nj->n", velocity_mps, inverse_2x2(covariance), velocity_mps)
    return np.asarray(-0.5 * square)


def pair_costs(
    square: NDArrayFloat,
    spread: NDArrayFloat,
    rest: NDArrayFloat,
    before: Detections,
    after: Detections,
    params: Tracks,
) -> NDArrayFloat:
    """Negative log-likelihoods (P,) that pairs are one object, less that of a new object.

    An object goes on as it moved, or it stands where it was last seen: most do, and a moving one
    could be anywhere along a row of parked cars. A pair that is impossible or less likely than a
    new object costs 0.

    Args:
        square: (P,) squared Mahalanobis distance, if it moves.
        spread: (P, 2, 2) covariance of the difference in position, if it moves.
        rest: (P,) log of how well it may stand, at most 0.
        before: P boxes.
        after: P later boxes of the same groups.
        params: Section `lift.tracks`.
    """
    moves = -0.5 * (square + np.log(np.linalg.det(2 * np.pi * spread)))
    variance = before.std_m**2 + after.std_m**2
    offset_square = np.sum((after.xy_m - before.xy_m) ** 2, axis=1) / variance
    stands = -0.5 * offset_square - np.log(2 * np.pi * variance)
    share = params.standing_share
    log_density = np.logaddexp(
        np.log1p(-share * np.exp(rest)) + moves, np.log(share) + rest + stands
    )
    cost = np.log(params.birth_density_per_m2) - log_density
    cost += params.class_change_cost * (before.classes != after.classes)
    return np.where(square < params.gate_sigma**2, np.minimum(cost, 0.0), 0.0)


def assign(cost: NDArrayFloat) -> tuple[NDArrayInt, NDArrayInt]:
    """Rows and columns of the cheapest one-to-one assignment; pairs that cost 0 stay apart."""
    rows, columns = linear_sum_assignment(cost)
    paired = cost[rows, columns] < 0
    return rows[paired], columns[paired]


def link(track: NDArrayInt, boxes: Detections, time_s: NDArrayFloat, params: Tracks) -> NDArrayInt:
    """Tracks (N,) of boxes after joining pieces whose ends fit, in position and velocity.

    The end of a piece is known from the boxes before it, the start of another from those after
    it: smoothing both sees fits that the forward pass could not.

    Args:
        track: (N,) numbered from 0 without gaps.
        boxes: N boxes.
        time_s: (T,) of the keyframes.
        params: Section `lift.tracks`.
    """
    grid = Grid.from_tracks(track, boxes.frame, time_s)
    before, after = assign(_link_costs(boxes, grid, params))
    predecessor = np.full(len(grid.row), -1, dtype=np.int64)
    predecessor[after] = before
    root = np.arange(len(grid.row))
    for piece in np.argsort(grid.first, kind="stable"):
        if predecessor[piece] >= 0:
            root[piece] = root[predecessor[piece]]
    return np.asarray(np.unique(root[track], return_inverse=True)[1].reshape(-1))


def _link_costs(boxes: Detections, grid: Grid, params: Tracks) -> NDArrayFloat:
    """Costs (K, K) of each piece being followed by each other."""
    states, pieces = smoothed_states(boxes, grid), np.arange(len(grid.row))
    ends, starts = states[pieces, grid.last], states[pieces, grid.first]
    last_box = boxes[grid.row[pieces, grid.last]]
    first_box = boxes[grid.row[pieces, grid.first]]
    gap_s = grid.time_s[grid.first][None, :] - grid.time_s[grid.last][:, None]
    cost = np.zeros((len(pieces), len(pieces)))
    close = (gap_s > 0) & (gap_s <= params.max_link_s)
    old, new = np.nonzero(close & (last_box.motion.group[:, None] == first_box.motion.group))
    later = ends[old].predicted(gap_s[old, new], last_box.motion.acceleration_mps2[old])
    spread = later.covariance + starts.covariance[new]
    rest = log_rest(ends[old]) + log_rest(starts[new])
    offset = starts.mean[new] - later.mean
    square = np.einsum("pi,pi->p", offset, np.linalg.solve(spread, offset[..., None])[..., 0])
    spread = spread[:, :2, :2]
    cost[old, new] = pair_costs(square, spread, rest, last_box[old], first_box[new], params)
    return cost
