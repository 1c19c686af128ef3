"""Boxes on images and in space: detections, pseudo-labels, predictions and ground truth."""

from dataclasses import dataclass
from typing import ClassVar

from cm3d.geometry.cuboids import Cuboids
from cm3d.tables.table import Float, Int, Table, Text, Vector2, Vector3, Vector4


@dataclass(frozen=True, eq=False)
class Boxes2D(Table):
    """One row per detection.

    Args:
        camera_token: The image.
        detection_id: Key of the detection within its scene.
        class_name: One of `CLASS_NAMES`.
        score: Confidence in [0, 1].
        box_px: x_min, y_min, x_max, y_max in pixels of the stored image.
    """

    sort_by: ClassVar[tuple[str, ...]] = ("camera_token", "detection_id")

    camera_token: Text
    detection_id: Int
    class_name: Text
    score: Float
    box_px: Vector4


@dataclass(frozen=True, eq=False)
class Boxes3D(Table):
    """One row per box, in the global frame, gravity-aligned.

    Args:
        sample_token: The keyframe.
        class_name: One of `CLASS_NAMES`, or `object` where no class is known.
        score: Confidence in [0, 1]; 1 for ground truth.
        center_m: Centre of the box, x, y, z.
        length_m: Extent along the heading.
        width_m: Extent across the heading.
        height_m: Vertical extent.
        yaw_rad: Heading about +z, from the global x axis.
        velocity_mps: x, y; NaN where unknown.
        attribute_name: One of `ATTRIBUTE_NAMES`, or empty.
    """

    sort_by: ClassVar[tuple[str, ...]] = ("sample_token",)

    sample_token: Text
    class_name: Text
    score: Float
    center_m: Vector3
    length_m: Float
    width_m: Float
    height_m: Float
    yaw_rad: Float
    velocity_mps: Vector2
    attribute_name: Text

    @property
    def cuboids(self) -> Cuboids:
        """The boxes as shapes."""
        return Cuboids(self.center_m, self.length_m, self.width_m, self.height_m, self.yaw_rad)


@dataclass(frozen=True, eq=False)
class GroundTruth(Boxes3D):
    """Boxes drawn by humans, or by the simulator.

    Args:
        instance_token: The object, the same over a scene.
        num_lidar_points: LiDAR returns of the keyframe inside the box.
        num_radar_points: Radar returns inside the box.
        visibility: nuScenes' level 1 (0-40% visible) to 4 (80-100%); 0 where unknown.
    """

    sort_by: ClassVar[tuple[str, ...]] = ("sample_token", "instance_token")

    instance_token: Text
    num_lidar_points: Int
    num_radar_points: Int
    visibility: Int
