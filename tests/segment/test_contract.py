"""What every mask model keeps to, whatever it is made of."""

import pickle
from collections.abc import Callable

import numpy as np
import pytest

from cm3d.geometry.arrays import NDArrayBool, NDArrayByte, NDArrayFloat
from cm3d.segment.protocol import Segmenter

ADAPTERS = ["box", "grabcut", "simnet", "sam", "segment_anything", "sam2", "sam_hq", "sam3"]

Build = Callable[[str, int], Segmenter]
Scene = Callable[[int, int], NDArrayByte]

pytestmark = pytest.mark.parametrize("name", ADAPTERS)


def grid_boxes(height_px: int, width_px: int, per_side: int = 3) -> NDArrayFloat:
    """Boxes of different sizes all over an image."""
    x, y = (a.ravel() for a in np.meshgrid(np.arange(per_side), np.arange(per_side)))
    low = np.stack([x, y], axis=1) / (per_side + 1)
    size = (1.2 + 0.6 * ((x + 2 * y) % 3))[:, None] / (per_side + 1)
    return np.concatenate([low, low + size], axis=1) * np.tile([width_px, height_px], 2)


def outline(segmenter: Segmenter, image: NDArrayByte, boxes_px: NDArrayFloat) -> NDArrayBool:
    return segmenter.segment([segmenter.prepare(image)], [boxes_px])[0]


def differ(first: NDArrayBool, second: NDArrayBool) -> float:
    """Share of pixels."""
    assert first.shape == second.shape
    return float(np.count_nonzero(first != second)) / max(first.size, 1)


@pytest.mark.parametrize("shape_px", [(61, 97), (97, 61), (37, 911), (64, 64), (5, 3), (300, 420)])
def test_a_mask_for_each_box_at_the_resolution_of_the_image(
    build: Build, scene: Scene, name: str, shape_px: tuple[int, int]
) -> None:
    boxes_px = grid_boxes(*shape_px)
    masks = outline(build(name, 64), scene(*shape_px), boxes_px)
    assert masks.shape == (len(boxes_px), *shape_px)
    assert masks.dtype == bool


def test_masks_say_something(build: Build, scene: Scene, name: str) -> None:
    # What the other tests rest on: masks are neither full nor empty, and depend on the box.
    masks = outline(build(name, 64), scene(61, 97), grid_boxes(61, 97))
    covered = masks.mean(axis=(1, 2))
    assert covered.min() > 0.01
    assert covered.max() < 0.99
    assert min(differ(a, b) for i, a in enumerate(masks) for b in masks[:i]) > 0.005


def test_the_same_again(build: Build, scene: Scene, name: str) -> None:
    image, boxes_px = scene(61, 97), grid_boxes(61, 97)
    segmenter = build(name, 64)
    once = outline(segmenter, image, boxes_px)
    outline(segmenter, scene(97, 61), boxes_px)
    assert np.array_equal(outline(segmenter, image, boxes_px), once)


def test_an_image_does_not_see_its_batch(build: Build, scene: Scene, name: str) -> None:
    segmenter = build(name, 64)
    images = [scene(61, 97), scene(61, 97)[::-1].copy(), scene(61, 97)[:, ::-1].copy()]
    boxes_px = [grid_boxes(61, 97), np.empty((0, 4)), grid_boxes(61, 97, 2)]
    together = segmenter.segment([segmenter.prepare(image) for image in images], boxes_px)
    assert [len(masks) for masks in together] == [9, 0, 4]
    for image, boxes, masks in zip(images, boxes_px, together, strict=True):
        assert differ(outline(segmenter, image, boxes), masks) < 1e-4


def test_boxes_do_not_see_each_other(build: Build, scene: Scene, name: str) -> None:
    image, boxes_px = scene(61, 97), grid_boxes(61, 97)
    together = outline(build(name, 64), image, boxes_px)
    assert differ(outline(build(name, 1), image, boxes_px), together) < 1e-4
    assert differ(outline(build(name, 4), image, boxes_px[::-1]), together[::-1]) < 1e-4


def test_no_boxes(build: Build, scene: Scene, name: str) -> None:
    assert outline(build(name, 64), scene(61, 97), np.empty((0, 4))).shape == (0, 61, 97)


def test_boxes_without_pixels_have_empty_masks(build: Build, scene: Scene, name: str) -> None:
    sound = [20, 10, 70, 50]
    boxes_px = np.array(
        [[100, 5, 120, 30], sound, [30, 30, 30, 40], [-9, -9, -1, -1], [50, 40, 20, 10]], float
    )
    segmenter = build(name, 64)
    masks = outline(segmenter, scene(61, 97), boxes_px)
    assert not masks[[0, 2, 3, 4]].any()
    assert differ(outline(segmenter, scene(61, 97), boxes_px[1:2]), masks[1:2]) < 1e-4
    assert not outline(segmenter, scene(61, 97), boxes_px[:1]).any()


def test_boxes_are_cut_off_at_the_border(build: Build, scene: Scene, name: str) -> None:
    segmenter, image = build(name, 64), scene(61, 97)
    inside = outline(segmenter, image, np.array([[0.0, 20, 50, 61]]))
    assert np.array_equal(outline(segmenter, image, np.array([[-30.0, 20, 50, 99]])), inside)


def test_preparing_crosses_processes(build: Build, scene: Scene, name: str) -> None:
    prepare, image = build(name, 64).prepare, scene(61, 97)
    there, here = pickle.loads(pickle.dumps(prepare))(image), prepare(image)
    assert there.keys() == here.keys()
    assert all(np.array_equal(there[key], here[key]) for key in here)
