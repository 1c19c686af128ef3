from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cm3d.detectors.boxes import SensorBoxes
from cm3d.geometry.cuboids import bev_corners, points_in_boxes
from cm3d.geometry.overlap import bev_iou
from cm3d.training.copy_paste import Pasting
from cm3d.training.object_bank import ObjectBank, offsets_of

CLASSES = ("car", "pedestrian", "bus")
BOXES = SensorBoxes.empty()
POINTS = np.empty((0, 5), dtype=np.float32)


def _boxes(*rows: tuple[int, float, float], yaw_rad: float = 0.0) -> SensorBoxes:
    """Boxes of 2 x 1 x 1 m from (class, x, y) rows."""
    count = len(rows)
    return SensorBoxes(
        class_index=np.array([row[0] for row in rows], dtype=np.int64),
        score=np.ones(count),
        center_m=np.array([(x, y, 0.0) for _, x, y in rows]).reshape(-1, 3),
        size_m=np.tile([2.0, 1.0, 1.0], (count, 1)),
        yaw_rad=np.full(count, yaw_rad),
        velocity_mps=np.zeros((count, 2)),
    )


def _points(*rows: tuple[float, float], age_s: float = 0.0) -> np.ndarray:
    return np.array([(x, y, 0.0, 0.5, age_s) for x, y in rows], dtype=np.float32).reshape(-1, 5)


def _bank(boxes: SensorBoxes) -> ObjectBank:
    """Two points per object: its centre, and half a metre ahead of it; age tells the object."""
    ages = np.arange(len(boxes)) / 8
    parts = [
        _points((x, y), (x + 0.5, y), age_s=age)
        for (x, y, _), age in zip(boxes.center_m, ages, strict=True)
    ]
    counts = np.full(len(boxes), 2)
    return ObjectBank(CLASSES, boxes, np.concatenate([POINTS, *parts]), offsets_of([counts]))


def _wanted(**objects: int) -> np.ndarray:
    return np.array([objects.get(name, 0) for name in CLASSES])


def _paste(points: Any, boxes: SensorBoxes, bank: ObjectBank, wanted: np.ndarray, seed: int = 0):
    return Pasting(bank, wanted)(points, boxes, np.random.default_rng(seed))


def test_by_hand() -> None:
    frame = _boxes((0, 0.0, 0.0))
    # the first car overlaps the frame's, the second does not; its two points come along
    bank = _bank(_boxes((0, 1.5, 0.5), (0, 6.0, 0.0), (1, -6.0, 0.0)))
    scene = _points((0.2, 0.0), (6.9, 0.4), (7.1, 0.0), (-6.0, 0.0))
    points, boxes = _paste(scene, frame, bank, _wanted(car=3))
    assert boxes.class_index.tolist() == [0, 0]
    np.testing.assert_array_equal(boxes.center_m, [[0, 0, 0], [6, 0, 0]])
    expected = _points((0.2, 0.0), (7.1, 0.0), (-6.0, 0.0))  # what was inside is gone
    pasted = _points((6.0, 0.0), (6.5, 0.0), age_s=0.125)
    np.testing.assert_array_equal(points, np.concatenate([expected, pasted]))
    assert points.dtype == np.float32


def test_an_ignored_box_takes_its_place_and_counts() -> None:
    doubtful = replace(_boxes((0, 0.0, 0.0)), score=np.zeros(1))
    bank = _bank(_boxes((0, 1.5, 0.5), (0, 6.0, 0.0)))
    _, boxes = _paste(POINTS, doubtful, bank, _wanted(car=3))
    assert boxes.center_m[:, 0].tolist() == [0, 6]  # nothing where it may stand
    assert boxes.score.tolist() == [0, 1]
    assert len(_paste(POINTS, doubtful, bank, _wanted(car=1))[1]) == 1


