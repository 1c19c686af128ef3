"""The devkit's scores without its loops over pairs of boxes.

`tests/evaluation` holds every number and curve against `cm3d.evaluation.nuscenes.devkit`.
"""

import math
from collections.abc import Sequence

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
from cm3d.geometry.arrays import NDArrayBool, NDArrayFloat
from cm3d.tables import Boxes3D, GroundTruth
from cm3d.tables.words import positions


def run_fast(predictions: Boxes3D, ground_truth: GroundTruth, rules: ClassRules) -> DetectionScores:
    """Score boxes that count (`detection.countable_boxes`).

    Args:
        predictions: Grouped by frame.
        ground_truth: Grouped by frame.
        rules: Of their classes.
    """
    curves = _all_curves(predictions, ground_truth, rules)
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


def _all_curves(
    predictions: Boxes3D, ground_truth: GroundTruth, rules: ClassRules
) -> dict[str, dict[float, Curve]]:
    """Curves by class, then by distance in metres."""
    names = rules.class_names
    matching = match_boxes(predictions, ground_truth, DISTANCES_M)
    class_index = positions(predictions.class_name, names)[matching.best_first]
    score = predictions.score[matching.best_first]
    positives = np.bincount(1 + positions(ground_truth.class_name, names), minlength=1 + len(names))
    curves: dict[str, dict[float, Curve]] = {name: {} for name in names}
    for distance_m, found in matching.truth_row.items():
        hit = found >= 0
        rows = matching.best_first[hit]
        errors = match_errors(predictions, ground_truth, rows, found[hit], rules.symmetric)
        for index, name in enumerate(names):
            mine = class_index == index
            matched = mine[hit]
            of_class = {error: values[matched] for error, values in errors.items()}
            curves[name][distance_m] = _curve(
                hit[mine], score[mine], int(positives[1 + index]), of_class
            )
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
