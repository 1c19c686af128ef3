import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_allclose

from cm3d.geometry.boxes import bev_corners
from cm3d.geometry.iou import bev_iou, image_iou


def rectangles(x: list[float], yaw: list[float], length: float = 4, width: float = 2) -> np.ndarray:
    count = len(x)
    center = np.stack([np.array(x), np.zeros(count)], axis=1)
    return bev_corners(center, np.full(count, length), np.full(count, width), np.array(yaw))


def test_half_shifted_rectangle() -> None:
    # 4 x 2 shifted by 2 along its length: 4 of 12 square metres are shared
    assert_allclose(bev_iou(rectangles([0.0], [0.0]), rectangles([2.0], [0.0])), [[1 / 3]])


def test_crossed_rectangles() -> None:
    # the 2 x 2 middle is shared by 8 + 8 - 4
    assert_allclose(bev_iou(rectangles([0.0], [0.0]), rectangles([0.0], [np.pi / 2])), [[1 / 3]])


@given(st.floats(-6, 6), st.floats(-np.pi, np.pi))
def test_symmetric_bounded_and_one_with_itself(x: float, yaw: float) -> None:
    first, second = rectangles([0.0], [0.3]), rectangles([x], [yaw])
    there, back = bev_iou(first, second), bev_iou(second, first)
    assert_allclose(there, back.T, atol=1e-9)
    assert 0 <= there[0, 0] <= 1 + 1e-9
    assert_allclose(bev_iou(second, second), [[1.0]])


def test_nothing_against_something() -> None:
    assert bev_iou(np.empty((0, 4, 2)), rectangles([0.0], [0.0])).shape == (0, 1)


def test_image_boxes() -> None:
    first = np.array([[0.0, 0, 10, 10], [0, 0, 0, 0]])
    second = np.array([[5.0, 0, 15, 10], [20, 20, 30, 30]])
    assert_allclose(image_iou(first, second), [[1 / 3, 0], [0, 0]])
