import cv2
import numpy as np
import pytest

from cm3d import params
from cm3d.segment.grabcut import GrabCutSegmenter

HEIGHT_PX, WIDTH_PX = 120, 160


def disc_image() -> tuple[np.ndarray, np.ndarray]:
    """A red disc of radius 20 on a noisy green ground, and its mask."""
    rows, columns = np.mgrid[:HEIGHT_PX, :WIDTH_PX]
    disc = (rows - 60) ** 2 + (columns - 80) ** 2 < 20**2
    image = np.where(disc[..., None], [200, 40, 40], [60, 120, 60])
    noise = np.random.default_rng(0).integers(-15, 15, image.shape)
    return (image + noise).astype(np.uint8), disc


@pytest.fixture
def segmenter(segment: params.Segment) -> GrabCutSegmenter:
    return GrabCutSegmenter(segment.grabcut)


def outline(segmenter: GrabCutSegmenter, image: np.ndarray, boxes_px: np.ndarray) -> np.ndarray:
    return segmenter.segment([segmenter.prepare(image)], [boxes_px])[0]


def iou(first: np.ndarray, second: np.ndarray) -> float:
    return float(np.sum(first & second) / np.sum(first | second))


def test_finds_the_disc_and_not_its_box(segmenter: GrabCutSegmenter) -> None:
    image, disc = disc_image()
    mask = outline(segmenter, image, np.array([[58.0, 38, 102, 82]]))[0]
    assert iou(mask, disc) > 0.9


def test_large_crops_are_shrunk_and_grown_back(segment: params.Segment) -> None:
    image, disc = disc_image()
    small = segment.grabcut.model_copy(update={"max_side_px": 32})
    mask = outline(GrabCutSegmenter(small), image, np.array([[58.0, 38, 102, 82]]))[0]
    assert iou(mask, disc) > 0.85


def test_masks_stay_within_their_boxes(segmenter: GrabCutSegmenter) -> None:
    image, _ = disc_image()
    mask = outline(segmenter, image, np.array([[70.0, 50, 120, 70]]))[0]
    outside = np.ones_like(mask)
    outside[50:70, 70:120] = False
    assert mask.any()
    assert not (mask & outside).any()


def test_the_box_where_there_is_nothing_to_tell_apart(segmenter: GrabCutSegmenter) -> None:
    flat = np.full((HEIGHT_PX, WIDTH_PX, 3), 90, np.uint8)
    assert outline(segmenter, flat, np.array([[40.0, 30, 80, 60]]))[0].sum() >= 1


@pytest.mark.parametrize(
    "box_px",
    [
        (0, 0, WIDTH_PX, HEIGHT_PX),
        (-30, -30, 300, 300),
        (10, 10, 10.4, 10.4),
        (5, 5, 6, 100),
        (0, 50, WIDTH_PX, 50.2),
        (158, 118, 160, 120),
    ],
)
def test_odd_boxes_get_a_mask(segmenter: GrabCutSegmenter, box_px: tuple[float, ...]) -> None:
    image, _ = disc_image()
    assert outline(segmenter, image, np.array([box_px], dtype=float))[0].any()


@pytest.mark.parametrize("box_px", [(10, 10, 10, 30), (200, 10, 220, 30), (-9, -9, -1, -1)])
def test_boxes_without_area_in_the_image_get_none(
    segmenter: GrabCutSegmenter, box_px: tuple[float, ...]
) -> None:
    image, _ = disc_image()
    assert not outline(segmenter, image, np.array([box_px], dtype=float))[0].any()


def test_a_mask_depends_on_its_box_alone(segmenter: GrabCutSegmenter) -> None:
    image, _ = disc_image()
    boxes_px = np.array([[58.0, 38, 102, 82], [10, 10, 40, 60], [90, 20, 150, 110]])
    together = outline(segmenter, image, boxes_px)
    cv2.setRNGSeed(12345)
    for order in ([2, 1, 0], [1]):
        np.testing.assert_array_equal(outline(segmenter, image, boxes_px[order]), together[order])


@pytest.mark.parametrize("size", [(1, 1), (1, 50), (50, 1), (3, 3)])
def test_tiny_images(segmenter: GrabCutSegmenter, size: tuple[int, int]) -> None:
    image = np.random.default_rng(1).integers(0, 255, (*size, 3), dtype=np.uint8)
    masks = outline(segmenter, image, np.array([[0.0, 0, 1, 1], [0, 0, 2, 2]]))
    assert masks.shape == (2, *size)
    assert masks.any(axis=(1, 2)).all()


def test_the_middle_of_a_box_is_the_object(segment: params.Segment) -> None:
    image, _ = disc_image()
    image[50:70, 70:90] = image[90:110, 20:40]  # a window that shows the ground
    box_px = np.array([[60.0, 40, 100, 80]])
    surely = outline(GrabCutSegmenter(segment.grabcut), image, box_px)[0]
    assert surely[50:70, 70:90].all()
    coreless = segment.grabcut.model_copy(update={"core": 0.0})
    perhaps = outline(GrabCutSegmenter(coreless), image, box_px)[0]
    assert perhaps[50:70, 70:90].mean() < 0.5
