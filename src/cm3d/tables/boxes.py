"""Boxes on images and in space: detections, pseudo-labels, predictions and ground truth."""

from dataclasses import dataclass
from typing import Annotated, ClassVar

import numpy as np

from cm3d.geometry.arrays import NDArrayInt
from cm3d.geometry.cuboids import Cuboids
from cm3d.tables import rules
from cm3d.tables.columns import Float, Int, Text, Vector2, Vector3, Vector4
from cm3d.tables.table import Table


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
    key: ClassVar[tuple[str, ...]] = ("detection_id",)

    camera_token: Annotated[Text, rules.TOKEN]
    detection_id: Annotated[Int, rules.COUNT]
    class_name: Annotated[Text, rules.TOKEN]
    score: Annotated[Float, rules.SHARE]
    box_px: Annotated[Vector4, rules.CORNERS]


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
    key: ClassVar[tuple[str, ...]] = ("sample_token", "class_name", "score", "center_m", "yaw_rad")

    sample_token: Annotated[Text, rules.TOKEN]
    class_name: Annotated[Text, rules.TOKEN]
    score: Annotated[Float, rules.SHARE]
    center_m: Annotated[Vector3, rules.POSITION]
    length_m: Annotated[Float, rules.SIDE]
    width_m: Annotated[Float, rules.SIDE]
    height_m: Annotated[Float, rules.SIDE]
    yaw_rad: Annotated[Float, rules.ANGLE]
    velocity_mps: Annotated[Vector2, rules.VELOCITY]
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
        visibility: nuScenes' level 1 (0-40% visible) to 4 (80-100%); 0 where unknown; less than 0
            where an annotator has set Waymo's level of difficulty, see `difficulty`.
    """

    sort_by: ClassVar[tuple[str, ...]] = ("sample_token", "instance_token")
    key: ClassVar[tuple[str, ...]] = ("sample_token", "instance_token")

    instance_token: Text
    num_lidar_points: Annotated[Int, rules.COUNT_OR_UNKNOWN]
    num_radar_points: Annotated[Int, rules.COUNT]
    visibility: Annotated[Int, rules.LEVEL]

    @property
    def difficulty(self) -> NDArrayInt:
        """Waymo's level (N,) 1 or 2 where an annotator has set it; 0 elsewhere."""
        return np.maximum(-self.visibility, 0)
