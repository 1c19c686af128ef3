"""nuScenes detection scores of boxes, from tables alone."""

from dataclasses import replace
from typing import Protocol

from cm3d.evaluation.nuscenes.fast import FastMatches
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


class Matches(Protocol):
    """What an engine keeps of boxes that count, which come a few keyframes at a time."""

    def add(self, predictions: Boxes3D, ground_truth: GroundTruth) -> None:
        """Take the boxes of some keyframes, all of each, grouped by frame."""
        ...

    def scores(self) -> DetectionScores:
        """Scores of all that came."""
        ...


class Detection:
    """Scores as the nuScenes detection challenge gives them, of boxes that come scene by scene."""

    def __init__(self, taxonomy: Taxonomy, engine: Engine = "fast") -> None:
        """Start without boxes.

        Args:
            taxonomy: The classes, each with its range and errors.
            engine: Both give the same numbers.
        """
        self._taxonomy = taxonomy
        self._matches = open_engine(engine, ClassRules.of(taxonomy))
        self._present: set[str] = set()

    def add(
        self,
        predictions: Boxes3D,
        ground_truth: GroundTruth,
        frames: Frames,
        bicycle_racks: Boxes3D,
    ) -> None:
        """Count the boxes of some keyframes.

        Args:
            predictions: Boxes of any frames, global frame; at most the best 500 of each count.
            ground_truth: Ground truth of any frames, global frame.
            frames: The keyframes; boxes of other frames are ignored, frames without boxes count.
                Of equal scores those of earlier keyframes, by the order of adding, come later.
            bicycle_racks: Racks, global frame; cycles in them are ignored.

        Raises:
            InputError: A prediction has an unknown class or attribute, or a broken number.
        """
        countable = countable_boxes(
            predictions, ground_truth, frames, bicycle_racks, self._taxonomy
        )
        self._matches.add(*countable)
        self._present.update(countable[1].class_name)

    def scores(self) -> DetectionScores:
        """Scores of all that came.

        Raises:
            InputError: The devkit does not know the classes.
        """
        present = tuple(name for name in self._taxonomy.class_names if name in self._present)
        return replace(self._matches.scores(), present=present)


def evaluate_boxes(
    predictions: Boxes3D,
    ground_truth: GroundTruth,
    frames: Frames,
    bicycle_racks: Boxes3D,
    taxonomy: Taxonomy,
    engine: Engine = "fast",
) -> DetectionScores:
    """Score the boxes of a split at once; arguments and errors as of `Detection`."""
    detection = Detection(taxonomy, engine)
    detection.add(predictions, ground_truth, frames, bicycle_racks)
    return detection.scores()


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


def open_engine(engine: Engine, rules: ClassRules) -> Matches:
    """An engine that has no boxes yet."""
    if engine == "fast":
        return FastMatches(rules)
    # with matplotlib and all of the devkit, which nothing else here imports
    from cm3d.evaluation.nuscenes.devkit import DevkitMatches

    return DevkitMatches(rules)
