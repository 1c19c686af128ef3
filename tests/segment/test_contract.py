"""What every backend keeps to, whatever it is made of: the packages beside `segment.common`."""

import inspect
import json
import pickle
from collections.abc import Callable
from dataclasses import replace
from importlib import import_module
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from pycocotools import mask as coco_mask

from cm3d import params
from cm3d.geometry.arrays import NDArrayBool, NDArrayByte, NDArrayFloat
from cm3d.segment.common.protocol import ImageSegmenter, Segmenter, Setting
from cm3d.segment.common.scene import build_segmenter
from cm3d.tables import Boxes2D, Cameras, Masks
from tests.segment.conftest import Change

ADAPTERS = ["box", "grabcut", "simnet", "sam", "segment_anything", "sam2", "sam_hq", "sam3"]

Build = Callable[[str, int], ImageSegmenter]
Scene = Callable[[int, int], NDArrayByte]

PROJECT = Path(__file__).resolve().parents[2]
BACKENDS = sorted(
    path.parent.name
    for path in (PROJECT / "src/cm3d/segment").glob("*/__init__.py")
    if path.parent.name != "common"
)
of_images = pytest.mark.parametrize("name", ADAPTERS)


def grid_boxes(height_px: int, width_px: int, per_side: int = 3) -> NDArrayFloat:
    """Boxes of different sizes all over an image."""
    x, y = (a.ravel() for a in np.meshgrid(np.arange(per_side), np.arange(per_side)))
    low = np.stack([x, y], axis=1) / (per_side + 1)
    size = (1.2 + 0.6 * ((x + 2 * y) % 3))[:, None] / (per_side + 1)
    return np.concatenate([low, low + size], axis=1) * np.tile([width_px, height_px], 2)


def outline(segmenter: ImageSegmenter, image: NDArrayByte, boxes_px: NDArrayFloat) -> NDArrayBool:
    return segmenter.segment([segmenter.prepare(image)], [boxes_px])[0]


def differ(first: NDArrayBool, second: NDArrayBool) -> float:
    """Share of pixels."""
    assert first.shape == second.shape
    return float(np.count_nonzero(first != second)) / max(first.size, 1)


@of_images
@pytest.mark.parametrize("shape_px", [(61, 97), (97, 61), (37, 911), (64, 64), (5, 3), (300, 420)])
def test_a_mask_for_each_box_at_the_resolution_of_the_image(
    build: Build, scene: Scene, name: str, shape_px: tuple[int, int]
) -> None:
    boxes_px = grid_boxes(*shape_px)
    masks = outline(build(name, 64), scene(*shape_px), boxes_px)
    assert masks.shape == (len(boxes_px), *shape_px)
    assert masks.dtype == bool


@of_images
def test_masks_say_something(build: Build, scene: Scene, name: str) -> None:
    # What the other tests rest on: masks are neither full nor empty, and depend on the box.
    masks = outline(build(name, 64), scene(61, 97), grid_boxes(61, 97))
    covered = masks.mean(axis=(1, 2))
    assert covered.min() > 0.01
    assert covered.max() < 0.99
    assert min(differ(a, b) for i, a in enumerate(masks) for b in masks[:i]) > 0.005


@of_images
def test_the_same_again(build: Build, scene: Scene, name: str) -> None:
    image, boxes_px = scene(61, 97), grid_boxes(61, 97)
    segmenter = build(name, 64)
    once = outline(segmenter, image, boxes_px)
    outline(segmenter, scene(97, 61), boxes_px)
    assert np.array_equal(outline(segmenter, image, boxes_px), once)


@of_images
def test_an_image_does_not_see_its_batch(build: Build, scene: Scene, name: str) -> None:
    segmenter = build(name, 64)
    images = [scene(61, 97), scene(61, 97)[::-1].copy(), scene(61, 97)[:, ::-1].copy()]
    boxes_px = [grid_boxes(61, 97), np.empty((0, 4)), grid_boxes(61, 97, 2)]
    together = segmenter.segment([segmenter.prepare(image) for image in images], boxes_px)
    assert [len(masks) for masks in together] == [9, 0, 4]
    for image, boxes, masks in zip(images, boxes_px, together, strict=True):
        assert differ(outline(segmenter, image, boxes), masks) < 1e-4


@of_images
def test_boxes_do_not_see_each_other(build: Build, scene: Scene, name: str) -> None:
    image, boxes_px = scene(61, 97), grid_boxes(61, 97)
    together = outline(build(name, 64), image, boxes_px)
    assert differ(outline(build(name, 1), image, boxes_px), together) < 1e-4
    assert differ(outline(build(name, 4), image, boxes_px[::-1]), together[::-1]) < 1e-4


@of_images
def test_no_boxes(build: Build, scene: Scene, name: str) -> None:
    assert outline(build(name, 64), scene(61, 97), np.empty((0, 4))).shape == (0, 61, 97)


@of_images
def test_boxes_without_pixels_have_empty_masks(build: Build, scene: Scene, name: str) -> None:
    sound = [20, 10, 70, 50]
    boxes_px = np.array(
        [[100, 5, 120, 30], sound, [30, 30, 30, 40], [-9, -9, -1, -1], [50, 40, 20, 10]], float
    )
    segmenter = build(name, 64)
    masks = outline(segmenter, scene(61, 97), boxes_px)
    assert not masks[[0, 2, 3, 4]].any()
    assert differ(outline(segmenter, scene(61, 97), boxes_px[1:2]), masks[1:2]) < 1e-4
    assert not outline(segmenter, scene(61, 97), boxes_px[:1]).any()


