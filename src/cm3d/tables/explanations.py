"""Why boxes are where and what they are."""

from dataclasses import dataclass
from typing import Annotated, ClassVar, Final

import numpy as np

from cm3d.geometry.arrays import NDArrayFloat
from cm3d.tables import rules
from cm3d.tables.columns import Bool, Float, Int, Text
from cm3d.tables.table import Table

# The words of the columns `*_from`; docs/lifting.md says what each means.
CENTER_FROM: Final = ("medoid", "fit", "smoothed", "pooled", "interpolated")
HEADING_FROM: Final = ("none", "lane", "street", "rectangle", "track", "motion")
FRONT_FROM: Final = ("none", "lane", "ego", "traffic", "row", "track", "motion")
SIZE_FROM: Final = ("class", "fit", "track")


@dataclass(frozen=True, eq=False)
class Explanations(Table):
    """What gave each lifted box, a row per box in the order of the boxes.

    The factors of a score are those that it was multiplied by: `track_score`, or without it
    `mask_score * fit_quality * free_standing`, times `class_factor * gap_factor`, is `raw_score`.

    Args:
        sample_token: The keyframe.
        track: Number of the object within the scene; -1 where objects are not followed.
        track_boxes: Keyframes in which the object was seen.
        seen: Whether a mask shows the box; else it fills a gap of its track.
        points: LiDAR points that it was made from; of a filled gap those that stand in it.
        center_from: One of `CENTER_FROM`.
        heading_from: What gave the axis, one of `HEADING_FROM`.
        front_from: What told front from back, one of `FRONT_FROM`.
        size_from: What gave length and width, one of `SIZE_FROM`.
        fit_cost: Of the box that was fitted to the keyframe; NaN where there is none.
        mask_class: Class of the mask; empty in a gap.
        voted_class: The class that most votes of the object's boxes are for.
        voted_share: Its share of the votes.
        second_class: The next class; empty where all agree.
        second_share: Its share of the votes.
        mask_score: Of the 2D detection; NaN in a gap.
        fit_quality: What the fit took off; NaN in a gap.
        free_standing: What goes on above the box took off; NaN in a gap.
        track_score: Mean over the object's boxes, less for few; NaN where the box has its own.
        class_factor: For how sure the object is of this class.
        gap_factor: For a filled gap.
        raw_score: The box's score before calibration.
    """

    sort_by: ClassVar[tuple[str, ...]] = ("sample_token",)

    sample_token: Annotated[Text, rules.TOKEN]
    track: Annotated[Int, rules.COUNT_OR_UNKNOWN]
    track_boxes: Annotated[Int, rules.COUNT]
    seen: Bool
    points: Annotated[Int, rules.COUNT]
    center_from: Annotated[Text, rules.one_of(CENTER_FROM)]
    heading_from: Annotated[Text, rules.one_of(HEADING_FROM)]
    front_from: Annotated[Text, rules.one_of(FRONT_FROM)]
    size_from: Annotated[Text, rules.one_of(SIZE_FROM)]
    fit_cost: Annotated[Float, rules.FINITE_OR_NAN]
    mask_class: Text
    voted_class: Text
    voted_share: Annotated[Float, rules.SHARE_OR_NAN]
    second_class: Text
    second_share: Annotated[Float, rules.SHARE_OR_NAN]
    mask_score: Annotated[Float, rules.SHARE_OR_NAN]
    fit_quality: Annotated[Float, rules.FINITE_OR_NAN]
    free_standing: Annotated[Float, rules.FINITE_OR_NAN]
    track_score: Annotated[Float, rules.FINITE_OR_NAN]
    class_factor: Annotated[Float, rules.FINITE_OR_NAN]
    gap_factor: Annotated[Float, rules.FINITE_OR_NAN]
    raw_score: Annotated[Float, rules.FINITE_OR_NAN]

    @property
    def product(self) -> NDArrayFloat:
        """(N,) factors of the scores multiplied: `raw_score` up to rounding."""
        own = self.mask_score * self.fit_quality * self.free_standing
        base = np.where(np.isnan(self.track_score), own, self.track_score)
        return np.asarray(base * self.class_factor * self.gap_factor)
