"""The keyframe to measure on: the real one or, without it, a random one."""

import json
import os
from pathlib import Path
from typing import Final

import numpy as np

from benchmarks.random_keyframe import random_keyframe
from benchmarks.scene_tables import SceneTables
from cm3d.datasets.nuscenes.database import NuScenesTables
from cm3d.datasets.nuscenes.lanes import index_lanes
from cm3d.datasets.nuscenes.maps import read_map
from cm3d.datasets.nuscenes.scenes import index_scene
from cm3d.tables import Masks
from cm3d.taxonomy import Taxonomy

REAL_KEYFRAME: Final = Path(
    os.environ.get("CM3D_REAL_KEYFRAME", "../shared/real/nuscenes-keyframe")
).resolve()


def measured_keyframe(folder: Path, lane_step_m: float, taxonomy: Taxonomy) -> SceneTables:
    """A scene of one keyframe.

    Args:
        folder: Where the LiDAR file of the random one may be written.
        lane_step_m: Distance between centreline points of the real one.
        taxonomy: The ten classes of nuScenes.
    """
    if REAL_KEYFRAME.is_dir():
        return real_keyframe(REAL_KEYFRAME, lane_step_m, taxonomy)
    return random_keyframe(folder, taxonomy)


def real_keyframe(root: Path, lane_step_m: float, taxonomy: Taxonomy) -> SceneTables:
    """A keyframe of nuScenes with GrabCut masks of real detections."""
    scene = index_scene(NuScenesTables(root, "v1.0-mini"), "scene-0061", 0, taxonomy)
    lanes = index_lanes(read_map(root, str(scene.frames.location[0])), lane_step_m)
    masks = _grabcut_masks(root, str(scene.frames.sample_token[0]), taxonomy)
    return SceneTables(root, scene.frames, scene.sweeps, scene.cameras, masks, lanes)


def _grabcut_masks(root: Path, sample_token: str, taxonomy: Taxonomy) -> Masks:
    detections = json.loads((root / "masks_grabcut.coco.json").read_text())
    codes = [detection["segmentation"] for detection in detections]
    return Masks.from_columns(
        camera_token=[detection["image_id"] for detection in detections],
        sample_token=[sample_token] * len(detections),
        detection_id=np.arange(len(detections)),
        class_name=[taxonomy.class_names[detection["category_id"] - 1] for detection in detections],
        score=[detection["score"] for detection in detections],
        height_px=[code["size"][0] for code in codes],
        width_px=[code["size"][1] for code in codes],
        rle=[code["counts"].encode() for code in codes],
    )
