import json
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
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
        GOOD | {"score": True},
        GOOD | {"bbox": [1, 2, -3, 4]},
        GOOD | {"bbox": [1, 2, 3, -4]},
        GOOD | {"score": float("nan")},
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


def table(**columns: object) -> pa.Table:
    """Two good rows, changed as given."""
    known = {
        "camera_token": ["front", "back"],
        "detection_id": [7, 7],
        "class_name": ["car", "barrier"],
        "score": [0.5, 1.0],
        "box_px": [[10.0, 20.0, 40.0, 60.0], [0.0, 0.0, 0.0, 1.0]],
    }
    return pa.table(known | columns)


def test_the_stages_own_tables_are_read(tmp_path: Path) -> None:
    entries = [GOOD, GOOD | {"category_id": 10, "image_id": "back"}]
    boxes = read_precomputed(write(tmp_path / "d.json", entries)).boxes
    boxes.write(tmp_path / "scenes" / "scene.parquet")
    again = read_precomputed(tmp_path / "scenes" / "scene.parquet")
    assert again.boxes.box_px.tolist() == boxes.sorted().box_px.tolist()
    assert again.boxes.class_name.tolist() == ["barrier", "car"]
    assert (again.malformed, again.unknown_categories) == (0, 0)


def test_a_folder_has_a_file_per_scene(tmp_path: Path) -> None:
    for scene, token in [("b", "back"), ("a", "front")]:
        pq.write_table(table(camera_token=[token, token]), tmp_path / f"{scene}.parquet")
    boxes = read_precomputed(tmp_path).boxes
    assert boxes.camera_token.tolist() == ["front", "front", "back", "back"]
    assert boxes.detection_id.tolist() == [0, 1, 2, 3]


@pytest.mark.parametrize(
    "columns",
    [
        {"score": [0.5, 1.1]},
        {"score": [0.5, -0.1]},
        {"score": [0.5, float("nan")]},
        {"score": [0.5, None]},
        {"class_name": ["car", None]},
        {"box_px": [[0.0, 0.0, 1.0, 1.0], [2.0, 0.0, 1.0, 1.0]]},
        {"box_px": [[0.0, 0.0, 1.0, 1.0], [0.0, 0.0, 1.0, float("inf")]]},
        {"box_px": [[0.0, 0.0, 1.0, 1.0], [0.0, 0.0, 1.0, None]]},
        {"box_px": [[0.0, 0.0, 1.0, 1.0], None]},
    ],
)
def test_malformed_rows_are_counted(tmp_path: Path, columns: dict[str, object]) -> None:
    pq.write_table(table(**columns), tmp_path / "d.parquet")
    precomputed = read_precomputed(tmp_path / "d.parquet")
    assert (len(precomputed.boxes), precomputed.malformed) == (1, 1)
    assert precomputed.boxes.class_name.tolist() == ["car"]


def test_rows_of_unknown_classes_are_counted(tmp_path: Path) -> None:
    pq.write_table(table(class_name=["tram", "car"]), tmp_path / "d.parquet")
    precomputed = read_precomputed(tmp_path / "d.parquet")
    assert (precomputed.malformed, precomputed.unknown_categories) == (0, 1)
    assert precomputed.boxes.camera_token.tolist() == ["back"]


def test_numbers_of_other_widths_are_taken(tmp_path: Path) -> None:
    narrow = table(
        score=pa.array([0.5, 1.0], pa.float32()),
        box_px=pa.array([[0, 0, 1, 1]] * 2, pa.list_(pa.int32())),
    )
    pq.write_table(narrow, tmp_path / "d.parquet")
    assert len(read_precomputed(tmp_path / "d.parquet").boxes) == 2


@pytest.mark.parametrize(
    "columns",
    [
        {"score": ["high", "low"]},
        {"box_px": [[0.0, 0.0, 1.0], [0.0, 0.0, 1.0]]},
        {"box_px": [1.0, 2.0]},
    ],
)
def test_wrong_tables_are_named(tmp_path: Path, columns: dict[str, object]) -> None:
    pq.write_table(table(**columns), tmp_path / "d.parquet")
    with pytest.raises(InputError, match=r"d\.parquet: no table of detections") as caught:
        read_precomputed(tmp_path / "d.parquet")
    assert "\n" not in str(caught.value)


def test_missing_columns_and_files_are_named(tmp_path: Path) -> None:
    pq.write_table(table().drop_columns(["score"]), tmp_path / "d.parquet")
    with pytest.raises(InputError, match=r"d\.parquet: no table of detections: .*score"):
        read_precomputed(tmp_path / "d.parquet")
    (tmp_path / "e.parquet").write_bytes(b"no Parquet")
    with pytest.raises(InputError, match=r"e\.parquet: no table of detections"):
        read_precomputed(tmp_path / "e.parquet")
    with pytest.raises(InputError, match=r"f\.parquet: missing; correct detect2d"):
        read_precomputed(tmp_path / "f.parquet")
    (tmp_path / "empty").mkdir()
    with pytest.raises(InputError, match="empty: no Parquet files; correct detect2d"):
        read_precomputed(tmp_path / "empty")


@pytest.mark.real
def test_real_detections(real_keyframe: Path) -> None:
    precomputed = read_precomputed(real_keyframe / "detections2d.coco.json")
    assert len(precomputed.boxes) == 128
    assert (precomputed.malformed, precomputed.unknown_categories) == (0, 0)
    assert set(precomputed.boxes.class_name) <= {"car", "truck", "bus", "pedestrian"}
