"""Which predictions hit ground truth, so that average precision can be resampled cheaply.

A frame's matches do not depend on other frames, so a resampled split needs no new matching. The
devkit keeps its matches to itself; these follow the same rules, and a test holds the average
precision computed from them against the devkit's.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np

from cm3d.evaluation.filtering import frame_rows
from cm3d.tables import (
    Boxes3D,
    Frames,
    GroundTruth,
    NDArrayBool,
    NDArrayFloat,
    NDArrayInt,
)

_RECALL_GRID: Final = np.linspace(0, 1, 101)
_MIN_RECALL_BINS: Final = 11
_MIN_PRECISION: Final = 0.1


@dataclass(frozen=True, eq=False)
class Matches:
    """Outcome of matching one class at one distance over a split.

    Args:
        hit: (N,) whether a prediction found ground truth, best score first.
        hit_frame: (N,) frame row of each prediction.
        truth_frame: (M,) frame row of each ground truth box.
    """

    hit: NDArrayBool
    hit_frame: NDArrayInt
    truth_frame: NDArrayInt


def match_class(
    predictions: Boxes3D,
    ground_truth: GroundTruth,
    frames: Frames,
    class_name: str,
    distance_m: float,
) -> Matches:
    """Match boxes that count (`detection.countable_boxes`) as the devkit does.

    Predictions go by falling score, of equal scores the later first; each takes the nearest
    ground truth box that is still free and nearer than `distance_m`, in xy.
    """
    boxes = predictions[predictions.class_name == class_name]
    truth = ground_truth[ground_truth.class_name == class_name]
    boxes = boxes[np.argsort(boxes.score, kind="stable")[::-1]]
    box_frame = frame_rows(boxes.sample_token, frames)
    truth_frame = frame_rows(truth.sample_token, frames)
    hit = np.zeros(len(boxes), dtype=bool)
    for frame in np.intersect1d(box_frame, truth_frame):
        here, there = box_frame == frame, truth_frame == frame
        hit[here] = _greedy(boxes.center_m[here, :2], truth.center_m[there, :2], distance_m)
    return Matches(hit, box_frame, truth_frame)


def average_precision(matches: Matches, frame_weight: NDArrayFloat) -> float:
    """Average precision of the devkit, each frame counted `frame_weight[frame]` times."""
    positives = frame_weight[matches.truth_frame].sum()
    weight = frame_weight[matches.hit_frame]
    counted = weight > 0
    hit, weight = matches.hit[counted], weight[counted]
    if positives == 0 or not hit.any():
        return 0.0
    found, seen = np.cumsum(weight * hit), np.cumsum(weight)
    precision = np.interp(_RECALL_GRID, found / positives, found / seen, right=0)
    above = np.clip(precision[_MIN_RECALL_BINS:] - _MIN_PRECISION, 0, None)
    return float(above.mean()) / (1 - _MIN_PRECISION)


def _greedy(box_xy_m: NDArrayFloat, truth_xy_m: NDArrayFloat, distance_m: float) -> NDArrayBool:
    offset = box_xy_m[:, None] - truth_xy_m[None]
    distance = np.sqrt(np.sum(offset**2, axis=2))
    hit = np.zeros(len(box_xy_m), dtype=bool)
    for row in range(len(box_xy_m)):
        nearest = int(np.argmin(distance[row]))
        if distance[row, nearest] < distance_m:
            hit[row] = True
            distance[:, nearest] = np.inf
    return hit
