"""Pixels and positions by numbers worked out by hand."""

import numpy as np
import pytest
import torch

from cm3d.detectors.cameras.rays import Rays, pixel_centers
from cm3d.detectors.heads.center.double_flip import mirror_image
from cm3d.detectors.inputs import Images, Inputs

# A camera that looks along the LiDAR's x axis: its z is x, its x is -y, its y is -z.
AHEAD = torch.tensor([[0.0, 0, 1], [-1, 0, 0], [0, -1, 0]])


def images(
    intrinsics_px: list[list[float]],
    at_m: tuple[float, float, float] = (0.0, 0.0, 0.0),
    pixels: torch.Tensor | None = None,
    scene: torch.Tensor | None = None,
) -> Images:
    """One frame with one camera that looks ahead."""
    pose = torch.eye(4)
    pose[:3, :3], pose[:3, 3] = AHEAD, torch.tensor(at_m)
    return Images(
        pixels=torch.zeros(1, 1, 3, 32, 64, dtype=torch.uint8),
        intrinsics_px=torch.tensor(intrinsics_px)[None, None],
        lidar_SE3_camera=pose[None, None],
        image_augmentation=(torch.eye(3) if pixels is None else pixels)[None, None],
        lidar_augmentation=(torch.eye(4) if scene is None else scene)[None],
        seen=torch.ones(1, 1, dtype=torch.bool),
    )


PINHOLE = [[100.0, 0, 32], [0, 100, 16], [0, 0, 1]]


def at(images: Images, u: float, v: float, depth_m: float) -> list[float]:
    """Where one pixel looks."""
    found = Rays.of(images).at(torch.tensor([[float(u), float(v)]]), torch.tensor([float(depth_m)]))
    return [round(value, 4) for value in found.flatten().tolist()]


def test_the_middle_looks_ahead_from_where_the_camera_is() -> None:
    assert at(images(PINHOLE, (1.0, 2.0, 3.0)), 32, 16, 10) == [11.0, 2.0, 3.0]


def test_right_of_the_middle_is_right_and_below_is_down() -> None:
    # 50 px at a focal length of 100 px are 5 m at 10 m
    assert at(images(PINHOLE), 82, 16, 10) == [10.0, -5.0, 0.0]
    assert at(images(PINHOLE), 32, 66, 10) == [10.0, 0.0, -5.0]


def test_a_mirrored_image_looks_the_other_way() -> None:
    # of 64 columns, column u became 63 - u
    mirror = torch.tensor([[-1.0, 0, 63], [0, 1, 0], [0, 0, 1]])
    assert at(images(PINHOLE, pixels=mirror), 63 - 82, 16, 10) == [10.0, -5.0, 0.0]


def test_a_halved_image_keeps_directions() -> None:
    half = torch.diag(torch.tensor([0.5, 0.5, 1.0]))
    assert at(images(PINHOLE, pixels=half), 41, 8, 10) == [10.0, -5.0, 0.0]


def test_the_scene_is_turned_scaled_and_shifted_last() -> None:
    # a quarter turn takes x to y, then twice the size, then 1 m up
    scene = torch.tensor([[0.0, -2, 0, 0], [2, 0, 0, 0], [0, 0, 2, 1], [0, 0, 0, 1]])
    assert at(images(PINHOLE, (1.0, 0.0, 0.0), scene=scene), 82, 16, 10) == [10.0, 22.0, 1.0]


def test_projecting_undoes_looking() -> None:
    rng = np.random.default_rng(0)
    scene = torch.eye(4)
    scene[:2, :2] = 1.1 * torch.tensor([[0.8, -0.6], [0.6, 0.8]])
    seen = images(PINHOLE, (0.3, -0.2, 1.1), torch.diag(torch.tensor([0.4, 0.3, 1.0])), scene)
    pixels = torch.from_numpy(rng.uniform(0, 60, (7, 2))).float()
    rays = Rays.of(seen)
    points_m = rays.at(pixels, torch.tensor([4.0, 9.0]))[0, 0]
    for place, depth_m in enumerate((4.0, 9.0)):
        frame = torch.zeros(7, dtype=torch.long)
        found, depths = rays.project(points_m[:, place], frame)
        torch.testing.assert_close(found[:, 0], pixels, atol=1e-3, rtol=0)
        torch.testing.assert_close(depths[:, 0], torch.full((7,), depth_m), atol=1e-4, rtol=0)


def test_what_is_behind_the_camera_has_no_depth() -> None:
    _, depth_m = Rays.of(images(PINHOLE)).project(torch.tensor([[-3.0, 0, 0]]), torch.tensor([0]))
    assert depth_m.item() == pytest.approx(-3.0)


def test_centres_of_cells_are_in_the_middle_of_their_pixels() -> None:
    # of 8 pixels numbered 0 to 7 the middle is 3.5
    assert pixel_centers(2, 2, 8).tolist() == [[3.5, 3.5], [11.5, 3.5], [3.5, 11.5], [11.5, 11.5]]


def test_a_mirror_image_of_the_scene_moves_the_cameras() -> None:
    mirrored = mirror_image(Inputs(1, None, images(PINHOLE, (1.0, 2.0, 3.0))), True, False)
    assert mirrored.images is not None
    assert at(mirrored.images, 82, 16, 10) == [-11.0, -3.0, 3.0]
