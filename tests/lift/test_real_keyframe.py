import json
from pathlib import Path

import numpy as np
import pytest

from cm3d.datasets.database import NuScenesTables
from cm3d.datasets.lanes import index_lanes
from cm3d.datasets.nuscenes import IndexedScene, index_scene
from cm3d.evaluation.detection import DetectionScores, evaluate_boxes
from cm3d.geometry.se3 import SE3
from cm3d.lift import LaneField, lift_frame
from cm3d.params import Lift
from cm3d.sensors.lidar import accumulate
from cm3d.tables import Boxes3D, Masks
from cm3d.tables.vocabulary import CLASS_NAMES

pytestmark = pytest.mark.real

SCENE = "scene-0061"
LOCATION = "singapore-onenorth"


@pytest.fixture(scope="module")
def scene(real_keyframe: Path) -> IndexedScene:
    return index_scene(NuScenesTables(real_keyframe, "v1.0-mini"), SCENE, 9, {})


@pytest.fixture(scope="module")
def lanes(real_keyframe: Path) -> LaneField | None:
    return LaneField.from_lanes(index_lanes(real_keyframe, LOCATION, 0.5))


@pytest.fixture(scope="module")
def masks(real_keyframe: Path, scene: IndexedScene) -> Masks:
    detections = json.loads((real_keyframe / "masks_grabcut.coco.json").read_text())
    codes = [detection["segmentation"] for detection in detections]
    return Masks.from_columns(
        camera_token=[detection["image_id"] for detection in detections],
        sample_token=[scene.frames.sample_token[0]] * len(detections),
        detection_id=np.arange(len(detections)),
        class_name=[CLASS_NAMES[detection["category_id"] - 1] for detection in detections],
        score=[detection["score"] for detection in detections],
        height_px=[code["size"][0] for code in codes],
        width_px=[code["size"][1] for code in codes],
        rle=[code["counts"].encode() for code in codes],
    )


def lift_scene(
    root: Path, scene: IndexedScene, masks: Masks, lanes: LaneField | None, params: Lift
) -> Boxes3D:
    points = accumulate(root, scene.sweeps, SE3.identity(), params.sweeps, params.ego_half_extent_m)
    ego_xy_m = scene.frames.global_SE3_ego[0, 4:6]
    token = scene.frames.sample_token[0]
    return lift_frame(token, points.xyz_m, masks, scene.cameras, lanes, ego_xy_m, params)


def score(boxes: Boxes3D, scene: IndexedScene) -> DetectionScores:
    return evaluate_boxes(boxes, scene.ground_truth, scene.frames, scene.bicycle_racks)


def test_boxes_beat_the_released_script(
    real_keyframe: Path,
    scene: IndexedScene,
    masks: Masks,
    lanes: LaneField | None,
    lift_params: Lift,
) -> None:
    """On this input the paper's released script gives mAP 0.123, car AP 0.531, car ATE 1.05 m."""
    boxes = lift_scene(real_keyframe, scene, masks, lanes, lift_params)
    assert 40 <= len(boxes) <= len(masks) == 128
    assert np.isfinite(boxes.center_m).all()
    assert np.isfinite(boxes.yaw_rad).all()
    scores = score(boxes, scene)
    print(f"mAP {scores.mean_ap:.3f}, NDS {scores.nds:.3f}, car {scores.class_ap['car']:.3f}")
    assert scores.mean_ap > 0.123
    assert scores.class_ap["car"] > 0.531
    assert scores.errors["car"]["ATE"] < 0.6


def test_compensation_and_map_earn_their_place(
    real_keyframe: Path,
    scene: IndexedScene,
    masks: Masks,
    lanes: LaneField | None,
    lift_params: Lift,
) -> None:
    def car_error(name: str, knobs: dict[str, bool]) -> float:
        params = lift_params.model_copy(update=knobs)
        boxes = lift_scene(real_keyframe, scene, masks, lanes, params)
        return score(boxes, scene).errors["car"][name]

    assert car_error("ATE", {}) < car_error("ATE", {"medoid_compensation": False}) - 0.5
    assert car_error("AOE", {}) < car_error("AOE", {"use_map": False}) - 0.5
