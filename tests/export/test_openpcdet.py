"""OpenPCDet's info files: a made keyframe by hand, and pickles that run nothing."""

import pickle
from typing import Any

import numpy as np
import pytest
from numpy.testing import assert_allclose

from cm3d.datasets.pandaset.pickles import describe
from cm3d.errors import InputError
from cm3d.export.openpcdet.infos import keyframe_info
from cm3d.export.openpcdet.pickles import pickled
from cm3d.geometry.se3 import SE3
from cm3d.tables import Boxes3D, Cameras, GroundTruth, Sweeps
from cm3d.training.frames import TrainingFrame

HALF = np.sqrt(0.5)
# The LiDAR stands at (10, 0, 2), its x axis along the global y; the ego frame, below it, is not
# turned. One sweep before, the LiDAR stood at (9, 0, 2) and was not turned either.
GLOBAL_SE3_EGO = SE3.from_pose(np.array([1, 0, 0, 0, 10, 0, 0.5]))
SWEEPS = Sweeps.from_columns(
    sample_token=["a", "a"],
    sweep_index=[0, 1],
    path=["samples/LIDAR_TOP/now.bin", "sweeps/LIDAR_TOP/before.bin"],
    time_lag_s=[0, 0.05],
    global_SE3_lidar=[[HALF, 0, 0, HALF, 10, 0, 2], [1, 0, 0, 0, 9, 0, 2]],
)
# At (10, 1, 1.5), looking along the global y.
CAMERAS = Cameras.from_columns(
    camera_token=["image"],
    sample_token=["a"],
    channel=["CAM_FRONT"],
    path=["samples/CAM_FRONT/a.jpg"],
    width_px=[1600],
    height_px=[900],
    intrinsics_px=[[1000, 0, 800, 0, 1000, 450, 0, 0, 1]],
    global_SE3_camera=[[HALF, -HALF, 0, 0, 10, 1, 1.5]],
)
BOXES = Boxes3D.from_columns(
    sample_token=["a", "a"],
    class_name=["bus", "pedestrian"],
    score=[0.5, 1],
    center_m=[[10, 5, 2.5], [8, 0, 2]],
    length_m=[12, 0.8],
    width_m=[3, 0.6],
    height_m=[4, 1.8],
    yaw_rad=[np.pi / 2, 0],
    velocity_mps=[[0, 2], [np.nan, np.nan]],
    attribute_name=["", ""],
)
# Two points in the bus, one in the pedestrian, one in neither.
POINTS_M = np.array([[5, 0, 0.5], [10.9, -1.4, 2.4], [0, 2, 0], [20, 0, 0]])
NAMES = ("bus", "pedestrian")


def info_of(boxes: Boxes3D = BOXES, sweeps: Sweeps = SWEEPS, past: int = 1) -> dict[str, Any]:
    frame = TrainingFrame("a", sweeps, boxes, CAMERAS)
    return keyframe_info(frame, 1_500_000_000_250_000, GLOBAL_SE3_EGO, POINTS_M, NAMES, past)


def test_boxes_in_the_lidar_frame_by_hand() -> None:
    info = info_of()
    # 5 m along the global y is 5 m ahead of the turned LiDAR, 0.5 m above it; z is the centre's
    assert_allclose(info["gt_boxes"][0], [5, 0, 0.5, 12, 3, 4, 0, 2, 0], atol=1e-12)
    right = -np.pi / 2  # the global x axis is to the right of the LiDAR's
    assert_allclose(info["gt_boxes"][1, :7], [0, 2, 0, 0.8, 0.6, 1.8, right], atol=1e-12)
    assert np.isnan(info["gt_boxes"][1, 7:]).all()
    assert info["gt_names"].tolist() == ["bus", "pedestrian"]
    assert info["num_lidar_pts"].tolist() == [2, 1]
    assert info["num_radar_pts"].tolist() == [0, 0]
    assert_allclose(info["gt_boxes_velocity"][0], [2, 0, 0], atol=1e-12)


def test_poses_by_hand() -> None:
    info = info_of()
    assert (info["token"], info["timestamp"]) == ("a", 1_500_000_000.25)
    assert info["lidar_path"] == "samples/LIDAR_TOP/now.bin"
    # (11, 0, 2.5) of the world is (1, 0, 2) of the car, and 1 m right of the LiDAR, 0.5 m above
    in_car = info["car_from_global"] @ [11, 0, 2.5, 1]
    assert_allclose(in_car, [1, 0, 2, 1], atol=1e-12)
    assert_allclose(info["ref_from_car"] @ in_car, [0, -1, 0.5, 1], atol=1e-12)


