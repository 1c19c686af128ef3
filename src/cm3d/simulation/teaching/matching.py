"""Which objects the images of a simulated data set show, and which of them were detected."""

from dataclasses import dataclass
from pathlib import Path
from typing import Final, Self

import numpy as np
from scipy import ndimage

from cm3d.evaluation.boxes2d.average_precision import (
    Found2D,
    ProjectedTruth,
    match_boxes2d,
    score_found2d,
)
from cm3d.geometry.arrays import NDArrayBool, NDArrayFloat, NDArrayInt
from cm3d.sensors.instances import instance_image_path, read_instances
from cm3d.simulation.classes import CLASS_NAMES
from cm3d.simulation.instances import VisibleInstances, read_visible_instances
from cm3d.tables import Boxes2D, Cameras, layout

FULL_WIDTH_PX: Final = 1600

# Of the stored image; what shows less is neither asked for nor held against a detector.
COUNTS_FROM_PX: Final = 16


@dataclass(frozen=True, eq=False)
class Shown:
    """Objects on images.

    Args:
        boxes: Around the visible pixels, in pixels of 1600x900; the score is 1.
        visible_share: (N,) share of the object within the image that nothing hides.
        visible_px: (N,) pixels of the stored image that show it.
    """

    boxes: Boxes2D
    visible_share: NDArrayFloat
    visible_px: NDArrayInt

    @classmethod
    def concatenate(cls, parts: list[Self]) -> Self:
        """Put images together."""
        return cls(
            Boxes2D.concatenate([Boxes2D.empty(), *(part.boxes for part in parts)]),
            np.concatenate([np.empty(0), *(part.visible_share for part in parts)]),
            np.concatenate([np.empty(0, np.int64), *(part.visible_px for part in parts)]),
        )


def shown_in_scene(root: Path, scene_name: str) -> Shown:
    """What the images of a scene of the current folder's index show.

    Args:
        root: Of the simulated data set.
        scene_name: Which scene.
    """
    entries = read_visible_instances(root, scene_name)
    cameras = Cameras.read(layout.CAMERAS / f"{scene_name}.parquet")
    parts = []
    for row, token in enumerate(cameras.camera_token):
        ids = read_instances(root / instance_image_path(token))
        parts.append(_shown_on_image(entries[token], ids, cameras[row : row + 1]))
    return Shown.concatenate(parts)


def full_size(boxes: Boxes2D, cameras: Cameras) -> Boxes2D:
    """Boxes in pixels of 1600x900."""
    scale_of = dict(zip(cameras.camera_token, FULL_WIDTH_PX / cameras.width_px, strict=True))
    scale = np.array([scale_of[token] for token in boxes.camera_token])
    return boxes.replace(box_px=boxes.box_px * scale.reshape(-1, 1))


@dataclass(frozen=True, eq=False)
class Matching:
    """Which objects were found.

    Args:
        counts: (N,) objects that are asked for.
        found: (N,) objects that a detection of their class matches.
        average_precision: (10,) of each class; NaN where nothing is asked for.
        false_detections: Detections that match nothing.
    """

    counts: NDArrayBool
    found: NDArrayBool
    average_precision: NDArrayFloat
    false_detections: int

    @classmethod
    def of(cls, detections: Boxes2D, shown: Shown) -> Self:
        """Match class by class, surest first; boxes of both in the same pixels."""
        counts = shown.visible_px >= COUNTS_FROM_PX
        tokens = {*detections.camera_token, *shown.boxes.camera_token}
        truth = ProjectedTruth(shown.boxes, ~counts)
        evaluation = match_boxes2d(detections, truth, tokens, CLASS_NAMES)
        found = np.zeros(len(counts), dtype=bool)
        false_detections = 0
        for image in filter(None, evaluation.evalImgs):
            found[np.array(image["gtIds"], dtype=int) - 1] |= image["gtMatches"][0] > 0
            unmatched = (image["dtMatches"][0] == 0) & ~image["dtIgnore"][0].astype(bool)
            false_detections += int(unmatched.sum())
        scores = score_found2d(Found2D.of(evaluation), CLASS_NAMES)
        precision = [scores[n].average_precision if n in scores else np.nan for n in CLASS_NAMES]
        return cls(counts, found, np.array(precision), false_detections)

    def recall(self, chosen: NDArrayBool) -> float:
        """Share of some objects (N,) that was found, of those that are asked for."""
        asked_for = chosen & self.counts
        return float(self.found[asked_for].mean()) if asked_for.any() else float("nan")


def _shown_on_image(instances: VisibleInstances, ids: NDArrayInt, camera: Cameras) -> Shown:
    places = ndimage.find_objects(ids)
    found = [places[instance_id - 1] for instance_id in instances.instance_id]
    corners = [(x.start, y.start, x.stop, y.stop) for y, x in found]
    boxes = Boxes2D.from_columns(
        camera_token=np.repeat(camera.camera_token, len(found)),
        detection_id=np.arange(len(found)),
        class_name=instances.class_name,
        score=np.ones(len(found)),
        box_px=np.array(corners, dtype=np.float64).reshape(-1, 4),
    )
    visible_px = np.bincount(ids.ravel())[instances.instance_id]
    return Shown(full_size(boxes, camera), instances.visible_share, visible_px)
