"""nuScenes detection scores of a set of boxes, from tables alone."""

from dataclasses import dataclass
from typing import Any, Self

import numpy as np

from cm3d.evaluation.devkit import ERROR_NAMES, detection_config, run_devkit
from cm3d.evaluation.filtering import (
    group_by_frame,
    in_range,
    keep_best,
    observed,
    outside_racks,
)
from cm3d.evaluation.validation import check_boxes
from cm3d.tables import Boxes3D, Frames, GroundTruth, NDArrayFloat


@dataclass(frozen=True)
class DetectionScores:
    """What nuscenes-devkit says about a set of boxes.

    Args:
        mean_ap: Mean over classes and the distances 0.5, 1, 2 and 4 m.
        nds: nuScenes detection score.
        mean_errors: ATE (m), ASE (1 - IoU), AOE (rad), AVE (m/s), AAE (1 - accuracy), each the
            mean over the classes that have it.
        ap: Average precision by class, then by distance in metres.
        errors: The five errors by class; NaN where the class has none.
        recall: Grid (101,) of the curves.
        precision: Precision (101,) over `recall` by class, at 2 m.
    """

    mean_ap: float
    nds: float
    mean_errors: dict[str, float]
    ap: dict[str, dict[float, float]]
    errors: dict[str, dict[str, float]]
    recall: NDArrayFloat
    precision: dict[str, NDArrayFloat]

    @property
    def class_ap(self) -> dict[str, float]:
        """Average precision by class, mean over distances."""
        return {name: float(np.mean(list(by.values()))) for name, by in self.ap.items()}

    @classmethod
    def from_devkit(cls, metrics: Any, curves: Any) -> Self:
        """Read the devkit's result objects."""
        config = metrics.cfg
        names = list(config.class_names)
        at_2m = {name: curves[(name, config.dist_th_tp)] for name in names}
        return cls(
            mean_ap=metrics.mean_ap,
            nds=metrics.nd_score,
            mean_errors={ERROR_NAMES[key]: value for key, value in metrics.tp_errors.items()},
            ap={n: {d: metrics.get_label_ap(n, d) for d in config.dist_ths} for n in names},
            errors={
                n: {short: metrics.get_label_tp(n, key) for key, short in ERROR_NAMES.items()}
                for n in names
            },
            recall=at_2m[names[0]].recall,
            precision={name: curve.precision for name, curve in at_2m.items()},
        )


def evaluate_boxes(
    predictions: Boxes3D, ground_truth: GroundTruth, frames: Frames, bicycle_racks: Boxes3D
) -> DetectionScores:
    """Score boxes as the nuScenes detection challenge would score their result file.

    Args:
        predictions: Boxes of any frames, global frame; at most the best 500 of each frame count.
        ground_truth: Ground truth of any frames, global frame.
        frames: The split; boxes of other frames are ignored, frames without boxes count.
        bicycle_racks: Racks, global frame; cycles in them are ignored.

    Raises:
        InputError: A prediction has an unknown class or attribute, or a broken number.
    """
    countable = countable_boxes(predictions, ground_truth, frames, bicycle_racks)
    return DetectionScores.from_devkit(*run_devkit(*countable, detection_config()))


def countable_boxes(
    predictions: Boxes3D, ground_truth: GroundTruth, frames: Frames, bicycle_racks: Boxes3D
) -> tuple[Boxes3D, GroundTruth]:
    """The predictions and the ground truth that count, each grouped by frame."""
    check_boxes(predictions)
    range_m = detection_config().class_range
    boxes = in_range(keep_best(group_by_frame(predictions, frames)), frames, range_m)
    truth = in_range(group_by_frame(ground_truth, frames), frames, range_m)
    return outside_racks(boxes, bicycle_racks), outside_racks(observed(truth), bicycle_racks)
