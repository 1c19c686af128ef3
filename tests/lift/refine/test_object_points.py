from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from cm3d.geometry.ground import GroundField
from cm3d.lift.keyframe import Scan
from cm3d.lift.mask_points import MaskPoints
from cm3d.lift.refine.object_points import object_points
from cm3d.params import Lift

FLAT = GroundField(np.zeros(2, dtype=np.int64), np.zeros((1, 1)))


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


def test_old_sweeps_go_where_the_keyframe_has_enough(left: Callable[..., Any]) -> None:
    points_m, lag_s = np.ones((4, 3)), [0.0, 0.0, 0.05, 0.1]
    pairs = [(0, 0), (0, 1), (0, 2), (1, 1), (1, 2), (1, 3), (2, 3)]
    knobs = {"newest": True, "enough_points": 2}
    kept = [(0, 0), (0, 1), (1, 1), (1, 2), (1, 3), (2, 3)]
    assert left(pairs, points_m, lag_s, **knobs) == kept


def test_only_points_above_the_ground_count_as_new(left: Callable[..., Any]) -> None:
    points_m = [[10, 0, 0], [10, 0, 1], [10, 0.1, 1]]
    knobs = {"ground": True, "newest": True, "enough_points": 2}
    assert left([(0, 0), (0, 1), (0, 2)], points_m, [0, 0, 0.1], **knobs) == [(0, 1), (0, 2)]


def test_no_pairs(left: Callable[..., Any]) -> None:
    assert left([], [[1, 1, 1]], ground=True, cluster=True, newest=True) == []
    assert left([], [], ground=True, cluster=True, newest=True) == []
