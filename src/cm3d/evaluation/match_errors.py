"""How far matched boxes are from the truth: the devkit's five true positive errors."""

from typing import Final

import numpy as np

from cm3d.evaluation.candidates import norms
from cm3d.geometry.angles import wrap_angle
from cm3d.tables import Boxes3D, GroundTruth, NDArrayFloat, NDArrayInt

# Turned by pi, a barrier is the same.
_SYMMETRIC_CLASS: Final = "barrier"

# Errors that mean nothing for a class.
MEANINGLESS: Final = {"traffic_cone": ("AOE", "AVE", "AAE"), "barrier": ("AVE", "AAE")}


def match_errors(
    predictions: Boxes3D, ground_truth: GroundTruth, rows: NDArrayInt, truth_rows: NDArrayInt
) -> dict[str, NDArrayFloat]:
    """Errors (K,) by name of the K pairs that are given by their rows (K,) in both tables.

    ATE (m) in xy, ASE (1 - IoU of the boxes laid into each other), AOE (rad), AVE (m/s), AAE
    (1 where the attribute is wrong); NaN where the ground truth knows no velocity or attribute.
    """
    difference_rad = ground_truth.yaw_rad[truth_rows] - predictions.yaw_rad[rows]
    half_turn_rad = wrap_angle(difference_rad, np.pi)
    symmetric = ground_truth.class_name[truth_rows] == _SYMMETRIC_CLASS
    attribute = ground_truth.attribute_name[truth_rows]
    wrong = attribute != predictions.attribute_name[rows]
    return {
        "ATE": norms(predictions.center_m[rows, :2] - ground_truth.center_m[truth_rows, :2]),
        "ASE": 1 - _aligned_iou(_sizes_m(predictions)[rows], _sizes_m(ground_truth)[truth_rows]),
        "AOE": np.abs(np.where(symmetric, half_turn_rad, wrap_angle(difference_rad))),
        "AVE": norms(predictions.velocity_mps[rows] - ground_truth.velocity_mps[truth_rows]),
        "AAE": np.where(attribute == "", np.nan, wrong),
    }


def _sizes_m(boxes: Boxes3D) -> NDArrayFloat:
    return np.stack([boxes.width_m, boxes.length_m, boxes.height_m], axis=1)


def _aligned_iou(size_m: NDArrayFloat, true_size_m: NDArrayFloat) -> NDArrayFloat:
    shared = np.minimum(size_m, true_size_m).prod(axis=1)
    return np.asarray(shared / (size_m.prod(axis=1) + true_size_m.prod(axis=1) - shared))
