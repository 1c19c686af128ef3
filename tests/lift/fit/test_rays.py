from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cm3d.lift.fit.footprints import Candidates
from cm3d.lift.fit.observations import MaskViews, Samples
from cm3d.lift.fit.rays import rays_near, share_through

SENSOR_M = np.array([0, 0, 1.0])


def shares(ends_m: list[list[float]], *boxes: tuple[float, ...]) -> list[float]:
    """Of rays from 1 m above the ground, through boxes 2 m high that stand on it."""
    points_m = np.array(ends_m, dtype=float)[None]
    rays = Samples(points_m, np.ones(points_m.shape[:2], dtype=bool))
    columns = Candidates(*(np.array(column)[None] for column in zip(*boxes, strict=True)))
    found = share_through(rays, columns, np.array([1.0]), np.array([2.0]), SENSOR_M)
    return found[0].tolist()


BOX = (10.0, 0.0, 0.0, 4.0, 2.0)


@pytest.mark.parametrize(
    ("end_m", "share"),
    [
        ([20, 0, 1], 1),  # through
        ([10, 0, 1], 0),  # ends in it
        ([11.8, 0, 1], 0),  # ends within 2% of the core's far face: the face itself
        ([12.2, 0, 1], 1),
        ([5, 0, 1], 0),  # ends before it
        ([20, 0, 5], 0),  # above: 2.65 m high where the box begins
        ([20, 0, 2], 1),  # just below the roof's core: 1.4 to 1.6 m
        ([20, 4, 1], 0),  # beside
        ([-20, 0, 1], 0),  # the other way
    ],
)
def test_one_ray(end_m: list[float], share: float) -> None:
    assert shares([end_m], BOX) == [share]


def test_share_of_the_rays_for_each_box() -> None:
    rays = [[20.0, 0, 1], [20, 0, 5], [10, 0, 1], [20, 0.5, 1]]
    assert shares(rays, BOX, (10.0, 50.0, 0.0, 4.0, 2.0)) == [0.5, 0]


def test_box_across_the_ray() -> None:
    # 2 m long along x after turning: the ray ends at x = 11.5, behind its core.
    assert shares([[11.5, 0, 1]], (10.0, 0.0, np.pi / 2, 4.0, 2.0)) == [1]
    assert shares([[11.5, 0, 1]], BOX) == [0]


def test_rays_that_are_not_there_do_not_count() -> None:
    rays = Samples(np.array([[[20.0, 0, 1], [20, 0, 1]]]), np.array([[True, False]]))
    box = Candidates(*(np.array([[value]]) for value in BOX))
    assert share_through(rays, box, np.ones(1), np.full(1, 2.0), SENSOR_M).tolist() == [[1]]
    none = replace(rays, valid=np.zeros((1, 2), dtype=bool))
    assert share_through(none, box, np.ones(1), np.full(1, 2.0), SENSOR_M).tolist() == [[0]]


@settings(deadline=None)
@given(
    st.tuples(st.floats(4, 30), st.floats(-8, 8), st.floats(0, 3)),
    st.tuples(
        st.floats(6, 20), st.floats(-4, 4), st.floats(-4, 4), st.floats(1, 8), st.floats(1, 3)
    ),
)
def test_same_as_walking_along_the_ray(end_m: tuple[float, ...], box: tuple[float, ...]) -> None:
    x, y, yaw, length, width = box
    share = np.linspace(0, 1, 4001)
    walk_m = SENSOR_M + share[:, None] * (np.array(end_m) - SENSOR_M)
    dx, dy = walk_m[:, 0] - x, walk_m[:, 1] - y
    along_m = abs(np.cos(yaw) * dx + np.sin(yaw) * dy)
    across_m = abs(np.cos(yaw) * dy - np.sin(yaw) * dx)
    inside = (along_m < 0.425 * length) & (across_m < 0.425 * width)
    inside &= abs(walk_m[:, 2] - 1) < 0.7
    steps = np.flatnonzero(inside)
    if 0 < len(steps) < 3 or (len(steps) and abs(share[steps[-1]] - 0.98) < 1e-3):
        return  # a corner or the tolerance at the end: walking is too coarse to tell
    through = len(steps) > 0 and share[steps[-1]] < 0.98
    found = shares([list(end_m)], box)
    if len(steps) == 0 and found == [1]:
        tight = shares([list(end_m)], (x, y, yaw, 0.99 * length, 0.99 * width))
        assert tight == [0]  # it but touches a corner
    else:
        assert found == [float(through)]


def test_rays_in_and_beside_the_box_of_a_mask(make_views: Callable[..., MaskViews]) -> None:
    # 20 px wide, so 0.15 * 20 + 2 = 5 px on either side belong to it: columns 395 to 425.
    views = make_views((400, 200, 420, 230))
    column_px = np.array([394.9, 395.1, 410, 424.9, 425.1, 410, 410, 410])
    row_px = np.array([210, 210, 210, 210, 210, 199.9, 230.1, 210])
    x_m = np.array([10, 10, 10, 10, 10, 10, 10, -10.0])
    y_m, z_m = x_m * (400 - column_px) / 600, 1.5 + x_m * (225 - row_px) / 600
    points_m = np.column_stack([x_m, y_m, z_m])
    rays = rays_near(points_m, views, np.ones(1, bool), 9)
    assert rays.valid.sum() == 3
    assert rays.points_m[0, :3].tolist() == points_m[1:4].tolist()
    few = rays_near(points_m, views, np.ones(1, bool), 2)
    assert few.points_m[0].tolist() == points_m[[1, 2]].tolist()


def test_each_mask_has_its_own_rays(make_views: Callable[..., MaskViews]) -> None:
    views = make_views((0, 0, 300, 450), (500, 0, 800, 450), (500, 0, 800, 450))
    points_m = np.array([[10.0, 5, 1.5], [10, -5, 1.5], [10, -4, 1.5]])
    rays = rays_near(points_m, views, np.ones(3, bool), 4)
    assert rays.valid.sum(axis=1).tolist() == [1, 2, 2]
    assert rays.points_m[2, :2].tolist() == points_m[1:].tolist()
    solid = np.array([False, True, False])
    assert rays_near(points_m, views, solid, 4).valid.sum(axis=1).tolist() == [0, 2, 0]


def test_no_points_and_no_masks(make_views: Callable[..., MaskViews]) -> None:
    views = make_views((0, 0, 300, 450))
    assert not rays_near(np.empty((0, 3)), views, np.ones(1, bool), 4).valid.any()
    none = views[np.empty(0, dtype=np.int64)]
    assert rays_near(np.ones((2, 3)), none, np.ones(0, bool), 4).points_m.shape == (0, 4, 3)
