"""What mask models say: one outline per detection, run-length encoded."""

from dataclasses import dataclass
from typing import Annotated, ClassVar

from cm3d.tables import rules
from cm3d.tables.columns import Binary, Float, Int, Text
from cm3d.tables.table import Table


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
    key: ClassVar[tuple[str, ...]] = ("detection_id",)

    camera_token: Annotated[Text, rules.TOKEN]
    sample_token: Annotated[Text, rules.TOKEN]
    detection_id: Annotated[Int, rules.COUNT]
    class_name: Annotated[Text, rules.TOKEN]
    score: Annotated[Float, rules.SHARE]
    height_px: Annotated[Int, rules.SIDE_PX]
    width_px: Annotated[Int, rules.SIDE_PX]
    rle: Binary
