"""Scores that forget classes: every box is an object.

Published class-agnostic figures follow protocols that differ in classes, in ranges and in what
velocity is worth; the scores of one say nothing about those of another, so each carries the name
of its own. docs/evaluation.md says what is known about each, and what is not.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Literal

import numpy as np

from cm3d.evaluation.devkit import detection_config
from cm3d.evaluation.engines import ENGINES
from cm3d.evaluation.filtering import (
    BoxesT,
    group_by_frame,
    in_range,
    keep_best,
    observed,
    outside_racks,
    submitted,
)
from cm3d.evaluation.scores import DetectionScores, Engine, detection_score
from cm3d.evaluation.validation import check_boxes
from cm3d.tables import Boxes3D, Frames, GroundTruth, NDArrayFloat
from cm3d.tables.vocabulary import CLASS_NAMES, OBJECT_CLASS

# The devkit knows only the ten names; one of them stands for "object", and as a car an object
# has a heading of period 2 pi.
_STAND_IN: Final = "car"

_STATIC_CLASSES: Final = ("traffic_cone", "barrier")
_MOBILE_CLASSES: Final = tuple(name for name in CLASS_NAMES if name not in _STATIC_CLASSES)


@dataclass(frozen=True)
class AgnosticProtocol:
    """What a class-agnostic score counts. No protocol counts attributes: AAE is 1.

    Args:
        name: Goes with every score.
        range_m: Range by class, xy distance to the ego vehicle. Boxes of classes that have none
            are dropped on both sides; `object` has one, for predictions.
        velocity: `uncounted`: AVE is 1. `zeroed`: (0, 0) is written into predictions and ground
            truth, so AVE is 0 and a tenth of NDS is free. `real`: AVE is measured.
    """

    name: str
    range_m: Mapping[str, float]
    velocity: Literal["uncounted", "zeroed", "real"]

    @property
    def counted_errors(self) -> tuple[str, ...]:
        """Errors that enter NDS; the others count as 1."""
        return ("ATE", "ASE", "AOE", *(() if self.velocity == "uncounted" else ("AVE",)))


def _everywhere_50m(class_names: tuple[str, ...]) -> dict[str, float]:
    return dict.fromkeys((*class_names, OBJECT_CLASS), 50.0)


# This project's own: all ten classes, nothing for free.
TEN_CLASSES_50M: Final = AgnosticProtocol(
    "ten_classes_50m", _everywhere_50m(CLASS_NAMES), "uncounted"
)

# LISO's: mobile classes merged into one before the range filter, velocities zeroed.
LISO_8_CLASSES_50M: Final = AgnosticProtocol(
    "liso_8_classes_50m", _everywhere_50m(_MOBILE_CLASSES), "zeroed"
)

# UNION's: mobile classes relabelled after the filter by each class's own range, real velocities.
UNION_8_CLASSES: Final = AgnosticProtocol(
    "union_8_classes",
    {OBJECT_CLASS: 50.0} | {n: float(detection_config().class_range[n]) for n in _MOBILE_CLASSES},
    "real",
)

PROTOCOLS: Final = (TEN_CLASSES_50M, LISO_8_CLASSES_50M, UNION_8_CLASSES)


@dataclass(frozen=True, eq=False)
class AgnosticScores:
    """Scores of boxes without classes.

    Args:
        protocol: What they count.
        ap: Mean over the distances 0.5, 1, 2 and 4 m.
        ap_at: Average precision by distance in metres.
        errors: The errors that the protocol counts, of matches at 2 m.
        nds: NDS with the other errors set to 1.
        precision: Precision (101,) over `curves.RECALL`, at 2 m.
    """

    protocol: AgnosticProtocol
    ap: float
    ap_at: dict[float, float]
    errors: dict[str, float]
    nds: float
    precision: NDArrayFloat


def evaluate_class_agnostic(
    predictions: Boxes3D,
    ground_truth: GroundTruth,
    frames: Frames,
    bicycle_racks: Boxes3D,
    protocol: AgnosticProtocol = TEN_CLASSES_50M,
    engine: Engine = "fast",
) -> AgnosticScores:
    """Score boxes as objects, whatever their class; arguments as for `evaluate_boxes`.

    Raises:
        InputError: A prediction has an unknown class or attribute, or a broken number.
    """
    check_boxes(predictions, class_names=(*CLASS_NAMES, OBJECT_CLASS))
    boxes = keep_best(group_by_frame(predictions, frames))
    truth = group_by_frame(observed(ground_truth), frames)
    boxes = in_range(outside_racks(boxes, bicycle_racks), frames, protocol.range_m)
    truth = in_range(outside_racks(truth, bicycle_racks), frames, protocol.range_m)
    config = detection_config()
    config.class_names = [_STAND_IN]
    merged = (_merged(submitted(boxes), protocol), _merged(truth, protocol))
    return _scores(ENGINES[engine](*merged, config), protocol)


def _merged(boxes: BoxesT, protocol: AgnosticProtocol) -> BoxesT:
    one_class = boxes.replace(class_name=[_STAND_IN] * len(boxes))
    if protocol.velocity == "zeroed":
        return one_class.replace(velocity_mps=np.zeros((len(boxes), 2)))
    return one_class


def _scores(scores: DetectionScores, protocol: AgnosticProtocol) -> AgnosticScores:
    errors = {name: scores.mean_errors[name] for name in protocol.counted_errors}
    return AgnosticScores(
        protocol=protocol,
        ap=scores.mean_ap,
        ap_at=scores.ap[_STAND_IN],
        errors=errors,
        nds=detection_score(scores.mean_ap, errors),
        precision=scores.precision[_STAND_IN],
    )
