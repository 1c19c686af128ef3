"""The adapter of the embedded data set's own masks."""

import numpy as np
import pytest
import torch

from cm3d.segment.simnet.adapter import SimnetSegmenter, build_simnet
from cm3d.shelf.prepared import as_is
from cm3d.shelf.runtime import Runtime

CPU = Runtime(torch.device("cpu"), torch.float32)


class Bright(torch.nn.Module):
    """Takes what is bright for the object."""

    def forward(self, crops):
        return (crops.mean(dim=1) - 0.5) * 100


@pytest.fixture
def segmenter(changed):
    return build_simnet(changed())


def _image(height_px=90, width_px=160):
    image = np.zeros((height_px, width_px, 3), dtype=np.uint8)
    image[30:60, 40:80] = 255
    return image


def test_outline_is_where_the_object_is():
    box_px = np.array([[40.0, 30.0, 80.0, 60.0]])
    (masks,) = SimnetSegmenter(Bright(), CPU).segment([as_is(_image())], [box_px])
    truth = _image()[..., 0] > 0
    assert masks.shape == (1, 90, 160) and masks.dtype == bool
    assert (masks[0] & truth).sum() / (masks[0] | truth).sum() > 0.93


def test_mask_may_leave_the_box_but_not_its_margin():
    box_px = np.array([[50.0, 30.0, 70.0, 60.0]])  # too narrow: the object is 40 px wide
    (masks,) = SimnetSegmenter(Bright(), CPU).segment([as_is(_image())], [box_px])
    columns = np.flatnonzero(masks[0].any(axis=0))
    assert (columns.min(), columns.max()) == (46, 73)


def test_boxes_without_pixels_have_empty_masks():
    boxes_px = np.array(
        [[40.0, 30, 80, 60], [10, 10, 10, 20], [-50, -50, -10, -10], [170, 10, 190, 50]]
    )
    (masks,) = SimnetSegmenter(Bright(), CPU).segment([as_is(_image())], [boxes_px])
    assert masks.any(axis=(1, 2)).tolist() == [True, False, False, False]


def test_images_without_boxes():
    none = np.empty((0, 4))
    box_px = np.array([[40.0, 30.0, 80.0, 60.0]])
    segmenter = SimnetSegmenter(Bright(), CPU)
    first, second = segmenter.segment([as_is(_image())] * 2, [none, box_px])
    assert first.shape == (0, 90, 160) and second.shape == (1, 90, 160)
    (alone,) = segmenter.segment([as_is(_image())], [none])
    assert alone.shape == (0, 90, 160)


@pytest.mark.parametrize("shape", [(450, 800), (1, 1), (3, 50), (97, 33)])
def test_any_image_size_works(segmenter, shape):
    rng = np.random.default_rng(0)
    image = rng.integers(0, 256, (*shape, 3), dtype=np.uint8)
    boxes_px = np.array([[0.0, 0.0, shape[1], shape[0]], [-5, -5, 2.5, 1.5], [0, 0, 1, 1]])
    (masks,) = segmenter.segment([as_is(image)], [boxes_px])
    assert masks.shape == (3, *shape)


def test_a_batch_says_what_its_images_say_alone(segmenter):
    boxes_px = [np.array([[40.0, 30, 80, 60]]), np.array([[35.0, 20, 90, 70], [0, 0, 160, 90]])]
    images = [as_is(_image()), as_is(255 - _image())]
    together = segmenter.segment(images, boxes_px)
    for image, boxes, masks in zip(images, boxes_px, together, strict=True):
        (alone,) = segmenter.segment([image], [boxes])
        assert (alone != masks).mean() < 1e-3
