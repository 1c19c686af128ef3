"""Which boxes of a label set or a model are right, and which keyframes have most of them."""

from dataclasses import dataclass
from typing import Final

import numpy as np

from cm3d.evaluation.nuscenes.matching import match_boxes, match_errors
from cm3d.evaluation.nuscenes.rules import ERROR_DISTANCE_M, ClassRules
from cm3d.geometry.arrays import NDArrayBool, NDArrayFloat, NDArrayInt
from cm3d.tables import Boxes3D, GroundTruth
from cm3d.tables.words import positions

ERRORS: Final = ("ATE", "ASE", "AOE")


@dataclass(frozen=True, eq=False)
class Judged:
    """Boxes and objects that count, and which belong together.

    Args:
        boxes: (N) of the label set or model.
        truth: (M) objects.
        truth_of: (N,) row of the object that a box found; -1 where none.
        box_of: (M,) row of the box that found an object; -1 where none.
        errors: (M, 3) of that box in the order of `ERRORS`; NaN where it has no meaning.
    """

    boxes: Boxes3D
    truth: GroundTruth
    truth_of: NDArrayInt
    box_of: NDArrayInt
    errors: NDArrayFloat

    @property
    def right(self) -> NDArrayBool:
        """(N,) which boxes found an object."""
        return self.truth_of >= 0

    @property
    def found(self) -> NDArrayBool:
        """(M,) which objects were found."""
        return self.box_of >= 0

    def only(self, kept: NDArrayBool) -> "Judged":
        """Without some boxes (N,); those that are left must have found what they did before."""
        number = np.cumsum(kept) - 1
        has_box = self.found & np.append(kept, False)[self.box_of]
        return Judged(
            self.boxes[kept],
            self.truth,
            self.truth_of[kept],
            np.where(has_box, np.append(number, -1)[self.box_of], -1),
            np.where(has_box[:, None], self.errors, np.nan),
        )


def judge(boxes: Boxes3D, truth: GroundTruth, rules: ClassRules) -> Judged:
    """Match boxes with objects of their class nearer than 2 m, as the nuScenes metric does.

    Args:
        boxes: That count (`evaluation.nuscenes.detection.countable_boxes`).
        truth: That count.
        rules: Of their classes.
    """
    matching = match_boxes(boxes, truth, (ERROR_DISTANCE_M,))
    truth_of = np.full(len(boxes), -1)
    truth_of[matching.best_first] = matching.truth_row[ERROR_DISTANCE_M]
    rows = np.flatnonzero(truth_of >= 0)
    box_of = np.full(len(truth), -1)
    box_of[truth_of[rows]] = rows
    of_match = match_errors(boxes, truth, rows, truth_of[rows], rules.symmetric)
    errors = np.full((len(truth), len(ERRORS)), np.nan)
    errors[truth_of[rows]] = np.column_stack([of_match[name] for name in ERRORS])
    meant = np.array([[e in rules.errors[c] for e in ERRORS] for c in rules.class_names])
    meaningful = meant[positions(truth.class_name, rules.class_names)]
    return Judged(boxes, truth, truth_of, box_of, np.where(meaningful, errors, np.nan))


def best_scores(judged: Judged, class_names: tuple[str, ...]) -> NDArrayFloat:
    """The score (classes,) from which on F1 is best; infinite where a class finds nothing.

    A detector's hundreds of unlikely boxes would else find everything and be wrong everywhere.
    """
    best = np.full(len(class_names), np.inf)
    for index, name in enumerate(class_names):
        mine = judged.boxes.class_name == name
        order = np.argsort(-judged.boxes.score[mine], kind="stable")
        score, right = judged.boxes.score[mine][order], judged.right[mine][order]
        if right.any():
            objects = np.count_nonzero(judged.truth.class_name == name)
            f1 = 2 * np.cumsum(right) / (np.arange(1, len(right) + 1) + objects)
            f1[:-1][score[:-1] == score[1:]] = -1  # equal scores count together
            best[index] = score[np.argmax(f1)]
    return best


def at_best_scores(judged: Judged, class_names: tuple[str, ...]) -> Judged:
    """The boxes alone that score enough for their class, by `best_scores`.

    Surer boxes are matched first, so what they found is what they find alone.
    """
    limit = best_scores(judged, class_names)[positions(judged.boxes.class_name, class_names)]
    return judged.only(judged.boxes.score >= limit)


def frame_scores(judged: Judged, sample_tokens: list[str]) -> tuple[NDArrayFloat, NDArrayInt]:
    """F1 (F,) of keyframes, and how many boxes and objects (F,) each has."""
    words = list(sample_tokens)
    boxes = positions(judged.boxes.sample_token, words)
    objects = positions(judged.truth.sample_token, words)
    count = len(words)
    right = np.bincount(boxes[judged.right], minlength=count)
    total = np.bincount(boxes, minlength=count) + np.bincount(objects, minlength=count)
    return 2 * right / np.maximum(total, 1), total


def best_and_worst(
    f1: NDArrayFloat, total: NDArrayInt, worst: int, least: int = 10
) -> tuple[NDArrayInt, NDArrayInt]:
    """Indices of the best keyframe, and of the worst ones, worst first.

    Args:
        f1: (F,) of keyframes.
        total: (F,) boxes and objects.
        worst: How many at most.
        least: Keyframes with fewer boxes and objects are passed over while others are left: one
            missed object out of one says little.
    """
    full = np.flatnonzero(total >= least)
    frames = full if len(full) else np.flatnonzero(total > 0)
    order = frames[np.lexsort((-total[frames], f1[frames]))]
    best = order[::-1][:1]
    return best, order[: max(min(worst, len(order) - 1), 0)]
