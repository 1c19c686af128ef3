import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_allclose

from cm3d.geometry.cuboids import (
    Cuboids,
    Rectangles,
    bev_corners,
    box_corners,
    points_by_box,
    points_in_boxes,
    points_in_own_boxes,
)


def car(center_m: tuple[float, float, float], yaw_rad: float) -> Cuboids:
    """One of 4 m x 2 m x 1.5 m."""
    return Cuboids(np.array([center_m]), *np.array([[4.0], [2.0], [1.5], [yaw_rad]]))


def test_corners_of_a_car_that_faces_along_y() -> None:
    boxes = car((10.0, 20.0, 1.0), np.pi / 2)
    corners = box_corners(boxes)[0]
    # front left of a car facing +y: one metre towards -x, two metres ahead
    assert_allclose(corners[0], [9.0, 22.0, 0.25])
    assert_allclose(corners[4], [9.0, 22.0, 1.75])
    assert_allclose(corners.mean(axis=0), [10.0, 20.0, 1.0])
    assert_allclose(bev_corners(boxes)[0], corners[:4, :2])
    from_above = Rectangles(boxes.center_m[:, :2], boxes.length_m, boxes.width_m, boxes.yaw_rad)
    assert_allclose(bev_corners(from_above)[0], corners[:4, :2])


def test_length_is_along_the_heading() -> None:
    points = np.array([[1.9, 0, 0], [0, 1.9, 0], [0, 0.9, 0], [0, 0, 0.8]])
    inside = points_in_boxes(points, car((0, 0, 0), 0.0))
    assert list(inside[0]) == [True, False, True, False]
    turned = points_in_boxes(points, car((0, 0, 0), np.pi / 2))
    assert list(turned[0]) == [False, True, True, False]


@given(st.floats(-50, 50), st.floats(-np.pi, np.pi), st.floats(0.1, 10), st.floats(0.1, 10))
def test_shrunk_corners_are_inside(x: float, yaw: float, length: float, width: float) -> None:
    center = np.array([[x, -x, 0.0]])
    box = Cuboids(center, *np.array([[length], [width], [2.0], [yaw]]))
    corners = box_corners(box)[0]
    shrunk = center[0] + 0.99 * (corners - center[0])
    grown = center[0] + 1.01 * (corners - center[0])
    assert points_in_boxes(shrunk, box).all()
    assert not points_in_boxes(grown, box).any()


def test_each_point_may_have_a_box_of_its_own() -> None:
    rng = np.random.default_rng(0)
    points, center = rng.uniform(-2, 2, (2, 50, 3))
    boxes = Cuboids(center, *rng.uniform(1, 5, (3, 50)), rng.uniform(-7, 7, 50))
    own = points_in_own_boxes(points, boxes)
    assert 5 < own.sum() < 45
    assert list(own) == list(np.diag(points_in_boxes(points, boxes)))


def test_pairs_by_hand() -> None:
    # a box of 4 x 2 x 2 m turned by 90 degrees: |x| <= 1, |y| <= 2, |z| <= 1; and one elsewhere
    points = np.array(
        [[0, 1.9, 0], [1.9, 0, 0], [0, 0, 1.1], [-1, -2, -1], [10, 0, 0.5], [0.5, 0, 0]],
        dtype=np.float32,
    )
    boxes = Cuboids(
        center_m=np.array([[0.0, 0, 0], [10.0, 0, 0], [50.0, 0, 0]]),
        length_m=np.array([4.0, 1.0, 1.0]),
        width_m=np.array([2.0, 1.0, 1.0]),
        height_m=np.array([2.0, 1.0, 1.0]),
        yaw_rad=np.array([np.pi / 2, 0.0, 0.0]),
    )
    box, point = points_by_box(points, boxes)
    assert box.tolist() == [0, 0, 0, 1]
    assert point.tolist() == [0, 3, 5, 4]


@given(st.integers(0, 1000), st.integers(0, 400), st.integers(0, 12))
def test_as_each_point_compared_with_each_box(seed: int, points: int, boxes: int) -> None:
    rng = np.random.default_rng(seed)
    points_m = rng.uniform(-8, 8, (points, 3)).astype(np.float32)
    center_m = rng.uniform(-8, 8, (boxes, 3))
    size_m = rng.uniform(0.1, 9, (3, boxes))
    yaw_rad = rng.uniform(-4, 4, boxes)
    cuboids = Cuboids(center_m, *size_m, yaw_rad)
    box, point = points_by_box(points_m, cuboids)
    matrix = points_in_boxes(points_m.astype(np.float64), cuboids)
    expected_box, expected_point = np.nonzero(matrix)
    np.testing.assert_array_equal(box, expected_box)
    np.testing.assert_array_equal(point, expected_point)
