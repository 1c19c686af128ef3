"""What mask models say: one outline per detection, run-length encoded."""

from dataclasses import dataclass
from typing import Annotated, ClassVar

import numpy as np

from cm3d.tables import rules
from cm3d.tables.columns import Binary, Float, Int, Text
from cm3d.tables.contract import Fault
from cm3d.tables.run_lengths import fill_their_images
from cm3d.tables.table import Table
from cm3d.tables.words import codes


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

    def fault(self) -> Fault | None:
        """Also masks of two sizes on an image, and run lengths that are none."""
        return super().fault() or self._fault_of_size() or self._fault_of_runs()

    def _fault_of_size(self) -> Fault | None:
        first, of_image = np.unique(
            codes(self.camera_token), return_index=True, return_inverse=True
        )[1:]
        for name in ("height_px", "width_px"):
            size_px = getattr(self, name)
            strange = size_px != size_px[first][of_image]
            if strange.any():
                row = int(np.argmax(strange))
                known_px = size_px[first][of_image][row]
                reason = f"{size_px[row]}, and a mask before it on this image has {known_px}"
                return Fault(row, name, reason)
        return None

    def _fault_of_runs(self) -> Fault | None:
        is_sound = fill_their_images(self.rle, self.height_px, self.width_px)
        if is_sound.all():
            return None
        row = int(np.argmin(is_sound))
        size = f"{self.width_px[row]} x {self.height_px[row]} px"
        reason = f"the run lengths of detection {self.detection_id[row]} do not fill {size}"
        return Fault(row, "rle", reason)
