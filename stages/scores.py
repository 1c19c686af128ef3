"""How the stages score what they wrote, as metrics and plots."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from cm3d.evaluation.agnostic import (
    TEN_CLASSES_50M,
    AgnosticProtocol,
    AgnosticScores,
    evaluate_class_agnostic,
)
from cm3d.evaluation.detection import evaluate_boxes
from cm3d.evaluation.scores import DetectionScores, Engine
from cm3d.evaluation.summary import (
    agnostic_headlines,
    ap_rows,
    headline,
    per_class,
    precision_recall_rows,
)
from cm3d.execution.files import write_json
from cm3d.tables import Boxes3D, Frames, GroundTruth, layout, read_scenes


@dataclass(frozen=True, eq=False)
class Scorer:
    """Keyframes with their ground truth, read once for all that is scored on them.

    Args:
        frames: The keyframes.
        ground_truth: Of their scenes, global frame.
        bicycle_racks: Of their scenes, global frame.
        engine: What computes the scores.
    """

    frames: Frames
    ground_truth: GroundTruth
    bicycle_racks: Boxes3D
    engine: Engine

    @classmethod
    def of(cls, frames: Frames, engine: Engine = "fast") -> Self:
        """Read the ground truth of some keyframes."""
        return cls(frames, *layout.split_truth(frames), engine)

    def labels(self, folder: Path) -> Boxes3D:
        """The boxes of a label set on these scenes."""
        return read_scenes(Boxes3D, folder, sorted(set(self.frames.scene_name)))

    def score(self, boxes: Boxes3D) -> DetectionScores:
        """NuScenes detection scores."""
        truth, racks = self.ground_truth, self.bicycle_racks
        return evaluate_boxes(boxes, truth, self.frames, racks, self.engine)

    def score_agnostic(
        self, boxes: Boxes3D, protocols: Sequence[AgnosticProtocol] = (TEN_CLASSES_50M,)
    ) -> list[AgnosticScores]:
        """Class-agnostic scores, one per protocol."""
        truth, racks = self.ground_truth, self.bicycle_racks
        return [
            evaluate_class_agnostic(boxes, truth, self.frames, racks, protocol, self.engine)
            for protocol in protocols
        ]


def write_label_scores(stage: str, folder: Path, frames: Frames) -> None:
    """Score a stage's labels on some keyframes by the fast engine; write its metrics and plots."""
    scorer = Scorer.of(frames)
    boxes = scorer.labels(folder)
    scores, agnostic = scorer.score(boxes), agnostic_headlines(scorer.score_agnostic(boxes))
    metrics = {**headline(scores), "agnostic": agnostic, "boxes": len(boxes)}
    write_json(layout.METRICS / f"{stage}.json", metrics)
    write_json(layout.METRICS / f"{stage}_classes.json", per_class(scores))
    ap, curves = (layout.PLOTS / f"{stage}_{kind}.json" for kind in ("ap", "pr"))
    write_plots(stage, scores, ap, curves)


def write_plots(name: str, scores: DetectionScores, ap: Path, curves: Path) -> None:
    """Write AP by class and the precision-recall curves of a label set or model."""
    write_json(ap, ap_rows(name, scores))
    write_json(curves, precision_recall_rows(scores))
