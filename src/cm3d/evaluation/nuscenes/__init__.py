"""The scorer of 3D boxes as the nuScenes detection challenge has it."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from cm3d.evaluation.nuscenes import summary
from cm3d.evaluation.nuscenes.agnostic import evaluate_class_agnostic, protocols
from cm3d.evaluation.nuscenes.detection import evaluate_boxes
from cm3d.evaluation.nuscenes.filtering import read_boxes, read_truth
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
        boxes = read_boxes(folder, frames, self.taxonomy)
        truth, racks = read_truth(frames, self.taxonomy)
        scores = evaluate_boxes(boxes, truth, frames, racks, self.taxonomy, self.engine)
        agnostic = [
            evaluate_class_agnostic(
                boxes, truth, frames, racks, protocol, self.taxonomy, self.engine
            )
            for protocol in protocols(self.taxonomy)
        ]
        return Scores(
            engine=scores.engine,
            headline={**summary.headline(scores), **summary.present_headline(scores)},
            per_class=summary.per_class(scores),
            agnostic=summary.agnostic_headlines(agnostic),
            ap_rows=summary.ap_rows(scores),
            curve_rows=summary.precision_recall_rows(scores.precision),
        )


def build(params: Params, taxonomy: Taxonomy) -> Scorer:
    """The scorer by `evaluate.engine`."""
    return NuScenesScorer(taxonomy, params.evaluate.engine)
