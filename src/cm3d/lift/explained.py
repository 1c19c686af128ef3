"""Boxes that know what gave them."""

from dataclasses import dataclass

import numpy as np

from cm3d.geometry.rows import Rows
from cm3d.lift.objects import Objects, words
from cm3d.tables import Boxes3D, Explanations


@dataclass(frozen=True, eq=False)
class ExplainedBoxes(Rows):
    """N boxes and why each is as it is.

    Args:
        boxes: Global frame.
        why: In the same order.
    """

    boxes: Boxes3D
    why: Explanations


def explained(objects: Objects, sample_token: str) -> ExplainedBoxes:
    """Boxes of one keyframe, each an object of its own that is of its mask's class."""
    count, boxes = len(objects), objects.as_boxes(sample_token)
    ones = np.ones(count)
    fitted = objects.origin.center == "fit"
    why = Explanations(
        sample_token=boxes.sample_token,
        track=np.full(count, -1),
        track_boxes=np.ones(count, dtype=np.int64),
        seen=np.ones(count, dtype=bool),
        points=objects.points,
        center_from=objects.origin.center,
        heading_from=objects.origin.heading,
        front_from=objects.origin.front,
        size_from=objects.origin.size,
        fit_cost=np.where(fitted, objects.fit_cost, np.nan),
        mask_class=boxes.class_name,
        voted_class=boxes.class_name,
        voted_share=ones,
        second_class=words("", count),
        second_share=np.zeros(count),
        mask_score=objects.factors.mask,
        fit_quality=objects.factors.fit,
        free_standing=objects.factors.free_standing,
        track_score=np.full(count, np.nan),
        class_factor=ones,
        gap_factor=ones,
        raw_score=boxes.score,
    )
    return ExplainedBoxes(boxes, why)
