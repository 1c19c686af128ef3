"""SAM on the bird's-eye image, against the mask generator of SAM's authors."""

from pathlib import Path
from types import ModuleType
from typing import Any

import cv2
import numpy as np
import pytest
import torch

from cm3d.geometry.arrays import NDArrayByte
from cm3d.geometry.cuboids import rotate_xy
from cm3d.geometry.se3 import SE3
from cm3d.params import MaskGenerator, Sam3D
from cm3d.sam3d.bev_image import BevGrid, intensity_image
from cm3d.sam3d.proposals import propose_boxes
from cm3d.sam3d.sam import (
    BevMasks,
    SamBevSegmenter,
    as_segments,
    boxes_around,
    build_sam,
    coloured,
    occupied_prompts,
    stability,
)
from cm3d.sam3d.segmenters import build_bev_segmenter
from cm3d.sam3d.segments import ConnectedComponents
from tests.tiny_sam import sam_folder, segment_anything, tiny_sam

__all__ = ["sam_folder", "segment_anything", "tiny_sam"]

LIMITS = {
    "prompt_spacing_m": 1.5,
    "min_iou": 0.1,
    "min_stability": 0.3,
    "nms_iou": 0.9,
    "prompt_batch": 7,
}
PIXEL_M = 0.1


@pytest.fixture
def generator(sam3d_params: Sam3D, sam_folder: Path) -> MaskGenerator:
    return sam3d_params.sam.model_copy(update=LIMITS | {"model": str(sam_folder)})


@pytest.fixture
def image() -> NDArrayByte:
    """Something everywhere."""
    blobs = np.random.default_rng(0).integers(1, 256, (6, 6), dtype=np.uint8)
    return np.asarray(cv2.resize(blobs, (91, 91), interpolation=cv2.INTER_LINEAR))


def test_masks_are_those_of_the_authors_generator(
    segment_anything: ModuleType, tiny_sam: Any, generator: MaskGenerator, image: NDArrayByte
) -> None:
    prompts_px = occupied_prompts(image, 15)
    theirs = segment_anything.SamAutomaticMaskGenerator(
        tiny_sam,
        points_per_side=None,
        point_grids=[prompts_px / 91],
        points_per_batch=LIMITS["prompt_batch"],
        pred_iou_thresh=LIMITS["min_iou"],
        stability_score_thresh=LIMITS["min_stability"],
        box_nms_thresh=LIMITS["nms_iou"],
    )
    expected = theirs.generate(coloured(image))
    found = build_sam(generator, PIXEL_M, "cpu").masks(image)
    assert 10 <= len(expected) < 3 * len(prompts_px) == 3 * 49
    assert np.array_equal(found.masks, [mask["segmentation"] for mask in expected])
    quality = [mask["predicted_iou"] for mask in expected]
    assert found.quality == pytest.approx(quality, abs=1e-4)


def test_each_limit_drops_masks(generator: MaskGenerator, image: NDArrayByte) -> None:
    def masks(**update: float) -> BevMasks:
        loose = {"min_iou": 0.0, "min_stability": 0.0, "nms_iou": 1.0}
        return build_sam(generator.model_copy(update=loose | update), PIXEL_M, "cpu").masks(image)

    everything = masks()
    middle = float(np.median(everything.quality))
    sure = everything.quality > middle
    assert 0 < np.count_nonzero(sure) < len(sure)
    assert np.array_equal(masks(min_iou=middle).masks, everything.masks[sure])
    assert 0 < len(masks(min_stability=0.4).quality) < len(sure)
    assert 0 < len(masks(nms_iou=0.7).quality) < len(sure)


def test_batches_of_prompts_change_nothing(generator: MaskGenerator, image: NDArrayByte) -> None:
    one, all_ = (
        build_sam(generator.model_copy(update={"prompt_batch": size}), PIXEL_M, "cpu").masks(image)
        for size in (1, 64)
    )
    assert one.masks.shape == all_.masks.shape
    assert np.mean(one.masks != all_.masks) < 1e-4
    assert one.quality == pytest.approx(all_.quality, abs=1e-4)


def test_prompts_lie_nearest_to_the_mean_of_their_cell() -> None:
    """Cells of 10 pixels; x, y of an image of 20 x 30."""
    image = np.zeros((20, 30), dtype=np.uint8)
    assert occupied_prompts(image, 10).shape == (0, 2)
    image[2, [1, 3, 8]] = 9  # the mean is at 4
    assert occupied_prompts(image, 10).tolist() == [[3, 2]]
    image[12, [10, 19]] = 1  # as far from the mean: the first one
    image[19, 29] = 1
    assert occupied_prompts(image, 10).tolist() == [[3, 2], [10, 12], [29, 19]]
    image[[10, 10, 14, 14], [24, 28, 24, 28]] = 1  # around (26, 12), and the corner draws it on
    assert occupied_prompts(image, 10).tolist() == [[3, 2], [10, 12], [28, 14]]


