from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_allclose
from pyquaternion import Quaternion
from scipy.spatial.transform import Rotation

from cm3d.geometry.se3 import SE3

coordinate = st.floats(-100, 100)
angle = st.floats(-np.pi, np.pi)


def test_quarter_turn_then_shift() -> None:
    city_SE3_ego = SE3.from_yaw(np.pi / 2, np.array([10.0, 20.0, 0.0]))
    # one metre ahead of an ego that faces +y is one metre further along y
    assert_allclose(city_SE3_ego.transform_points(np.array([[1.0, 0, 0]])), [[10, 21, 0]])


def test_pose_is_scalar_first_as_nuscenes_has_it() -> None:
    quaternion = Quaternion(axis=[0, 0, 1], degrees=90)
    pose = np.array([*quaternion.elements, 1.0, 2.0, 3.0])
    dst_SE3_src = SE3.from_pose(pose)
    assert_allclose(dst_SE3_src.rotation, quaternion.rotation_matrix, atol=1e-12)
    assert_allclose(dst_SE3_src.as_pose(), pose, atol=1e-12)


@pytest.mark.parametrize("pose", [[0] * 7, [1] * 6, [1, 0, 0, 0, 0, 0, np.nan], "pose", [None]])
def test_what_is_no_pose_is_nan(pose: Any) -> None:
    assert np.isnan(SE3.from_pose(pose).as_pose()).all()
    assert np.isnan((SE3.identity() @ SE3.from_pose(pose)).as_pose()).all()


def test_yaw_of_a_flipped_frame() -> None:
    # ego x forward, lidar x right: the lidar frame is turned by -90 degrees
    ego_SE3_lidar = SE3.from_yaw(-np.pi / 2, np.zeros(3))
    assert_allclose(ego_SE3_lidar.transform_yaw(np.array([np.pi / 2])), [0.0], atol=1e-12)


@given(angle, coordinate, coordinate, angle)
def test_inverse_undoes_and_chain_associates(yaw: float, x: float, y: float, other: float) -> None:
    a_SE3_b = SE3.from_yaw(yaw, np.array([x, y, 1.0]))
    b_SE3_c = SE3.from_yaw(other, np.array([y, x, -2.0]))
    points = np.array([[1.0, 2.0, 3.0], [-4.0, 5.0, -6.0]])
    there = (a_SE3_b @ b_SE3_c).transform_points(points)
    assert_allclose(there, a_SE3_b.transform_points(b_SE3_c.transform_points(points)), atol=1e-9)
    assert_allclose(a_SE3_b.inverse().transform_points(a_SE3_b.transform_points(points)), points)


def test_levelled_frame_looks_the_same_way_with_z_up() -> None:
    """Turned by 0.7 about z, then pitched and rolled about its own axes."""
    rotation = Rotation.from_euler("ZYX", [0.7, 0.2, -0.3]).as_matrix()
    level = SE3(rotation, np.array([1.0, 2.0, 3.0])).levelled()
    assert level.translation_m.tolist() == [1, 2, 3]
    assert level.rotation[:, 2] == pytest.approx([0, 0, 1])
    assert level.rotation[:, 0] == pytest.approx([np.cos(0.7), np.sin(0.7), 0])
