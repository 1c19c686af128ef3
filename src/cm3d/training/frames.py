"""What a detector is trained on and run on: keyframes with their sweeps and boxes."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from cm3d.detectors.boxes import SensorBoxes
from cm3d.detectors.protocol import Needs
from cm3d.errors import InputError
from cm3d.geometry.arrays import NDArrayFloat, NDArrayFloat32
from cm3d.geometry.se3 import SE3
from cm3d.sensors.accumulation import accumulate
from cm3d.sensors.card import Sensors
from cm3d.tables.boxes import Boxes3D
from cm3d.tables.index import Cameras, Frames, Sweeps
from cm3d.tables.words import positions, rows_by_word


@dataclass(frozen=True, eq=False)
class TrainingFrame:
    """One keyframe.

    Args:
        sample_token: Key of the keyframe.
        sweeps: The keyframe's own rows.
        boxes: What is to be learned, in the global frame; empty for inference. Their score is the
            weight with which they are learned, not a confidence: 1 fully, 0 for a box that is
            neither object nor background ("ignored", see `LabelTensors`).
        cameras: The keyframe's own rows; empty where the detector sees no images.
        location: Name of its map, where the detector learns what that draws.
    """

    sample_token: str
    sweeps: Sweeps
    boxes: Boxes3D
    cameras: Cameras = field(default_factory=Cameras.empty)
    location: str = ""

    @property
    def global_SE3_lidar(self) -> SE3:
        """Sensor pose at the keyframe.

        Raises:
            InputError: The index lists no LiDAR file for the keyframe.
        """
        keyframe = np.flatnonzero(self.sweeps.sweep_index == 0)
        if not len(keyframe):
            raise InputError(
                f"keyframe {self.sample_token}: no LiDAR file in the index; rerun `download`"
            )
        return SE3.from_pose(self.sweeps.global_SE3_lidar[keyframe[0]])


def with_cameras(frames: Sequence[TrainingFrame], cameras: Cameras) -> list[TrainingFrame]:
    """The same keyframes with their rows of a table of images."""
    rows = rows_by_word(cameras.sample_token, [frame.sample_token for frame in frames])
    return [
        replace(frame, cameras=cameras[of_frame])
        for frame, of_frame in zip(frames, rows, strict=True)
    ]


def with_locations(frames: Sequence[TrainingFrame], table: Frames) -> list[TrainingFrame]:
    """The same keyframes with the names of their maps, out of the table of keyframes."""
    location = dict(zip(table.sample_token, table.location, strict=True))
    return [replace(frame, location=location[frame.sample_token]) for frame in frames]


def load_points(frame: TrainingFrame, sensors: Sensors, needs: Needs) -> NDArrayFloat32:
    """Points (N, 5) of all sweeps: x, y, z in the LiDAR frame, intensity in [0, 1], age in s.

    Stored column by column, which is how they are worked on.

    Raises:
        InputError: A sensor file is missing or cut short.
    """
    cloud = accumulate(
        sensors,
        frame.sweeps,
        frame.global_SE3_lidar.inverse(),
        needs.sweeps,
        needs.ego_half_extent_m,
        np.float32,
    )
    return np.vstack([cloud.xyz_m.T, cloud.intensity, cloud.time_lag_s]).T


def check_in_range(points: NDArrayFloat32, frame: TrainingFrame, needs: Needs) -> None:
    """Refuse a keyframe that there is nothing to learn from.

    Args:
        points: (N, 5) as `load_points` gives them.
        frame: Where they come from.
        needs: What the detector sees.

    Raises:
        InputError: No point lies within the detector's range.
    """
    inside = (np.abs(points[:, :2]) < needs.range_m).all(axis=1)
    inside &= (points[:, 2] >= needs.min_z_m) & (points[:, 2] < needs.max_z_m)
    if not inside.any():
        raise InputError(
            f"keyframe {frame.sample_token}: no LiDAR point within detector.range_m in "
            f"{', '.join(frame.sweeps.path[:1])} and its past sweeps; fetch the data set again"
        )


def to_sensor(boxes: Boxes3D, global_SE3_lidar: SE3, class_names: Sequence[str]) -> SensorBoxes:
    """Boxes of the detector's classes, from the global to the LiDAR frame."""
    lidar_SE3_global = global_SE3_lidar.inverse()
    class_index = positions(boxes.class_name, class_names)
    boxes, class_index = boxes[class_index >= 0], class_index[class_index >= 0]
    return SensorBoxes(
        class_index=class_index,
        score=boxes.score,
        center_m=lidar_SE3_global.transform_points(boxes.center_m),
        size_m=np.stack([boxes.length_m, boxes.width_m, boxes.height_m], axis=1),
        yaw_rad=lidar_SE3_global.transform_yaw(boxes.yaw_rad),
        velocity_mps=_rotated_xy(lidar_SE3_global, boxes.velocity_mps),
    )


def to_global(
    boxes: SensorBoxes, sample_token: str, global_SE3_lidar: SE3, class_names: Sequence[str]
) -> Boxes3D:
    """Boxes of one keyframe from the LiDAR to the global frame, without attributes."""
    return Boxes3D(
        sample_token=np.full(len(boxes), sample_token, dtype=object),
        class_name=np.array(class_names, dtype=object)[boxes.class_index],
        score=boxes.score,
        center_m=global_SE3_lidar.transform_points(boxes.center_m),
        length_m=boxes.size_m[:, 0],
        width_m=boxes.size_m[:, 1],
        height_m=boxes.size_m[:, 2],
        yaw_rad=global_SE3_lidar.transform_yaw(boxes.yaw_rad),
        velocity_mps=_rotated_xy(global_SE3_lidar, boxes.velocity_mps),
        attribute_name=np.full(len(boxes), "", dtype=object),
    )


def _rotated_xy(dst_SE3_src: SE3, vectors: NDArrayFloat) -> NDArrayFloat:
    """Horizontal vectors (N, 2), turned; their vertical part is nought and is dropped."""
    flat = np.concatenate([vectors, np.zeros((len(vectors), 1))], axis=1)
    return dst_SE3_src.rotate(flat)[:, :2]
