"""The door to nuscenes-devkit: tables in, the devkit's own detection scores out.

The devkit computes every number; only its loading of the database is replaced.
"""

from typing import Any, Final

import numpy as np
from nuscenes.eval.common.config import config_factory
from nuscenes.eval.common.data_classes import EvalBoxes
from nuscenes.eval.detection.data_classes import DetectionBox, DetectionConfig
from nuscenes.eval.detection.evaluate import DetectionEval

from cm3d.tables import Boxes3D, Frames, GroundTruth, NDArrayFloat, NDArrayInt

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
    predictions: Boxes3D, ground_truth: GroundTruth, frames: Frames, config: DetectionConfig
) -> tuple[Any, Any]:
    """Score filtered boxes with `DetectionEval.evaluate`.

    Args:
        predictions: Boxes that count, grouped by frame.
        ground_truth: Ground truth that counts, grouped by frame.
        frames: The split.
        config: Classes, distances and weights.

    Returns:
        The devkit's `DetectionMetrics` and `DetectionMetricDataList`.
    """
    points = ground_truth.num_lidar_points + ground_truth.num_radar_points
    unknown_points = np.full(len(predictions), -1)
    evaluation = DetectionEval.__new__(DetectionEval)
    evaluation.cfg = config
    evaluation.verbose = False
    evaluation.gt_boxes = _eval_boxes(ground_truth, frames, points)
    evaluation.pred_boxes = _eval_boxes(submitted(predictions), frames, unknown_points)
    metrics, curves = evaluation.evaluate()
    return metrics, curves


def submitted(predictions: Boxes3D) -> Boxes3D:
    """Predictions as a result file holds them: JSON has no NaN, so unknown velocities are 0."""
    return predictions.replace(velocity_mps=np.nan_to_num(predictions.velocity_mps))


def quaternions_wxyz(yaw_rad: NDArrayFloat) -> NDArrayFloat:
    """Rotations (N, 4) about +z."""
    zero = np.zeros_like(yaw_rad)
    return np.stack([np.cos(yaw_rad / 2), zero, zero, np.sin(yaw_rad / 2)], axis=1)


def _eval_boxes(boxes: Boxes3D, frames: Frames, num_points: NDArrayInt) -> EvalBoxes:
    grouped = EvalBoxes()
    for token in frames.sample_token:
        grouped.add_boxes(token, [])
    size_wlh_m = np.stack([boxes.width_m, boxes.length_m, boxes.height_m], axis=1)
    columns = zip(
        boxes.sample_token,
        boxes.center_m.tolist(),
        size_wlh_m.tolist(),
        quaternions_wxyz(boxes.yaw_rad).tolist(),
        boxes.velocity_mps.tolist(),
        num_points.tolist(),
        boxes.class_name,
        boxes.score.tolist(),
        boxes.attribute_name,
        strict=True,
    )
    for token, center, size, rotation, velocity, points, name, score, attribute in columns:
        box = DetectionBox(
            sample_token=token,
            translation=center,
            size=size,
            rotation=rotation,
            velocity=velocity,
            num_pts=points,
            detection_name=name,
            detection_score=score,
            attribute_name=attribute,
        )
        grouped.add_boxes(token, [box])
    return grouped
