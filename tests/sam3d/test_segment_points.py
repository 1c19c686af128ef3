import numpy as np

from cm3d.sam3d.segment_points import SegmentPoints

POINTS_M = np.array([[0.0, 0, 1], [1, 0, 5], [2, 0, 3], [3, 0, 9], [4, 0, 2]])
GROUND_M = np.array([-1.0, -2.0, -1.5, 0.0, -1.0])


def test_points_by_label() -> None:
    grouped = SegmentPoints.group(POINTS_M, GROUND_M, np.array([4, 2, 4, 0, 2]))
    assert grouped.label.tolist() == [2, 4]
    assert grouped.count.tolist() == [2, 2]
    assert [xy.tolist() for xy in grouped.xy_m()] == [[[1, 0], [4, 0]], [[0, 0], [2, 0]]]
    assert grouped.top_m.tolist() == [5, 3]
    assert grouped.ground_m.tolist() == [-2, -1.5]


def test_selection_keeps_the_points_of_a_segment() -> None:
    grouped = SegmentPoints.group(POINTS_M, GROUND_M, np.array([4, 2, 4, 0, 2]))
    chosen = grouped.select(np.array([False, True]))
    assert chosen.label.tolist() == [4]
    assert [xy.tolist() for xy in chosen.xy_m()] == [[[0, 0], [2, 0]]]


def test_background_alone() -> None:
    grouped = SegmentPoints.group(POINTS_M, GROUND_M, np.zeros(5, dtype=np.int64))
    assert len(grouped.label) == len(grouped.top_m) == len(grouped.xy_m()) == 0


def test_no_points() -> None:
    grouped = SegmentPoints.group(np.empty((0, 3)), np.empty(0), np.empty(0, dtype=np.int64))
    assert len(grouped.label) == 0
