"""Which boxes of neighbouring keyframes are one object: forward through the scene."""

from dataclasses import dataclass
from typing import Self

import numpy as np
from scipy.optimize import linear_sum_assignment

from cm3d.geometry.arrays import NDArrayFloat, NDArrayInt
from cm3d.lift.tracks.detections import Detections
from cm3d.lift.tracks.kalman import States, inverse_2x2
from cm3d.params import Tracks


@dataclass(frozen=True, eq=False)
class Live:
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

    def at(self, rows: NDArrayInt) -> Self:
        """Some of the objects."""
        return type(self)(
            self.number[rows], self.states.at(rows), self.last_s[rows], self.box.at(rows)
        )

    def joined(self, others: Self) -> Self:
        """These, then others."""
        return type(self)(
            np.concatenate([self.number, others.number]),
            self.states.joined(others.states),
            np.concatenate([self.last_s, others.last_s]),
            Detections.concatenated([self.box, others.box]),
        )

    def predicted(self, dt_s: float) -> Self:
        """The same objects a step later."""
        states = self.states.predicted(dt_s, self.box.acceleration_mps2)
        return type(self)(self.number, states, self.last_s, self.box)

    def corrected(self, boxes: Detections, time_s: float) -> Self:
        """The same objects, each seen as one of the boxes (K,)."""
        seen = np.ones(len(self.number), dtype=bool)
        states = self.states.corrected(boxes.xy_m, boxes.std_m, seen)
        return type(self)(self.number, states, np.full(len(self.number), time_s), boxes)


def associate(boxes: Detections, time_s: NDArrayFloat, params: Tracks) -> NDArrayInt:
    """The track (N,) of each box, numbered from 0 in order of first sight.

    Args:
        boxes: N boxes.
        time_s: (T,) of the keyframes.
        params: Section `lift.tracks`.
    """
    track = np.full(len(boxes.frame), -1, dtype=np.int64)
    live = Live.born(np.empty(0, np.int64), boxes.at(np.empty(0, np.int64)), 0.0)
    born = 0
    for frame, now_s in enumerate(time_s):
        rows = np.flatnonzero(boxes.frame == frame)
        if frame:
            live = live.predicted(float(now_s - time_s[frame - 1]))
        live = live.at(np.flatnonzero(now_s - live.last_s <= params.max_gap_s))
        old, new = assign(_costs(live, boxes.at(rows), params))
        track[rows[new]] = live.number[old]
        fresh = np.setdiff1d(np.arange(len(rows)), new)
        track[rows[fresh]] = born + np.arange(len(fresh))
        born += len(fresh)
        lost = np.setdiff1d(np.arange(len(live.number)), old)
        seen = live.at(old).corrected(boxes.at(rows[new]), float(now_s))
        begun = Live.born(track[rows[fresh]], boxes.at(rows[fresh]), float(now_s))
        live = live.at(lost).joined(seen).joined(begun)
    return track


def _costs(live: Live, boxes: Detections, params: Tracks) -> NDArrayFloat:
    """Costs (K, M) of each object being seen as each box."""
    cost = np.zeros((len(live.number), len(boxes.frame)))
    old, new = np.nonzero(live.box.group[:, None] == boxes.group[None, :])
    states, box = live.states.at(old), boxes.at(new)
    spread = states.covariance[:, :2, :2] + box.std_m[:, None, None] ** 2 * np.eye(2)
    offset = box.xy_m - states.mean[:, :2]
    square = np.einsum("pi,pij,pj->p", offset, inverse_2x2(spread), offset)
    cost[old, new] = pair_costs(square, spread, live.box.at(old), box, params)
    return cost


def pair_costs(
    square: NDArrayFloat,
    spread: NDArrayFloat,
    before: Detections,
    after: Detections,
    params: Tracks,
) -> NDArrayFloat:
    """Negative log-likelihoods (P,) that pairs are one object, less that of a new object.

    A pair that is impossible or less likely than a new object costs 0.

    Args:
        square: (P,) squared Mahalanobis distance.
        spread: (P, 2, 2) covariance of the difference in position.
        before: P boxes.
        after: P later boxes of the same groups.
        params: Section `lift.tracks`.
    """
    log_density = -0.5 * (square + np.log(np.linalg.det(2 * np.pi * spread)))
    cost = np.log(params.birth_density_per_m2) - log_density
    cost += params.class_change_cost * (before.classes != after.classes)
    return np.where(square < params.gate_sigma**2, np.minimum(cost, 0.0), 0.0)


def assign(cost: NDArrayFloat) -> tuple[NDArrayInt, NDArrayInt]:
    """Rows and columns of the cheapest one-to-one assignment; pairs that cost 0 stay apart."""
    rows, columns = linear_sum_assignment(cost)
    paired = cost[rows, columns] < 0
    return rows[paired], columns[paired]
