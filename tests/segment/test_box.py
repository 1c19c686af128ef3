import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cm3d.segment.box import BoxSegmenter
from cm3d.segment.common.pixels import pixel_bounds
from cm3d.shelf.prepared import as_is

IMAGE = np.zeros((6, 8, 3), np.uint8)


def bounds(*box_px: float) -> list[int]:
    return list(pixel_bounds(np.array([box_px]), width_px=8, height_px=6)[0])


@pytest.mark.parametrize(
    ("box_px", "expected"),
    [
        ((1, 2, 4, 5), [1, 2, 4, 5]),
        ((0.6, 1.4, 3.4, 4.6), [1, 1, 3, 5]),
        ((-5, -5, 100, 100), [0, 0, 8, 6]),
        ((2.1, 2.1, 2.3, 2.3), [2, 2, 3, 3]),
        ((7.9, 5.9, 8, 6), [7, 5, 8, 6]),
    ],
)
def test_pixels_whose_centres_are_inside(box_px: tuple[float, ...], expected: list[int]) -> None:
    assert bounds(*box_px) == expected


@pytest.mark.parametrize(
    "box_px",
    [(3, 3, 3, 5), (3, 3, 5, 3), (9, 1, 12, 3), (-4, 1, -1, 3), (1, 6, 2, 8), (4, 4, 2, 2)],
)
def test_boxes_without_area_in_the_image_hold_no_pixel(box_px: tuple[float, ...]) -> None:
    low_x, low_y, high_x, high_y = bounds(*box_px)
    assert low_x == high_x and low_y == high_y


@given(st.lists(st.floats(-20, 20), min_size=4, max_size=4))
def test_a_box_with_area_in_the_image_holds_a_pixel_near_it(box_px: list[float]) -> None:
    low = np.clip(box_px[:2], 0, [8, 6])
    high = np.clip(box_px[2:], 0, [8, 6])
    first_x, first_y, end_x, end_y = bounds(*box_px)
    assert 0 <= first_x <= end_x <= 8 and 0 <= first_y <= end_y <= 6
    if (high > low).all():
        assert first_x < end_x and first_y < end_y
        assert abs(first_x - low[0]) <= 1 and abs(end_x - high[0]) <= 1


def test_masks_fill_their_boxes() -> None:
    (masks,) = BoxSegmenter().segment([as_is(IMAGE)], [np.array([[1.0, 2, 4, 5], [0, 0, 0, 0]])])
    assert masks.shape == (2, 6, 8)
    assert masks[0].sum() == 9
    assert masks[0, 2:5, 1:4].all()
    assert not masks[1].any()


def test_no_boxes_no_masks() -> None:
    (masks,) = BoxSegmenter().segment([as_is(IMAGE)], [np.empty((0, 4))])
    assert masks.shape == (0, 6, 8)
