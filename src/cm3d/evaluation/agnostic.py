"""Scores that forget classes: every box is an object.

Published class-agnostic figures follow protocols that differ in classes, ranges and in what they
put in place of velocity and attribute (LISO's counts a velocity error of 0, worth 10 NDS), so
scores here carry the name of theirs and compare only with the same name.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np

from cm3d.evaluation.detection import DetectionScores
from cm3d.evaluation.devkit import detection_config, run_devkit
from cm3d.evaluation.filtering import (
    BoxesT,
    group_by_frame,
    in_range,
    keep_best,
    observed,
    outside_racks,
)
from cm3d.evaluation.validation import check_boxes
from cm3d.tables import Boxes3D, Frames, GroundTruth, NDArrayFloat
from cm3d.tables.vocabulary import CLASS_NAMES, OBJECT_CLASS

# The devkit knows only the ten names; one of them stands for "object", and as a car an object
# has a heading of period 2 pi.
_STAND_IN: Final = "car"


@dataclass(frozen=True)
class AgnosticProtocol:
    """What a class-agnostic score counts.

    Args:
        name: Goes with every score.
        class_names: Classes of the ground truth that count as objects. Predictions of other
            classes are dropped, `object` never is.
        range_m: One range for all, xy distance to the ego vehicle.
    """

    name: str
    class_names: tuple[str, ...]
    range_m: float


TEN_CLASSES_50M: Final = AgnosticProtocol("ten_classes_50m", CLASS_NAMES, 50.0)


@dataclass(frozen=True)
class AgnosticScores:
    """Scores of boxes without classes.

    Args:
        protocol: Name of the protocol.
        ap: Mean over the distances 0.5, 1, 2 and 4 m.
        ap_at: Average precision by distance in metres.
        ate: Translation error (m) of matches at 2 m.
        ase: Scale error (1 - IoU).
        aoe: Orientation error (rad).
        nds_without_motion: NDS with velocity and attribute errors set to 1: boxes without
            classes earn nothing for what they do not predict.
        recall: Grid (101,) of the curve.
        precision: Precision (101,) over `recall`, at 2 m.
    """

    protocol: str
    ap: float
    ap_at: dict[float, float]
    ate: float
    ase: float
    aoe: float
    nds_without_motion: float
    recall: NDArrayFloat
    precision: NDArrayFloat


def evaluate_class_agnostic(
    predictions: Boxes3D,
    ground_truth: GroundTruth,
    frames: Frames,
    bicycle_racks: Boxes3D,
    protocol: AgnosticProtocol = TEN_CLASSES_50M,
) -> AgnosticScores:
    """Score boxes as objects, whatever their class; arguments as for `evaluate_boxes`.

    Raises:
        InputError: A prediction has an unknown class or attribute, or a broken number.
    """
    check_boxes(predictions, class_names=(*CLASS_NAMES, OBJECT_CLASS))
    boxes = keep_best(group_by_frame(_of_protocol(predictions, protocol), frames))
    truth = observed(group_by_frame(_of_protocol(ground_truth, protocol), frames))
    boxes = _merged(outside_racks(boxes, bicycle_racks), frames, protocol)
    truth = _merged(outside_racks(truth, bicycle_racks), frames, protocol)
    config = detection_config()
    config.class_names = [_STAND_IN]
    scores = DetectionScores.from_devkit(*run_devkit(boxes, truth, config))
    return _scores(scores, protocol)


def _of_protocol(boxes: BoxesT, protocol: AgnosticProtocol) -> BoxesT:
    names = (*protocol.class_names, OBJECT_CLASS)
    return boxes[np.isin(boxes.class_name.astype(str), names)]


def _merged(boxes: BoxesT, frames: Frames, protocol: AgnosticProtocol) -> BoxesT:
    one_class = boxes.replace(class_name=[_STAND_IN] * len(boxes))
    return in_range(one_class, frames, {_STAND_IN: protocol.range_m})


def _scores(scores: DetectionScores, protocol: AgnosticProtocol) -> AgnosticScores:
    errors = scores.mean_errors
    kept = sum(max(0.0, 1.0 - errors[name]) for name in ("ATE", "ASE", "AOE"))
    return AgnosticScores(
        protocol=protocol.name,
        ap=scores.mean_ap,
        ap_at=scores.ap[_STAND_IN],
        ate=errors["ATE"],
        ase=errors["ASE"],
        aoe=errors["AOE"],
        nds_without_motion=(5 * scores.mean_ap + kept) / 10,
        recall=scores.recall,
        precision=scores.precision[_STAND_IN],
    )
