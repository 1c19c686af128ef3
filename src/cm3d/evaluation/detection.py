"""nuScenes detection scores of a set of boxes, from tables alone."""

from cm3d.evaluation.devkit import detection_config
from cm3d.evaluation.engines import ENGINES
from cm3d.evaluation.filtering import (
    group_by_frame,
    in_range,
    keep_best,
    observed,
    outside_racks,
    submitted,
)
from cm3d.evaluation.scores import DetectionScores, Engine
from cm3d.evaluation.validation import check_boxes
from cm3d.tables import Boxes3D, Frames, GroundTruth


def evaluate_boxes(
    predictions: Boxes3D,
    ground_truth: GroundTruth,
    frames: Frames,
    bicycle_racks: Boxes3D,
    engine: Engine = "fast",
) -> DetectionScores:
    """Score boxes as the nuScenes detection challenge would score their result file.

    Args:
        predictions: Boxes of any frames, global frame; at most the best 500 of each frame count.
        ground_truth: Ground truth of any frames, global frame.
        frames: The split; boxes of other frames are ignored, frames without boxes count.
        bicycle_racks: Racks, global frame; cycles in them are ignored.
        engine: Both give the same numbers.

    Raises:
        InputError: A prediction has an unknown class or attribute, or a broken number.
    """
    countable = countable_boxes(predictions, ground_truth, frames, bicycle_racks)
    return ENGINES[engine](*countable, detection_config())


def countable_boxes(
    predictions: Boxes3D, ground_truth: GroundTruth, frames: Frames, bicycle_racks: Boxes3D
) -> tuple[Boxes3D, GroundTruth]:
    """The predictions and the ground truth that count, each grouped by frame."""
    check_boxes(predictions)
    range_m = detection_config().class_range
    boxes = in_range(keep_best(group_by_frame(predictions, frames)), frames, range_m)
    truth = in_range(group_by_frame(observed(ground_truth), frames), frames, range_m)
    return submitted(outside_racks(boxes, bicycle_racks)), outside_racks(truth, bicycle_racks)
