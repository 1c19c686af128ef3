from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from cm3d.geometry.ground import GroundField
from cm3d.lift.keyframe import Scan
from cm3d.lift.points.in_masks import MaskPoints
from cm3d.lift.points.of_objects import (
    merge_cameras,
    newest_points,
    object_points,
    reach,
    shared_points,
)
from cm3d.params import Lift
from cm3d.tables import Masks

FLAT = GroundField.from_points(np.empty((0, 3)), np.zeros(3), yaw_rad=0.0)


@pytest.fixture
def left(unrefined: Lift) -> Callable[..., list[tuple[int, int]]]:
    """Pairs of mask and point that stay; keywords are knobs of `lift.refine`, all else is off."""

    def run(
        pairs: list[tuple[int, int]], points_m: Any, time_lag_s: Any = 0.0, **knobs: Any
    ) -> list[tuple[int, int]]:
        xyz_m = np.array(points_m, dtype=float).reshape(-1, 3)
        scan = Scan(xyz_m, np.broadcast_to(time_lag_s, len(xyz_m)), np.zeros(3))
        rows = np.array(pairs, dtype=np.int64).reshape(-1, 2).T
        params = unrefined.refine.model_copy(update=knobs)
        kept = object_points(MaskPoints(rows[0], rows[1]), scan, FLAT, params)
        return list(zip(kept.mask.tolist(), kept.point.tolist(), strict=True))

    return run


def test_all_off_keeps_all(left: Callable[..., Any]) -> None:
    pairs = [(0, 0), (0, 1), (2, 1)]
    assert left(pairs, [[10, 0, 0], [50, 0, 9]], [0.5, 0.0]) == pairs


def test_ground_goes_unless_it_is_all_there_is(left: Callable[..., Any]) -> None:
    points_m = [[10, 0, 0.1], [10, 0, 0.2], [10, 0, 0.3]]
    pairs = [(0, 0), (0, 1), (0, 2), (1, 0), (1, 1)]
    knobs = {"ground": True, "ground_clearance_m": 0.2}
    assert left(pairs, points_m, **knobs) == [(0, 2), (1, 0), (1, 1)]


def test_clusters_link_farther_far_away(left: Callable[..., Any]) -> None:
    # Two returns and one 1 m beside them: at 10 m links are 0.7 m long, at 50 m 1.5 m.
    near = [[10, 0, 1], [10, 0.1, 1], [10, 1.1, 1]]
    far = [[50, 0, 1], [50, 0.1, 1], [50, 1.1, 1]]
    pairs = [(0, 0), (0, 1), (0, 2), (1, 3), (1, 4), (1, 5)]
    knobs = {"cluster": True, "link_m": 0.5, "link_per_range": 0.02}
    assert left(pairs, near + far, **knobs) == [(0, 0), (0, 1), (1, 3), (1, 4), (1, 5)]


def test_old_sweeps_go_where_the_keyframe_has_enough() -> None:
    lag_s = np.array([0.0, 0.0, 0.05, 0.1])
    found = MaskPoints(np.array([0, 0, 0, 1, 1, 1, 2]), np.array([0, 1, 2, 1, 2, 3, 3]))
    kept = newest_points(found, lag_s, 2)
    assert kept.mask.tolist() == [0, 0, 1, 1, 1, 2]
    assert kept.point.tolist() == [0, 1, 1, 2, 3, 3]
    assert len(newest_points(found[:0], lag_s, 2)) == 0


def test_no_pairs_to_drop(left: Callable[..., Any]) -> None:
    assert left([], [[1, 1, 1]], ground=True, cluster=True) == []
    assert left([], [], ground=True, cluster=True) == []


# Points 0 to 2 are one end of a car and 3 to 4 its other end, 1.5 m on; 5 is far away.
POINTS_M = np.array([[9, 0, 1], [10, 0, 1], [11, 0, 1], [11, 0.5, 1], [12, 0.5, 1], [40, 0, 1.0]])
ENDS = [(0, 0), (0, 1), (0, 2), (1, 3), (1, 4)]


