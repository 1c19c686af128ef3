"""Scores as flat JSON: headlines for `dvc metrics`, rows for `dvc plots`."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

import numpy as np

from cm3d.evaluation.waymo.rules import LEVELS, RANGES
from cm3d.evaluation.waymo.scores import ShardScores, WaymoScores

_DECIMALS: Final = 4
# Plots show all ground truth.
_PLOTTED: Final = LEVELS.index(2)

FIGURES: Final = tuple(f"{figure}_L{level}" for level in LEVELS for figure in ("AP", "APH"))
BRIEF: Final = tuple(f"m{figure}" for figure in FIGURES)
HEADLINES: Final = (
    *BRIEF,
    *(f"m{figure}_{name}" for name in RANGES for figure in FIGURES),
)


def headline(scores: WaymoScores) -> dict[str, float]:
    """Means over all classes, over all ranges and by range; a class without ground truth has 0."""
    parts = [scores.by_class, *(_of_range(scores, row) for row in range(len(RANGES)))]
    means = [float(np.mean(values)) for part in parts for _, values in _columns(part)]
    return {name: round(value, _DECIMALS) for name, value in zip(HEADLINES, means, strict=True)}


def per_class(
    scores: WaymoScores, class_names: Sequence[str]
) -> dict[str, Mapping[str, float | None]]:
    """The same by class; None where a class has no ground truth of that level and range."""
    parts = {"": scores.by_class}
    parts |= {f"_{name}": _of_range(scores, row) for row, name in enumerate(RANGES)}
    found: dict[str, dict[str, float | None]] = {name: {} for name in class_names}
    for suffix, part in parts.items():
        there = np.repeat(part.counts.truths > 0, 2, axis=1)
        for column, (figure, values) in enumerate(_columns(part)):
            for row, name in enumerate(class_names):
                value = round(float(values[row]), _DECIMALS) if there[row, column] else None
                found[name][figure + suffix] = value
    return dict(found)


def ap_rows(scores: WaymoScores, class_names: Sequence[str]) -> list[dict[str, Any]]:
    """Plot rows of AP at level 2 by class."""
    values = scores.by_class.ap[:, _PLOTTED]
    return [
        {"class": name, "ap": round(float(value), _DECIMALS)}
        for name, value in zip(class_names, values, strict=True)
    ]


def curve_rows(scores: WaymoScores, class_names: Sequence[str]) -> list[dict[str, Any]]:
    """Plot rows of precision over recall at level 2, a point for each cutoff of the score."""
    part = scores.by_class
    return [
        {
            "class": name,
            "recall": round(float(recall), _DECIMALS),
            "precision": round(float(precision), _DECIMALS),
        }
        for row, name in enumerate(class_names)
        for recall, precision in zip(
            part.recall[row, _PLOTTED, ::-1], part.precision[row, _PLOTTED, ::-1], strict=True
        )
    ]


def _columns(scores: ShardScores) -> Iterator[tuple[str, Any]]:
    """Figures and their values (S,), in the order of `FIGURES`."""
    values = [kind[:, row] for row in range(len(LEVELS)) for kind in (scores.ap, scores.aph)]
    yield from zip(FIGURES, values, strict=True)


def _of_range(scores: WaymoScores, row: int) -> ShardScores:
    """Scores of all classes within one range."""
    return scores.by_range[row :: len(RANGES)]
