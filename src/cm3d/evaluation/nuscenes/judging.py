"""Which boxes are right, which objects are found, and from which score on F1 is best."""

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


def best_f1_scores(
    score: NDArrayFloat,
    right: NDArrayBool,
    box_class: NDArrayInt,
    object_class: NDArrayInt,
    classes: int,
) -> NDArrayFloat:
    """The score (classes,) from which on F1 is best; infinite where a class finds nothing.

    A detector's hundreds of unlikely boxes would else find everything and be wrong everywhere.

    Args:
        score: (N,) of the boxes.
        right: (N,) whether they found an object.
        box_class: (N,) their classes, from 0.
        object_class: (M,) those of the objects.
        classes: How many there are.
    """
    best = np.full(classes, np.inf)
    for index in range(classes):
        mine = box_class == index
        order = np.argsort(-score[mine], kind="stable")
        falling, hit = score[mine][order], right[mine][order]
        if hit.any():
            objects = np.count_nonzero(object_class == index)
            f1 = 2 * np.cumsum(hit) / (np.arange(1, len(hit) + 1) + objects)
            f1[:-1][falling[:-1] == falling[1:]] = -1  # equal scores count together
            best[index] = falling[np.argmax(f1)]
    return best