@pytest.fixture
def merge(make_masks: Callable[..., Masks]) -> Callable[..., list[tuple[int, int]]]:
    """Pairs of mask and point after merging with a reach of 2 m, or one per mask."""

    def run(
        pairs: list[tuple[int, int]],
        cameras: list[str],
        classes: list[str] | None = None,
        reach_m: float = 2.0,
    ) -> list[tuple[int, int]]:
        count = len(cameras)
        masks = make_masks(
            [np.ones((2, 2))] * count,
            camera_token=cameras,
            class_name=["car"] * count if classes is None else classes,
        )
        rows = np.array(pairs, dtype=np.int64).reshape(-1, 2).T
        found = MaskPoints(rows[0], rows[1])
        merged = merge_cameras(found, POINTS_M, masks, np.full(count, reach_m))
        return list(zip(merged.mask.tolist(), merged.point.tolist(), strict=True))

    return run


def test_object_cut_by_two_cameras_is_one(merge: Callable[..., Any]) -> None:
    assert merge(ENDS, ["front", "left"]) == [(0, point) for point in range(5)]


def test_mask_with_most_points_keeps_them(merge: Callable[..., Any]) -> None:
    swapped = [(0, 3), (0, 4), (1, 0), (1, 1), (1, 2)]
    assert merge(swapped, ["front", "left"]) == [(1, point) for point in range(5)]


def test_row_of_objects_in_two_cameras_stays_a_row(merge: Callable[..., Any]) -> None:
    """Each is nearer to its neighbours than the reach, nearest to itself in the other image."""
    pairs = [(0, 0), (1, 1), (2, 2), (3, 0), (4, 1), (5, 2)]
    cameras = ["front"] * 3 + ["left"] * 3
    assert merge(pairs, cameras) == [(0, 0), (1, 1), (2, 2)]


def test_one_camera_keeps_its_masks_apart(merge: Callable[..., Any]) -> None:
    assert merge(ENDS, ["front", "front"]) == ENDS


def test_other_classes_and_far_objects_stay_apart(merge: Callable[..., Any]) -> None:
    assert merge(ENDS, ["front", "left"], ["car", "truck"]) == ENDS
    assert merge(ENDS, ["front", "left"], reach_m=1.5) == ENDS
    assert merge([(0, 0), (1, 5)], ["front", "left"]) == [(0, 0), (1, 5)]


def test_masks_without_points_are_no_partners(merge: Callable[..., Any]) -> None:
    pairs = [(1, 0), (1, 1), (3, 3)]
    cameras = ["left", "front", "left", "back"]
    assert merge(pairs, cameras) == [(1, 0), (1, 1), (1, 3)]


def test_point_that_both_cameras_see_counts_once(merge: Callable[..., Any]) -> None:
    both = [(0, 0), (0, 1), (0, 2), (1, 2), (1, 3)]
    assert merge(both, ["front", "left"]) == [(0, 0), (0, 1), (0, 2), (0, 3)]


def test_no_pairs_to_merge(merge: Callable[..., Any]) -> None:
    assert merge([], ["front", "left"]) == []
    assert merge([], []) == []


def test_points_that_masks_share() -> None:
    """Masks 0, 2 and 3 have 3, 2 and 1 points; mask 1 has none and nobody asks for it."""
    found = MaskPoints(np.array([0, 0, 0, 2, 2, 3]), np.array([0, 1, 2, 1, 2, 5]))
    assert shared_points(found, np.array([0, 2, 3])).tolist() == [[3, 2, 0], [2, 2, 0], [0, 0, 1]]
    assert shared_points(found, np.array([3, 0])).tolist() == [[1, 0], [0, 3]]
    nothing = MaskPoints(np.empty(0, np.int64), np.empty(0, np.int64))
    assert shared_points(nothing, np.empty(0, np.int64)).shape == (0, 0)


def test_reach_is_the_diagonal_around_the_points() -> None:
    found = MaskPoints(np.array([0, 0, 0, 2, 2, 3]), np.array([0, 1, 4, 3, 5, 5]))
    # Points 0, 1 and 4 span 3 m by 0.5 m, 3 and 5 span 29 m by 0.5 m.
    expected = [np.hypot(3, 0.5), np.hypot(29, 0.5), 0]
    assert reach(found, POINTS_M, np.array([0, 2, 3])) == pytest.approx(expected)
    assert reach(found, POINTS_M, np.array([3, 0])) == pytest.approx([0, np.hypot(3, 0.5)])
    nothing = MaskPoints(np.empty(0, np.int64), np.empty(0, np.int64))
    assert reach(nothing, POINTS_M, np.empty(0, np.int64)).shape == (0,)