@pytest.mark.parametrize(
    ("present", "wanted", "stock", "after"),
    [(0, 2, 5, 2), (1, 2, 5, 2), (2, 2, 5, 2), (3, 2, 5, 3), (1, 9, 5, 6), (0, 3, 0, 0)],
)
def test_a_frame_is_filled_up_to_the_count(
    present: int, wanted: int, stock: int, after: int
) -> None:
    frame = _boxes(*[(1, 5.0 * row, 20.0) for row in range(present)])
    bank = _bank(_boxes(*[(1, 5.0 * row, 0.0) for row in range(stock)]))
    points, boxes = _paste(POINTS, frame, bank, _wanted(pedestrian=wanted, bus=4))
    assert len(boxes) == after
    assert len(points) == 2 * (after - present)
    assert len(set(boxes.center_m[:, 0] + 100 * boxes.center_m[:, 1])) == after  # no object twice


def test_of_candidates_that_overlap_one_is_pasted() -> None:
    bank = _bank(_boxes((0, 0.0, 0.0), (0, 1.0, 0.0), (0, 2.0, 0.0)))
    seen = set()
    for seed in range(30):
        _, boxes = _paste(POINTS, BOXES, bank, _wanted(car=3), seed)
        seen.add(tuple(boxes.center_m[:, 0].astype(int)))
    # neighbours overlap; the outer two touch at an edge, which is no overlap
    assert seen == {(0, 2), (2, 0), (1,)}


def test_turned_boxes_overlap_by_their_own_outlines() -> None:
    # the outlines around these two overlap, they themselves do not
    frame = _boxes((0, 0.0, 0.0), yaw_rad=np.pi / 4)
    near, far = (
        _boxes((0, 0.9, -0.9), yaw_rad=np.pi / 4),
        _boxes((0, 0.9, -0.9), yaw_rad=-np.pi / 4),
    )
    assert len(_paste(POINTS, frame, _bank(near), _wanted(car=2))[1]) == 2
    assert len(_paste(POINTS, frame, _bank(far), _wanted(car=2))[1]) == 1


def test_nothing_to_paste_leaves_the_frame_as_it_is() -> None:
    frame, scene = _boxes((0, 0.0, 0.0)), _points((0.0, 0.0), (9.0, 0.0))
    for bank, wanted in ((_bank(BOXES), _wanted(car=2)), (_bank(_boxes((0, 9, 0))), _wanted())):
        points, boxes = _paste(scene, frame, bank, wanted)
        np.testing.assert_array_equal(points, scene)
        np.testing.assert_array_equal(boxes.center_m, frame.center_m)


@given(seed=st.integers(0, 500))
def test_pasted_frames_are_consistent(seed: int) -> None:
    rng = np.random.default_rng(seed)

    def crowd(count: int) -> SensorBoxes:
        rows = [(int(rng.integers(3)), *rng.uniform(-8, 8, 2)) for _ in range(count)]
        return _boxes(*rows, yaw_rad=rng.uniform(-3, 3))

    frame, bank = crowd(4), _bank(crowd(30))
    scene = rng.uniform(-8, 8, (200, 5)).astype(np.float32)
    scene[:, 2] /= 8
    before = scene.copy()
    points, boxes = _paste(scene, frame, bank, _wanted(car=4, pedestrian=4, bus=4), seed)
    np.testing.assert_array_equal(scene, before)
    new = boxes[len(frame) :]
    pairs = bev_iou(_corners(new), _corners(boxes))
    assert ((pairs > 0).sum(axis=1) == 1).all()  # each overlaps itself alone
    inside = points_in_boxes(points[:, :3].astype(float), new.cuboids).any(axis=0)
    assert not inside[: len(points) - 2 * len(new)].any()
    again, _ = _paste(scene, frame, bank, _wanted(car=4, pedestrian=4, bus=4), seed)
    np.testing.assert_array_equal(again, points)


def _corners(boxes: SensorBoxes) -> np.ndarray:
    return bev_corners(boxes.cuboids)