def test_a_sweep_is_taken_to_the_keyframe_by_hand() -> None:
    (sweep,) = info_of()["sweeps"]
    assert sweep["lidar_path"] == "sweeps/LIDAR_TOP/before.bin"
    assert sweep["time_lag"] == pytest.approx(0.05)
    # 3 m ahead of the LiDAR then is (12, 0, 2), which now is 2 m to its right
    assert_allclose(sweep["transform_matrix"] @ [3, 0, 0, 1], [0, -2, 0, 1], atol=1e-12)


def test_a_camera_by_hand() -> None:
    info = info_of()
    camera = info["cams"]["CAM_FRONT"]
    assert info["cam_front_path"] == camera["data_path"] == "samples/CAM_FRONT/a.jpg"
    assert_allclose(info["cam_intrinsic"], [[1000, 0, 800], [0, 1000, 450], [0, 0, 1]])
    # 4 m before the camera and 1 m below: (10, 5, 0.5), 5 m before the LiDAR, 1.5 m below it
    point_m = camera["sensor2lidar_rotation"] @ [0, 1, 4] + camera["sensor2lidar_translation"]
    assert_allclose(point_m, [5, 0, -1.5], atol=1e-12)
    assert_allclose(camera["sensor2ego_translation"], [0, 1, 1], atol=1e-12)
    assert_allclose(camera["sensor2ego_rotation"], [HALF, -HALF, 0, 0], atol=1e-12)
    assert_allclose(camera["ego2global_translation"], [10, 0, 0.5], atol=1e-12)
    assert_allclose(camera["ego2global_rotation"], [1, 0, 0, 0], atol=1e-12)


def test_sweeps_stand_from_new_to_old_and_are_as_many_as_are_drawn() -> None:
    """OpenPCDet draws without replacement; where a drive begins the oldest sweep stands again."""
    older = SWEEPS[1:].replace(sweep_index=[2], path=["older"])
    shuffled = Sweeps.concatenate([older, SWEEPS])
    paths = [sweep["lidar_path"] for sweep in info_of(sweeps=shuffled, past=4)["sweeps"]]
    assert paths == ["sweeps/LIDAR_TOP/before.bin", *["older"] * 3]
    first = info_of(sweeps=SWEEPS[:1], past=2)["sweeps"]
    assert [sweep["lidar_path"] for sweep in first] == ["samples/LIDAR_TOP/now.bin"] * 2
    assert first[0]["transform_matrix"] is None
    assert first[0]["time_lag"] == 0
    assert info_of(sweeps=SWEEPS[:1], past=0)["sweeps"] == []


def test_radar_returns_of_ground_truth_are_kept() -> None:
    truth = GroundTruth(
        **vars(BOXES),
        instance_token=np.array(["i", "j"], dtype=object),
        num_lidar_points=np.array([7, 8]),
        num_radar_points=np.array([3, 4]),
        visibility=np.array([4, 4]),
    )
    info = info_of(truth)
    assert info["num_radar_pts"].tolist() == [3, 4]
    assert info["num_lidar_pts"].tolist() == [2, 1]  # counted in boxes that lean with the LiDAR


def test_no_boxes_keep_their_shapes() -> None:
    info = pickle.loads(pickled([info_of(Boxes3D.empty())]))[0]
    assert info["gt_boxes"].shape == (0, 9)
    assert info["gt_boxes_velocity"].shape == (0, 3)
    assert info["gt_names"].shape == info["num_lidar_pts"].shape == (0,)
    assert info["gt_names"].dtype.kind == "U"


def test_a_keyframe_without_lidar_is_named() -> None:
    with pytest.raises(InputError, match="keyframe a: no LiDAR"):
        info_of(sweeps=Sweeps.empty())


def test_pickles_are_plain_and_of_any_numpy() -> None:
    """numpy 2 has moved what its own pickles name, so that a numpy of OpenPCDet's time fails."""
    content = pickled([info_of()])
    describe(content, {"numpy ndarray": "array", "builtins bytearray": "bytes"})  # nothing else
    (info,) = pickle.loads(content)
    assert_allclose(info["gt_boxes"], info_of()["gt_boxes"], rtol=0)
    assert info["gt_names"].tolist() == ["bus", "pedestrian"]
    info["gt_boxes"][:] = 0  # augmentations write into it
    assert pickled([info_of()]) == content
