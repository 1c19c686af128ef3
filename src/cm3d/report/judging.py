"""The boxes of a label set or model that count as said, and keyframes where most are right."""

import numpy as np

from cm3d.evaluation.nuscenes.judging import Judged, best_f1_scores
from cm3d.geometry.arrays import NDArrayFloat, NDArrayInt
from cm3d.tables.words import positions


def best_scores(judged: Judged, class_names: tuple[str, ...]) -> NDArrayFloat:
    """The score (classes,) from which on F1 is best, see `best_f1_scores`."""
    boxes, truth = judged.boxes, judged.truth
    box_class, object_class = (positions(t.class_name, class_names) for t in (boxes, truth))
    return best_f1_scores(boxes.score, judged.right, box_class, object_class, len(class_names))


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
