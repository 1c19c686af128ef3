"""What image detectors say: labelled boxes in pixels."""

from dataclasses import dataclass
from typing import ClassVar

from cm3d.tables.table import Float, Int, Table, Text, Vector4


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
