"""The scorer of 3D boxes as the nuScenes detection challenge has it."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from cm3d.evaluation.nuscenes import summary
from cm3d.evaluation.nuscenes.agnostic import Agnostic, protocols
from cm3d.evaluation.nuscenes.conditions import Conditions
from cm3d.evaluation.nuscenes.detection import Detection
from cm3d.evaluation.nuscenes.filtering import read_parts
from cm3d.evaluation.nuscenes.rules import Engine
from cm3d.evaluation.protocol import Better, Scorer, Scores
from cm3d.params import Params
from cm3d.tables import Frames
from cm3d.taxonomy import Taxonomy


@dataclass(frozen=True)
class NuScenesScorer:
    """MAP, NDS and the five errors; and the same boxes without their classes.

    Args:
        taxonomy: Classes of the boxes.
        engine: What computes the scores.
    """

    taxonomy: Taxonomy
    engine: Engine

    @property
    def better(self) -> Mapping[str, Better]:
        """Which way each headline figure points."""
        names = (*summary.HEADLINES, *summary.PRESENT_HEADLINES)
        return {n: "higher" if n.startswith(("mAP", "NDS")) else "lower" for n in names}

    def score(self, folder: Path, frames: Frames) -> Scores:
        """Score `Boxes3D` of some keyframes."""
        detection = Detection(self.taxonomy, self.engine)
        agnostic = [Agnostic(p, self.taxonomy, self.engine) for p in protocols(self.taxonomy)]
        conditions = Conditions(self.taxonomy)
        for part in read_parts(folder, frames, self.taxonomy):
            detection.add(*part)
            conditions.add(*part)
            for evaluation in agnostic:
                evaluation.add(*part)
        scores, (by_distance, by_points) = detection.scores(), conditions.rows()
        return Scores(
            engine=scores.engine,
            headline={**summary.headline(scores), **summary.present_headline(scores)},
            brief={**summary.headline(scores), "boxes": conditions.boxes},
            per_class=summary.per_class(scores),
            agnostic=summary.agnostic_headlines(a.scores() for a in agnostic),
            ap_rows=summary.ap_rows(scores),
            curve_rows=summary.precision_recall_rows(scores.precision),
            distance_rows=by_distance,
            point_rows=by_points,
        )


def build(params: Params, taxonomy: Taxonomy) -> Scorer:
    """The scorer by `evaluate.engine`."""
    return NuScenesScorer(taxonomy, params.evaluate.engine)
