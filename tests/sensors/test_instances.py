from pathlib import Path

import cv2
import numpy as np
import pytest

from cm3d.errors import InputError
from cm3d.sensors.instances import has_instances, instance_image_path, read_instances


def test_ids_beyond_a_byte_survive(tmp_path: Path) -> None:
    path = tmp_path / "ids.png"
    cv2.imwrite(str(path), np.array([[0, 1], [300, 65535]], np.uint16))
    assert read_instances(path).tolist() == [[0, 1], [300, 65535]]


@pytest.mark.parametrize("content", [None, b"no image"])
def test_bad_images_are_named(tmp_path: Path, content: bytes | None) -> None:
    path = tmp_path / "ids.png"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(InputError, match=r"ids\.png: no instance-id image"):
        read_instances(path)


def test_photographs_are_no_instance_images(tmp_path: Path) -> None:
    path = tmp_path / "photo.png"
    cv2.imwrite(str(path), np.zeros((2, 2, 3), np.uint8))
    with pytest.raises(InputError, match="no instance-id image"):
        read_instances(path)


def test_images_lie_beside_the_photographs() -> None:
    assert instance_image_path("token") == Path("instances/token.png")


def test_a_manifest_alone_is_no_instance_image(tmp_path: Path) -> None:
    assert not has_instances(tmp_path)
    path = tmp_path / instance_image_path("token")
    path.parent.mkdir()
    (path.parent / "manifest.json").touch()
    assert not has_instances(tmp_path)
    path.touch()
    assert has_instances(tmp_path)
