"""Label sets and models as the pipeline has scored them, box by box."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Final

import numpy as np

from cm3d.evaluation.nuscenes.detection import countable_boxes
from cm3d.evaluation.nuscenes.filtering import frame_rows, read_boxes, read_truth
from cm3d.evaluation.nuscenes.judging import Judged, judge
from cm3d.evaluation.nuscenes.matching import norms
from cm3d.evaluation.nuscenes.rules import ClassRules
from cm3d.geometry.arrays import NDArrayBool, NDArrayFloat, NDArrayInt
from cm3d.geometry.overlap import image_iou
from cm3d.params import Params
from cm3d.report.failures import kinds
from cm3d.report.judging import at_best_scores
from cm3d.tables import Boxes2D, Boxes3D, Cameras, Frames, GroundTruth, layout, read_scenes
from cm3d.tables.words import rows_by_word
from cm3d.taxonomy import Taxonomy
from stages.evaluate import chosen_frames
from stages.shared.scene_layers import view_of

_SEEN_FROM: Final = 0.3  # IoU of an object's outline with a detection


@dataclass(frozen=True)
class Scored:
    """What a member of the group `evaluate` scores.

    Args:
        folder: Tables of the boxes.
        frames: `scoring` or `labels`.
    """

    folder: Path
    frames: str


def scored_by(stages: Mapping[str, Mapping[str, object]], name: str) -> Scored:
    """What `evaluate@NAME` scores, by its command in dvc.yaml."""
    words = str(stages[f"evaluate@{name}"]["cmd"]).split()
    at = words.index("stages.evaluate")
    return Scored(Path(words[at + 3]), words[words.index("--frames") + 1])


@dataclass(frozen=True, eq=False)
class Scene3D:
    """Keyframes and what stands around them.

    Args:
        frames: The keyframes.
        truth: Ground truth.
        racks: Bicycle racks.
        seen_in_2d: (M,) whether a detection shows each object that counts; None if not known.
    """

    frames: Frames
    truth: GroundTruth
    racks: Boxes3D
    seen_in_2d: NDArrayBool | None


@dataclass(frozen=True, eq=False)
class JudgedSet:
    """A label set or model, and what became of its boxes.

    Args:
        name: Member of the group `evaluate`.
        title: For people.
        frames: Keyframes that are scored.
        all_boxes: Every box that counts.
        best: Those that score enough.
        object_kinds: (M,) of `failures.OF_OBJECTS`, for the best.
        box_kinds: (N,) of `failures.OF_BOXES`, for the best.
    """

    name: str
    title: str
    frames: Frames
    all_boxes: Judged
    best: Judged
    object_kinds: NDArrayInt
    box_kinds: NDArrayInt

    @cached_property
    def distance_m(self) -> NDArrayFloat:
        """(M,) of the objects from the vehicle, in xy."""
        truth = self.best.truth
        ego_xy_m = self.frames.global_SE3_ego[frame_rows(truth.sample_token, self.frames), 4:6]
        return norms(truth.center_m[:, :2] - ego_xy_m)


class Judge:
    """Judges label sets of the indexed data set."""

    def __init__(self, params: Params, taxonomy: Taxonomy, with_2d: bool) -> None:
        """Begin.

        Args:
            params: All parameters.
            taxonomy: Classes of the boxes.
            with_2d: Whether there are detections on images to compare with.
        """
        self._params, self._taxonomy, self._with_2d = params, taxonomy, with_2d
        self._scenes: dict[str, Scene3D] = {}

    def judged(self, name: str, title: str, scored: Scored) -> JudgedSet:
        """Judge the boxes of one label set or model.

        Raises:
            InputError: A table is missing or broken.
        """
        if scored.frames not in self._scenes:
            self._scenes[scored.frames] = self._read(
                chosen_frames(scored.frames, name, self._params)
            )
        scene = self._scenes[scored.frames]
        rules = ClassRules.of(self._taxonomy)
        boxes = read_boxes(scored.folder, scene.frames, self._taxonomy)
        counted = countable_boxes(boxes, scene.truth, scene.frames, scene.racks, self._taxonomy)
        all_boxes = judge(*counted, rules)
        best = at_best_scores(all_boxes, rules.class_names)
        return JudgedSet(name, title, scene.frames, all_boxes, best, *kinds(best, scene.seen_in_2d))

    def _read(self, frames: Frames) -> Scene3D:
        truth, racks = read_truth(frames, self._taxonomy)
        nothing = Boxes3D.empty()
        _, counting = countable_boxes(nothing, truth, frames, racks, self._taxonomy)
        scenes = sorted(set(frames.scene_name))
        seen = seen_in_2d(counting, scenes) if self._with_2d else None
        return Scene3D(frames, truth, racks, seen)


def seen_in_2d(truth: GroundTruth, scenes: Iterable[str]) -> NDArrayBool:
    """Whether a detection of any class shows each object (M,) on some image of its keyframe."""
    names = list(scenes)
    cameras = read_scenes(Cameras, layout.CAMERAS, names)
    detections = read_scenes(Boxes2D, layout.BOXES2D, names)
    of_image = rows_by_word(detections.camera_token, cameras.camera_token.tolist())
    tokens = list(dict.fromkeys(cameras.sample_token.tolist()))
    of_frame = dict(zip(tokens, rows_by_word(truth.sample_token, tokens), strict=True))
    shapes, seen = truth.cuboids, np.zeros(len(truth), dtype=bool)
    for row, found in enumerate(of_image):
        objects = of_frame[cameras.sample_token[row]]
        if len(found) and len(objects):
            outlines_px = view_of(cameras, row).outlines_px(shapes[objects])
            overlap = image_iou(outlines_px, detections.box_px[found]).max(axis=1)
            seen[objects] |= overlap >= _SEEN_FROM
    return seen
