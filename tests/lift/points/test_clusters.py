import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.sparse.csgraph import connected_components

from cm3d.lift.points.clusters import in_largest_cluster


def stays(xy_m: list[tuple[float, float]], groups: list[int], link_m: float = 0.5) -> list[bool]:
    links_m = np.full(len(xy_m), link_m)
    points_m = np.array(xy_m, dtype=float).reshape(-1, 2)
    return in_largest_cluster(points_m, np.array(groups, dtype=np.int64), links_m).tolist()


CAR = [(10.0, 0.0), (10.3, 0.1), (10.6, 0.0)]
WALL = [(13.6, 0.0), (13.6, 0.3)]


def test_larger_of_two_groups_3_m_apart() -> None:
    assert stays(CAR + WALL, [0] * 5) == [True] * 3 + [False] * 2
    assert stays(WALL + CAR, [0] * 5) == [False] * 2 + [True] * 3


def test_first_of_equally_large_ones() -> None:
    assert stays([(0, 0), (5, 0), (9, 0)], [0] * 3) == [True, False, False]


def test_wider_links_join_them() -> None:
    assert stays(CAR + WALL, [0] * 5, link_m=3.5) == [True] * 5


def test_groups_do_not_mix() -> None:
    # Together the points of 1 and 2 are a chain; each alone falls apart.
    chain = [(0.1, 0.0), (0.5, 0.0), (0.9, 0.0), (1.3, 0.0), (1.7, 0.0)]
    assert stays(chain, [1, 2, 1, 2, 1]) == [True, True, False, False, False]
    assert stays(chain, [1] * 5) == [True] * 5


def test_point_that_links_less_far_is_not_reached() -> None:
    xy_m, groups = np.array([[0.0, 0], [1, 0], [2, 0]]), np.zeros(3, dtype=np.int64)
    kept = in_largest_cluster(xy_m, groups, np.array([1.1, 1.1, 0.5]))
    assert kept.tolist() == [True, True, False]


@pytest.mark.parametrize("far_m", [0.0, -4000.0, 900_000.0])
def test_anywhere_on_the_map(far_m: float) -> None:
    assert (
        stays([(x + far_m, y + far_m) for x, y in CAR + WALL], [0] * 5) == [True] * 3 + [False] * 2
    )


def test_no_points() -> None:
    assert stays([], []) == []


def naive_clusters(xy_m: np.ndarray, groups: np.ndarray, link_m: np.ndarray) -> list[bool]:
    """All pairs of points, by the cells of 0.2 m that they fall into."""
    cells = np.floor(xy_m / 0.2).astype(int)
    count = len(xy_m)
    reach_m = [
        max(
            link_m[j]
            for j in range(count)
            if groups[j] == groups[i] and (cells[j] == cells[i]).all()
        )
        for i in range(count)
    ]
    linked = np.zeros((count, count))
    for i in range(count):
        for j in range(count):
            apart_m = 0.2 * np.hypot(*(cells[i] - cells[j]))
            linked[i, j] = groups[i] == groups[j] and apart_m <= min(reach_m[i], reach_m[j])
    _, label = connected_components(linked, directed=False)
    best = {}
    for group in set(groups):
        labels = label[groups == group].tolist()
        best[group] = max(labels, key=lambda one: (labels.count(one), -labels.index(one)))
    return [label[i] == best[groups[i]] for i in range(count)]


@settings(deadline=None)
@given(st.integers(0, 2**32 - 1), st.integers(1, 30), st.floats(0.5, 4))
def test_same_as_linking_all_pairs(seed: int, count: int, spread_m: float) -> None:
    random = np.random.default_rng(seed)
    xy_m, groups = random.normal(0, spread_m, (count, 2)), random.integers(0, 3, count)
    # Squared in cells these are no integers, so no distance equals one of them.
    link_m = random.choice([0.5, 0.73, 1.05], count)
    found = in_largest_cluster(xy_m, groups, link_m)
    assert found.tolist() == naive_clusters(xy_m, groups, link_m)
