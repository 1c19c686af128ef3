"""The devkit of nuScenes opens the database without any of this project's code."""

import json

import matplotlib.pyplot as plt
import numpy as np
import pytest
from nuscenes import NuScenes
from nuscenes.eval.common.config import config_factory
from nuscenes.eval.detection.constants import DETECTION_NAMES
from nuscenes.eval.detection.evaluate import DetectionEval
from nuscenes.eval.detection.utils import category_to_detection_name
from nuscenes.map_expansion.map_api import NuScenesMap
from nuscenes.utils.data_classes import LidarPointCloud
from nuscenes.utils.geometry_utils import points_in_box

VERSION = "v1.0-trainval"


@pytest.fixture(scope="module")
def nusc(database):
    return NuScenes(VERSION, str(database), verbose=False)


def test_tables_load_and_scenes_walk(nusc):
    assert [scene["name"] for scene in nusc.scene] == ["scene-0001", "scene-0003"]
    for scene in nusc.scene:
        walked, key = 0, scene["first_sample_token"]
        while key:
            sample = nusc.get("sample", key)
            assert len(sample["data"]) == 7
            walked, last, key = walked + 1, key, sample["next"]
        assert (walked, last) == (scene["nbr_samples"], scene["last_sample_token"])


def test_sweeps_accumulate(nusc):
    sample = nusc.get("sample", nusc.scene[0]["last_sample_token"])
    cloud, times = LidarPointCloud.from_file_multisweep(
        nusc, sample, "LIDAR_TOP", "LIDAR_TOP", nsweeps=10
    )
    assert len(np.unique(times)) == 10
    assert times.max() == pytest.approx(0.45)
    assert cloud.nbr_points() > 100_000


def test_annotation_is_rendered(nusc, tmp_path):
    nearest = max(nusc.sample_annotation, key=lambda row: row["num_lidar_pts"])
    nusc.render_annotation(nearest["token"], out_path=str(tmp_path / "annotation.png"))
    plt.close("all")
    assert (tmp_path / "annotation.png").stat().st_size > 10_000


def test_boxes_hold_the_points_that_they_say(nusc):
    for sample in nusc.sample:
        path, boxes, _ = nusc.get_sample_data(sample["data"]["LIDAR_TOP"])
        points = LidarPointCloud.from_file(path).points[:3]
        for box in boxes:
            said = nusc.get("sample_annotation", box.token)["num_lidar_pts"]
            assert points_in_box(box, points).sum() == said


def test_velocities_follow_from_neighbours(nusc):
    chained = [row for row in nusc.sample_annotation if row["prev"] or row["next"]]
    assert len(chained) > 0.8 * len(nusc.sample_annotation)
    speeds = [np.linalg.norm(nusc.box_velocity(row["token"])) for row in chained]
    assert np.isfinite(speeds).all() and max(speeds) < 25
    assert max(speeds) > 1


def test_map_opens_and_lanes_discretise(database, nusc):
    for log in nusc.log:
        city = NuScenesMap(str(database), log["location"])
        lines = city.discretize_centerlines(resolution_meters=0.5)
        assert len(lines) == len(city.lane) + len(city.lane_connector) > 0
        for line in lines:
            steps_m = np.linalg.norm(np.diff(line[:, :2], axis=0), axis=1)
            assert steps_m.max() < 0.51
            assert city.layers_on_point(*line[len(line) // 2, :2])["drivable_area"]


def test_map_draws_every_class_of_map_segmentation(database, nusc):
    layers = ["drivable_area", "ped_crossing", "walkway", "stop_line", "carpark_area",
              "road_divider", "lane_divider"]  # fmt: skip
    for log in nusc.log:
        city = NuScenesMap(str(database), log["location"])
        assert all(row["cue"][0]["token"] for row in city.stop_line)
        whole_px = city.get_map_mask(None, 0.0, layers, (1000, 1000)).sum(axis=(1, 2))
        assert whole_px.min() > 10


def test_ego_vehicle_drives_on_the_map(database, nusc):
    for scene in nusc.scene:
        location = nusc.get("log", scene["log_token"])["location"]
        city = NuScenesMap(str(database), location)
        sample = nusc.get("sample", scene["first_sample_token"])
        lidar = nusc.get("sample_data", sample["data"]["LIDAR_TOP"])
        x, y, z = nusc.get("ego_pose", lidar["ego_pose_token"])["translation"]
        assert z == 0
        assert city.layers_on_point(x, y)["drivable_area"]
        assert city.get_closest_lane(x, y, radius=5)
        mask = nusc.get("map", nusc.get("log", scene["log_token"])["map_token"])["mask"]
        assert mask.is_on_mask(x, y).all()


@pytest.mark.parametrize("split", ["train", "val"])
def test_ground_truth_evaluates_to_one_against_itself(nusc, tmp_path, split):
    names = {"train": "scene-0001", "val": "scene-0003"}
    results, present = {}, set()
    for sample in nusc.sample:
        if nusc.get("scene", sample["scene_token"])["name"] != names[split]:
            continue
        results[sample["token"]] = [_detection(nusc, key) for key in sample["anns"]]
        present |= {box["detection_name"] for box in results[sample["token"]]}
    path = tmp_path / "results.json"
    modalities = ("camera", "lidar", "radar", "map", "external")
    meta = {f"use_{name}": name == "lidar" for name in modalities}
    path.write_text(json.dumps({"meta": meta, "results": results}))
    config = config_factory("detection_cvpr_2019")
    judge = DetectionEval(nusc, config, str(path), split, str(tmp_path), verbose=False)
    metrics, _ = judge.evaluate()
    counted = {box.detection_name for box in judge.gt_boxes.all}
    assert counted <= present <= set(DETECTION_NAMES) and len(counted) >= 4
    for name in counted:
        assert metrics.mean_dist_aps[name] == pytest.approx(1.0), name
        assert metrics.get_label_tp(name, "trans_err") == pytest.approx(0.0, abs=1e-6)


def _detection(nusc, token):
    row = nusc.get("sample_annotation", token)
    attributes = [nusc.get("attribute", key)["name"] for key in row["attribute_tokens"]]
    return {
        "sample_token": row["sample_token"],
        "translation": row["translation"],
        "size": row["size"],
        "rotation": row["rotation"],
        "velocity": np.nan_to_num(nusc.box_velocity(token)[:2]).tolist(),
        "detection_name": category_to_detection_name(row["category_name"]),
        "detection_score": 1.0,
        "attribute_name": attributes[0] if attributes else "",
    }
