from pathlib import Path

import cv2
import numpy as np
import pytest

from cm3d import params
from cm3d.detect2d.common.network import UNMATCHED, NetworkDetector
from cm3d.detect2d.common.protocol import ImageBoxes
from cm3d.errors import InputError
from cm3d.shelf.prepared import as_is
from cm3d.tables import Cameras
from cm3d.tables.noted import UNREADABLE


class MeanColour:
    """One box per image, as large as the image; its score is the mean red."""

    prepare = staticmethod(as_is)

    def __init__(self) -> None:
        self.batches: list[int] = []

    def detect(self, batch):
        self.batches.append(len(batch))
        return [
            ImageBoxes(
                np.array(["car"], dtype=object),
                np.array([prepared["image"][..., 0].mean() / 255]),
                np.array([[0.0, 0, prepared["image"].shape[1], prepared["image"].shape[0]]]),
                ("a ghost",),
            )
            for prepared in batch
        ]


@pytest.fixture
def network() -> MeanColour:
    return MeanColour()


def write_images(root: Path, cameras: Cameras, width_px: int = 800, height_px: int = 450) -> None:
    for level, path in enumerate(cameras.path, start=1):
        image = np.zeros((height_px, width_px, 3), np.uint8)
        image[..., 2] = 51 * level  # red, OpenCV's order
        cv2.imwrite(str(root / path), image, [cv2.IMWRITE_JPEG_QUALITY, 100])


def test_boxes_are_on_their_images(
    tmp_path: Path, cameras: Cameras, network: MeanColour, execution: params.Execution
) -> None:
    write_images(tmp_path, cameras)
    found = NetworkDetector(network, tmp_path, execution).detect("scene", cameras)
    score = dict(zip(found.table.camera_token, found.table.score, strict=True))
    assert score["front"] == pytest.approx(0.2, abs=0.01)
    assert score["back"] == pytest.approx(0.4, abs=0.01)
    assert network.batches == [2]
    assert found.left_out == {UNREADABLE: (), UNMATCHED: ("a ghost", "a ghost")}


def test_another_size_than_the_indexs_is_refused(
    tmp_path: Path, cameras: Cameras, network: MeanColour, execution: params.Execution
) -> None:
    write_images(tmp_path, cameras, width_px=400, height_px=150)
    with pytest.raises(InputError, match=r"back\.jpg: .* as 400x150 pixels, .* says 800x450"):
        NetworkDetector(network, tmp_path, execution).detect("scene", cameras)


@pytest.mark.parametrize("content", [None, b"", b"no image"])
def test_a_corrupt_image_costs_itself_alone(
    content: bytes | None,
    tmp_path: Path,
    cameras: Cameras,
    network: MeanColour,
    execution: params.Execution,
) -> None:
    write_images(tmp_path, cameras)
    (tmp_path / "front.jpg").unlink()
    if content is not None:
        (tmp_path / "front.jpg").write_bytes(content)
    found = NetworkDetector(network, tmp_path, execution).detect("scene", cameras)
    assert found.table.camera_token.tolist() == ["back"]
    assert found.left_out[UNREADABLE] == (str(tmp_path / "front.jpg"),)


def test_no_images(tmp_path: Path, network: MeanColour, execution: params.Execution) -> None:
    found = NetworkDetector(network, tmp_path, execution).detect("scene", Cameras.empty())
    assert len(found.table) == 0
