"""What lifting reads of one keyframe."""

from typing import NamedTuple

from cm3d.geometry.arrays import NDArrayFloat
from cm3d.lift.lanes import LaneField
from cm3d.tables import Cameras, Masks


class Scan(NamedTuple):
    """LiDAR points accumulated over sweeps, global frame.

    Args:
        points_m: (N, 3).
        time_lag_s: (N,) age of each point; 0 for the keyframe's own sweep.
        sensor_m: (3,) position of the LiDAR at the keyframe.
        sensor_yaw_rad: Heading of its x axis.
    """

    points_m: NDArrayFloat
    time_lag_s: NDArrayFloat
    sensor_m: NDArrayFloat
    sensor_yaw_rad: float = 0.0

    def newest(self) -> NDArrayFloat:
        """Points (M, 3) of the keyframe's own sweep."""
        return self.points_m[self.time_lag_s <= 0]


class Keyframe(NamedTuple):
    """One keyframe.

    Args:
        sample_token: Its key.
        scan: LiDAR points.
        masks: Rows of this keyframe, sorted.
        cameras: Rows of this keyframe.
        lanes: Centrelines of the map; None where there are none.
        ego_xy_m: (2,) ego position, global frame.
    """

    sample_token: str
    scan: Scan
    masks: Masks
    cameras: Cameras
    lanes: LaneField | None
    ego_xy_m: NDArrayFloat
