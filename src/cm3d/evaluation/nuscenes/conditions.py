"""What is found, and how far off it is, by distance and by number of LiDAR points.

Counted are, of each class, the boxes from the score on at which F1 at 2 m is best: a detector's
hundreds of unlikely boxes would find everything.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from itertools import pairwise
from typing import Any, Final

import numpy as np

from cm3d.evaluation.nuscenes.detection import countable_boxes
from cm3d.evaluation.nuscenes.filtering import frame_rows
from cm3d.evaluation.nuscenes.judging import ERRORS, best_f1_scores, judge
from cm3d.evaluation.nuscenes.matching import norms
from cm3d.evaluation.nuscenes.rules import ClassRules
from cm3d.geometry.arrays import NDArrayBool, NDArrayFloat, NDArrayInt
from cm3d.tables import Boxes3D, Frames, GroundTruth
from cm3d.tables.words import positions
from cm3d.taxonomy import Taxonomy

DISTANCES_M: Final = (0, 10, 20, 30, 40, 50)  # from each to before the next
POINTS: Final = (0, 5, 10, 20, 50, 100)
_DECIMALS: Final = 4


@dataclass(frozen=True, eq=False)
class Outcome:
    """What became of the boxes and the objects of some keyframes.

    Args:
        score: (N,) of the boxes that count.
        box_class: (N,) in the order of the rules.
        hit: (N,) whether a box is nearer than 2 m to an object of its own.
        object_class: (M,) of the ground truth that counts.
        distance_m: (M,) of the objects from the ego vehicle, in xy.
        points: (M,) LiDAR points in them.
        found_score: (M,) score of the box that found them; -inf where none did.
        errors: (M, 3) of that box in the order of `ERRORS`; NaN where it has no meaning.
    """

    score: NDArrayFloat
    box_class: NDArrayInt
    hit: NDArrayBool
    object_class: NDArrayInt
    distance_m: NDArrayFloat
    points: NDArrayInt
    found_score: NDArrayFloat
    errors: NDArrayFloat


class Conditions:
    """Recall and errors by what makes objects hard; boxes come scene by scene."""

    def __init__(self, taxonomy: Taxonomy) -> None:
        """Start without boxes.

        Args:
            taxonomy: Classes of the boxes.
        """
        self._taxonomy = taxonomy
        self._parts: list[Outcome] = []

    def add(
        self,
        predictions: Boxes3D,
        ground_truth: GroundTruth,
        frames: Frames,
        bicycle_racks: Boxes3D,
    ) -> None:
        """Count the boxes of some keyframes; arguments and errors as of `Detection.add`."""
        boxes, truth = countable_boxes(
            predictions, ground_truth, frames, bicycle_racks, self._taxonomy
        )
        self._parts.append(outcome(boxes, truth, frames, ClassRules.of(self._taxonomy)))

    @property
    def boxes(self) -> int:
        """How many boxes counted."""
        return sum(len(part.score) for part in self._parts)

    def rows(self) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
        """Plot rows by distance and by points: `found`, the errors, and how many `objects`."""
        all_ = _joined(self._parts)
        found = all_.found_score >= best_scores(all_)[all_.object_class]
        return (
            _rows("distance_m", DISTANCES_M, all_.distance_m, found, all_.errors),
            _rows("points", POINTS, all_.points, found, all_.errors),
        )


def outcome(boxes: Boxes3D, truth: GroundTruth, frames: Frames, rules: ClassRules) -> Outcome:
    """Match boxes that count (`detection.countable_boxes`) with the objects of some keyframes."""
    judged = judge(boxes, truth, rules)
    ego_xy_m = frames.global_SE3_ego[frame_rows(truth.sample_token, frames), 4:6]
    return Outcome(
        boxes.score,
        positions(boxes.class_name, rules.class_names),
        judged.right,
        positions(truth.class_name, rules.class_names),
        norms(truth.center_m[:, :2] - ego_xy_m),
        truth.num_lidar_points,
        np.append(boxes.score, -math.inf)[judged.box_of],
        judged.errors,
    )


def best_scores(outcome: Outcome) -> NDArrayFloat:
    """The score of each class from which on its F1 is best, see `best_f1_scores`."""
    box_class, object_class = outcome.box_class, outcome.object_class
    classes = 1 + max(box_class.max(initial=0), object_class.max(initial=0))
    return best_f1_scores(outcome.score, outcome.hit, box_class, object_class, classes)


def _joined(parts: Sequence[Outcome]) -> Outcome:
    names = [field.name for field in fields(Outcome)]
    columns: Mapping[str, Any] = {
        name: np.concatenate([getattr(part, name) for part in parts]) for name in names
    }
    return Outcome(**columns)


def _rows(
    name: str,
    begins: Sequence[int],
    values: NDArrayFloat | NDArrayInt,
    found: NDArrayBool,
    errors: NDArrayFloat,
) -> list[dict[str, Any]]:
    bin_of = np.searchsorted(begins, values, side="right") - 1
    rows = []
    for index, label in enumerate(bin_labels(begins)):
        mine = bin_of == index
        known = errors[mine & found]
        means = {e: _mean(known[:, column]) for column, e in enumerate(ERRORS)}
        rows.append({name: label, "found": _mean(found[mine]), **means, "objects": int(mine.sum())})
    return rows


def bin_labels(begins: Sequence[int]) -> list[str]:
    """What bins are called that go from each number to before the next."""
    ends = (f"{begin}-{end}" for begin, end in pairwise(begins))
    return [*ends, f"{begins[-1]}+"]


def _mean(values: NDArrayFloat | NDArrayBool) -> float | None:
    known = np.asarray(values, dtype=np.float64)
    known = known[~np.isnan(known)]
    return round(float(known.mean()), _DECIMALS) if len(known) else None
