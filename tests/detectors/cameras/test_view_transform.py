"""One pixel, one depth, a known cell; and a rig that is turned."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from cm3d.detectors.cameras import view_transform as view_transform_module
from cm3d.detectors.cameras.rays import Rays
from cm3d.detectors.cameras.view_transform import FEATURE_STRIDE, ViewTransform, lidar_depths
from cm3d.detectors.grid import Grid
from cm3d.detectors.inputs import Images, Points
from cm3d.errors import InputError
from tests.tiny_detector import tiny_bevfusion, tiny_detector, tiny_images

# 32 cells of 0.4 m: from -6.4 to 6.4 m
DETECTOR = tiny_detector(range_m=6.4)
GRID = Grid.of_canvas(DETECTOR)


def batched(images: Images) -> Images:
    return images.map(lambda values: values[None])


def view_transform(**changes: object) -> ViewTransform:
    cameras = tiny_bevfusion("cameras", **changes).cameras
    torch.manual_seed(0)
    return ViewTransform(cameras, DETECTOR, GRID).eval()


@pytest.fixture
def images() -> Images:
    """A frame of two cameras, ahead (x) and left (y)."""
    return batched(tiny_images(np.random.default_rng(0)))


def test_a_pixel_at_a_depth_falls_into_its_cell(images: Images) -> None:
    view = view_transform()
    cell = view.cells(Rays.of(images), 4, 8, images.seen).view(2, 4, 8, 8)
    # the first camera, second row, fifth column: u = 35.5, v = 11.5; depth 3 m; focal 32 px
    # x = 3, y = -(35.5 - 31.5) / 32 * 3 = -0.375, z = (15.5 - 11.5) / 32 * 3 = 0.375
    column, row = int((3 + 6.4) / 0.4), int((-0.375 + 6.4) / 0.4)
    assert cell[0, 1, 4, 2].item() == row * GRID.size + column
    # at 7 m it is out of the square, at 6 m not
    assert cell[0, 1, 4, 6].item() == -1
    assert cell[0, 1, 4, 5].item() >= 0


def test_heights_out_of_bounds_and_missing_images_are_nowhere(images: Images) -> None:
    flat = view_transform(min_z_m=-0.2, max_z_m=0.2).cells(Rays.of(images), 4, 8, images.seen)
    assert (flat >= 0).any()
    all_heights = view_transform().cells(Rays.of(images), 4, 8, images.seen)
    assert (flat >= 0).sum() < (all_heights >= 0).sum()
    seen = torch.tensor([[True, False]])
    assert (view_transform().cells(Rays.of(images), 4, 8, seen)[0, 1] == -1).all()


def test_summed_features_are_those_of_a_loop_over_pixels_and_depths(images: Images) -> None:
    view = view_transform()
    view.spread = torch.nn.Sequential()
    features = torch.randn(1, 2, 8, 4, 8, generator=torch.Generator().manual_seed(1))
    with torch.inference_mode():
        found = view(features, Rays.of(images), images.seen, None)[0]
        guessed = view.guess(features[0])
    expected = torch.zeros(8, GRID.size, GRID.size)
    rays = Rays.of(images)
    for camera in range(2):
        for row in range(4):
            for column in range(8):
                said = guessed[camera, :, row, column]
                probability = said[:8].softmax(0)
                pixel = torch.tensor([[column, row]]) * FEATURE_STRIDE + (FEATURE_STRIDE - 1) / 2
                for depth in range(8):
                    xyz_m = rays.at(pixel, view.depths_m[[depth]])[0, camera, 0, 0]
                    x, y = ((xyz_m[:2] + 6.4) / 0.4).floor().long().tolist()
                    if 0 <= x < GRID.size and 0 <= y < GRID.size:
                        expected[:, y, x] += probability[depth] * said[8:]
    torch.testing.assert_close(found, expected, atol=1e-5, rtol=1e-5)


def test_a_rig_turned_by_a_quarter_gives_the_map_turned_by_a_quarter(images: Images) -> None:
    view = view_transform()
    view.spread = torch.nn.Sequential()
    features = torch.randn(1, 2, 8, 4, 8, generator=torch.Generator().manual_seed(1))
    quarter = torch.tensor([[0.0, -1, 0, 0], [1, 0, 0, 0], [0, 0, 1, 0], [0, 0, 0, 1]])
    turned = Images(
        images.pixels,
        images.intrinsics_px,
        images.lidar_SE3_camera,
        images.image_augmentation,
        quarter[None],
        images.seen,
    )
    with torch.inference_mode():
        first = view(features, Rays.of(images), images.seen, None)
        then = view(features, Rays.of(turned), images.seen, None)
    # x goes to y: columns become rows; y goes to -x: rows become columns from behind
    torch.testing.assert_close(then, first.transpose(2, 3).flip(3), atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize("bev_stride", [0.5, 1.0, 2.0])
def test_the_map_is_on_the_canvas(images: Images, bev_stride: float) -> None:
    view = view_transform(bev_stride=bev_stride)
    features = torch.zeros(1, 2, 8, 4, 8)
    assert view(features, Rays.of(images), images.seen, None).shape == (1, 8, GRID.size, GRID.size)


def points_at(*xyz_m: tuple[float, float, float]) -> Points:
    values = torch.tensor(xyz_m)
    return Points(
        torch.cat([values, torch.zeros(len(values), 2)], 1),
        torch.zeros(len(values), dtype=torch.long),
    )


def test_the_nearer_of_two_points_is_the_depth_of_their_pixel(images: Images) -> None:
    # both on the axis of the first camera, (31.5, 15.5), rounded to even
    depth_m = lidar_depths(points_at((4.0, 0, 0), (2.0, 0, 0)), Rays.of(images), 1, (32, 64))
    assert depth_m.shape == (2, 1, 32, 64)
    assert depth_m[0, 0, 16, 32].item() == pytest.approx(2.0)
    assert (depth_m > 0).sum() == 1


def test_points_behind_a_camera_are_not_seen_by_it(images: Images) -> None:
    depth_m: Tensor = lidar_depths(points_at((-4.0, 0, 0)), Rays.of(images), 1, (32, 64))
    assert not depth_m.any()


def test_half_precision_moves_no_position(images: Images, monkeypatch: pytest.MonkeyPatch) -> None:
    """A pixel at 500 would be one of four by bfloat16, a place at 50 m off by 0.25 m."""
    view, rays = view_transform(lidar_depth=True), Rays.of(images)
    points = points_at((4.03, 0.71, 0.13), (5.9, -2.17, 0.4), (2.2, 0.3, -0.2))
    seen: list[Tensor] = []

    def keep(function: Callable[..., Tensor]) -> Callable[..., Tensor]:
        def kept(*arguments: Any) -> Tensor:
            seen.append(function(*arguments))
            return seen[-1]

        return kept

    monkeypatch.setattr(view, "cells", keep(view.cells))
    monkeypatch.setattr(view_transform_module, "lidar_depths", keep(lidar_depths))
    features = torch.zeros(1, 2, 8, 4, 8)
    for half in (False, True):
        with torch.autocast("cpu", torch.bfloat16, enabled=half):
            view(features, rays, images.seen, points)
    cells, depth_m, cells_of_half, depth_m_of_half = seen
    assert torch.equal(cells, cells_of_half)
    assert torch.equal(depth_m, depth_m_of_half)
    assert depth_m_of_half.dtype == torch.float32


def test_a_canvas_that_does_not_split_into_cells_is_one_line() -> None:
    odd = Grid(6.2, 0.4, 31)
    with pytest.raises(InputError, match=r"bev_stride: 0\.5 does not divide the 31 cells"):
        ViewTransform(tiny_bevfusion("cameras", bev_stride=0.5).cameras, DETECTOR, odd)


def test_depths_of_the_lidar_change_the_map(images: Images) -> None:
    view = view_transform(lidar_depth=True)
    features = torch.randn(1, 2, 8, 4, 8, generator=torch.Generator().manual_seed(1))
    near, far = (
        view(features, Rays.of(images), images.seen, points_at((x_m, 0.3, 0.2)))
        for x_m in (2.0, 5.0)
    )
    assert not torch.allclose(near, far)
