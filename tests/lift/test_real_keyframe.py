import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from cm3d.datasets.nuscenes import CARD
from cm3d.datasets.nuscenes.database import NuScenesTables
from cm3d.datasets.nuscenes.lanes import index_lanes
from cm3d.datasets.nuscenes.maps import read_map
from cm3d.datasets.nuscenes.scenes import IndexedScene, index_scene
from cm3d.evaluation.nuscenes.detection import DetectionScores, evaluate_boxes
from cm3d.geometry.se3 import SE3
from cm3d.lift.fit.footprints import Candidates
from cm3d.lift.fit.objective import Objective
from cm3d.lift.keyframe import Keyframe
from cm3d.lift.lanes import LaneField
from cm3d.lift.paper import lift_frame
from cm3d.lift.refined import refined_scene
from cm3d.params import Lift, Orientation, load_params
from cm3d.sensors.card import Sensors
from cm3d.tables import Boxes3D, Masks
from stages.lift import read_scan
from tests.lift.known import CHATGPT, CLASS_NAMES, TAXONOMY

pytestmark = pytest.mark.real

SCENE = "scene-0061"
LOCATION = "singapore-onenorth"


@pytest.fixture(scope="module")
def scene(real_keyframe: Path) -> IndexedScene:
    return index_scene(NuScenesTables(real_keyframe, "v1.0-mini"), SCENE, 9, TAXONOMY)


@pytest.fixture(scope="module")
def lanes(real_keyframe: Path) -> LaneField | None:
    return LaneField.from_lanes(index_lanes(read_map(real_keyframe, LOCATION), 0.5))


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


@pytest.fixture(scope="module")
def keyframe(
    real_keyframe: Path, scene: IndexedScene, masks: Masks, lanes: LaneField | None, project: Path
) -> Keyframe:
    """What the stage would read, with the masks of the released script."""
    sensors = Sensors(real_keyframe, CARD.lidar)
    return Keyframe(
        scene.frames.sample_token[0],
        read_scan(scene.sweeps, sensors, load_params(project / "params.yaml").lift),
        masks.sorted(),
        scene.cameras,
        lanes,
        SE3.from_pose(scene.frames.global_SE3_ego[0]).levelled(),
    )


def score(boxes: Boxes3D, scene: IndexedScene) -> DetectionScores:
    return evaluate_boxes(boxes, scene.ground_truth, scene.frames, scene.bicycle_racks, TAXONOMY)


def test_boxes_beat_the_released_script(
    keyframe: Keyframe, scene: IndexedScene, lift_params: Lift
) -> None:
    """On this input the paper's released script gives mAP 0.123, car AP 0.531, car ATE 1.05 m."""
    boxes = lift_frame(keyframe, CHATGPT, lift_params).boxes
    assert 40 <= len(boxes) <= len(keyframe.masks) == 128
    assert np.isfinite(boxes.center_m).all()
    assert np.isfinite(boxes.yaw_rad).all()
    scores = score(boxes, scene)
    print(f"mAP {scores.mean_ap:.3f}, NDS {scores.nds:.3f}, car {scores.class_ap['car']:.3f}")
    assert scores.mean_ap > 0.123
    assert scores.class_ap["car"] >= 0.531
    assert scores.errors["car"]["ATE"] < 0.6


def test_compensation_and_map_earn_their_place(
    keyframe: Keyframe, scene: IndexedScene, lift_params: Lift
) -> None:
    def car_error(name: str, **knobs: object) -> float:
        boxes = lift_frame(keyframe, CHATGPT, lift_params.model_copy(update=knobs)).boxes
        return score(boxes, scene).errors["car"][name]

    assert car_error("ATE") < car_error("ATE", medoid_compensation=False) - 0.5
    assert car_error("AOE") < car_error("AOE", orientation=Orientation(use_map=False)) - 0.5


def test_refined_boxes_beat_those_of_the_paper(
    keyframe: Keyframe, scene: IndexedScene, lift_params: Lift
) -> None:
    """One keyframe has no tracks, so all comes from the keyframe itself."""
    refined = score(refined_scene([keyframe], scene.frames, CHATGPT, lift_params).boxes, scene)
    paper = score(lift_frame(keyframe, CHATGPT, lift_params).boxes, scene)
    print(f"mAP {refined.mean_ap:.3f}, NDS {refined.nds:.3f}, car {refined.class_ap['car']:.3f}")
    assert refined.mean_ap >= 0.16
    assert refined.mean_ap > paper.mean_ap


def test_annotated_cars_cost_less_than_nearer_and_farther_ones(
    keyframe: Keyframe,
    scene: IndexedScene,
    make_objective: Callable[..., Objective],
    project: Path,
) -> None:
    """The point term alone, half a metre along the line of sight, of cars with > 20 points."""
    points_m, sensor_m = keyframe.scan.newest(), keyframe.scan.sensor_m
    truth = scene.ground_truth
    weights, wins = load_params(project / "params.yaml").lift.refine.weights, []
    for row in np.flatnonzero(truth.class_name == "car"):
        center_m, yaw_rad = truth.center_m[row], truth.yaw_rad[row]
        sides = (truth.length_m[row], truth.width_m[row], truth.height_m[row])
        offset_m = points_m - center_m
        turned_m = SE3.from_yaw(yaw_rad, np.zeros(3)).inverse().rotate(offset_m)
        half_m = np.array(sides) / 2
        # The ground below is not the car's.
        own = (np.abs(turned_m[:, :2]) < half_m[:2] + 0.1).all(axis=1)
        own &= (turned_m[:, 2] > 0.2 - half_m[2]) & (turned_m[:, 2] < half_m[2] + 0.1)
        if own.sum() <= 20:
            continue
        seen = make_objective(
            points_m[own] - np.array([*sensor_m[:2], 0]),
            sides=sides,
            points=1.0,
            behind=weights.behind,
        )
        x_m, y_m = center_m[:2] - sensor_m[:2]
        ahead = np.array([x_m, y_m]) / np.hypot(x_m, y_m)
        moved_m = np.array([x_m, y_m]) + np.array([[0.0], [-0.5], [0.5]]) * ahead
        same = np.array([yaw_rad, *sides[:2]])[:, None, None] * np.ones((1, 3))
        boxes = Candidates(moved_m[None, :, 0], moved_m[None, :, 1], *same)
        true, nearer, farther = seen.cost(boxes)[0]
        wins.append((true < nearer, true < farther))
    share_nearer, share_farther = np.mean(wins, axis=0)
    share = np.all(wins, axis=1).mean()
    print(f"{len(wins)} cars: {share:.2f} (nearer {share_nearer:.2f}, farther {share_farther:.2f})")
    assert share >= 0.7
