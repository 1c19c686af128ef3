"""Detections against what images show, by COCO's rules at IoU 0.5."""

from dataclasses import dataclass
from typing import Final, Self

import numpy as np

from cm3d.evaluation.boxes2d import ProjectedTruth, match_boxes2d
from cm3d.geometry.arrays import NDArrayBool, NDArrayFloat
from cm3d.tables import Boxes2D
from experiments.simnet.shown import Shown

# Of the stored image; what shows less is neither asked for nor held against a detector.
COUNTS_FROM_PX: Final = 16


@dataclass(frozen=True, eq=False)
class Matching:
    """Which objects were found.

    Args:
        counts: (N,) objects that are asked for.
        found: (N,) objects that a detection of their class matches.
        average_precision: (10,) of each class; NaN where nothing is asked for.
        false_detections: Detections that match nothing.
    """

    counts: NDArrayBool
    found: NDArrayBool
    average_precision: NDArrayFloat
    false_detections: int

    @classmethod
    def of(cls, detections: Boxes2D, shown: Shown) -> Self:
        """Match class by class, surest first; boxes of both in the same pixels."""
        counts = shown.visible_px >= COUNTS_FROM_PX
        tokens = {*detections.camera_token, *shown.boxes.camera_token}
        evaluation = match_boxes2d(detections, ProjectedTruth(shown.boxes, ~counts), tokens)
        found = np.zeros(len(counts), dtype=bool)
        false_detections = 0
        for image in filter(None, evaluation.evalImgs):
            found[np.array(image["gtIds"], dtype=int) - 1] |= image["gtMatches"][0] > 0
            unmatched = (image["dtMatches"][0] == 0) & ~image["dtIgnore"][0].astype(bool)
            false_detections += int(unmatched.sum())
        precision = evaluation.eval["precision"][0, :, :, 0, 0]
        known = np.where(precision < 0, np.nan, precision).mean(axis=0)
        return cls(counts, found, known, false_detections)

    def recall(self, chosen: NDArrayBool) -> float:
        """Share of some objects (N,) that was found, of those that are asked for."""
        asked_for = chosen & self.counts
        return float(self.found[asked_for].mean()) if asked_for.any() else float("nan")
