"""SAM on the bird's-eye image, against the mask generator of SAM's authors."""

from pathlib import Path
from types import ModuleType
from typing import Any

import cv2
import numpy as np
import pytest
import torch

from cm3d.geometry.arrays import NDArrayByte
from cm3d.geometry.se3 import SE3
from cm3d.params import MaskGenerator, Sam3D
from cm3d.sam3d.proposals import propose_boxes
from cm3d.sam3d.sam import (
    BevMasks,
    SamBevSegmenter,
    as_segments,
    boxes_around,
    build_sam,
    coloured,
    grid_prompts,
    stability,
)
from cm3d.sam3d.segmenters import build_bev_segmenter
from cm3d.sam3d.segments import ConnectedComponents
from tests.tiny_sam import sam_folder, segment_anything, tiny_sam

__all__ = ["sam_folder", "segment_anything", "tiny_sam"]

LIMITS = {"grid": 6, "min_iou": 0.1, "min_stability": 0.3, "nms_iou": 0.9, "prompt_batch": 7}


@pytest.fixture
def generator(sam3d_params: Sam3D, sam_folder: Path) -> MaskGenerator:
    return sam3d_params.sam.model_copy(update=LIMITS | {"model": str(sam_folder)})


@pytest.fixture
def image() -> NDArrayByte:
    """Something everywhere, so that no prompt is left out."""
    blobs = np.random.default_rng(0).integers(1, 256, (6, 6), dtype=np.uint8)
    return np.asarray(cv2.resize(blobs, (91, 91), interpolation=cv2.INTER_LINEAR))


def test_masks_are_those_of_the_authors_generator(
    segment_anything: ModuleType, tiny_sam: Any, generator: MaskGenerator, image: NDArrayByte
) -> None:
    theirs = segment_anything.SamAutomaticMaskGenerator(
        tiny_sam,
        points_per_side=LIMITS["grid"],
        points_per_batch=LIMITS["prompt_batch"],
        pred_iou_thresh=LIMITS["min_iou"],
        stability_score_thresh=LIMITS["min_stability"],
        box_nms_thresh=LIMITS["nms_iou"],
    )
    expected = theirs.generate(coloured(image))
    found = build_sam(generator, "cpu").masks(image)
    assert 10 <= len(expected) < 3 * LIMITS["grid"] ** 2
    assert np.array_equal(found.masks, [mask["segmentation"] for mask in expected])
    quality = [mask["predicted_iou"] for mask in expected]
    assert found.quality == pytest.approx(quality, abs=1e-4)


def test_each_limit_drops_masks(generator: MaskGenerator, image: NDArrayByte) -> None:
    def masks(**update: float) -> BevMasks:
        loose = {"min_iou": 0.0, "min_stability": 0.0, "nms_iou": 1.0}
        return build_sam(generator.model_copy(update=loose | update), "cpu").masks(image)

    everything = masks()
    middle = float(np.median(everything.quality))
    sure = everything.quality > middle
    assert 0 < np.count_nonzero(sure) < len(sure)
    assert np.array_equal(masks(min_iou=middle).masks, everything.masks[sure])
    assert 0 < len(masks(min_stability=0.4).quality) < len(sure)
    assert 0 < len(masks(nms_iou=0.7).quality) < len(sure)


def test_batches_of_prompts_change_nothing(generator: MaskGenerator, image: NDArrayByte) -> None:
    one, all_ = (
        build_sam(generator.model_copy(update={"prompt_batch": size}), "cpu").masks(image)
        for size in (1, 64)
    )
    assert one.masks.shape == all_.masks.shape
    assert np.mean(one.masks != all_.masks) < 1e-4
    assert one.quality == pytest.approx(all_.quality, abs=1e-4)


def test_prompts_point_at_something() -> None:
    image = np.zeros((40, 40), dtype=np.uint8)
    assert grid_prompts(image, 4).shape == (0, 2)
    image[14, 5] = 9  # right above the point (5, 15)
    assert grid_prompts(image, 4).tolist() == [[5, 15]]
    image[14, 5], image[13, 5] = 0, 9  # two pixels away
    assert len(grid_prompts(image, 4)) == 0
    assert len(grid_prompts(np.ones((37, 53), np.uint8), 4)) == 16


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


def test_empty_image_has_no_segments(generator: MaskGenerator) -> None:
    segments = build_sam(generator, "cpu")(np.zeros((20, 20), np.uint8))
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
    segments = segmenter(image)
    assert segments.labels.shape == image.shape
    assert 0 < segments.labels.max() <= len(segments.quality)


def test_boxes_from_sam(sam3d_params: Sam3D, generator: MaskGenerator) -> None:
    loose = {"grid": 24, "min_iou": 0.0, "min_stability": 0.0}
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
