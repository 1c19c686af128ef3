"""How the stages score what they wrote: the devkit's figures, as metrics and plots."""

from collections.abc import Sequence
from pathlib import Path

from cm3d.evaluation.agnostic import AgnosticScores, evaluate_class_agnostic
from cm3d.evaluation.detection import DetectionScores, evaluate_boxes
from cm3d.evaluation.summary import (
    agnostic_headline,
    ap_rows,
    headline,
    per_class,
    precision_recall_rows,
)
from cm3d.execution.files import write_json
from cm3d.tables import Boxes3D, Frames, layout, read_scenes


def labels_on(frames: Frames, folder: Path) -> Boxes3D:
    """The boxes of a label set on the scenes of `frames`."""
    return read_scenes(Boxes3D, folder, sorted(set(frames.scene_name)))


def score(boxes: Boxes3D, frames: Frames) -> DetectionScores:
    """NuScenes detection scores of boxes on some keyframes."""
    truth, racks = layout.split_truth(frames)
    return evaluate_boxes(boxes, truth, frames, racks)


def score_agnostic(boxes: Boxes3D, frames: Frames) -> AgnosticScores:
    """Class-agnostic scores of boxes on some keyframes."""
    truth, racks = layout.split_truth(frames)
    return evaluate_class_agnostic(boxes, truth, frames, racks)


def write_label_scores(stage: str, folder: Path, split: str) -> None:
    """Score a stage's labels and write its metrics and plots."""
    frames = layout.split_frames(split)
    boxes = labels_on(frames, folder)
    scores, agnostic = score(boxes, frames), score_agnostic(boxes, frames)
    metrics = {**headline(scores), "agnostic": agnostic_headline(agnostic), "boxes": len(boxes)}
    write_json(layout.METRICS / f"{stage}.json", metrics)
    write_json(layout.METRICS / f"{stage}_classes.json", per_class(scores))
    write_plots(stage, {stage: scores})


def write_plots(stage: str, scores: dict[str, DetectionScores]) -> None:
    """Write AP by class of all label sets or models, and the curves of the last one."""
    *_, last = scores.values()
    rows: Sequence[object] = [row for name, s in scores.items() for row in ap_rows(name, s)]
    write_json(layout.PLOTS / f"{stage}_ap.json", rows)
    write_json(layout.PLOTS / f"{stage}_pr.json", precision_recall_rows(last))
