"""3D boxes: pseudo-labels, predictions and ground truth alike."""

from dataclasses import dataclass
from typing import ClassVar

from cm3d.tables.table import Float, Int, Table, Text, Vector2, Vector3


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
