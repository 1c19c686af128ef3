import numpy as np

from cm3d.sam3d.segments import ConnectedComponents, group_points


def test_patches_that_touch_at_a_corner_are_one() -> None:
    image = np.array([[9, 0, 0, 0], [0, 9, 0, 0], [0, 0, 0, 7]], dtype=np.uint8)
    image[2, 2] = 0
    segments = ConnectedComponents(8)(image)
    assert segments.labels[0, 0] == segments.labels[1, 1] != 0
    assert segments.labels[2, 3] not in (0, segments.labels[0, 0])
    assert segments.quality.tolist() == [1, 1]
    assert np.array_equal(segments.labels == 0, image == 0)


def test_black_image_has_no_segments() -> None:
    segments = ConnectedComponents(8)(np.zeros((5, 5), dtype=np.uint8))
    assert not segments.labels.any()
    assert len(segments.quality) == 0


POINTS_M = np.array([[0.0, 0, 1], [1, 0, 5], [2, 0, 3], [3, 0, 9], [4, 0, 2]])
GROUND_M = np.array([-1.0, -2.0, -1.5, 0.0, -1.0])


def test_points_by_label() -> None:
    grouped, xy_m = group_points(POINTS_M, GROUND_M, np.array([4, 2, 4, 0, 2]))
    assert grouped.label.tolist() == [2, 4]
    assert grouped.count.tolist() == [2, 2]
    assert [own_m.tolist() for own_m in xy_m] == [[[1, 0], [4, 0]], [[0, 0], [2, 0]]]
    assert grouped.top_m.tolist() == [5, 3]
    assert grouped.bottom_m.tolist() == [-2, -1.5]
    assert grouped[grouped.label > 2].height_m.tolist() == [4.5]


def test_background_alone() -> None:
    grouped, xy_m = group_points(POINTS_M, GROUND_M, np.zeros(5, dtype=np.int64))
    assert len(grouped) == len(grouped.top_m) == len(xy_m) == 0


def test_no_points() -> None:
    grouped, _ = group_points(np.empty((0, 3)), np.empty(0), np.empty(0, dtype=np.int64))
    assert len(grouped) == 0


def test_connectivity_is_a_knob() -> None:
    diagonal = np.eye(3, dtype=np.uint8)
    assert len(ConnectedComponents(8)(diagonal).quality) == 1
    assert len(ConnectedComponents(4)(diagonal).quality) == 3