@pytest.mark.parametrize("spacing_px", [0.5, 3.0, 7.3, 19.0, 1000.0])
def test_every_cell_with_a_drawn_pixel_has_one_prompt_on_one(spacing_px: float) -> None:
    """Against a loop over cells."""
    rng = np.random.default_rng(int(spacing_px))
    image = np.where(rng.random((45, 31)) < 0.1, rng.integers(1, 256, (45, 31)), 0).astype(np.uint8)
    found = occupied_prompts(image, spacing_px)
    y, x = np.nonzero(image)
    expected = []
    for cell in sorted(
        {(int(b // spacing_px), int(a // spacing_px)) for a, b in zip(x, y, strict=True)}
    ):
        inside = (y // spacing_px == cell[0]) & (x // spacing_px == cell[1])
        xy = np.column_stack([x, y])[inside]
        expected.append(xy[((xy - xy.mean(axis=0)) ** 2).sum(axis=1).round(9).argmin()].tolist())
    assert found.tolist() == expected


def test_prompts_do_not_depend_on_the_order_of_returns() -> None:
    rng = np.random.default_rng(3)
    grid, points_m = BevGrid(20.0, 0.1), rng.uniform(-20, 20, (500, 3))
    order = rng.permutation(500)
    prompts = [
        occupied_prompts(intensity_image(grid, some_m, np.ones(500), 3), 19)
        for some_m in (points_m, points_m[order])
    ]
    assert prompts[0].tolist() == prompts[1].tolist()


def seen_sides(center_m: Any, yaw_rad: float, count: int, rng: np.random.Generator) -> Any:
    """Returns (count, 3) of a car of 4.5 x 1.8 m on the two sides that the origin sees."""
    toward = np.sign(rotate_xy(-center_m, np.asarray(-yaw_rad)))
    along, across = rng.uniform(-0.5, 0.5, (2, count))
    end_on = rng.random(count) < 1.8 / 6.3
    local = np.column_stack(
        [np.where(end_on, toward[0] / 2, along), np.where(end_on, across, toward[1] / 2)]
    )
    xy_m = rotate_xy(local * [4.5, 1.8], np.asarray(yaw_rad)) + center_m
    return np.column_stack([xy_m, rng.uniform(-1.5, -0.3, count)])


def test_nearly_every_car_with_returns_is_prompted_at() -> None:
    """Cars with 5 returns or more among posts and walls; an even grid of that step misses many."""
    rng = np.random.default_rng(0)
    grid = BevGrid(54.0, 0.1)
    place = np.stack(np.meshgrid(np.arange(-48.0, 49, 8), np.arange(-48.0, 49, 8)), axis=-1)
    center_m = place.reshape(-1, 2) + rng.uniform(-1.5, 1.5, (169, 2))
    center_m = center_m[np.linalg.norm(center_m, axis=1) > 6]
    yaw_rad = rng.uniform(-np.pi, np.pi, len(center_m))
    counts = np.maximum(5, 4000 / np.linalg.norm(center_m, axis=1) ** 1.6).astype(int)
    cars = [seen_sides(*car, rng) for car in zip(center_m, yaw_rad, counts, strict=True)]
    posts = rng.uniform(-54, 54, (300, 3))
    wall = np.column_stack([np.linspace(-54, 54, 800), np.full(800, 12.3), np.zeros(800)])
    points_m = np.concatenate([*cars, posts, wall])
    image = intensity_image(grid, points_m, np.ones(len(points_m)), 3)

    def share_hit(prompts_px: Any) -> float:
        xy_m = 54.0 - (prompts_px[:, ::-1] + 0.5) * 0.1
        local = rotate_xy(xy_m - center_m[:, None], -yaw_rad[:, None])
        inside = (np.abs(local) <= np.array([4.5, 1.8]) / 2 + 0.15).all(axis=2)  # what is dilated
        return float(inside.any(axis=1).mean())

    even = np.stack(np.meshgrid(np.arange(9, 1081, 19), np.arange(9, 1081, 19)), axis=-1)
    even_px = even.reshape(-1, 2)[image[even[..., 1], even[..., 0]].ravel() > 0]
    prompts_px = occupied_prompts(image, 19)
    print(
        f"hit: {share_hit(prompts_px):.3f} by {len(prompts_px)} prompts, "
        f"by an even grid {share_hit(even_px):.3f}"
    )
    assert share_hit(prompts_px) > 0.97
    assert share_hit(even_px) < 0.7


def test_colours() -> None:
    rainbow = coloured(np.array([[0, 1, 128, 255]], dtype=np.uint8))[0]
    assert rainbow.dtype == np.uint8
    assert rainbow[0].tolist() == [0, 0, 0]
    assert rainbow[1].tolist() == [127, 0, 255]  # violet
    assert rainbow[2] == pytest.approx([128, 255, 180], abs=2)  # green
    assert rainbow[3].tolist() == [255, 0, 0]  # red


def test_a_pixel_belongs_to_its_surest_mask() -> None:
    masks = np.zeros((2, 2, 3), dtype=bool)
    masks[0, 0, :2] = True
    masks[1, :, 1] = True
    segments = as_segments(BevMasks(masks, np.array([0.9, 0.8])), np.zeros((2, 3), np.uint8))
    assert segments.labels.tolist() == [[1, 1, 0], [0, 2, 0]]
    assert segments.quality.tolist() == [0.9, 0.8]


def test_an_expected_iou_above_1_is_1() -> None:
    masks = np.ones((2, 2, 3), dtype=bool)
    segments = as_segments(BevMasks(masks, np.array([1.02, 0.8])), np.zeros((2, 3), np.uint8))
    assert segments.quality.tolist() == [1.0, 0.8]


def test_empty_image_has_no_segments(generator: MaskGenerator) -> None:
    segments = build_sam(generator, PIXEL_M, "cpu")(np.zeros((20, 20), np.uint8))
    assert segments.labels.tolist() == np.zeros((20, 20)).tolist()
    assert len(segments.quality) == 0


def test_stability() -> None:
    logits = torch.tensor([[[2.0, 2.0], [0.5, -2.0]], [[-3.0, -3.0], [-3.0, -3.0]]])
    assert stability(logits)[0] == pytest.approx(2 / 3)
    assert stability(logits)[1].isnan()


def test_boxes_around_masks() -> None:
    masks = torch.zeros(3, 6, 8, dtype=torch.bool)
    masks[0, 1:4, 2:7] = True
    masks[1, 5, 0] = True
    assert boxes_around(masks).tolist() == [[2, 1, 6, 3], [0, 5, 0, 5], [0, 0, 0, 0]]
    assert boxes_around(masks[:0]).shape == (0, 4)


def test_segmenter_of_the_parameters(
    sam3d_params: Sam3D, generator: MaskGenerator, image: NDArrayByte
) -> None:
    assert build_bev_segmenter(sam3d_params, "cpu") == ConnectedComponents(8)
    sam = sam3d_params.model_copy(update={"segmenter": "sam", "sam": generator})
    segmenter = build_bev_segmenter(sam, "cpu")
    assert isinstance(segmenter, SamBevSegmenter)
    assert build_bev_segmenter(sam.model_copy(update={"sweeps": 1}), "cpu") is segmenter
    assert segmenter.pixel_m == 0.1
    coarse = build_bev_segmenter(sam.model_copy(update={"pixel_m": 0.2}), "cpu")
    assert isinstance(coarse, SamBevSegmenter)
    assert coarse.pixel_m == 0.2
    segments = segmenter(image)
    assert segments.labels.shape == image.shape
    assert 0 < segments.labels.max() <= len(segments.quality)


def test_boxes_from_sam(sam3d_params: Sam3D, generator: MaskGenerator) -> None:
    loose = {"prompt_spacing_m": 0.8, "min_iou": 0.0, "min_stability": 0.0}
    wide = {"length_m": (0.0, 40.0), "width_m": (0.0, 40.0), "min_points": 1}
    sizes = {"any": sam3d_params.sizes["waymo_car"].model_copy(update=wide)}
    update = {"range_m": 10.0, "groups": ["any"], "sizes": sizes, "segmenter": "sam"}
    update["sam"] = generator.model_copy(update=loose)
    sam = sam3d_params.model_copy(update=update)
    rng = np.random.default_rng(0)
    ground_m = np.column_stack([rng.uniform(-10, 10, (4000, 2)), np.full(4000, -1.8)])
    car_m = rng.uniform([2, 2, -1.7], [6.4, 3.8, -0.3], (300, 3))
    points_m = np.concatenate([ground_m, car_m])
    intensity = rng.uniform(0, 60 / 255, len(points_m))
    segmenter = build_bev_segmenter(sam, "cpu")
    boxes = propose_boxes("frame", points_m, intensity, SE3.identity(), sam, segmenter)
    assert len(boxes) >= 1
    assert np.isfinite(boxes.center_m).all()
    assert (boxes.score > 0).all()
