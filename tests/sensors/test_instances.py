from pathlib import Path

import cv2
import numpy as np
import pytest

from cm3d.errors import InputError
from cm3d.sensors.instances import (
    instance_image_path,
    read_instances,
    read_visible_instances,
)


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


def test_instances_are_sorted(tmp_path: Path) -> None:
    path = tmp_path / "instances" / "scene.json"
    path.parent.mkdir()
    path.write_text(
        '{"a": [{"instance_id": 9, "class_name": "car", "visible_share": 0.5},'
        ' {"instance_id": 2, "class_name": "bus", "visible_share": 1.0}], "b": []}'
    )
    visible = read_visible_instances(tmp_path, "scene")
    assert visible["a"].instance_id.tolist() == [2, 9]
    assert visible["a"].class_name.tolist() == ["bus", "car"]
    assert visible["a"].visible_share.tolist() == [1.0, 0.5]
    assert len(visible["b"].instance_id) == 0


@pytest.mark.parametrize("content", ["{", "[]", '{"a": [{}]}', '{"a": 3}'])
def test_malformed_accounts_are_named(tmp_path: Path, content: str) -> None:
    path = tmp_path / "instances" / "scene.json"
    path.parent.mkdir()
    path.write_text(content)
    with pytest.raises(InputError, match=r"scene\.json: malformed"):
        read_visible_instances(tmp_path, "scene")


def test_images_lie_beside_the_photographs() -> None:
    assert instance_image_path("token") == Path("instances/token.png")
