import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_allclose

from cm3d.geometry.angles import wrap_angle
from cm3d.geometry.boxes import (
    bev_corners,
    box_corners,
    points_in_boxes,
    points_in_own_boxes,
)

CAR = {"length_m": np.array([4.0]), "width_m": np.array([2.0])}
HEIGHT = np.array([1.5])


def test_corners_of_a_car_that_faces_along_y() -> None:
    center, yaw = np.array([[10.0, 20.0, 1.0]]), np.array([np.pi / 2])
    corners = box_corners(center, height_m=HEIGHT, yaw_rad=yaw, **CAR)[0]
    # front left of a car facing +y: one metre towards -x, two metres ahead
    assert_allclose(corners[0], [9.0, 22.0, 0.25])
    assert_allclose(corners[4], [9.0, 22.0, 1.75])
    assert_allclose(corners.mean(axis=0), center[0])
    assert_allclose(bev_corners(center, yaw_rad=yaw, **CAR)[0], corners[:4, :2])


def test_length_is_along_the_heading() -> None:
    points = np.array([[1.9, 0, 0], [0, 1.9, 0], [0, 0.9, 0], [0, 0, 0.8]])
    center, yaw = np.zeros((1, 3)), np.zeros(1)
    inside = points_in_boxes(points, center, height_m=HEIGHT, yaw_rad=yaw, **CAR)
    assert list(inside[0]) == [True, False, True, False]
    turned = points_in_boxes(points, center, height_m=HEIGHT, yaw_rad=yaw + np.pi / 2, **CAR)
    assert list(turned[0]) == [False, True, True, False]


@given(st.floats(-50, 50), st.floats(-np.pi, np.pi), st.floats(0.1, 10), st.floats(0.1, 10))
def test_shrunk_corners_are_inside(x: float, yaw: float, length: float, width: float) -> None:
    box = (np.array([length]), np.array([width]), np.array([2.0]), np.array([yaw]))
    center = np.array([[x, -x, 0.0]])
    corners = box_corners(center, *box)[0]
    shrunk = center[0] + 0.99 * (corners - center[0])
    grown = center[0] + 1.01 * (corners - center[0])
    assert points_in_boxes(shrunk, center, *box).all()
    assert not points_in_boxes(grown, center, *box).any()


def test_wrap_angle() -> None:
    angles = np.array([0.0, np.pi, -np.pi, 3 * np.pi / 2])
    assert_allclose(wrap_angle(angles), [0, -np.pi, -np.pi, -np.pi / 2])
    assert_allclose(wrap_angle(np.array([0.9 * np.pi]), np.pi), [-0.1 * np.pi])


def test_each_point_may_have_a_box_of_its_own() -> None:
    rng = np.random.default_rng(0)
    points, center = rng.uniform(-2, 2, (2, 50, 3))
    box = (*rng.uniform(1, 5, (3, 50)), rng.uniform(-7, 7, 50))
    own = points_in_own_boxes(points, center, *box)
    assert 5 < own.sum() < 45
    assert list(own) == list(np.diag(points_in_boxes(points, center, *box)))
