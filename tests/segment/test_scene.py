from pathlib import Path

import cv2
import numpy as np
import pytest
from pycocotools import mask as coco_mask

from cm3d import params
from cm3d.errors import InputError
from cm3d.segment.box import BoxSegmenter
from cm3d.segment.common.scene import (
    SceneSegmenter,
    build_segmenter,
    count_unused,
    encode,
    shrink,
    working_size,
)
from cm3d.segment.grabcut import GrabCutSegmenter
from cm3d.tables import Boxes2D, Cameras, Masks
from cm3d.tables.noted import UNREADABLE
from tests.segment.conftest import Change

WIDTH_PX, HEIGHT_PX = 400, 200


@pytest.fixture
def cameras(tmp_path: Path) -> Cameras:
    image = np.random.default_rng(0).integers(0, 255, (HEIGHT_PX, WIDTH_PX, 3), dtype=np.uint8)
    for name in ("front.png", "back.png"):
        cv2.imwrite(str(tmp_path / name), image)
    return Cameras.from_columns(
        camera_token=["front", "back"],
        sample_token=["frame 1", "frame 2"],
        channel=["CAM_FRONT", "CAM_BACK"],
        path=["front.png", "back.png"],
        width_px=[WIDTH_PX] * 2,
        height_px=[HEIGHT_PX] * 2,
        intrinsics_px=np.tile(np.eye(3).ravel(), (2, 1)),
        global_SE3_camera=np.tile(np.eye(7)[0], (2, 1)),
    )


BOXES = Boxes2D.from_columns(
    camera_token=["back", "front", "front"],
    detection_id=[0, 1, 2],
    class_name=["car", "bus", "pedestrian"],
    score=[0.9, 0.8, 0.7],
    box_px=[[0, 0, 40, 40], [100, 50, 300, 150], [7, 7, 7, 7]],
)


@pytest.fixture
def outline_scene(tmp_path: Path, execution: params.Execution):
    """Masks of the boxes' scene, in the order of their ids."""

    def outline(cameras: Cameras, max_width_px: int = 1024) -> Masks:
        model = SceneSegmenter(BoxSegmenter(), tmp_path, max_width_px, execution)
        boxed = model.segment(cameras, BOXES)
        assert boxed.left_out == {UNREADABLE: ()}
        return boxed.table.sorted()

    return outline


def decoded(masks: Masks, row: int) -> np.ndarray:
    size = [int(masks.height_px[row]), int(masks.width_px[row])]
    return np.asarray(coco_mask.decode({"size": size, "counts": masks.rle[row]})) > 0


def test_a_mask_per_detection_with_its_keys(cameras: Cameras, outline_scene) -> None:
    masks = outline_scene(cameras)
    assert masks.detection_id.tolist() == [0, 1, 2]
    assert masks.sample_token.tolist() == ["frame 2", "frame 1", "frame 1"]
    assert masks.class_name.tolist() == ["car", "bus", "pedestrian"]
    assert masks.score.tolist() == [0.9, 0.8, 0.7]
    assert (set(masks.width_px), set(masks.height_px)) == ({WIDTH_PX}, {HEIGHT_PX})
    assert decoded(masks, 1)[50:150, 100:300].all()
    assert decoded(masks, 1).sum() == 200 * 100
    assert not decoded(masks, 2).any()


def test_wide_images_are_shrunk_and_boxes_along(cameras: Cameras, outline_scene) -> None:
    masks = outline_scene(cameras, max_width_px=100)
    assert (masks.width_px[1], masks.height_px[1]) == (100, 50)
    assert decoded(masks, 1)[12:38, 25:75].sum() == decoded(masks, 1).sum() > 0


def test_files_of_another_size_than_the_index_says_are_refused(
    cameras: Cameras, outline_scene
) -> None:
    larger = cameras.replace(width_px=cameras.width_px * 2, height_px=cameras.height_px * 2)
    with pytest.raises(InputError, match=r"front\.png: .* as 400x200 pixels, .* says 800x400"):
        outline_scene(larger, max_width_px=100)


def test_no_detections_and_no_images_read(
    cameras: Cameras, tmp_path: Path, execution: params.Execution
) -> None:
    nowhere, nothing = tmp_path / "nowhere", Boxes2D.empty()
    boxed = SceneSegmenter(BoxSegmenter(), nowhere, 1024, execution).segment(cameras, nothing)
    assert len(boxed.table) == 0
    assert boxed.left_out == {UNREADABLE: ()}


def test_a_missing_image_is_named_and_costs_itself_alone(
    cameras: Cameras, tmp_path: Path, execution: params.Execution
) -> None:
    (tmp_path / "front.png").unlink()
    boxed = SceneSegmenter(BoxSegmenter(), tmp_path, 1024, execution).segment(cameras, BOXES)
    assert boxed.left_out == {UNREADABLE: (str(tmp_path / "front.png"),)}
    assert boxed.table.detection_id.tolist() == [0]


def test_the_same_bytes_every_time(cameras: Cameras, tmp_path: Path, changed: Change) -> None:
    files = [tmp_path / "first.parquet", tmp_path / "second.parquet"]
    segmenter = build_segmenter(changed(tmp_path))
    for path, images in zip(files, (cameras, cameras[::-1]), strict=True):
        segmenter.segment(images, BOXES).table.write(path)
    assert files[0].read_bytes() == files[1].read_bytes()


@pytest.mark.parametrize("size", [(1, 3000), (3000, 1), (333, 1025)])
def test_images_of_odd_sizes_shrink(size: tuple[int, int]) -> None:
    image = np.zeros((*size, 3), np.uint8)
    small = shrink(image, 1024)
    assert small.shape[1] <= 1024
    assert small.shape[0] >= 1


def test_encoding_no_masks() -> None:
    assert encode(np.zeros((0, 4, 5), dtype=bool)) == []


def test_working_sizes() -> None:
    assert working_size(1600, 900, 1024) == (1024, 576)
    assert working_size(800, 450, 1024) == (800, 450)
    assert working_size(5000, 1, 1024) == (1024, 1)


def test_a_backend_is_built_once_per_process(changed: Change) -> None:
    grabcut = build_segmenter(changed(backend="grabcut"))
    assert isinstance(grabcut, SceneSegmenter)
    assert isinstance(grabcut.model, GrabCutSegmenter)
    assert build_segmenter(changed(backend="grabcut")) is grabcut
    assert build_segmenter(changed(backend="grabcut", max_width_px=512)) is not grabcut
    assert count_unused(changed(backend="grabcut")) == {}
