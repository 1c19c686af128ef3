"""Detections against what images show, by COCO's rules at IoU 0.5."""

import contextlib
import io
from dataclasses import dataclass
from typing import Any, Final, Self

import numpy as np
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval

from cm3d.geometry.arrays import NDArrayBool, NDArrayFloat
from cm3d.tables import Boxes2D
from cm3d.tables.vocabulary import CLASS_NAMES, class_indices
from experiments.simnet.shown import Shown

# Of the stored image; what shows less is neither asked for nor held against a detector.
COUNTS_FROM_PX: Final = 16
_MIN_IOU: Final = 0.5
_MAX_DETECTIONS_PER_IMAGE: Final = 500


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
        evaluation = _evaluated(detections, shown.boxes, ~counts)
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


def _evaluated(detections: Boxes2D, truth: Boxes2D, ignored: NDArrayBool) -> COCOeval:
    tokens = sorted({*detections.camera_token, *truth.camera_token})
    image_ids = {token: row for row, token in enumerate(tokens, 1)}
    nothing_ignored = np.zeros(len(detections), dtype=bool)
    with contextlib.redirect_stdout(io.StringIO()):
        evaluation = COCOeval(
            _coco(truth, ignored, image_ids), _coco(detections, nothing_ignored, image_ids), "bbox"
        )
        evaluation.params.iouThrs = np.array([_MIN_IOU])
        evaluation.params.maxDets = [_MAX_DETECTIONS_PER_IMAGE]
        evaluation.params.areaRng, evaluation.params.areaRngLbl = [[0, 1e10]], ["all"]
        evaluation.evaluate()
        evaluation.accumulate()
    return evaluation


def _coco(boxes: Boxes2D, ignored: NDArrayBool, image_ids: dict[str, int]) -> COCO:
    sizes_px = boxes.box_px[:, 2:] - boxes.box_px[:, :2]
    annotations: list[dict[str, Any]] = [
        {
            "id": row + 1,
            "image_id": image_ids[boxes.camera_token[row]],
            "category_id": int(category) + 1,
            "bbox": [*boxes.box_px[row, :2].tolist(), *sizes_px[row].tolist()],
            "area": float(sizes_px[row].prod()),
            "iscrowd": int(ignored[row]),
            "score": float(boxes.score[row]),
        }
        for row, category in enumerate(class_indices(boxes.class_name))
    ]
    coco = COCO()
    coco.dataset = {
        "images": [{"id": image_id} for image_id in image_ids.values()],
        "categories": [{"id": index + 1, "name": name} for index, name in enumerate(CLASS_NAMES)],
        "annotations": annotations,
    }
    coco.createIndex()
    return coco
