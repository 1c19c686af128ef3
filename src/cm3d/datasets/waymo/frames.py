"""What is measured and labelled in one frame: the input of `writing`."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.spatial.transform import Rotation

from cm3d.datasets.waymo.range_images import POSE_CHANNELS, Image
from cm3d.geometry.se3 import SE3


@dataclass(frozen=True, eq=False)
class Scan:
    """What one laser measured in a frame.

    Args:
        laser: Its number.
        first: Range image (H, W, 4) of the first return.
        second: The same of the second return; None: there is none, and an empty image is written,
            since pyarrow cannot read a null of `shape`.
        pixel_pose: (H, W, 6), see `pixel_poses`; of the top laser.
        places: Two images (H, W, 6) of the first and second return: where they are in images, of
            two at most the camera's number, column and row; 0: in none. None: not written.
    """

    laser: int
    first: Image
    second: Image | None = None
    pixel_pose: Image | None = None
    places: tuple[Image, Image] | None = None


@dataclass(frozen=True, eq=False)
class Shot:
    """An image.

    Args:
        camera: Number of the camera.
        jpeg: The file.
        time_us: When its middle was exposed.
        global_SE3_vehicle: Pose of the car at that time.
    """

    camera: int
    jpeg: bytes
    time_us: int
    global_SE3_vehicle: SE3


@dataclass(frozen=True, eq=False)
class LabelledBox:
    """A labelled object, in the frame of the car.

    Args:
        object_id: The same over a segment.
        kind: A name of `components.TYPES`.
        center_m: (3,).
        size_m: Length, width, height.
        heading_rad: About +z.
        velocity_mps: x, y, z in the global frame; None where unknown.
        lidar_points: Returns inside, of all lasers and of the top one.
        difficulty: 1 or 2 where a human said so; None: it follows from the returns.
    """

    object_id: str
    kind: str
    center_m: Sequence[float]
    size_m: Sequence[float]
    heading_rad: float
    velocity_mps: Sequence[float] | None = None
    lidar_points: tuple[int, int] = (0, 0)
    difficulty: int | None = None


@dataclass(frozen=True, eq=False)
class FrameRecord:
    """One frame.

    Args:
        time_us: When it began.
        global_SE3_vehicle: Pose of the car then.
        scans: Of lasers that saw anything.
        shots: Of cameras.
        boxes: What is labelled.
    """

    time_us: int
    global_SE3_vehicle: SE3
    scans: Sequence[Scan] = ()
    shots: Sequence[Shot] = ()
    boxes: Sequence[LabelledBox] = ()


def pixel_poses(poses: Sequence[SE3], height: int) -> Image:
    """Poses (H, W, 6) of the car by pixel, roll, pitch, yaw, x, y, z, from those by column.

    Args:
        poses: `global_SE3_vehicle` when each column of the range image was measured.
        height: Its number of rows.
    """
    turns = Rotation.from_matrix(np.stack([pose.rotation for pose in poses]))
    roll_pitch_yaw = turns.as_euler("ZYX")[:, ::-1]
    by_column = np.column_stack([roll_pitch_yaw, [pose.translation_m for pose in poses]])
    shape = (height, len(poses), POSE_CHANNELS)
    return np.ascontiguousarray(np.broadcast_to(by_column, shape), dtype=np.float32)
