"""The devkit's scores without its loops over pairs of boxes.

`tests/evaluation` holds every number and curve against `cm3d.evaluation.nuscenes.devkit`.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

import numpy as np

from cm3d.evaluation.nuscenes.curves import (
    RECALL,
    average_precision,
    confidence_curve,
    error_curve,
    mean_error,
    precision_curve,
)
from cm3d.evaluation.nuscenes.matching import match_boxes, match_errors
from cm3d.evaluation.nuscenes.rules import DISTANCES_M, ERROR_DISTANCE_M, ERROR_NAMES, ClassRules
from cm3d.evaluation.nuscenes.scores import Curve, DetectionScores, detection_score
from cm3d.geometry.arrays import NDArrayBool, NDArrayFloat, NDArrayInt
from cm3d.tables import Boxes3D, GroundTruth
from cm3d.tables.words import positions

_ERROR_COLUMN: Final = DISTANCES_M.index(ERROR_DISTANCE_M)


@dataclass(frozen=True, eq=False)
class Found:
    """What became of predictions, without their boxes: little enough to keep of a whole split.

    Args:
        score: (N,) of the predictions, grouped by frame.
        class_index: (N,) in the order of the rules.
        hit: (N, distances) whether each found a box nearer than each of `DISTANCES_M`.
        errors: By name (K,) of the K that did at `ERROR_DISTANCE_M`, in their order.
        positives: (classes,) number of ground truth boxes.
    """

    score: NDArrayFloat
    class_index: NDArrayInt
    hit: NDArrayBool
    errors: Mapping[str, NDArrayFloat]
    positives: NDArrayInt


@dataclass(frozen=True, eq=False)
class FastMatches:
    """The matches of boxes that count, which come a few keyframes at a time.

    Args:
        rules: Of their classes.
        found: What came.
    """

    rules: ClassRules
    found: list[Found] = field(default_factory=list)

    def add(self, predictions: Boxes3D, ground_truth: GroundTruth) -> None:
        """Match the boxes of keyframes, all of each (`detection.countable_boxes`)."""
        self.found.append(find(predictions, ground_truth, self.rules))

    def scores(self) -> DetectionScores:
        """Scores of all that came."""
        return score_found(_joined(self.found), self.rules)


def find(predictions: Boxes3D, ground_truth: GroundTruth, rules: ClassRules) -> Found:
    """Match boxes that count, and keep what scores need of them.

    Args:
        predictions: Grouped by frame.
        ground_truth: Grouped by frame.
        rules: Of their classes.
    """
    names = rules.class_names
    matching = match_boxes(predictions, ground_truth, DISTANCES_M)
    truth_row = np.full((len(predictions), len(DISTANCES_M)), -1)
    for column, found in enumerate(matching.truth_row.values()):
        truth_row[matching.best_first, column] = found
    of_errors = truth_row[:, _ERROR_COLUMN]
    rows = np.flatnonzero(of_errors >= 0)
    positives = np.bincount(1 + positions(ground_truth.class_name, names), minlength=1 + len(names))
    return Found(
        predictions.score,
        positions(predictions.class_name, names).astype(np.int16),
        truth_row >= 0,
        match_errors(predictions, ground_truth, rows, of_errors[rows], rules.symmetric),
        positives[1:],
    )


def score_found(found: Found, rules: ClassRules) -> DetectionScores:
    """Scores of predictions of which this became."""
    curves = _all_curves(found, rules)
    ap = {
        name: {d: average_precision(curve.precision) for d, curve in by.items()}
        for name, by in curves.items()
    }
    errors = {
        name: _errors(rules.errors[name], by[ERROR_DISTANCE_M]) for name, by in curves.items()
    }
    mean_ap = float(np.mean([np.mean(list(by.values())) for by in ap.values()]))
    mean_errors = {e: _mean([by_class[e] for by_class in errors.values()]) for e in ERROR_NAMES}
    nds = detection_score(mean_ap, mean_errors)
    return DetectionScores("fast", mean_ap, nds, mean_errors, ap, errors, curves)


def _joined(parts: Sequence[Found]) -> Found:
    """Of several groups of keyframes, in their order, which decides among equal scores."""
    return Found(
        np.concatenate([part.score for part in parts]),
        np.concatenate([part.class_index for part in parts]),
        np.concatenate([part.hit for part in parts]),
        {name: np.concatenate([part.errors[name] for part in parts]) for name in ERROR_NAMES},
        np.sum([part.positives for part in parts], axis=0),
    )


def _all_curves(found: Found, rules: ClassRules) -> dict[str, dict[float, Curve]]:
    """Curves by class, then by distance in metres."""
    best_first = np.argsort(found.score, kind="stable")[::-1]
    nth_match = np.cumsum(found.hit[:, _ERROR_COLUMN]) - 1
    curves: dict[str, dict[float, Curve]] = {}
    for index, name in enumerate(rules.class_names):
        mine = best_first[found.class_index[best_first] == index]
        matches = nth_match[mine[found.hit[mine, _ERROR_COLUMN]]]
        errors = {error: values[matches] for error, values in found.errors.items()}
        curves[name] = {
            distance_m: _curve(
                found.hit[mine, column],
                found.score[mine],
                int(found.positives[index]),
                errors if column == _ERROR_COLUMN else {},
            )
            for column, distance_m in enumerate(DISTANCES_M)
        }
    return curves


def _curve(
    hit: NDArrayBool, score: NDArrayFloat, positives: int, errors: dict[str, NDArrayFloat]
) -> Curve:
    if not hit.any():
        nothing = np.zeros_like(RECALL)
        return Curve(nothing, nothing, {name: np.ones_like(RECALL) for name in errors})
    confidence = confidence_curve(hit, positives, score)
    return Curve(
        precision_curve(hit, positives, np.ones(len(hit))),
        confidence,
        {name: error_curve(error, score[hit], confidence) for name, error in errors.items()},
    )


def _errors(meaningful: Sequence[str], curve: Curve) -> dict[str, float]:
    return {
        name: mean_error(curve.errors[name], curve.confidence) if name in meaningful else math.nan
        for name in ERROR_NAMES
    }


def _mean(errors: Sequence[float]) -> float:
    return 1.0 if np.isnan(errors).all() else float(np.nanmean(errors))
