import json
from pathlib import Path

import numpy as np
import pytest

from cm3d.detect2d.precomputed import PrecomputedDetector, read_precomputed
from cm3d.errors import InputError
from cm3d.tables import Cameras

GOOD = {"image_id": "front", "category_id": 1, "bbox": [10, 20, 30.5, 40], "score": 0.5}


def write(path: Path, entries: object) -> Path:
    path.write_text(json.dumps(entries))
    return path


def test_coco_results_become_boxes(tmp_path: Path) -> None:
    entries = [GOOD, GOOD | {"category_id": 10, "score": 1, "image_id": "back"}]
    boxes = read_precomputed(write(tmp_path / "d.json", entries)).boxes
    assert boxes.class_name.tolist() == ["car", "barrier"]
    assert boxes.camera_token.tolist() == ["front", "back"]
    np.testing.assert_allclose(boxes.box_px[0], [10, 20, 40.5, 60])
    assert boxes.score.tolist() == [0.5, 1.0]


@pytest.mark.parametrize(
    "entry",
    [
        3,
        {"image_id": "front", "category_id": 1, "bbox": [1, 2, 3, 4]},
        GOOD | {"bbox": [1, 2, 3]},
        GOOD | {"bbox": "1234"},
        GOOD | {"bbox": [1, 2, 3, None]},
        GOOD | {"bbox": [1, 2, 3, float("nan")]},
        GOOD | {"score": "high"},
        GOOD | {"score": 1.5},
        GOOD | {"category_id": "car"},
        GOOD | {"category_id": True},
    ],
)
def test_malformed_entries_are_counted(tmp_path: Path, entry: object) -> None:
    precomputed = read_precomputed(write(tmp_path / "d.json", [entry, GOOD]))
    assert len(precomputed.boxes) == 1
    assert (precomputed.malformed, precomputed.unknown_categories) == (1, 0)


def test_unknown_categories_are_counted(tmp_path: Path) -> None:
    entries = [GOOD | {"category_id": 0}, GOOD | {"category_id": 11}, GOOD]
    precomputed = read_precomputed(write(tmp_path / "d.json", entries))
    assert len(precomputed.boxes) == 1
    assert (precomputed.malformed, precomputed.unknown_categories) == (0, 2)


def test_unknown_images_are_counted(tmp_path: Path) -> None:
    precomputed = read_precomputed(write(tmp_path / "d.json", [GOOD, GOOD | {"image_id": 7}]))
    assert precomputed.unknown_images(["front", "back"]) == 1
    assert precomputed.unknown_images([]) == 2


def test_no_detections_are_no_error(tmp_path: Path) -> None:
    assert len(read_precomputed(write(tmp_path / "d.json", [])).boxes) == 0


@pytest.mark.parametrize("content", [None, "[", '{"annotations": []}', "3"])
def test_bad_files_are_named(tmp_path: Path, content: str | None) -> None:
    path = tmp_path / "d.json"
    if content is not None:
        path.write_text(content)
    with pytest.raises(InputError, match=r"d\.json: ") as caught:
        read_precomputed(path)
    assert "\n" not in str(caught.value)


def test_a_scene_gets_its_own_images(tmp_path: Path, cameras: Cameras) -> None:
    path = write(tmp_path / "d.json", [GOOD, GOOD | {"image_id": "other scene"}])
    detector = PrecomputedDetector(read_precomputed(path).boxes)
    assert detector.detect("scene", cameras).table.camera_token.tolist() == ["front"]


@pytest.mark.real
def test_real_detections(real_keyframe: Path) -> None:
    precomputed = read_precomputed(real_keyframe / "detections2d.coco.json")
    assert len(precomputed.boxes) == 128
    assert (precomputed.malformed, precomputed.unknown_categories) == (0, 0)
    assert set(precomputed.boxes.class_name) <= {"car", "truck", "bus", "pedestrian"}
