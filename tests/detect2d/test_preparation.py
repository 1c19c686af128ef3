import pickle
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st
from PIL import Image
from transformers.image_transforms import get_size_with_aspect_ratio
from transformers.models.grounding_dino.image_processing_pil_grounding_dino import (
    GroundingDinoImageProcessorPil,
)

from cm3d.detect2d.common.preparation import Shrink, thumbnail
from cm3d.detect2d.detic.preparation import ResizeAsDetectron2
from cm3d.detect2d.grounding_dino.preparation import ResizeAsDetr

SIDE_PX = st.integers(1, 2000)


def photo(height_px: int, width_px: int) -> Any:
    generator = np.random.default_rng(height_px)
    return generator.integers(0, 256, (height_px, width_px, 3), dtype=np.uint8)


@pytest.mark.parametrize(
    ("size_px", "shrunk_px"),
    [
        ((900, 1600), (576, 1024)),
        ((1600, 900), (1024, 576)),
        ((450, 800), (450, 800)),
        ((1, 1), (1, 1)),
    ],
)
def test_large_images_shrink(size_px: tuple[int, int], shrunk_px: tuple[int, int]) -> None:
    assert thumbnail(photo(*size_px), 1024).shape == (*shrunk_px, 3)
    prepared = Shrink(1024)(photo(*size_px))
    assert prepared["pixels"].shape == (3, *shrunk_px)
    assert prepared["size_px"].tolist() == list(size_px)


def test_small_images_are_left_alone() -> None:
    image = photo(45, 80)
    np.testing.assert_array_equal(Shrink(1024)(image)["pixels"], image.transpose(2, 0, 1))


@given(SIDE_PX, SIDE_PX, SIDE_PX, SIDE_PX)
@example(576, 1024, 800, 1333)
@example(900, 1600, 750, 1333)
def test_sizes_are_those_of_transformers(
    height_px: int, width_px: int, shorter_px: int, longer_px: int
) -> None:
    limits_px = sorted((shorter_px, longer_px))
    theirs = get_size_with_aspect_ratio((height_px, width_px), *limits_px)
    assume(min(theirs) > 0)
    assert ResizeAsDetr(1024, *limits_px).resized_px(height_px, width_px) == theirs


@pytest.mark.parametrize("size_px", [(60, 90), (90, 60), (128, 150), (37, 411), (5, 5)])
def test_pixels_are_those_of_transformers(size_px: tuple[int, int]) -> None:
    image = photo(*size_px)
    theirs = GroundingDinoImageProcessorPil(size={"shortest_edge": 128, "longest_edge": 213})(
        image,
        do_rescale=False,
        do_normalize=False,
        input_data_format="channels_last",
        return_tensors="np",
    )["pixel_values"][0]
    np.testing.assert_array_equal(ResizeAsDetr(1024, 128, 213)(image)["pixels"], theirs)


@pytest.mark.parametrize(
    ("size_px", "resized_px"),
    [
        ((900, 1600), (750, 1333)),  # 1024 x 576 after shrinking; the longer side is the limit
        ((600, 600), (800, 800)),
        ((1600, 900), (1333, 750)),
        ((1, 1), (800, 800)),
        ((37, 911), (54, 1333)),
    ],
)
def test_images_are_resized_as_detectron2_does(
    size_px: tuple[int, int], resized_px: tuple[int, int]
) -> None:
    prepared = ResizeAsDetectron2(1024, 800, 1333, "RGB")(np.zeros((*size_px, 3), np.uint8))
    assert prepared["pixels"].shape == (3, *resized_px)
    assert prepared["pixels"].dtype == np.uint8
    assert prepared["size_px"].tolist() == list(size_px)


def test_channels_have_the_networks_order() -> None:
    image = np.zeros((8, 8, 3), np.uint8) + np.array([10, 20, 30], np.uint8)
    rgb, bgr = (ResizeAsDetectron2(1024, 8, 8, order)(image)["pixels"] for order in ("RGB", "BGR"))
    assert rgb[:, 0, 0].tolist() == [10, 20, 30]
    assert bgr[:, 0, 0].tolist() == [30, 20, 10]


def test_pixels_are_those_of_a_bilinear_resize() -> None:
    image = np.random.default_rng(0).integers(0, 256, (30, 40, 3), dtype=np.uint8)
    expected = np.asarray(Image.fromarray(image).resize((80, 60), Image.Resampling.BILINEAR))
    found = ResizeAsDetectron2(1024, 60, 100, "RGB")(image)["pixels"]
    np.testing.assert_array_equal(found, expected.transpose(2, 0, 1))


def test_readers_need_no_torch(tmp_path: Path) -> None:
    """A process that unpickles and prepares starts in a moment."""
    prepares = [Shrink(64), ResizeAsDetr(64, 80, 133), ResizeAsDetectron2(64, 80, 133, "BGR")]
    (tmp_path / "prepares").write_bytes(pickle.dumps(prepares))
    program = (
        "import pickle, sys, numpy as np\n"
        "for prepare in pickle.load(open('prepares', 'rb')):\n"
        "    prepare(np.zeros((9, 16, 3), np.uint8))\n"
        "assert not {'torch', 'transformers'} & sys.modules.keys()\n"
    )
    paths = {"PYTHONPATH": ":".join(path for path in sys.path if path)}
    subprocess.run([sys.executable, "-c", program], cwd=tmp_path, env=paths, check=True)
