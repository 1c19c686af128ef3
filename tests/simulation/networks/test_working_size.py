"""Images at the detector's own size."""

import numpy as np
import pytest

from cm3d.simulation.networks.detector import at_working_size, working_scale


def _image(height_px, width_px):
    return np.random.default_rng(0).integers(0, 256, (height_px, width_px, 3), dtype=np.uint8)


def test_an_image_of_the_data_set_is_only_filled_up():
    image = _image(450, 800)
    working = at_working_size(image)
    assert working.shape == (480, 800, 3)
    np.testing.assert_array_equal(working[:450], image)
    assert np.unique(working[450:]).tolist() == [115]
    assert working_scale(450, 800) == 1


@pytest.mark.parametrize(
    ("shape", "expected"),
    [
        ((225, 400), (480, 800)),
        ((900, 1600), (480, 800)),
        ((451, 801), (480, 800)),
        ((7, 5), (800, 576)),
        ((1, 1), (800, 800)),
        ((2, 3000), (32, 800)),
    ],
)
def test_any_size_becomes_whole_multiples_of_the_stride(shape, expected):
    assert at_working_size(_image(*shape)).shape == (*expected, 3)


def test_scale_brings_pixels_back():
    image = np.zeros((225, 400, 3), dtype=np.uint8)
    image[100:150, 200:300] = 255
    rows, columns, _ = np.nonzero(at_working_size(image) == 255)
    scale = working_scale(225, 400)
    assert scale == 2
    assert columns.min() / scale == pytest.approx(200, abs=0.5)
    assert (columns.max() + 1) / scale == pytest.approx(300, abs=0.5)
    assert rows.min() / scale == pytest.approx(100, abs=0.5)
