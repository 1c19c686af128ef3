from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from cm3d.lift.mask_points import MaskPoints
from cm3d.lift.refine.merging import merge_cameras
from cm3d.tables import Masks

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
    assert merge(swapped, ["front", "left"]) == [(1, p) for p in (3, 4, 0, 1, 2)]


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


def test_no_pairs(merge: Callable[..., Any]) -> None:
    assert merge([], ["front", "left"]) == []
    assert merge([], []) == []
