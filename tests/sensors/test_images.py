from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image

from cm3d.errors import InputError
from cm3d.sensors.images import image_size_px, read_image


def test_colours_are_rgb(tmp_path: Path) -> None:
    cv2.imwrite(str(tmp_path / "red.png"), np.full((4, 6, 3), (0, 0, 255), np.uint8))
    image = read_image(tmp_path / "red.png")
    assert image.shape == (4, 6, 3)
    assert tuple(image[0, 0]) == (255, 0, 0)


def test_missing_and_broken_images_are_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"absent\.jpg: image is missing"):
        read_image(tmp_path / "absent.jpg")
    (tmp_path / "broken.jpg").write_bytes(b"no image")
    for read in (read_image, image_size_px):
        with pytest.raises(InputError, match=r"broken\.jpg: not a readable image"):
            read(tmp_path / "broken.jpg")


@pytest.mark.parametrize("orientation", [1, 3, 6, 8])
def test_the_size_in_the_header_is_that_of_the_array(tmp_path: Path, orientation: int) -> None:
    exif = Image.Exif()
    exif[0x0112] = orientation  # 6 and 8 lie on their sides, and OpenCV turns them
    Image.new("RGB", (6, 4)).save(tmp_path / "turned.jpg", exif=exif)
    height_px, width_px, _ = read_image(tmp_path / "turned.jpg").shape
    assert image_size_px(tmp_path / "turned.jpg") == (width_px, height_px)
    assert (width_px > height_px) == (orientation < 5)
