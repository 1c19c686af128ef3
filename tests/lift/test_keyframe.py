from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from cm3d.geometry.se3 import SE3
from cm3d.lift.keyframe import Keyframe
from cm3d.lift.lanes import LaneField

# The ego vehicle is at (10, 5) and looks along global y.
LEVEL = SE3.from_yaw(np.pi / 2, np.array([10.0, 5.0, 1.0]))


@pytest.fixture
def keyframe(make_keyframe: Callable[..., Keyframe], northward: LaneField) -> Keyframe:
    found: Any = make_keyframe([[10, 8, 1], [9, 5, 3]], [np.ones((10, 20))], lanes=northward)
    scan = found.scan._replace(sensor_m=np.array([10.0, 6, 3]), sensor_yaw_rad=np.pi / 2)
    return Keyframe(*found._replace(scan=scan, global_SE3_level=LEVEL))


def test_all_is_seen_from_the_ego_vehicle(keyframe: Keyframe) -> None:
    level = keyframe.in_level_frame()
    assert level.scan.points_m == pytest.approx(np.array([[3, 0, 0], [0, 1, 2]]))
    assert level.scan.sensor_m == pytest.approx([1, 0, 2])
    assert level.scan.sensor_yaw_rad == pytest.approx(0)
    assert level.ego_xy_m.tolist() == [0, 0]
    assert keyframe.ego_xy_m.tolist() == [10, 5]
    assert level.masks is keyframe.masks
    assert level.lanes is not None
    # The lane looks along global y, which is where the ego vehicle looks.
    yaw_rad, distance_m = level.lanes.nearest(np.array([[-5.0, 10.0]]))
    assert yaw_rad == pytest.approx([0])
    assert distance_m == pytest.approx([0], abs=1e-9)


def test_cameras_see_the_same_there(keyframe: Keyframe) -> None:
    level = keyframe.in_level_frame()
    here = SE3.from_pose(keyframe.cameras.global_SE3_camera[0]).inverse()
    there = SE3.from_pose(level.cameras.global_SE3_camera[0]).inverse()
    assert there.transform_points(level.scan.points_m) == pytest.approx(
        here.transform_points(keyframe.scan.points_m)
    )


def test_nothing_to_see(keyframe: Keyframe) -> None:
    rows = np.empty(0, np.int64)
    scan = keyframe.scan._replace(points_m=np.empty((0, 3)), time_lag_s=np.empty(0))
    empty = keyframe._replace(scan=scan, cameras=keyframe.cameras[rows], lanes=None)
    level = empty.in_level_frame()
    assert level.scan.points_m.shape == (0, 3)
    assert (len(level.cameras), level.lanes) == (0, None)
