"""Scores as flat JSON: headlines for `dvc metrics`, rows for `dvc plots`."""

import math
from collections.abc import Iterable, Mapping
from typing import Any, Final

from cm3d.evaluation.nuscenes.agnostic import AgnosticScores
from cm3d.evaluation.nuscenes.curves import RECALL
from cm3d.evaluation.nuscenes.scores import DetectionScores
from cm3d.evaluation.protocol import PLOTTED
from cm3d.geometry.arrays import NDArrayFloat

HEADLINES: Final = ("mAP", "NDS", "mATE", "mASE", "mAOE", "mAVE", "mAAE")
PRESENT_HEADLINES: Final = ("mAP_present", "NDS_present", "mAOE_present")
_DECIMALS = 4


def headline(scores: DetectionScores) -> dict[str, float]:
    """The seven figures of the paper's tables, mAP and NDS in [0, 1]."""
    errors = {f"m{name}": value for name, value in scores.mean_errors.items()}
    figures = {"mAP": scores.mean_ap, "NDS": scores.nds, **errors}
    return {name: round(figures[name], _DECIMALS) for name in HEADLINES}


def present_headline(scores: DetectionScores) -> dict[str, float]:
    """Three of them over classes that have ground truth; the official ones count absent ones."""
    mean_ap, nds, errors = scores.of_present()
    figures = zip(PRESENT_HEADLINES, (mean_ap, nds, errors["AOE"]), strict=True)
    return {name: round(value, _DECIMALS) for name, value in figures}


def agnostic_headlines(scores: Iterable[AgnosticScores]) -> dict[str, dict[str, float]]:
    """The class-agnostic figures by name of their protocol; NDS is named after what it counts."""
    return {found.protocol.name: _agnostic_headline(found) for found in scores}


def _agnostic_headline(scores: AgnosticScores) -> dict[str, float]:
    figures = {"AP": scores.ap, **scores.errors, scores.protocol.nds_name: scores.nds}
    return {name: round(value, _DECIMALS) for name, value in figures.items()}


def per_class(scores: DetectionScores) -> dict[str, dict[str, float | None]]:
    """AP and the five errors by class; None where a class has no such error."""
    return {
        name: {"AP": round(ap, _DECIMALS), **_without_nan(scores.errors[name])}
        for name, ap in scores.class_ap.items()
    }


def ap_rows(scores: DetectionScores) -> list[dict[str, Any]]:
    """Plot rows of AP by class."""
    return [{"class": name, "ap": round(ap, _DECIMALS)} for name, ap in scores.class_ap.items()]


def precision_recall_rows(curves: Mapping[str, NDArrayFloat]) -> list[dict[str, Any]]:
    """Plot rows of precision-recall curves (101,) at 2 m, by class or protocol."""
    return [
        {
            "class": name,
            "recall": round(float(recall), _DECIMALS),
            "precision": round(float(precision), _DECIMALS),
        }
        for name, curve in curves.items()
        for recall, precision in zip(RECALL[PLOTTED], curve[PLOTTED], strict=True)
    ]


def _without_nan(errors: dict[str, float]) -> dict[str, float | None]:
    return {
        name: None if math.isnan(value) else round(value, _DECIMALS)
        for name, value in errors.items()
    }
