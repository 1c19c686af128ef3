"""Objects that no mask has shown."""

from typing import Any

import numpy as np

from cm3d.geometry.arrays import NDArrayFloat
from cm3d.lift.explained import ExplainedBoxes, explained
from cm3d.lift.lanes import Headings
from cm3d.lift.objects import Objects, Origin, ScoreFactors, words
from cm3d.lift.priors import Sizes
from cm3d.tables import Boxes3D
from tests.lift.known import CHATGPT


def made(score: NDArrayFloat, **columns: Any) -> Objects:
    """Objects of one point each that nothing was fitted to; other columns by name."""
    count = len(score)
    values: dict[str, Any] = dict(
        row=np.arange(count),
        points=np.ones(count, dtype=np.int64),
        factors=ScoreFactors(score, np.ones(count), np.ones(count)),
        fit_cost=np.zeros(count),
        origin=Origin(*(words(word, count) for word in ("medoid", "lane", "lane", "class"))),
    )
    return Objects(**(values | columns))


def unexplained(boxes: Boxes3D) -> ExplainedBoxes:
    """Boxes as if medoids and lanes had given them."""
    objects = made(
        score=boxes.score,
        known=CHATGPT.known(boxes.class_name),
        center_m=boxes.center_m,
        size=Sizes(boxes.length_m, boxes.width_m, boxes.height_m),
        headings=Headings(boxes.yaw_rad, np.zeros(len(boxes))),
    )
    why = explained(objects, "").why.replace(sample_token=boxes.sample_token)
    return ExplainedBoxes(boxes, why)
