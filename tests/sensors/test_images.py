from pathlib import Path

import cv2
import numpy as np
import pytest

from cm3d.errors import InputError
from cm3d.sensors.images import read_image


def test_colours_are_rgb(tmp_path: Path) -> None:
    cv2.imwrite(str(tmp_path / "red.png"), np.full((4, 6, 3), (0, 0, 255), np.uint8))
    image = read_image(tmp_path / "red.png")
    assert image.shape == (4, 6, 3)
    assert tuple(image[0, 0]) == (255, 0, 0)


def test_missing_and_broken_images_are_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"absent\.jpg: image is missing"):
        read_image(tmp_path / "absent.jpg")
    (tmp_path / "broken.jpg").write_bytes(b"no image")
    with pytest.raises(InputError, match=r"broken\.jpg: not a readable image"):
        read_image(tmp_path / "broken.jpg")
