import numpy as np
import pytest

from cm3d.drawing.camera import (
    View,
    crop_around,
    draw_edges,
    draw_rectangles,
    hues,
    shade_masks,
)
from cm3d.drawing.canvas import blank
from cm3d.geometry.cuboids import Cuboids
from cm3d.geometry.se3 import SE3

# looks along the global x axis: right is -y, down is -z
ROTATION = np.array([[0.0, -1, 0], [0, 0, -1], [1, 0, 0]])
INTRINSICS_PX = np.array([[100.0, 0, 200], [0, 100, 100], [0, 0, 1]])
VIEW = View(SE3(ROTATION, np.zeros(3)), INTRINSICS_PX, (400, 200))


def box(x_m: float, length_m: float = 2.0) -> Cuboids:
    sides = (np.array([side_m]) for side_m in (length_m, 2.0, 2.0))
    return Cuboids(np.array([[x_m, 0.0, 0.0]]), *sides, np.zeros(1))


def test_edges_of_a_box_in_view() -> None:
    """Faces at 9 and 11 m are 2 m wide: 100 / 9 and 100 / 11 px to each side of the middle."""
    edges_px = VIEW.edges_px(box(10.0))
    assert edges_px.shape == (13, 2, 2)
    assert edges_px[..., 0].min() == pytest.approx(200 - 100 / 9)
    assert edges_px[..., 1].max() == pytest.approx(100 + 100 / 9)
    assert edges_px[12] == pytest.approx(np.array([[200, 110], [200, 100 + 100 / 11]]))


def test_boxes_behind_are_left_out_and_those_beside_are_cut() -> None:
    assert len(VIEW.edges_px(box(-10.0))) == 0
    edges_px = VIEW.edges_px(box(0.0, length_m=10.0))
    assert np.isfinite(edges_px).all()
    assert len(edges_px) == 9  # the back face is behind: 4 edges before, 4 along, the heading
    assert edges_px[..., 0].max() == pytest.approx(200 + 100 / 0.1)


def test_a_camera_is_scaled_with_its_image() -> None:
    small = VIEW.scaled_to(200)
    assert (small.width_px, small.height_px) == (200, 100)
    assert small.edges_px(box(10.0)) == pytest.approx(VIEW.edges_px(box(10.0)) / 2)
    assert small.outlines_px(box(10.0))[0] == pytest.approx(VIEW.outlines_px(box(10.0))[0] / 2)


def test_shapes_are_drawn_where_they_are() -> None:
    image = blank(400, 200, (0, 0, 0))
    draw_edges(image, VIEW, box(10.0), (255, 0, 0))
    draw_rectangles(image, np.array([[20.0, 30, 60, 80]]), (0, 255, 0))
    draw_rectangles(image, np.empty((0, 4)), (0, 255, 0))
    rows, columns = np.nonzero(image[..., 1] > 100)
    assert (columns.min(), columns.max(), rows.min(), rows.max()) == (20, 60, 30, 80)
    assert image[111, 200, 0] > 0 and not image[50, 40].any()


def test_masks_of_another_size_span_the_image() -> None:
    image = blank(40, 20, (0, 0, 0))
    masks = np.zeros((1, 10, 20), dtype=bool)
    masks[0, :, 10:] = True
    shade_masks(image, masks, np.array([3]))
    assert not image[:, :20].any() and image[:, 20:].any(axis=2).all()
    assert len(hues(np.empty(0, dtype=int))) == 0
    assert len({tuple(color) for color in hues(np.arange(8))}) == 8


@pytest.mark.parametrize(
    ("outline_px", "expected"),
    [
        ([195, 95, 205, 105], (75, 125, 150, 250)),  # at least 100 px wide
        ([0, 0, 10, 10], (0, 50, 0, 100)),  # moved into the image
        ([0, 0, 400, 200], (0, 200, 0, 400)),
        ([150, 50, 250, 150], (0, 200, 0, 400)),  # 3 times 100 px high, as wide as 4 times
    ],
)
def test_a_crop_has_the_shape_of_its_image(
    outline_px: list[float], expected: tuple[int, ...]
) -> None:
    rows, columns = crop_around(np.array(outline_px, dtype=float), 400, 200, 3.0, 100)
    assert (rows.start, rows.stop, columns.start, columns.stop) == expected
