"""nuScenes detection scores of a set of boxes, from tables alone."""

from dataclasses import replace

from cm3d.evaluation.nuscenes.fast import run_fast
from cm3d.evaluation.nuscenes.filtering import (
    check_boxes,
    group_by_frame,
    in_range,
    keep_best,
    observed,
    outside_racks,
    submitted,
)
from cm3d.evaluation.nuscenes.rules import ClassRules, Engine
from cm3d.evaluation.nuscenes.scores import DetectionScores
from cm3d.tables import Boxes3D, Frames, GroundTruth
from cm3d.taxonomy import Taxonomy


def evaluate_boxes(
    predictions: Boxes3D,
    ground_truth: GroundTruth,
    frames: Frames,
    bicycle_racks: Boxes3D,
    taxonomy: Taxonomy,
    engine: Engine = "fast",
) -> DetectionScores:
    """Score boxes as the nuScenes detection challenge would score their result file.

    Args:
        predictions: Boxes of any frames, global frame; at most the best 500 of each frame count.
        ground_truth: Ground truth of any frames, global frame.
        frames: The split; boxes of other frames are ignored, frames without boxes count.
        bicycle_racks: Racks, global frame; cycles in them are ignored.
        taxonomy: The classes, each with its range and errors.
        engine: Both give the same numbers.

    Raises:
        InputError: A prediction has an unknown class or attribute, or a broken number; or the
            devkit does not know the classes.
    """
    countable = countable_boxes(predictions, ground_truth, frames, bicycle_racks, taxonomy)
    scores = run_engine(engine, *countable, ClassRules.of(taxonomy))
    there = set(countable[1].class_name)
    return replace(scores, present=tuple(name for name in taxonomy.class_names if name in there))


def countable_boxes(
    predictions: Boxes3D,
    ground_truth: GroundTruth,
    frames: Frames,
    bicycle_racks: Boxes3D,
    taxonomy: Taxonomy,
) -> tuple[Boxes3D, GroundTruth]:
    """The predictions and the ground truth that count, each grouped by frame."""
    check_boxes(predictions, taxonomy.class_names, taxonomy.attribute_names)
    range_m = {name: row.range_m for name, row in taxonomy.classes.items()}
    racked = taxonomy.named("stands_in_racks")
    boxes = in_range(keep_best(group_by_frame(predictions, frames)), frames, range_m)
    truth = in_range(group_by_frame(observed(ground_truth), frames), frames, range_m)
    return (
        submitted(outside_racks(boxes, bicycle_racks, racked)),
        outside_racks(truth, bicycle_racks, racked),
    )


def run_engine(
    engine: Engine, predictions: Boxes3D, ground_truth: GroundTruth, rules: ClassRules
) -> DetectionScores:
    """Score boxes that count by one engine."""
    if engine == "fast":
        return run_fast(predictions, ground_truth, rules)
    # with matplotlib and all of the devkit, which nothing else here imports
    from cm3d.evaluation.nuscenes.devkit import run_devkit

    return run_devkit(predictions, ground_truth, rules)
