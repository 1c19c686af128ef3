"""What lifting reads of one keyframe."""

from typing import NamedTuple

import numpy as np

from cm3d.geometry.arrays import NDArrayFloat
from cm3d.geometry.point_pixels import PointPixels
from cm3d.geometry.se3 import SE3
from cm3d.lift.lanes import LaneField
from cm3d.tables import Cameras, Masks


class Scan(NamedTuple):
    """LiDAR points accumulated over sweeps, global frame.

    Args:
        points_m: (N, 3).
        time_lag_s: (N,) age of each point; 0 for the keyframe's own sweep.
        sensor_m: (3,) position of the LiDAR at the keyframe.
        sensor_yaw_rad: Heading of its x axis.
        pixels: Points whose places in images are known; None: all are projected.
    """

    points_m: NDArrayFloat
    time_lag_s: NDArrayFloat
    sensor_m: NDArrayFloat
    sensor_yaw_rad: float = 0.0
    pixels: PointPixels | None = None

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
        global_SE3_level: Of the level frame: where the ego vehicle is, x towards its front, z up.
    """

    sample_token: str
    scan: Scan
    masks: Masks
    cameras: Cameras
    lanes: LaneField | None
    global_SE3_level: SE3

    @property
    def ego_xy_m(self) -> NDArrayFloat:
        """Ego position (2,), in the frame of the points."""
        return self.global_SE3_level.translation_m[:2]

    def in_level_frame(self) -> "Keyframe":
        """The same, seen from the level frame, in which nothing tells where north is."""
        level_SE3_global = self.global_SE3_level.inverse()
        scan, cameras = self.scan, self.cameras
        poses = [
            (level_SE3_global @ SE3.from_pose(pose)).as_pose() for pose in cameras.global_SE3_camera
        ]
        return self._replace(
            scan=scan._replace(
                points_m=level_SE3_global.transform_points(scan.points_m),
                sensor_m=level_SE3_global.transform_points(scan.sensor_m[None])[0],
                sensor_yaw_rad=float(
                    level_SE3_global.transform_yaw(np.array([scan.sensor_yaw_rad]))[0]
                ),
            ),
            cameras=cameras.replace(global_SE3_camera=np.array(poses).reshape(-1, 7)),
            lanes=self.lanes.seen_from(self.global_SE3_level) if self.lanes else None,
            global_SE3_level=SE3.identity(),
        )
