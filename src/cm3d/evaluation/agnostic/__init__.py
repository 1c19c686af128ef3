"""The scorer of 3D boxes without classes."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from cm3d.evaluation.nuscenes import summary
from cm3d.evaluation.nuscenes.agnostic import Agnostic, protocols
from cm3d.evaluation.nuscenes.filtering import read_parts
from cm3d.evaluation.nuscenes.rules import Engine
from cm3d.evaluation.protocol import Better, Scorer, Scores
from cm3d.params import Params
from cm3d.tables import Frames
from cm3d.taxonomy import OBJECT_CLASS, Taxonomy


@dataclass(frozen=True)
class AgnosticScorer:
    """AP and NDS of every class-agnostic protocol.

    Args:
        taxonomy: Classes of the ground truth.
        engine: What computes the scores.
    """

    taxonomy: Taxonomy
    engine: Engine

    @property
    def better(self) -> Mapping[str, Better]:
        """Which way each headline figure points."""
        return {
            f"{protocol.name}.{figure}": "higher"
            for protocol in protocols(self.taxonomy)
            for figure in ("AP", protocol.nds_name)
        }

    @property
    def _own(self) -> str:
        return protocols(self.taxonomy)[0].name

    def score(self, folder: Path, frames: Frames) -> Scores:
        """Score `Boxes3D` of some keyframes."""
        evaluations = [Agnostic(p, self.taxonomy, self.engine) for p in protocols(self.taxonomy)]
        for part in read_parts(folder, frames, self.taxonomy, OBJECT_CLASS):
            for evaluation in evaluations:
                evaluation.add(*part)
        found = [evaluation.scores() for evaluation in evaluations]
        agnostic = summary.agnostic_headlines(found)
        return Scores(
            engine=self.engine,
            headline={
                f"{protocol}.{name}": value
                for protocol, figures in agnostic.items()
                for name, value in figures.items()
                if f"{protocol}.{name}" in self.better
            },
            brief=agnostic[self._own],
            agnostic=agnostic,
            ap_rows=[{"class": name, "ap": figures["AP"]} for name, figures in agnostic.items()],
            curve_rows=summary.precision_recall_rows(
                {scores.protocol.name: scores.precision for scores in found}
            ),
        )


def build(params: Params, taxonomy: Taxonomy) -> Scorer:
    """The scorer by `evaluate.engine`."""
    return AgnosticScorer(taxonomy, params.evaluate.engine)
