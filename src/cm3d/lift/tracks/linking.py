"""Joining the pieces of one object that the forward pass left apart."""

import numpy as np

from cm3d.geometry.arrays import NDArrayFloat, NDArrayInt
from cm3d.lift.tracks.association import assign, pair_costs
from cm3d.lift.tracks.detections import Detections
from cm3d.lift.tracks.grid import Grid, smoothed_states
from cm3d.params import Tracks


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
    ends, starts = states.at((pieces, grid.last)), states.at((pieces, grid.first))
    last_box = boxes.at(grid.row[pieces, grid.last])
    first_box = boxes.at(grid.row[pieces, grid.first])
    gap_s = grid.time_s[grid.first][None, :] - grid.time_s[grid.last][:, None]
    cost = np.zeros((len(pieces), len(pieces)))
    close = (gap_s > 0) & (gap_s <= params.max_link_s)
    old, new = np.nonzero(close & (last_box.group[:, None] == first_box.group[None, :]))
    later = ends.at(old).predicted(gap_s[old, new], last_box.acceleration_mps2[old])
    spread = later.covariance + starts.covariance[new]
    offset = starts.mean[new] - later.mean
    square = np.einsum("pi,pi->p", offset, np.linalg.solve(spread, offset[..., None])[..., 0])
    cost[old, new] = pair_costs(
        square, spread[:, :2, :2], last_box.at(old), first_box.at(new), params
    )
    return cost
