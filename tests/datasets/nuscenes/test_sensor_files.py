import json
from pathlib import Path

import numpy as np
import pytest

from cm3d.datasets.nuscenes.database import NuScenesTables
from cm3d.datasets.nuscenes.scenes import cameras, sweeps
from cm3d.errors import InputError
from cm3d.geometry.se3 import SE3

VERSION = "v1.0-trainval"


@pytest.fixture
def tables(database: Path) -> NuScenesTables:
    return NuScenesTables(database, VERSION)


def test_sweeps_go_back_in_time(tables: NuScenesTables) -> None:
    rows = sweeps(tables, "scene-0001/2", past_sweeps=4)
    assert rows.sweep_index.tolist() == [0, 1, 2, 3, 4]
    np.testing.assert_allclose(rows.time_lag_s, [0, 0.05, 0.1, 0.5, 0.55])
    assert rows.path[0].startswith("samples/LIDAR_TOP")
    assert rows.path[1].startswith("sweeps/LIDAR_TOP")


def test_a_scene_begins_with_fewer_sweeps(tables: NuScenesTables) -> None:
    assert len(sweeps(tables, "scene-0001/0", past_sweeps=9)) == 1
    assert len(sweeps(tables, "scene-0001/1", past_sweeps=9)) == 4
    assert len(sweeps(tables, "scene-0001/1", past_sweeps=0)) == 1


def test_sweep_pose_is_ego_then_mounting(tables: NuScenesTables) -> None:
    rows = sweeps(tables, "scene-0001/2", past_sweeps=1)
    for row, time_s in enumerate((1.0, 0.95)):
        yaw_rad = 0.1 * time_s
        expected = [2 * time_s + 0.5 * np.cos(yaw_rad), 1 + 0.5 * np.sin(yaw_rad), 1.8]
        np.testing.assert_allclose(rows.global_SE3_lidar[row, 4:], expected, atol=1e-12)


def test_camera_looks_along_the_car(tables: NuScenesTables) -> None:
    rows = cameras(tables, "scene-0001/0")
    assert rows.channel.tolist() == ["CAM_BACK", "CAM_FRONT"]
    np.testing.assert_allclose(rows.intrinsics_px[0], [100, 0, 80, 0, 100, 45, 0, 0, 1])
    assert (rows.width_px[0], rows.height_px[0]) == (160, 90)
    forward = SE3.from_pose(rows.global_SE3_camera[1]).rotate(np.array([[0.0, 0, 1]]))
    np.testing.assert_allclose(forward[0, 2], 0, atol=1e-12)
    assert forward[0, 0] > 0.99


def test_a_keyframe_without_images(tables: NuScenesTables, database: Path) -> None:
    path = database / VERSION / "sample_data.json"
    rows = [row for row in json.loads(path.read_text()) if "CAM" not in row["token"]]
    path.write_text(json.dumps(rows))
    assert len(cameras(NuScenesTables(database, VERSION), "scene-0001/0")) == 0


def test_a_keyframe_without_lidar_is_named(tables: NuScenesTables) -> None:
    with pytest.raises(InputError, match="keyframe unseen has no LIDAR_TOP"):
        sweeps(tables, "unseen", 1)
