"""The scorer of 3D boxes as Waymo's Open Dataset has it."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from cm3d.evaluation.nuscenes.filtering import read_boxes
from cm3d.evaluation.protocol import Better, Scorer, Scores
from cm3d.evaluation.waymo import summary
from cm3d.evaluation.waymo.countable import drives, from_tables
from cm3d.evaluation.waymo.rules import least_iou
from cm3d.evaluation.waymo.scores import WaymoCounts
from cm3d.params import Params
from cm3d.tables import Frames, GroundTruth, layout
from cm3d.tables.classed import read_classed
from cm3d.taxonomy import Taxonomy


@dataclass(frozen=True)
class WaymoScorer:
    """AP and APH at both levels of difficulty, by class and by range.

    Args:
        taxonomy: Classes of the boxes.
    """

    taxonomy: Taxonomy

    @property
    def better(self) -> Mapping[str, Better]:
        """Which way each headline figure points."""
        return dict.fromkeys(summary.HEADLINES, "higher")

    def score(self, folder: Path, frames: Frames) -> Scores:
        """Score `Boxes3D` of some keyframes."""
        names, iou = self.taxonomy.class_names, least_iou(self.taxonomy)
        counts = WaymoCounts.none(len(names))
        for drive in drives(frames):
            own, path = frames[frames.scene_name == drive], layout.GROUND_TRUTH / f"{drive}.parquet"
            truth = read_classed(GroundTruth, path, self.taxonomy)
            boxes = read_boxes(folder, own, self.taxonomy)
            counts = counts.plus(*from_tables(boxes, truth, own, self.taxonomy), iou)
        scores = counts.scores()
        headline = summary.headline(scores)
        return Scores(
            engine="waymo",
            headline=headline,
            brief={name: headline[name] for name in summary.BRIEF},
            per_class=summary.per_class(scores, names),
            ap_rows=summary.ap_rows(scores, names),
            curve_rows=summary.curve_rows(scores, names),
        )


def build(params: Params, taxonomy: Taxonomy) -> Scorer:
    """The scorer."""
    return WaymoScorer(taxonomy)
