"""The components of Waymo's Parquet format (v2) that are read or written, and their columns."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

import pyarrow as pa

SEGMENT: Final = "key.segment_context_name"
TIME: Final = "key.frame_timestamp_micros"
LASER: Final = "key.laser_name"
CAMERA: Final = "key.camera_name"
OBJECT: Final = "key.laser_object_id"

TOP: Final = 1  # the laser with a pose per pixel
LASERS: Final = {TOP: "TOP", 2: "FRONT", 3: "SIDE_LEFT", 4: "SIDE_RIGHT", 5: "REAR"}
CAMERAS: Final = {1: "FRONT", 2: "FRONT_LEFT", 3: "FRONT_RIGHT", 4: "SIDE_LEFT", 5: "SIDE_RIGHT"}
TYPES: Final = {0: "UNKNOWN", 1: "VEHICLE", 2: "PEDESTRIAN", 3: "SIGN", 4: "CYCLIST"}

_KEY_TYPES: Final = {
    SEGMENT: pa.string(),
    TIME: pa.int64(),
    LASER: pa.int8(),
    CAMERA: pa.int8(),
    OBJECT: pa.string(),
}


@dataclass(frozen=True, eq=False)
class Component:
    """One component: a folder with a file per segment.

    Args:
        folder: Its name.
        title: What stands in brackets before its columns.
        keys: Columns that name a row.
        values: Types of the others, without the title.
        optional: Those that may be null.
    """

    folder: str
    title: str
    keys: tuple[str, ...]
    values: Mapping[str, pa.DataType]
    optional: frozenset[str] = field(default=frozenset())

    def column(self, name: str) -> str:
        """Full name of a column that is no key."""
        return name if name in self.keys else f"[{self.title}].{name}"

    def type_of(self, name: str) -> pa.DataType:
        """Type of a column."""
        return _KEY_TYPES[name] if name in self.keys else self.values[name]

    @property
    def schema(self) -> pa.Schema:
        """Of a file with all columns."""
        names = [*self.keys, *self.values]
        return pa.schema([(self.column(name), self.type_of(name)) for name in names])


def _image(name: str) -> dict[str, pa.DataType]:
    """A range image: flat, with its height, width and number of channels."""
    return {f"{name}.values": pa.list_(pa.float32()), f"{name}.shape": pa.list_(pa.int32(), 3)}


def _doubles(*names: str) -> dict[str, pa.DataType]:
    return dict.fromkeys(names, pa.float64())


_TRANSFORM: Final = pa.list_(pa.float64(), 16)  # rows of a (4, 4) matrix
_FIRST, _SECOND = _image("range_image_return1"), _image("range_image_return2")

VEHICLE_POSE: Final = Component(
    "vehicle_pose",
    "VehiclePoseComponent",
    (SEGMENT, TIME),
    {"world_from_vehicle.transform": _TRANSFORM},
)
LIDAR: Final = Component(
    "lidar",
    "LiDARComponent",
    (SEGMENT, TIME, LASER),
    {**_FIRST, **_SECOND},
    frozenset(_SECOND),
)
LIDAR_POSE: Final = Component("lidar_pose", "LiDARPoseComponent", (SEGMENT, TIME, LASER), _FIRST)
LIDAR_CAMERA_PROJECTION: Final = Component(
    "lidar_camera_projection",
    "LiDARCameraProjectionComponent",
    (SEGMENT, TIME, LASER),
    {**_FIRST, **_SECOND},
    frozenset(_SECOND),
)
LIDAR_CALIBRATION: Final = Component(
    "lidar_calibration",
    "LiDARCalibrationComponent",
    (SEGMENT, LASER),
    {
        "extrinsic.transform": _TRANSFORM,
        **_doubles("beam_inclination.min", "beam_inclination.max"),
        "beam_inclination.values": pa.list_(pa.float64()),
    },
    frozenset({"beam_inclination.values"}),
)
CAMERA_CALIBRATION: Final = Component(
    "camera_calibration",
    "CameraCalibrationComponent",
    (SEGMENT, CAMERA),
    {
        **_doubles(*(f"intrinsic.{n}" for n in "f_u f_v c_u c_v k1 k2 p1 p2 k3".split())),
        "extrinsic.transform": _TRANSFORM,
        "width": pa.int32(),
        "height": pa.int32(),
        "rolling_shutter_direction": pa.int8(),
    },
)
CAMERA_IMAGE: Final = Component(
    "camera_image",
    "CameraImageComponent",
    (SEGMENT, TIME, CAMERA),
    {
        "image": pa.binary(),
        "pose.transform": _TRANSFORM,
        **dict.fromkeys((f"velocity.linear_velocity.{axis}" for axis in "xyz"), pa.float32()),
        **_doubles(*(f"velocity.angular_velocity.{axis}" for axis in "xyz")),
        **_doubles(
            "pose_timestamp",
            "rolling_shutter_params.shutter",
            "rolling_shutter_params.camera_trigger_time",
            "rolling_shutter_params.camera_readout_done_time",
        ),
    },
)
LIDAR_BOX: Final = Component(
    "lidar_box",
    "LiDARBoxComponent",
    (SEGMENT, TIME, OBJECT),
    {
        **_doubles(*(f"box.{part}.{axis}" for part in ("center", "size") for axis in "xyz")),
        **_doubles("box.heading"),
        "type": pa.int8(),
        "num_lidar_points_in_box": pa.int64(),
        "num_top_lidar_points_in_box": pa.int64(),
        **_doubles(*(f"{part}.{axis}" for part in ("speed", "acceleration") for axis in "xyz")),
        "difficulty_level.detection": pa.int8(),
        "difficulty_level.tracking": pa.int8(),
    },
    frozenset(
        {
            *(f"{part}.{axis}" for part in ("speed", "acceleration") for axis in "xyz"),
            "difficulty_level.detection",
            "difficulty_level.tracking",
        }
    ),
)

# Without these there is nothing to label; without boxes there is nothing to score.
NEEDED: Final = (
    CAMERA_CALIBRATION,
    CAMERA_IMAGE,
    LIDAR,
    LIDAR_CALIBRATION,
    LIDAR_POSE,
    VEHICLE_POSE,
)
