"""Lane directions for vehicles (paper, section 3.1)."""

from copy import copy
from dataclasses import dataclass
from typing import Self

import numpy as np
from scipy.spatial import KDTree

from cm3d.geometry.arrays import NDArrayBool, NDArrayFloat
from cm3d.geometry.rows import Rows
from cm3d.geometry.se3 import SE3
from cm3d.tables import Lanes

_SAME_PLACE_M = 1e-3


class LaneField:
    """The direction of the nearest lane, anywhere on one map.

    Build it once per map. As in the paper there is no limit on the distance to the lane.
    """

    def __init__(self, lanes: Lanes) -> None:
        """Index the centreline points of one map; there must be at least one.

        Where lanes meet, several points share a place but not a direction. The first stands for
        them: else rounding would choose, and labels depend on where the world's origin is.
        """
        places = KDTree(lanes.position_m)
        later = np.unique(places.query_pairs(_SAME_PLACE_M, output_type="ndarray").max(axis=1))
        self._tree = KDTree(np.delete(lanes.position_m, later, axis=0))
        self._yaw_rad = np.delete(lanes.yaw_rad, later)
        self._global_SE3_query = SE3.identity()

    def seen_from(self, global_SE3_query: SE3) -> Self:
        """The same lanes, asked about and answering in another frame whose z axis is up."""
        other = copy(self)
        other._global_SE3_query = global_SE3_query
        return other

    @classmethod
    def from_lanes(cls, lanes: Lanes) -> Self | None:
        """The field of one map, or None where the map has no lanes."""
        return cls(lanes) if len(lanes) else None

    def nearest(self, xy_m: NDArrayFloat) -> tuple[NDArrayFloat, NDArrayFloat]:
        """The centreline points nearest to positions (N, 2), global frame or that of `seen_from`.

        Returns:
            (N,) directions of travel there and (N,) distances to them in metres.
        """
        frame = self._global_SE3_query
        global_m = frame.transform_points(np.column_stack([xy_m, np.zeros(len(xy_m))]))
        distance_m, rows = self._tree.query(global_m[:, :2])
        query_yaw_rad = frame.inverse().transform_yaw(self._yaw_rad[rows])
        return query_yaw_rad, np.asarray(distance_m)


@dataclass(frozen=True, eq=False)
class Headings(Rows):
    """What the map says about N boxes.

    Args:
        yaw_rad: (N,) heading, global frame.
        lane_distance_m: (N,) distance to the lane that it comes from; inf where it is of none.
    """

    yaw_rad: NDArrayFloat
    lane_distance_m: NDArrayFloat


def lane_headings(follows: NDArrayBool, xy_m: NDArrayFloat, lanes: LaneField | None) -> Headings:
    """Headings: the nearest lane's for what follows lanes, 0 in the global frame for all else.

    Args:
        follows: (N,) whether objects follow lanes.
        xy_m: (N, 2) positions, global frame.
        lanes: None gives 0 to all.
    """
    yaw_rad, distance_m = np.zeros(len(follows)), np.full(len(follows), np.inf)
    if lanes is not None:
        yaw_rad[follows], distance_m[follows] = lanes.nearest(xy_m[follows])
    return Headings(yaw_rad, distance_m)
