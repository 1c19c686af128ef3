"""The door to nuscenes-devkit: tables in, the devkit's own detection scores out.

The devkit computes every number; only its loading of boxes from files is replaced.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any, Final

import numpy as np
from nuscenes.eval.common.config import config_factory
from nuscenes.eval.common.data_classes import EvalBoxes
from nuscenes.eval.detection.constants import ATTRIBUTE_NAMES, DETECTION_NAMES
from nuscenes.eval.detection.data_classes import DetectionBox, DetectionConfig
from nuscenes.eval.detection.evaluate import DetectionEval

from cm3d.errors import InputError
from cm3d.evaluation.nuscenes.rules import ERROR_DISTANCE_M, ERROR_NAMES, ClassRules
from cm3d.evaluation.nuscenes.scores import Curve, DetectionScores
from cm3d.geometry.angles import quaternions_wxyz
from cm3d.tables import Boxes3D, GroundTruth

# Names of the devkit's true positive errors, and how the paper's tables call them.
_ERROR_NAMES: Final = {
    "trans_err": "ATE",
    "scale_err": "ASE",
    "orient_err": "AOE",
    "vel_err": "AVE",
    "attr_err": "AAE",
}


# What the devkit has written into its code.
_MEANINGLESS: Final = {"traffic_cone": ("AOE", "AVE", "AAE"), "barrier": ("AVE", "AAE")}
_SYMMETRIC: Final = "barrier"


def detection_config() -> DetectionConfig:
    """The configuration of the nuScenes detection challenge."""
    return config_factory("detection_cvpr_2019")


@dataclass(frozen=True, eq=False)
class DevkitMatches:
    """Boxes that count, for `DetectionEval.evaluate`, which takes a minute on nuScenes' val split.

    Args:
        rules: Of the classes, which must be those of the devkit.
        parts: What came; the devkit wants all of it at once.
    """

    rules: ClassRules
    parts: list[tuple[Boxes3D, GroundTruth]] = field(default_factory=list)

    def add(self, predictions: Boxes3D, ground_truth: GroundTruth) -> None:
        """Keep boxes that count (`detection.countable_boxes`)."""
        self.parts.append((predictions, ground_truth))

    def scores(self) -> DetectionScores:
        """Scores of all that came.

        Raises:
            InputError: The devkit does not know a class by these rules, or an attribute.
        """
        predictions, ground_truth = zip(*self.parts, strict=True)
        boxes, truth = Boxes3D.concatenate(predictions), GroundTruth.concatenate(ground_truth)
        return read_scores(*detection_eval(boxes, truth, self.rules).evaluate())


def detection_eval(
    predictions: Boxes3D, ground_truth: GroundTruth, rules: ClassRules
) -> DetectionEval:
    """The devkit's evaluation of boxes that count, about to `evaluate`."""
    _check_known(rules, [predictions, ground_truth])
    evaluation = DetectionEval.__new__(DetectionEval)
    evaluation.cfg = detection_config()
    evaluation.cfg.class_names = list(rules.class_names)
    evaluation.verbose = False
    evaluation.pred_boxes = _eval_boxes(predictions)
    evaluation.gt_boxes = _eval_boxes(ground_truth)
    return evaluation


def read_scores(metrics: Any, curves: Any) -> DetectionScores:
    """Read the devkit's `DetectionMetrics` and `DetectionMetricDataList`."""
    names, distances_m = list(metrics.cfg.class_names), metrics.cfg.dist_ths
    return DetectionScores(
        engine="devkit",
        mean_ap=metrics.mean_ap,
        nds=metrics.nd_score,
        mean_errors={_ERROR_NAMES[key]: value for key, value in metrics.tp_errors.items()},
        ap={n: {d: metrics.get_label_ap(n, d) for d in distances_m} for n in names},
        errors={
            n: {short: metrics.get_label_tp(n, key) for key, short in _ERROR_NAMES.items()}
            for n in names
        },
        curves={n: {d: _curve(curves[(n, d)], d) for d in distances_m} for n in names},
    )


def _check_known(rules: ClassRules, tables: Iterable[Boxes3D]) -> None:
    faults = [
        f"class {name!r} by the taxonomy's rules"
        for name, errors in rules.errors.items()
        if name not in DETECTION_NAMES
        or {*errors, *_MEANINGLESS.get(name, ())} != {*ERROR_NAMES}
        or {*errors} & {*_MEANINGLESS.get(name, ())}
        or (name in rules.symmetric) != (name == _SYMMETRIC)
    ]
    attributes = {name for boxes in tables for name in boxes.attribute_name}
    faults += [f"attribute {name!r}" for name in sorted(attributes - {*ATTRIBUTE_NAMES, ""})]
    if faults:
        raise InputError(
            f"evaluate.engine: nuscenes-devkit knows no {faults[0]}, only its own ten classes; "
            "set it to fast"
        )


def _curve(data: Any, distance_m: float) -> Curve:
    errors = {short: getattr(data, key) for key, short in _ERROR_NAMES.items()}
    return Curve(data.precision, data.confidence, errors if distance_m == ERROR_DISTANCE_M else {})


def _eval_boxes(boxes: Boxes3D) -> EvalBoxes:
    size_wlh_m = np.stack([boxes.width_m, boxes.length_m, boxes.height_m], axis=1)
    columns = {
        "sample_token": boxes.sample_token,
        "translation": boxes.center_m.tolist(),
        "size": size_wlh_m.tolist(),
        "rotation": quaternions_wxyz(boxes.yaw_rad).tolist(),
        "velocity": boxes.velocity_mps.tolist(),
        "detection_name": boxes.class_name,
        "detection_score": boxes.score.tolist(),
        "attribute_name": boxes.attribute_name,
    }
    by_sample = EvalBoxes()
    for row in zip(*columns.values(), strict=True):
        box = DetectionBox(**dict(zip(columns, row, strict=True)))
        by_sample.add_boxes(box.sample_token, [box])
    return by_sample
