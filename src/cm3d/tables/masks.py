"""What mask models say: one outline per detection, run-length encoded."""

from dataclasses import dataclass
from typing import ClassVar

from cm3d.tables.table import Binary, Float, Int, Table, Text


@dataclass(frozen=True, eq=False)
class Masks(Table):
    """One row per mask.

    Args:
        camera_token: The image.
        sample_token: The keyframe of the image.
        detection_id: The detection that prompted the mask.
        class_name: Class of that detection.
        score: Confidence of that detection.
        height_px: Height of the mask; it may be smaller than the image and spans all of it.
        width_px: Width of the mask.
        rle: COCO's compressed run-length counts.
    """

    sort_by: ClassVar[tuple[str, ...]] = ("camera_token", "detection_id")

    camera_token: Text
    sample_token: Text
    detection_id: Int
    class_name: Text
    score: Float
    height_px: Int
    width_px: Int
    rle: Binary
