"""What the labelled frames say of labels, and what a round's labels are like."""

from typing import Any, Final

import numpy as np

from cm3d.geometry.arrays import NDArrayBool, NDArrayFloat
from cm3d.relabel.matching import best_first, match_surest_first
from cm3d.relabel.ranges import range_m
from cm3d.relabel.split import Split
from cm3d.tables import Boxes3D, Frames
from cm3d.taxonomy import Taxonomy

_LIKELY: Final = 0.5  # more likely right than not


def in_class_range(boxes: Boxes3D, frames: Frames, taxonomy: Taxonomy) -> NDArrayBool:
    """Whether boxes (N,) are within the range that their classes are scored in."""
    limit_m = taxonomy.floats("range_m")[taxonomy.indices(boxes.class_name)]
    return np.asarray(range_m(boxes, frames) <= limit_m)


def average_precisions(
    boxes: Boxes3D, truth: Boxes3D, class_names: tuple[str, ...], reach_m: float
) -> NDArrayFloat:
    """Mean over true objects of the best precision at which each is found (C,); NaN without any.

    Args:
        boxes: N boxes of some keyframes.
        truth: True boxes of the same keyframes.
        class_names: Classes (C,).
        reach_m: Of a match, see `match_surest_first`.
    """
    boxes = boxes[best_first(boxes)]
    right = match_surest_first(boxes, truth, reach_m) >= 0
    found = np.full(len(class_names), np.nan)
    for number, name in enumerate(class_names):
        hit, objects = right[boxes.class_name == name], np.sum(truth.class_name == name)
        precision = np.cumsum(hit) / np.arange(1, len(hit) + 1)
        best = np.maximum.accumulate(precision[::-1])[::-1]
        if objects:
            found[number] = best[hit].sum() / objects
    return found


def figures(
    relabels: Boxes3D, old: Boxes3D, split: Split, taxonomy: Taxonomy, reach_m: float
) -> dict[str, Any]:
    """What one round's labels are like, beside those before it and the truth of labelled frames.

    Counts are per keyframe, within the range that classes are scored in. Likely is a box whose
    score is at least 0.5.

    Args:
        relabels: Labels of the unlabelled part; those of labelled frames are judged where there
            are any.
        old: The labels before, of all frames.
        split: Keyframes and what is known of them.
        taxonomy: The class list.
        reach_m: Of a match with the truth, see `match_surest_first`.
    """
    relabels, old, truth = (
        boxes[in_class_range(boxes, split.frames, taxonomy)]
        for boxes in (relabels, old, split.truth)
    )
    rest, known = split.unlabelled_only(relabels), split.labelled_only(relabels)
    frames, labelled = int((~split.labelled).sum()), int(split.labelled.sum())
    report: dict[str, Any] = {
        "frames": frames,
        **_counts(rest, frames),
        "before": _counts(split.unlabelled_only(old), frames),
        "labelled_frames": {
            "frames": labelled,
            "true": len(truth) / max(1, labelled),
            **(_shares(known, truth, reach_m) if len(known) else {}),
        },
    }
    report["labelled_frames"]["before"] = _shares(split.labelled_only(old), truth, reach_m)
    report["classes"] = {
        name: {
            **_counts(rest[rest.class_name == name], frames),
            "true_in_labelled_frames": float((truth.class_name == name).sum()) / max(1, labelled),
        }
        for name in taxonomy.class_names
    }
    return report


def _counts(boxes: Boxes3D, frames: int) -> dict[str, float]:
    return {
        "boxes": len(boxes) / max(1, frames),
        "likely": float((boxes.score >= _LIKELY).sum()) / max(1, frames),
        "expected_true": float(boxes.score.sum()) / max(1, frames),
    }


def _shares(boxes: Boxes3D, truth: Boxes3D, reach_m: float) -> dict[str, float]:
    """Precision and recall of likely boxes."""
    likely = boxes[boxes.score >= _LIKELY]
    right = int((match_surest_first(likely, truth, reach_m) >= 0).sum())
    return {"precision": right / max(1, len(likely)), "recall": right / max(1, len(truth))}
