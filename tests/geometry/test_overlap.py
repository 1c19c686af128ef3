import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_allclose

from cm3d.geometry.cuboids import Rectangles, bev_corners
from cm3d.geometry.overlap import bev_iou, distance_nms, image_iou, overlap_nms


def rectangles(x: list[float], yaw: list[float], length: float = 4, width: float = 2) -> np.ndarray:
    count = len(x)
    center = np.stack([np.array(x), np.zeros(count)], axis=1)
    sides = (np.full(count, length), np.full(count, width))
    return bev_corners(Rectangles(center, *sides, np.array(yaw)))


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


def test_the_better_of_two_close_boxes_stays() -> None:
    centers = np.array([[0.0, 0], [1.0, 0], [5.0, 0]])
    kept = distance_nms(centers, np.array([0.5, 0.9, 0.1]), np.zeros(3, int), np.full(3, 2.0))
    assert list(kept) == [1, 2]


def test_other_classes_are_left_alone() -> None:
    centers, classes = np.zeros((2, 2)), np.array([0, 1])
    assert len(distance_nms(centers, np.ones(2), classes, np.full(2, 2.0))) == 2


def test_a_dropped_box_drops_nobody() -> None:
    # 0 suppresses 1; 1 would have suppressed 2, but is gone
    centers = np.array([[0.0, 0], [1.5, 0], [3.0, 0]])
    kept = distance_nms(centers, np.array([3.0, 2, 1]), np.zeros(3, int), np.full(3, 2.0))
    assert list(kept) == [0, 2]


def naive_nms(
    centers: np.ndarray, scores: np.ndarray, classes: np.ndarray, radius: float
) -> list[int]:
    kept: list[int] = []
    for i in sorted(range(len(scores)), key=lambda i: -scores[i]):
        rivals = [k for k in kept if classes[k] == classes[i]]
        if all(np.linalg.norm(centers[i] - centers[k]) > radius for k in rivals):
            kept.append(i)
    return kept


@given(st.integers(0, 2**32 - 1), st.integers(0, 25))
def test_equals_the_naive_loop(seed: int, count: int) -> None:
    random = np.random.default_rng(seed)
    centers, scores = random.uniform(0, 6, (count, 2)), random.random(count)
    classes = random.integers(0, 3, count)
    kept = distance_nms(centers, scores, classes, np.full(count, 1.3))
    assert list(kept) == naive_nms(centers, scores, classes, 1.3)


def test_overlap_threshold_is_exclusive() -> None:
    iou = np.array([[1.0, 0.75], [0.75, 1.0]])
    assert len(overlap_nms(iou, np.array([0.9, 0.8]), np.zeros(2, int), 0.75)) == 2
    assert len(overlap_nms(iou, np.array([0.9, 0.8]), np.zeros(2, int), 0.74)) == 1
