"""The door to nuscenes-devkit: tables in, the devkit's own detection scores out.

The devkit computes every number; only its loading and grouping of boxes is replaced.
"""

from typing import Any, Final

import numpy as np
from nuscenes.eval.common.config import config_factory
from nuscenes.eval.common.data_classes import EvalBoxes
from nuscenes.eval.detection.data_classes import DetectionBox, DetectionConfig
from nuscenes.eval.detection.evaluate import DetectionEval

from cm3d.evaluation.neighbourhoods import neighbourhoods
from cm3d.tables import Boxes3D, GroundTruth, NDArrayFloat, NDArrayInt

# Names of the devkit's true positive errors, and how the paper's tables call them.
ERROR_NAMES: Final = {
    "trans_err": "ATE",
    "scale_err": "ASE",
    "orient_err": "AOE",
    "vel_err": "AVE",
    "attr_err": "AAE",
}


def detection_config() -> DetectionConfig:
    """The configuration of the nuScenes detection challenge."""
    return config_factory("detection_cvpr_2019")


def run_devkit(
    predictions: Boxes3D, ground_truth: GroundTruth, config: DetectionConfig
) -> tuple[Any, Any]:
    """Score filtered boxes with `DetectionEval.evaluate`.

    The devkit looks for matches among boxes that have the same sample token, one pair after the
    other; given neighbourhoods for tokens it finds the same matches in a fraction of the time.

    Args:
        predictions: Boxes that count, grouped by frame.
        ground_truth: Ground truth that counts.
        config: Classes, distances and weights.

    Returns:
        The devkit's `DetectionMetrics` and `DetectionMetricDataList`.
    """
    near, near_truth = neighbourhoods(predictions, ground_truth, max(config.dist_ths))
    evaluation = DetectionEval.__new__(DetectionEval)
    evaluation.cfg = config
    evaluation.verbose = False
    evaluation.pred_boxes, evaluation.gt_boxes = EvalBoxes(), EvalBoxes()
    # Under one key, because the order of predictions decides among equal scores.
    evaluation.pred_boxes.add_boxes("", _detection_boxes(submitted(predictions), near))
    for box in _detection_boxes(ground_truth, near_truth):
        evaluation.gt_boxes.add_boxes(box.sample_token, [box])
    metrics, curves = evaluation.evaluate()
    return metrics, curves


def submitted(predictions: Boxes3D) -> Boxes3D:
    """Predictions as a result file holds them: JSON has no NaN, so unknown velocities are 0."""
    return predictions.replace(velocity_mps=np.nan_to_num(predictions.velocity_mps))


def quaternions_wxyz(yaw_rad: NDArrayFloat) -> NDArrayFloat:
    """Rotations (N, 4) about +z."""
    zero = np.zeros_like(yaw_rad)
    return np.stack([np.cos(yaw_rad / 2), zero, zero, np.sin(yaw_rad / 2)], axis=1)


def _detection_boxes(boxes: Boxes3D, neighbourhood: NDArrayInt) -> list[DetectionBox]:
    size_wlh_m = np.stack([boxes.width_m, boxes.length_m, boxes.height_m], axis=1)
    columns = {
        "sample_token": map(str, neighbourhood),
        "translation": boxes.center_m.tolist(),
        "size": size_wlh_m.tolist(),
        "rotation": quaternions_wxyz(boxes.yaw_rad).tolist(),
        "velocity": boxes.velocity_mps.tolist(),
        "detection_name": boxes.class_name,
        "detection_score": boxes.score.tolist(),
        "attribute_name": boxes.attribute_name,
    }
    return [
        DetectionBox(**dict(zip(columns, row, strict=True)))
        for row in zip(*columns.values(), strict=True)
    ]
