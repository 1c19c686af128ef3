import numpy as np
import pytest

from cm3d.drawing.birds_eye import Plan, draw_footprints, draw_paths, draw_points
from cm3d.drawing.canvas import blank
from cm3d.geometry.cuboids import Cuboids

# the vehicle at (100, 50) looks along y; a pixel is 0.5 m
PLAN = Plan((100.0, 50.0), np.pi / 2, reach_m=50.0, side_px=200)
RED = (255, 0, 0)


def test_forward_is_up_and_left_is_left() -> None:
    places_m = np.array([[100.0, 50], [100, 60], [90, 50]])
    assert PLAN.pixels(places_m) == pytest.approx(np.array([[100, 100], [100, 80], [80, 100]]))


def test_higher_points_are_brighter_and_hide_lower_ones() -> None:
    image = blank(200, 200, (0, 0, 0))
    points_m = np.array([[100.2, 60.2, 3.5], [100.2, 60.2, -0.5], [90, 50, -9], [400, 50, 0]])
    draw_points(image, PLAN, points_m, ground_m=0.0)
    assert image[79, 100].tolist() == [190] * 3
    assert image[100, 80].tolist() == [62] * 3
    assert (image > 0).any(axis=2).sum() == 2


def test_a_box_is_drawn_where_it_stands_and_shows_its_front() -> None:
    image = blank(200, 200, (0, 0, 0))
    boxes = Cuboids(
        np.array([[100.0, 60, 1], [900, 900, 1]]),
        *(np.full(2, side_m) for side_m in (10.0, 4.0, 2.0)),
        np.full(2, np.pi / 2),
    )
    draw_footprints(image, PLAN, boxes, RED)
    rows, columns = np.nonzero(image[..., 0] > 100)
    assert columns.min() == pytest.approx(96, abs=1) and columns.max() == pytest.approx(104, abs=1)
    assert rows.max() == pytest.approx(90, abs=1)
    assert rows.min() == pytest.approx(80 - 10 - 1.2, abs=1.5)  # 0.6 m out of its front
    assert image[85, 100].tolist() == [0, 0, 0]  # nothing but a line from its middle ahead


def test_paths_beyond_the_plan_are_left_out() -> None:
    image = blank(200, 200, (0, 0, 0))
    draw_paths(image, PLAN, [np.array([[900.0, 900], [901, 900]])], RED, dots=True)
    assert not image.any()
    draw_paths(image, PLAN, [np.array([[100.0, 60], [100, 70]])], RED, dots=True)
    assert image[70, 100, 0] > 200
    draw_paths(image, PLAN, [], RED, dots=True)


def test_an_empty_plan_shows_the_vehicle() -> None:
    image = PLAN.blank()
    assert image.shape == (200, 200, 3)
    assert (image[90:112, 90:112] > 150).any()
