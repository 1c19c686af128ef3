"""Objects of other frames pasted into a frame (CenterPoint's sampling; paper, appendix C)."""

from dataclasses import dataclass

import numpy as np

from cm3d.geometry.arrays import NDArrayFloat, NDArrayFloat32, NDArrayInt
from cm3d.geometry.boxes import bev_corners
from cm3d.geometry.iou import bev_iou
from cm3d.geometry.nms import suppress
from cm3d.models.sensor_boxes import SensorBoxes
from cm3d.params import CopyPaste
from cm3d.training.object_bank import ObjectBank, points_within


@dataclass(frozen=True, eq=False)
class Pasting:
    """Copy-paste of one training.

    Args:
        bank: Its objects.
        copy_paste: How many of a class a frame shall have.
    """

    bank: ObjectBank
    copy_paste: CopyPaste

    def __call__(
        self, points: NDArrayFloat32, boxes: SensorBoxes, rng: np.random.Generator
    ) -> tuple[NDArrayFloat32, SensorBoxes]:
        """See `paste`."""
        return paste(points, boxes, self.bank, self.copy_paste, rng)


def paste(
    points: NDArrayFloat32,
    boxes: SensorBoxes,
    bank: ObjectBank,
    copy_paste: CopyPaste,
    rng: np.random.Generator,
) -> tuple[NDArrayFloat32, SensorBoxes]:
    """Fill a frame up with objects of the bank, where they stood in their own frames.

    What overlaps another box seen from above stays out; points within a pasted box give way.

    Args:
        points: (P, 5) as `load_points` gives them.
        boxes: Of the frame.
        bank: Objects with the same class indices as `boxes`.
        copy_paste: How many objects of a class there shall be.
        rng: Chooses them.

    Returns:
        Points (P', 5), the pasted ones last, and boxes, the pasted ones last.
    """
    drawn = _draw(boxes, bank, copy_paste, rng)
    rows = drawn[_placed(boxes, bank.boxes[drawn])]
    pasted = bank.boxes[rows]
    _, hidden = points_within(points, pasted)
    visible = np.ones(len(points), dtype=bool)
    visible[hidden] = False
    return np.concatenate([points[visible], bank.points_of(rows)]), SensorBoxes.concatenate(
        [boxes, pasted]
    )


def _draw(
    boxes: SensorBoxes, bank: ObjectBank, copy_paste: CopyPaste, rng: np.random.Generator
) -> NDArrayInt:
    """As many objects of each class as the frame lacks, or as there are."""
    present = np.bincount(boxes.class_index, minlength=len(bank.class_names))
    wanted = np.array([copy_paste.objects[name] for name in bank.class_names])
    chosen = [
        rng.choice(rows, min(lacking, len(rows)), replace=False)
        for rows, lacking in zip(bank.rows_by_class, np.maximum(wanted - present, 0), strict=True)
    ]
    return np.concatenate(chosen)


def _placed(boxes: SensorBoxes, candidates: SensorBoxes) -> NDArrayInt:
    """The candidates that find a free place, the first come first."""
    corners_m = _footprints(candidates)
    free = np.flatnonzero(~(bev_iou(corners_m, _footprints(boxes)) > 0).any(axis=1))
    overlaps = bev_iou(corners_m[free], corners_m[free]) > 0
    return free[suppress(overlaps, np.zeros(len(free)))]


def _footprints(boxes: SensorBoxes) -> NDArrayFloat:
    return bev_corners(boxes.center_m, boxes.size_m[:, 0], boxes.size_m[:, 1], boxes.yaw_rad)
