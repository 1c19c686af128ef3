"""What lines of the report say: precision over recall, scores as probabilities, errors by bin."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from cm3d.evaluation.nuscenes.conditions import DISTANCES_M, POINTS, bin_labels
from cm3d.evaluation.nuscenes.curves import RECALL, precision_curve
from cm3d.evaluation.nuscenes.judging import ERRORS, Judged
from cm3d.geometry.arrays import NDArrayBool, NDArrayFloat, NDArrayInt

VISIBILITIES: Final = {1: "0-40%", 2: "40-60%", 3: "60-80%", 4: "80-100%"}
SCORE_EDGES: Final = np.linspace(0, 1, 11)


@dataclass(frozen=True, eq=False)
class Bins:
    """What was found, and how far off it is, by bin.

    Args:
        labels: (B,) of the bins.
        objects: (B,) how many there are.
        found: (B,) share of them; NaN where there are none.
        errors: By name (B,) mean over the found; NaN where it has no meaning.
    """

    labels: Sequence[str]
    objects: NDArrayInt
    found: NDArrayFloat
    errors: dict[str, NDArrayFloat]


@dataclass(frozen=True, eq=False)
class Reliability:
    """Whether scores are probabilities.

    Args:
        score: (B,) mean score of the boxes of a bin; NaN in an empty one.
        right: (B,) share of them that is right.
        boxes: (B,) how many there are.
        error: Mean distance of score and share over all boxes (expected calibration error).
    """

    score: NDArrayFloat
    right: NDArrayFloat
    boxes: NDArrayInt
    error: float


def reliability(
    score: NDArrayFloat, right: NDArrayBool, edges: NDArrayFloat = SCORE_EDGES
) -> Reliability:
    """Compare scores (N,) in [0, 1] with whether boxes are right (N,), by bins of the score."""
    bin_of = np.clip(np.searchsorted(edges, score, side="right") - 1, 0, len(edges) - 2)
    boxes = np.bincount(bin_of, minlength=len(edges) - 1)
    with np.errstate(invalid="ignore"):
        mean = np.bincount(bin_of, score, len(edges) - 1) / boxes
        share = np.bincount(bin_of, right, len(edges) - 1) / boxes
    gap = np.nansum(np.abs(mean - share) * boxes)
    return Reliability(mean, share, boxes, float(gap / max(len(score), 1)))


def precision_by_class(
    judged: Judged, class_names: Sequence[str]
) -> tuple[NDArrayFloat, dict[str, NDArrayFloat]]:
    """`RECALL`, and precision (101,) there of each class that has objects."""
    best_first = np.argsort(judged.boxes.score, kind="stable")[::-1]
    names, right = judged.boxes.class_name[best_first], judged.right[best_first]
    curves = {}
    for name in class_names:
        objects = int(np.count_nonzero(judged.truth.class_name == name))
        if objects:
            hit = right[names == name]
            curves[name] = precision_curve(hit, objects, np.ones(len(hit)))
    return RECALL, curves


def by_distance(judged: Judged, distance_m: NDArrayFloat) -> Bins:
    """By distance (M,) from the vehicle."""
    return _binned(judged, *_from_begins(DISTANCES_M, distance_m))


def by_points(judged: Judged) -> Bins:
    """By number of LiDAR points; objects with none known are left out."""
    return _binned(judged, *_from_begins(POINTS, judged.truth.num_lidar_points))


def by_visibility(judged: Judged) -> Bins:
    """By nuScenes' level of visibility; objects without one are left out."""
    level = judged.truth.visibility
    return _binned(judged, list(VISIBILITIES.values()), np.where(level > 0, level - 1, -1))


def _from_begins(
    begins: Sequence[int], values: NDArrayFloat | NDArrayInt
) -> tuple[list[str], NDArrayInt]:
    return bin_labels(begins), np.searchsorted(begins, values, side="right") - 1


def _binned(judged: Judged, labels: Sequence[str], bin_of: NDArrayInt) -> Bins:
    """Bins of objects (M,); those of bin -1 are left out."""
    count, inside = len(labels), bin_of >= 0
    objects = np.bincount(bin_of[inside], minlength=count)
    errors = {
        name: _means(judged.errors[inside, column], bin_of[inside], count)
        for column, name in enumerate(ERRORS)
    }
    found = _means(judged.found[inside].astype(np.float64), bin_of[inside], count)
    return Bins(labels, objects, found, errors)


def _means(values: NDArrayFloat, bin_of: NDArrayInt, count: int) -> NDArrayFloat:
    known = ~np.isnan(values)
    with np.errstate(invalid="ignore"):
        return np.asarray(
            np.bincount(bin_of[known], values[known], count)
            / np.bincount(bin_of[known], minlength=count)
        )