@of_images
def test_boxes_are_cut_off_at_the_border(build: Build, scene: Scene, name: str) -> None:
    segmenter, image = build(name, 64), scene(61, 97)
    inside = outline(segmenter, image, np.array([[0.0, 20, 50, 61]]))
    assert np.array_equal(outline(segmenter, image, np.array([[-30.0, 20, 50, 99]])), inside)


@of_images
def test_preparing_crosses_processes(build: Build, scene: Scene, name: str) -> None:
    prepare, image = build(name, 64).prepare, scene(61, 97)
    there, here = pickle.loads(pickle.dumps(prepare))(image), prepare(image)
    assert there.keys() == here.keys()
    assert all(np.array_equal(there[key], here[key]) for key in here)


def test_parameters_know_every_backend() -> None:
    field = params.Segment.model_fields["backend"]
    assert sorted(field.annotation.__args__) == BACKENDS  # type: ignore[union-attr]
    assert set(BACKENDS) <= set(params.Segment.model_fields)


@pytest.mark.parametrize("name", BACKENDS)
def test_every_backend_is_built_alike(name: str) -> None:
    build = inspect.get_annotations(import_module(f"cm3d.segment.{name}").build)
    assert build == {"setting": Setting, "return": Segmenter}


@pytest.fixture
def cameras(tmp_path: Path, scene: Scene) -> Cameras:
    """Two images of one scene, wider than the masks."""
    cv2.imwrite(str(tmp_path / "front.png"), scene(100, 160))
    cv2.imwrite(str(tmp_path / "back.png"), scene(160, 100))
    cameras = Cameras.from_columns(
        camera_token=["front", "back"],
        sample_token=["frame 1", "frame 2"],
        channel=["CAM_FRONT", "CAM_BACK"],
        path=["front.png", "back.png"],
        width_px=[160, 100],
        height_px=[100, 160],
        intrinsics_px=np.tile(np.eye(3).ravel(), (2, 1)),
        global_SE3_camera=np.tile(np.eye(7)[0], (2, 1)),
    )
    cameras.write(tmp_path / "cameras" / "scene.parquet")
    return cameras


BOXES = Boxes2D.from_columns(
    camera_token=["back", "front", "front"],
    detection_id=[0, 1, 2],
    class_name=["car", "bus", "car"],
    score=[0.9, 0.8, 0.7],
    box_px=[[10, 20, 50, 90], [20, 10, 140, 90], [40, 30, 80, 70]],
)


@pytest.fixture(params=BACKENDS)
def backend(
    request: pytest.FixtureRequest, cameras: Cameras, sam_setting: Any, changed: Change
) -> Segmenter:
    """A backend over the images of `cameras`, whose masks are 80 pixels wide."""
    root = request.getfixturevalue("tmp_path")
    setting = changed(backend=request.param)
    if request.param == "sam":
        setting = sam_setting("sam", request.getfixturevalue("sam_folder"))
    if request.param == "precomputed":
        entries = []
        for token, category, box in zip(
            BOXES.camera_token, (1, 3, 1), BOXES.box_px.astype(int).tolist(), strict=True
        ):
            mask = np.zeros((160, 100) if token == "back" else (100, 160), np.uint8, order="F")
            mask[box[1] : box[3], box[0] : box[2]] = 1
            rle = coco_mask.encode(mask)
            rle["counts"] = rle["counts"].decode()
            entry = {"image_id": token, "category_id": category, "score": 0.5}
            entries.append(entry | {"segmentation": rle})
        (root / "masks.json").write_text(json.dumps(entries))
        section = params.Precomputed(file=str(root / "masks.json"))
        setting = changed(backend="precomputed", precomputed=section)
    segment = setting.segment.model_copy(update={"max_width_px": 80})
    return build_segmenter(replace(setting, segment=segment, root=root, cameras=root / "cameras"))


def test_scenes_have_a_mask_per_detection(backend: Segmenter, cameras: Cameras) -> None:
    found = backend.segment(cameras, BOXES)
    assert not any(found.left_out.values())
    masks = found.table.sorted()
    assert masks.detection_id.tolist() == [0, 1, 2]
    assert masks.camera_token.tolist() == ["back", "front", "front"]
    assert masks.sample_token.tolist() == ["frame 2", "frame 1", "frame 1"]
    assert masks.class_name.tolist() == ["car", "bus", "car"]
    assert masks.score.tolist() == [0.9, 0.8, 0.7]
    assert masks.width_px.tolist() == [80, 80, 80]
    assert masks.height_px.tolist() == [128, 50, 50]
    sizes = zip(masks.height_px.tolist(), masks.width_px.tolist(), strict=True)
    areas = coco_mask.area(
        [{"size": size, "counts": counts} for size, counts in zip(sizes, masks.rle, strict=True)]
    )
    assert (areas > 0).all()


def test_no_detections_no_masks(backend: Segmenter, cameras: Cameras) -> None:
    found = backend.segment(cameras, Boxes2D.empty())
    assert isinstance(found.table, Masks)
    assert len(found.table) == 0
    assert len(backend.segment(cameras[:1], BOXES).table) == 2


def test_the_order_of_images_changes_nothing(backend: Segmenter, cameras: Cameras) -> None:
    one, other = (backend.segment(c, BOXES).table.sorted() for c in (cameras, cameras[::-1]))
    assert one.rle.tolist() == other.rle.tolist()
