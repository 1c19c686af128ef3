import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy.spatial.distance import cdist

from cm3d.lift.medoid import medoid_index, medoids


def naive_medoid(points_m: np.ndarray) -> int:
    sums = [sum(np.linalg.norm(p - x) for p in points_m) for x in points_m]
    return min(range(len(sums)), key=lambda index: (round(sums[index], 9), index))


def test_right_angle_of_a_3_4_5_triangle() -> None:
    # Sums of distances: 3 + 4 = 7 at the right angle, 3 + 5 = 8 and 4 + 5 = 9 elsewhere.
    assert medoid_index(np.array([[3.0, 0, 0], [0, 0, 0], [0, 4.0, 0]])) == 1


def test_outlier_moves_the_mean_but_not_the_medoid() -> None:
    points_m = np.array([[0.0, 0, 0], [1, 0, 0], [2, 0, 0], [3, 0, 0], [100, 0, 0]])
    assert medoid_index(points_m) == 2


def test_height_counts() -> None:
    points_m = np.array([[0.0, 0, 0], [0.1, 0, 9], [0, 0, 1], [0, 0, -1]])
    assert medoid_index(points_m) == 0


def test_first_of_equals() -> None:
    assert medoid_index(np.array([[1.0, 0, 0], [0, 0, 0], [1, 0, 0], [0, 0, 0]])) == 0


def test_one_point_is_its_own_medoid() -> None:
    assert medoid_index(np.array([[5.0, 6, 7]])) == 0


@given(arrays(np.float64, st.tuples(st.integers(1, 12), st.just(3)), elements=st.integers(-9, 9)))
def test_same_as_the_formula(points_m: np.ndarray) -> None:
    assert medoid_index(points_m) == naive_medoid(points_m)


@pytest.mark.parametrize("count", [256, 257, 700, 2000])
@pytest.mark.parametrize("kind", ["surface", "ball", "repeated"])
def test_pruning_never_changes_the_answer(count: int, kind: str) -> None:
    generator = np.random.default_rng([count, len(kind)])
    points_m = generator.normal([400, 1100, 2], 3, (count, 3))
    if kind == "surface":
        points_m[:, 1] = 1100 + 0.1 * np.maximum(0, points_m[:, 0] - 402) ** 3
    if kind == "repeated":
        points_m = np.round(points_m / 4) * 4
    sums = cdist(points_m, points_m).sum(axis=1)
    assert medoid_index(points_m) == np.argmin(sums)


def test_medoid_of_each_group() -> None:
    points_m = np.array([[0.0, 0, 0], [1, 0, 0], [5, 0, 0], [9, 9, 9], [7, 0, 0], [7, 1, 0]])
    groups, medoid_m = medoids(points_m, np.array([2, 2, 2, 4, 7, 7]), min_points=2)
    assert groups.tolist() == [2, 7]
    assert medoid_m.tolist() == [[1, 0, 0], [7, 0, 0]]


def test_no_groups() -> None:
    groups, medoid_m = medoids(np.empty((0, 3)), np.empty(0, dtype=np.int64), min_points=1)
    assert groups.shape == (0,)
    assert medoid_m.shape == (0, 3)
