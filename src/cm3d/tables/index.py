"""What `download` knows of a data set, so that no later stage opens its metadata again.

Paths are relative to the data set's root; poses are (qw, qx, qy, qz, x_m, y_m, z_m).
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, ClassVar

import numpy as np

from cm3d.tables import rules
from cm3d.tables.columns import Float, Int, Matrix3, Pose, Text, Vector2
from cm3d.tables.contract import Fault, shown
from cm3d.tables.table import Table


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
    key: ClassVar[tuple[str, ...]] = ("sample_token",)

    sample_token: Annotated[Text, rules.TOKEN]
    scene_name: Annotated[Text, rules.SCENE]
    timestamp_us: Annotated[Int, rules.TIME]
    split: Annotated[Text, rules.SPLIT]
    location: Annotated[Text, rules.LOCATION]
    global_SE3_ego: Annotated[Pose, rules.POSE]

    def fault_in(self, path: Path) -> Fault | None:
        """Of a file of one scene: keyframes of others, of two splits or maps, or out of time."""
        if not len(self):
            return Fault(0, "sample_token", "the scene has no keyframe")
        expected = {"scene_name": path.stem, "split": self.split[0], "location": self.location[0]}
        for name, value in expected.items():
            strange = getattr(self, name) != value
            if strange.any():
                row = int(np.argmax(strange))
                found = shown(getattr(self, name)[row])
                return Fault(row, name, f"{found} in the file of {shown(value)}")
        gaps_s = np.diff(self.timestamp_us) * 1e-6
        strange = ~((gaps_s > 0) & (gaps_s <= rules.MAX_GAP_S))
        if strange.any():
            row = int(np.argmax(strange)) + 1
            reason = f"{gaps_s[row - 1]:g} s after the keyframe before is not in (0, 60]"
            return Fault(row, "timestamp_us", reason)
        return None


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
    key: ClassVar[tuple[str, ...]] = ("sample_token", "sweep_index")

    sample_token: Annotated[Text, rules.TOKEN]
    sweep_index: Annotated[Int, rules.COUNT]
    path: Annotated[Text, rules.PATH]
    time_lag_s: Annotated[Float, rules.LAG]
    global_SE3_lidar: Annotated[Pose, rules.POSE]


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
    key: ClassVar[tuple[str, ...]] = ("camera_token",)

    camera_token: Annotated[Text, rules.TOKEN]
    sample_token: Annotated[Text, rules.TOKEN]
    channel: Annotated[Text, rules.TOKEN]
    path: Annotated[Text, rules.PATH]
    width_px: Annotated[Int, rules.SIDE_PX]
    height_px: Annotated[Int, rules.SIDE_PX]
    intrinsics_px: Annotated[Matrix3, rules.PINHOLE]
    global_SE3_camera: Annotated[Pose, rules.POSE]


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
    key: ClassVar[tuple[str, ...]] = ("lane_token", "point_index")

    lane_token: Annotated[Text, rules.TOKEN]
    point_index: Annotated[Int, rules.COUNT]
    kind: Annotated[Text, rules.one_of(("lane", "lane_connector"))]
    position_m: Annotated[Vector2, rules.POSITION]
    yaw_rad: Annotated[Float, rules.ANGLE]
