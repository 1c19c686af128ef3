import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_allclose

from cm3d.geometry.cuboids import Cuboids, Rectangles, bev_corners
from cm3d.geometry.overlap import bev_iou, cuboid_iou, distance_nms, image_iou, overlap_nms


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


def cuboid(x: float, y: float, z: float, yaw: float, *sides: float) -> Cuboids:
    return Cuboids(np.array([[x, y, z]]), *(np.array([side]) for side in sides), np.array([yaw]))


@pytest.mark.parametrize(
    ("x", "y", "z", "yaw", "expected"),
    [
        (0, 0, 0, 0, 1),  # the same box
        (0, 0, 0, np.pi, 1),  # turned by half
        (2, 0, 0, 0, 1 / 3),  # half as long, of one and a half
        (0, 1, 0, 0, 1 / 3),  # half as wide
        (0, 0, 1, 0, 1 / 3),  # half as high
        (0, 0, 0, np.pi / 2, 1 / 3),  # crossed: 4 of 8 + 8 - 4 square metres
        (2, 1, 1, 0, 1 / 15),  # an eighth of the volume
        (4, 0, 0, 0, 0),  # side by side
        (0, 0, 2, 0, 0),  # one upon the other
        (0, 0, 3, 0, 0),
        (9, 9, 0, 1, 0),
    ],
)
@pytest.mark.parametrize("heading", [0.0, 0.3, -2.0])
def test_iou_of_two_cuboids(
    x: float, y: float, z: float, yaw: float, expected: float, heading: float
) -> None:
    cosine, sine = np.cos(heading), np.sin(heading)
    first = cuboid(50, -60, 1, heading, 4, 2, 2)
    moved = (50 + cosine * x - sine * y, -60 + sine * x + cosine * y, 1 + z, heading + yaw)
    second = cuboid(*moved, 4, 2, 2)
    assert_allclose(cuboid_iou(first, second), [expected], atol=1e-12)
    assert_allclose(cuboid_iou(second, first), [expected], atol=1e-12)


def test_the_same_cuboid_has_exactly_one() -> None:
    boxes = cuboid(12.3, -4.5, 0.6, 0.7, 4.1, 1.9, 1.6)
    assert cuboid_iou(boxes, boxes) == 1


def test_a_flat_cuboid_overlaps_nothing() -> None:
    flat = cuboid(0, 0, 0, 0, 0, 0, 0)
    assert cuboid_iou(flat, flat) == 0
    assert cuboid_iou(cuboid(0, 0, 0, 0, 4, 2, 2), flat) == 0


def test_cuboids_overlap_as_polygons_do() -> None:
    """Of equal heights, against shapely; many share sides, corners and headings."""
    rng = np.random.default_rng(0)

    def boxes() -> Cuboids:
        center_m = rng.integers(-2, 3, (3000, 3)) * [1, 1, 0] + rng.integers(0, 2) * 0.1
        length_m, width_m = rng.integers(1, 5, (2, 3000)).astype(float)
        yaw_rad = rng.choice([0, np.pi / 2, 0.1, 1, -2.3], 3000)
        return Cuboids(center_m, length_m, width_m, np.ones(3000), yaw_rad)

    first, second = boxes(), boxes()
    corners = (bev_corners(first), bev_corners(second))
    expected = [bev_iou(one[None], other[None])[0, 0] for one, other in zip(*corners, strict=True)]
    assert_allclose(cuboid_iou(first, second), expected, atol=1e-9)
