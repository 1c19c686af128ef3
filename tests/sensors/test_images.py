from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image

from cm3d.errors import InputError
from cm3d.sensors.images import UnreadableImageError, image_size_px, read_image


def test_colours_are_rgb(tmp_path: Path) -> None:
    cv2.imwrite(str(tmp_path / "red.png"), np.full((4, 6, 3), (0, 0, 255), np.uint8))
    image = read_image(tmp_path / "red.png")
    assert image.shape == (4, 6, 3)
    assert tuple(image[0, 0]) == (255, 0, 0)


def test_missing_and_broken_images_are_named(tmp_path: Path) -> None:
    with pytest.raises(UnreadableImageError, match=r"absent\.jpg: image is missing"):
        read_image(tmp_path / "absent.jpg")
    (tmp_path / "broken.jpg").write_bytes(b"no image")
    for read in (read_image, image_size_px):
        with pytest.raises(UnreadableImageError, match=r"broken\.jpg: not a readable image"):
            read(tmp_path / "broken.jpg")


@pytest.mark.parametrize("orientation", [1, 3, 6, 8])
def test_the_size_in_the_header_is_that_of_the_array(tmp_path: Path, orientation: int) -> None:
    write_turned(tmp_path / "turned.jpg", orientation)
    assert image_size_px(tmp_path / "turned.jpg") == (6, 4)
    assert read_image(tmp_path / "turned.jpg").shape == (4, 6, 3)


def write_turned(path: Path, orientation: int) -> None:
    """A photograph of 6x4 pixels, its first row white, with an EXIF orientation."""
    pixels = np.zeros((4, 6, 3), np.uint8)
    pixels[0] = 255
    exif = Image.Exif()
    exif[0x0112] = orientation
    Image.fromarray(pixels).save(path, exif=exif, quality=100, subsampling=0)


@pytest.mark.parametrize("suffix", ["jpg", "png"])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_pixels_are_as_stored_whatever_exif_says(
    tmp_path: Path, suffix: str, orientation: int
) -> None:
    path = tmp_path / f"turned.{suffix}"
    write_turned(path, orientation)
    image = read_image(path, size_px=(6, 4))
    assert image.shape == (4, 6, 3)
    assert image[0].min() > 200
    assert image[2:].max() < 50


@pytest.mark.parametrize("size_px", [(4, 6), (12, 8), (6, 5)])
def test_another_size_is_refused_in_one_line(tmp_path: Path, size_px: tuple[int, int]) -> None:
    """Turned, scaled and cut; no unreadable image, of which a few may be."""
    path = tmp_path / "turned.jpg"
    write_turned(path, orientation=6)
    said = rf"turned\.jpg: .*stored as 6x4 .*says {size_px[0]}x{size_px[1]}; store it .*rerun"
    with pytest.raises(InputError, match=said) as caught:
        read_image(path, size_px)
    assert "\n" not in str(caught.value)
    assert not isinstance(caught.value, UnreadableImageError)
