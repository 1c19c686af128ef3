from collections.abc import Callable

import cv2
import numpy as np
import pytest

from cm3d.lift.points.erosion import erosion_margin_px, inside_eroded
from cm3d.lift.points.mask_runs import MaskRuns
from cm3d.tables import Masks


@pytest.mark.parametrize(
    ("kernel_px", "mask_width_px", "margin_px"),
    [(3, 1024, 1), (3, 800, 1), (3, 200, 1), (3, 2048, 2), (5, 1024, 2), (9, 800, 3), (0, 1024, 0)],
)
def test_margin_scales_with_the_mask(kernel_px: int, mask_width_px: int, margin_px: int) -> None:
    assert erosion_margin_px(kernel_px, 1024, mask_width_px) == margin_px


def test_kernel_of_one_pixel_is_off() -> None:
    assert erosion_margin_px(1, 1024, 1024) == 0


@pytest.mark.parametrize("kernel_px", [1, 3, 5])
@pytest.mark.parametrize("share", [0.05, 0.5, 0.97, 1.0])
def test_same_as_eroding_the_whole_image(
    make_masks: Callable[..., Masks], kernel_px: int, share: float
) -> None:
    images = (np.random.default_rng(0).random((3, 17, 23)) < share).astype(np.uint8)
    kernel = np.ones((kernel_px, kernel_px), dtype=np.uint8)
    eroded = np.stack([cv2.erode(image, kernel) for image in images])
    masks, rows, columns = (index.ravel() for index in np.indices(images.shape))
    runs = MaskRuns.from_masks(make_masks(list(images)))
    inside = inside_eroded(runs, masks, columns, rows, kernel_px // 2)
    assert np.array_equal(inside, eroded.ravel() == 1)
