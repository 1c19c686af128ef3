"""What `download` knows of a data set, so that no later stage opens its metadata again.

Paths are relative to the data set's root; poses are (qw, qx, qy, qz, x_m, y_m, z_m).
"""

from dataclasses import dataclass
from typing import ClassVar

from cm3d.tables.table import Float, Int, Matrix3, Pose, Table, Text, Vector2


@dataclass(frozen=True, eq=False)
class Frames(Table):
    """One row per keyframe, in time order.

    Args:
        sample_token: Key of the keyframe.
        scene_name: The drive that it belongs to.
        timestamp_us: Time of the LiDAR keyframe, microseconds.
        split: `train` or `val`.
        location: Name of the map; empty where the data set has none.
        global_SE3_ego: Ego pose at the time of the LiDAR keyframe.
    """

    sort_by: ClassVar[tuple[str, ...]] = ("timestamp_us",)

    sample_token: Text
    scene_name: Text
    timestamp_us: Int
    split: Text
    location: Text
    global_SE3_ego: Pose


@dataclass(frozen=True, eq=False)
class Sweeps(Table):
    """The LiDAR files of each keyframe: itself (`sweep_index` 0), then the past ones.

    Args:
        sample_token: The keyframe that the sweep serves.
        sweep_index: 0 for the keyframe, 1 for the sweep before it, and so on.
        path: LiDAR file: float32 x, y, z, intensity, ring in the sensor's frame.
        time_lag_s: Keyframe time minus sweep time, never negative.
        global_SE3_lidar: Sensor pose at the sweep's own time.
    """

    sort_by: ClassVar[tuple[str, ...]] = ("sample_token", "sweep_index")

    sample_token: Text
    sweep_index: Int
    path: Text
    time_lag_s: Float
    global_SE3_lidar: Pose


@dataclass(frozen=True, eq=False)
class Cameras(Table):
    """One row per camera image of a keyframe.

    Args:
        camera_token: Key of the image (nuScenes' sample_data token).
        sample_token: The keyframe that the image belongs to.
        channel: One of `CAMERA_CHANNELS`.
        path: Image file.
        width_px: Image width.
        height_px: Image height.
        intrinsics_px: Row-major 3x3 pinhole matrix.
        global_SE3_camera: Camera pose at the image's own time; z forward, x right, y down.
    """

    sort_by: ClassVar[tuple[str, ...]] = ("sample_token", "channel")

    camera_token: Text
    sample_token: Text
    channel: Text
    path: Text
    width_px: Int
    height_px: Int
    intrinsics_px: Matrix3
    global_SE3_camera: Pose


@dataclass(frozen=True, eq=False)
class Lanes(Table):
    """Centrelines of one map, a row per point, discretised along the direction of travel.

    Args:
        lane_token: Key of the lane.
        point_index: Order of the point within its lane.
        kind: `lane` or `lane_connector`.
        position_m: x, y in the global frame.
        yaw_rad: Direction of travel at the point, global frame.
    """

    sort_by: ClassVar[tuple[str, ...]] = ("lane_token", "point_index")

    lane_token: Text
    point_index: Int
    kind: Text
    position_m: Vector2
    yaw_rad: Float
