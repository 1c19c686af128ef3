"""The adapter of the embedded data set's own detector."""

import numpy as np
import pytest
import torch

from cm3d.detect2d.simnet.adapter import SimnetDetector, build_simnet, prepare
from cm3d.shelf.runtime import Runtime
from cm3d.simulation.networks.detector import STRIDE_PX
from cm3d.taxonomy import load_taxonomy

CPU = Runtime(torch.device("cpu"), torch.float32)


class White(torch.nn.Module):
    """Finds a car in every white cell, 8 px to each side of the cell's middle."""

    def forward(self, images):
        cells = torch.nn.functional.avg_pool2d(images, STRIDE_PX).amin(dim=1)
        logits = torch.full((len(images), 10, *cells.shape[1:]), -10.0)
        logits[:, 0] = torch.where(cells > 0.99, 2.0, -10.0)
        return logits, torch.full((len(images), 4, *cells.shape[1:]), 8.0)


def _image_with_a_dot(height_px, width_px, row_px, column_px, side_px):
    image = np.zeros((height_px, width_px, 3), dtype=np.uint8)
    image[row_px : row_px + side_px, column_px : column_px + side_px] = 255
    return image


def _noise(height_px, width_px):
    return np.random.default_rng(0).integers(0, 256, (height_px, width_px, 3), dtype=np.uint8)


@pytest.fixture(scope="module")
def detector(default_setting):
    return build_simnet(default_setting)


def test_boxes_are_in_pixels_of_the_image(taxonomy):
    image = _image_with_a_dot(450, 800, row_px=80, column_px=200, side_px=4)
    (found,) = SimnetDetector(White(), 0.1, 0.6, taxonomy, CPU).detect([prepare(image)])
    assert found.class_name.tolist() == ["car"]
    assert found.score == pytest.approx([1 / (1 + np.exp(-2))])
    np.testing.assert_allclose(found.box_px, [[194, 74, 210, 90]])


def test_boxes_of_a_small_image_are_in_its_own_pixels(taxonomy):
    image = _image_with_a_dot(225, 400, row_px=40, column_px=100, side_px=6)
    (found,) = SimnetDetector(White(), 0.1, 0.6, taxonomy, CPU).detect([prepare(image)])
    middles_px = (found.box_px[:, :2] + found.box_px[:, 2:]) / 2
    assert len(middles_px) and (np.abs(middles_px - [103, 43]) < 3).all()
    np.testing.assert_allclose(found.box_px[:, 2:] - found.box_px[:, :2], 8)


def test_two_maxima_on_one_object_give_one_box(taxonomy):
    image = _image_with_a_dot(450, 800, row_px=80, column_px=200, side_px=4)
    image[80:84, 208:212] = 255  # two cells on: another maximum, IoU 1/3
    detector = SimnetDetector(White(), 0.1, 0.6, taxonomy, CPU)
    assert len(detector.detect([prepare(image)])[0].score) == 2
    detector_of_wide = SimnetDetector(Wide(), 0.1, 0.6, taxonomy, CPU)
    assert len(detector_of_wide.detect([prepare(image)])[0].score) == 1


class Wide(White):
    """The same with boxes so large that those of neighbours overlap."""

    def forward(self, images):
        logits, sides_px = super().forward(images)
        return logits, sides_px * 10


def test_other_class_lists_have_their_own_names_and_what_they_lack_is_dropped(project):
    three = load_taxonomy("waymo", project / "taxonomies")
    image = _image_with_a_dot(450, 800, row_px=80, column_px=200, side_px=4)
    # A car, a truck and a barrier in one place: one vehicle remains, and no class for the barrier.
    network = Everything({0: 2.0, 9: 3.0, 1: 1.0})
    (found,) = SimnetDetector(network, 0.1, 0.6, three, CPU).detect([prepare(image)])
    assert found.class_name.tolist() == ["vehicle"]
    assert found.score == pytest.approx([1 / (1 + np.exp(-2))])


class Everything(White):
    """Finds objects of several classes, by their logits, at every white cell."""

    def __init__(self, logit_of):
        super().__init__()
        self._logit_of = logit_of

    def forward(self, images):
        logits, sides_px = super().forward(images)
        for class_index, logit in self._logit_of.items():
            logits[:, class_index] = torch.where(logits[:, 0] > 0, logit, -10.0)
        return logits, sides_px


def test_min_score_is_obeyed(taxonomy):
    image = _image_with_a_dot(450, 800, row_px=80, column_px=200, side_px=4)
    assert (
        len(SimnetDetector(White(), 0.9, 0.6, taxonomy, CPU).detect([prepare(image)])[0].score) == 0
    )


@pytest.mark.parametrize("shape", [(450, 800), (225, 400), (1, 1), (3, 200), (211, 97)])
def test_any_image_size_works(detector, shape):
    (found,) = detector.detect([prepare(_noise(*shape))])
    assert found.box_px.shape == (len(found.score), 4)
    assert np.isfinite(found.box_px).all()


def test_an_empty_street_has_no_boxes(detector):
    (found,) = detector.detect([prepare(np.full((450, 800, 3), 115, dtype=np.uint8))])
    assert found.class_name.shape == found.score.shape == (0,)
    assert found.box_px.shape == (0, 4)


def test_a_batch_says_what_its_images_say_alone(detector):
    images = [prepare(_noise(90, 160)), prepare(_image_with_a_dot(90, 160, 40, 50, 20))]
    together = detector.detect(images)
    for one, alone in zip(together, (detector.detect([image])[0] for image in images), strict=True):
        assert one.class_name.tolist() == alone.class_name.tolist()
        np.testing.assert_allclose(one.score, alone.score, atol=1e-4)
        np.testing.assert_allclose(one.box_px, alone.box_px, atol=0.05)
