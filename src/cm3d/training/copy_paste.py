"""Objects of other frames pasted into a frame (CenterPoint's sampling; paper, appendix C)."""

from dataclasses import dataclass

import numpy as np

from cm3d.detectors.boxes import SensorBoxes
from cm3d.geometry.arrays import NDArrayFloat32, NDArrayInt
from cm3d.geometry.cuboids import bev_corners, points_by_box
from cm3d.geometry.overlap import bev_iou, suppress
from cm3d.training.object_bank import ObjectBank


@dataclass(frozen=True, eq=False)
class Pasting:
    """Fills frames up with objects of a bank, where they stood in their own frames.

    Args:
        bank: Its objects.
        wanted: (C,) how many objects of each class of the bank a frame shall have.
    """

    bank: ObjectBank
    wanted: NDArrayInt

    def __call__(
        self, points: NDArrayFloat32, boxes: SensorBoxes, rng: np.random.Generator
    ) -> tuple[NDArrayFloat32, SensorBoxes]:
        """Paste into one frame.

        What overlaps another box seen from above stays out; points within a pasted box give way.

        Args:
            points: (P, 5) as `load_points` gives them.
            boxes: Of the frame, with the bank's class indices. Those of weight 0 may be objects, so
                they take their place and count among the present ones.
            rng: Chooses the objects.

        Returns:
            Points (P', 5), the pasted ones last, and boxes, the pasted ones last.
        """
        drawn = self._draw(boxes, rng)
        rows = drawn[_placed(boxes, self.bank.boxes[drawn])]
        pasted = self.bank.boxes[rows]
        _, hidden = points_by_box(points[:, :3], pasted.cuboids)
        visible = np.ones(len(points), dtype=bool)
        visible[hidden] = False
        return (
            np.concatenate([points[visible], self.bank.points_of(rows)]),
            SensorBoxes.concatenate([boxes, pasted]),
        )

    def _draw(self, boxes: SensorBoxes, rng: np.random.Generator) -> NDArrayInt:
        """As many objects of each class as the frame lacks, or as there are."""
        present = np.bincount(boxes.class_index, minlength=len(self.bank.class_names))
        lacking = np.maximum(self.wanted - present, 0)
        chosen = [
            rng.choice(rows, min(count, len(rows)), replace=False)
            for rows, count in zip(self.bank.rows_by_class, lacking, strict=True)
        ]
        return np.concatenate(chosen)


def _placed(boxes: SensorBoxes, candidates: SensorBoxes) -> NDArrayInt:
    """The candidates that find a free place, the first come first."""
    corners_m = bev_corners(candidates.cuboids)
    taken = bev_iou(corners_m, bev_corners(boxes.cuboids)) > 0
    free = np.flatnonzero(~taken.any(axis=1))
    overlaps = bev_iou(corners_m[free], corners_m[free]) > 0
    return free[suppress(overlaps, np.zeros(len(free)))]
