import json
from typing import Any

import numpy as np
import pytest

from cm3d.errors import InputError
from cm3d.export.classes import NUSCENES_CLASSES
from cm3d.export.mmdet3d.infos import annotation_file, keyframe_info
from cm3d.geometry.se3 import SE3
from cm3d.tables import Boxes3D, Sweeps
from cm3d.taxonomy import load_taxonomy
from cm3d.training.frames import TrainingFrame

QUARTER_TURN = [np.cos(np.pi / 4), 0, 0, np.sin(np.pi / 4)]

# The LiDAR stands at (10, 0, 2), its x axis along the global y; the ego frame, below it, is not
# turned. One sweep before, the LiDAR stood at (9, 0, 2) and was not turned either.
GLOBAL_SE3_EGO = SE3.from_pose(np.array([1, 0, 0, 0, 10, 0, 0.5]))
SWEEPS = Sweeps.from_columns(
    sample_token=["a", "a"],
    sweep_index=[0, 1],
    path=["samples/LIDAR_TOP/now.pcd.bin", "sweeps/LIDAR_TOP/before.pcd.bin"],
    time_lag_s=[0, 0.05],
    global_SE3_lidar=[[*QUARTER_TURN, 10, 0, 2], [1, 0, 0, 0, 9, 0, 2]],
)
BOXES = Boxes3D.from_columns(
    sample_token=["a", "a", "a"],
    class_name=["bus", "pedestrian", "object"],
    score=[1, 1, 1],
    center_m=[[10, 5, 2.5], [8, 0, 2], [0, 0, 0]],
    length_m=[12, 0.8, 1],
    width_m=[3, 0.6, 1],
    height_m=[4, 1.8, 1],
    yaw_rad=[np.pi / 2, 0, 0],
    velocity_mps=[[0, 2], [np.nan, np.nan], [0, 0]],
    attribute_name=["", "", ""],
)
# Two points in the bus, one in the pedestrian, one in neither.
POINTS_M = np.array([[5, 0, 0.5], [10.9, -1.4, 2.4], [0, 2, 0], [20, 0, 0]])


@pytest.fixture
def info() -> dict[str, Any]:
    frame = TrainingFrame("a", SWEEPS, BOXES)
    return keyframe_info(frame, 1_500_000_000_250_000, GLOBAL_SE3_EGO, POINTS_M)


def test_a_box_in_the_lidar_frame_by_hand(info: dict[str, Any]) -> None:
    bus, pedestrian = info["instances"]  # a box of no class is left out
    # 5 m along the global y is 5 m ahead of the turned LiDAR, 0.5 m above it; z is the centre's
    np.testing.assert_allclose(bus["bbox_3d"], [5, 0, 0.5, 12, 3, 4, 0], atol=1e-12)
    np.testing.assert_allclose(bus["velocity"], [2, 0], atol=1e-12)
    assert bus["bbox_label"] == bus["bbox_label_3d"] == 3
    assert bus["num_lidar_pts"] == 2
    assert bus["bbox_3d_isvalid"] is True
    np.testing.assert_allclose(
        pedestrian["bbox_3d"], [0, 2, 0, 0.8, 0.6, 1.8, -np.pi / 2], atol=1e-12
    )
    assert pedestrian["velocity"] == [None, None]
    assert pedestrian["bbox_label_3d"] == 7
    assert pedestrian["num_lidar_pts"] == 1


def test_a_sweep_is_read_back_where_it_was_by_hand(info: dict[str, Any]) -> None:
    (sweep,) = info["lidar_sweeps"]
    assert sweep["lidar_points"]["lidar_path"] == "sweeps/LIDAR_TOP/before.pcd.bin"
    assert info["timestamp"] - sweep["timestamp"] == pytest.approx(0.05, abs=1e-6)
    # 3 m ahead of the LiDAR then is (12, 0, 2), which now is 2 m to its right: (0, -2, 0).
    matrix = np.array(sweep["lidar_points"]["lidar2sensor"])
    point_m = np.array([3.0, 0, 0]) @ matrix[:3, :3] - matrix[:3, 3]  # what the loader does
    np.testing.assert_allclose(point_m, [0, -2, 0], atol=1e-12)


def test_poses_by_hand(info: dict[str, Any]) -> None:
    assert info["token"] == "a"
    assert info["timestamp"] == 1_500_000_000.25
    lidar = info["lidar_points"]
    assert (lidar["lidar_path"], lidar["num_pts_feats"]) == ("now.pcd.bin", 5)
    lidar2ego = [[0, -1, 0, 0], [1, 0, 0, 0], [0, 0, 1, 1.5], [0, 0, 0, 1]]
    np.testing.assert_allclose(lidar["lidar2ego"], lidar2ego, atol=1e-12)
    ego2global = [[1, 0, 0, 10], [0, 1, 0, 0], [0, 0, 1, 0.5], [0, 0, 0, 1]]
    np.testing.assert_allclose(info["ego2global"], ego2global, atol=1e-12)


def test_sweeps_stand_from_new_to_old() -> None:
    shuffled = Sweeps.concatenate([SWEEPS[1:].replace(sweep_index=[2], path=["c"]), SWEEPS])
    frame = TrainingFrame("a", shuffled, Boxes3D.empty())
    info = keyframe_info(frame, 0, GLOBAL_SE3_EGO, POINTS_M)
    paths = [sweep["lidar_points"]["lidar_path"] for sweep in info["lidar_sweeps"]]
    assert paths == ["sweeps/LIDAR_TOP/before.pcd.bin", "c"]
    assert info["instances"] == []


def test_the_file_numbers_keyframes_and_names_classes(info: dict[str, Any]) -> None:
    content = annotation_file([info, info], "v1.0-mini")
    assert [entry["sample_idx"] for entry in content["data_list"]] == [0, 1]
    assert content["metainfo"]["version"] == "v1.0-mini"
    assert content["metainfo"]["categories"]["barrier"] == 9
    assert json.loads(json.dumps(content, allow_nan=False)) == content


def test_classes_are_ours_in_another_order() -> None:
    assert sorted(NUSCENES_CLASSES) == sorted(load_taxonomy("nuscenes").class_names)


def test_a_keyframe_without_lidar_is_named() -> None:
    frame = TrainingFrame("abc", Sweeps.empty(), Boxes3D.empty())
    with pytest.raises(InputError, match="keyframe abc: no LiDAR"):
        keyframe_info(frame, 0, GLOBAL_SE3_EGO, POINTS_M)
