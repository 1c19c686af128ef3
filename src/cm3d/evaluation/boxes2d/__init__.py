"""The scorer of boxes on images."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from cm3d.evaluation.boxes2d.average_precision import (
    RECALL,
    Found2D,
    find_boxes2d,
    score_boxes2d,
    score_found2d,
)
from cm3d.evaluation.protocol import PLOTTED, Better, Scorer, Scores
from cm3d.params import Params
from cm3d.tables import Boxes2D, Cameras, Frames, GroundTruth, layout, read_scenes
from cm3d.tables.classed import read_classed
from cm3d.tables.words import positions
from cm3d.taxonomy import Taxonomy

_DECIMALS: Final = 4


@dataclass(frozen=True)
class Boxes2DScorer:
    """COCO's average precision at IoU 0.5, against projected ground truth.

    Args:
        taxonomy: Classes of the boxes.
    """

    taxonomy: Taxonomy

    @property
    def better(self) -> Mapping[str, Better]:
        """Which way each headline figure points."""
        return {"map50": "higher", "recall50": "higher", "detections_per_image": "neither"}

    def score(self, folder: Path, frames: Frames) -> Scores:
        """Score `Boxes2D` on all images of some keyframes."""
        scenes = sorted(set(frames.scene_name))
        cameras = read_scenes(Cameras, layout.CAMERAS, scenes)
        parts = [
            self._part(scene, folder, frames[frames.scene_name == scene], cameras)
            for scene in scenes
        ]
        names = self.taxonomy.class_names
        classes = score_found2d(Found2D.concatenate([part.found for part in parts]), names)
        detections, images = sum(p.detections for p in parts), sum(p.images for p in parts)
        headline = score_boxes2d(classes, detections, images)
        return Scores(
            engine="pycocotools",
            headline=headline,
            brief=headline,
            per_class={
                name: {
                    "AP50": classes[name].average_precision if name in classes else None,
                    "recall50": classes[name].recall if name in classes else None,
                }
                for name in names
            },
            ap_rows=[
                {"class": name, "ap": round(scores.average_precision, _DECIMALS)}
                for name, scores in classes.items()
            ],
            curve_rows=[
                {"class": name, "recall": recall, "precision": round(precision, _DECIMALS)}
                for name, scores in classes.items()
                for recall, precision in zip(
                    RECALL[PLOTTED], scores.precision[PLOTTED].tolist(), strict=True
                )
            ],
        )

    def _part(self, scene: str, folder: Path, frames: Frames, cameras: Cameras) -> "_Part":
        name = f"{scene}.parquet"
        cameras = cameras[positions(cameras.sample_token, frames.sample_token) >= 0]
        boxes = read_classed(Boxes2D, folder / name, self.taxonomy)
        boxes = boxes[positions(boxes.camera_token, cameras.camera_token) >= 0]
        truth = read_classed(GroundTruth, layout.GROUND_TRUTH / name, self.taxonomy)
        found = find_boxes2d(boxes, truth, cameras, self.taxonomy.class_names)
        return _Part(found, len(boxes), len(cameras))


@dataclass(frozen=True, eq=False)
class _Part:
    """What is kept of a scene."""

    found: Found2D
    detections: int
    images: int


def build(params: Params, taxonomy: Taxonomy) -> Scorer:
    """The scorer."""
    return Boxes2DScorer(taxonomy)
