"""The devkit's scores without its loops over pairs of boxes.

`tests/evaluation` holds every number and curve against `cm3d.evaluation.devkit`.
"""

import math
from typing import Any

import numpy as np

from cm3d.evaluation.curves import (
    RECALL,
    average_precision,
    confidence_curve,
    error_curve,
    mean_error,
    precision_curve,
)
from cm3d.evaluation.match_errors import MEANINGLESS, match_errors
from cm3d.evaluation.matching import match_boxes
from cm3d.evaluation.scores import (
    ERROR_DISTANCE_M,
    ERROR_NAMES,
    Curve,
    DetectionScores,
    detection_score,
)
from cm3d.tables import Boxes3D, GroundTruth, NDArrayBool, NDArrayFloat
from cm3d.tables.lookup import positions


def run_fast(predictions: Boxes3D, ground_truth: GroundTruth, config: Any) -> DetectionScores:
    """Score boxes that count; arguments as for `devkit.run_devkit`."""
    curves = _all_curves(predictions, ground_truth, config)
    ap = {
        name: {d: average_precision(curve.precision) for d, curve in by.items()}
        for name, by in curves.items()
    }
    errors = {name: _errors(name, by[ERROR_DISTANCE_M]) for name, by in curves.items()}
    mean_ap = float(np.mean([np.mean(list(by.values())) for by in ap.values()]))
    mean_errors = {
        e: float(np.nanmean([by_class[e] for by_class in errors.values()])) for e in ERROR_NAMES
    }
    nds = detection_score(mean_ap, mean_errors)
    return DetectionScores("fast", mean_ap, nds, mean_errors, ap, errors, curves)


def _all_curves(
    predictions: Boxes3D, ground_truth: GroundTruth, config: Any
) -> dict[str, dict[float, Curve]]:
    """Curves by class, then by distance in metres."""
    names = list(config.class_names)
    matching = match_boxes(predictions, ground_truth, config.dist_ths)
    class_index = positions(predictions.class_name, names)[matching.best_first]
    score = predictions.score[matching.best_first]
    positives = np.bincount(1 + positions(ground_truth.class_name, names), minlength=1 + len(names))
    curves: dict[str, dict[float, Curve]] = {name: {} for name in names}
    for distance_m, found in matching.truth_row.items():
        hit = found >= 0
        errors = match_errors(predictions, ground_truth, matching.best_first[hit], found[hit])
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


def _errors(class_name: str, curve: Curve) -> dict[str, float]:
    lacking = MEANINGLESS.get(class_name, ())
    return {
        name: math.nan if name in lacking else mean_error(curve.errors[name], curve.confidence)
        for name in ERROR_NAMES
    }
