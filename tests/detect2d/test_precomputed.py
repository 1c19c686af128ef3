import json
from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from cm3d.detect2d.precomputed import PrecomputedDetector, read_detections
from cm3d.errors import InputError
from cm3d.shelf.on_images import MALFORMED, UNKNOWN_CATEGORY, UNKNOWN_IMAGE
from cm3d.shelf.results import Results
from cm3d.tables import Boxes2D, Cameras
from cm3d.taxonomy import Taxonomy, load_taxonomy

Read = Callable[[Path], Results[Boxes2D]]

PROJECT = Path(__file__).resolve().parents[2]

GOOD = {"image_id": "front", "category_id": 1, "bbox": [10, 20, 30.5, 40], "score": 0.5}


@pytest.fixture
def read(taxonomy: Taxonomy, cameras: Cameras) -> Read:
    return partial(read_detections, taxonomy=taxonomy, cameras=cameras)


def write(path: Path, entries: object) -> Path:
    path.write_text(json.dumps(entries))
    return path


def test_coco_results_become_boxes(read: Read, tmp_path: Path) -> None:
    entries = [GOOD, GOOD | {"category_id": 10, "score": 1, "image_id": "back"}]
    boxes = read(write(tmp_path / "d.json", entries)).rows
    assert boxes.class_name.tolist() == ["car", "barrier"]
    assert boxes.camera_token.tolist() == ["front", "back"]
    np.testing.assert_allclose(boxes.box_px[0], [10, 20, 40.5, 60])
    assert boxes.score.tolist() == [0.5, 1.0]


def counts(results: Results[Boxes2D]) -> tuple[int, int]:
    """How many entries are malformed, and how many of unknown categories."""
    return results.unused[MALFORMED], results.unused[UNKNOWN_CATEGORY]


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
        GOOD | {"score": 10**400},
        GOOD | {"bbox": [10**400, 2, 3, 4]},
    ],
)
def test_malformed_entries_are_counted(read: Read, tmp_path: Path, entry: object) -> None:
    precomputed = read(write(tmp_path / "d.json", [entry, GOOD]))
    assert len(precomputed.rows) == 1
    assert counts(precomputed) == (1, 0)


def test_unknown_categories_are_counted(read: Read, tmp_path: Path) -> None:
    entries = [GOOD | {"category_id": 0}, GOOD | {"category_id": 11}, GOOD]
    precomputed = read(write(tmp_path / "d.json", entries))
    assert len(precomputed.rows) == 1
    assert counts(precomputed) == (0, 2)


def test_unknown_images_are_counted(read: Read, tmp_path: Path) -> None:
    precomputed = read(write(tmp_path / "d.json", [GOOD, GOOD | {"image_id": 7}]))
    assert len(precomputed.rows) == 1
    assert precomputed.unused[UNKNOWN_IMAGE] == 1


def test_images_may_be_named_by_their_files(
    tmp_path: Path, cameras: Cameras, taxonomy: Taxonomy
) -> None:
    named = [GOOD | {"image_id": name} for name in ("a/1.jpg", "1.jpg", "2.jpg", "b/2.jpg", "back")]
    stored = cameras.replace(path=["a/1.jpg", "b/2.jpg"])
    other = cameras[:1].replace(camera_token=["other"], path=["c/1.jpg"])
    path, everywhere = write(tmp_path / "d.json", named), Cameras.concatenate([stored, other])
    results = read_detections(path, taxonomy, everywhere)
    assert results.rows.camera_token.tolist() == ["front", "back", "back", "back"]
    assert results.unused[UNKNOWN_IMAGE] == 1  # two images are called 1.jpg


def test_categories_follow_the_taxonomy(tmp_path: Path, cameras: Cameras) -> None:
    three = load_taxonomy("waymo", PROJECT / "taxonomies")
    path = write(tmp_path / "d.json", [GOOD | {"category_id": 2}, GOOD | {"category_id": 4}])
    results = read_detections(path, three, cameras)
    assert results.rows.class_name.tolist() == [three.class_names[1]]
    assert counts(results) == (0, 1)


@pytest.mark.parametrize("wrong", [{"image_id": 7}, {"category_id": 11}, {"score": 2}])
def test_a_file_of_which_nothing_is_left_is_refused(
    read: Read, tmp_path: Path, wrong: dict[str, object]
) -> None:
    with pytest.raises(InputError, match=r"d\.json: none of its 2 .*detect2d\.precomputed\.file"):
        read(write(tmp_path / "d.json", [GOOD | wrong] * 2))


def test_no_detections_are_no_error(read: Read, tmp_path: Path) -> None:
    assert len(read(write(tmp_path / "d.json", [])).rows) == 0


@pytest.mark.parametrize(
    "content", [None, b"[", b'{"annotations": []}', b"3", b"[\xff]", b"[" * 200_000]
)
def test_bad_files_are_named(read: Read, tmp_path: Path, content: bytes | None) -> None:
    path = tmp_path / "d.json"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(InputError, match=r"d\.json: ") as caught:
        read(path)
    assert "\n" not in str(caught.value)


def test_a_scene_gets_its_own_images(read: Read, tmp_path: Path, cameras: Cameras) -> None:
    path = write(tmp_path / "d.json", [GOOD, GOOD | {"image_id": "back"}, GOOD | {"score": 0.7}])
    detector = PrecomputedDetector(read(path).rows)
    found = detector.detect("scene", cameras[:1]).table
    assert found.camera_token.tolist() == ["front", "front"]
    assert found.score.tolist() == [0.5, 0.7]
    assert len(detector.detect("scene", cameras).table) == 3
    assert len(detector.detect("scene", Cameras.empty()).table) == 0


def table(**columns: object) -> pa.Table:
    """Two good rows, changed as given."""
    known = {
        "camera_token": ["front", "back"],
        "detection_id": [7, 7],
        "class_name": ["car", "barrier"],
        "score": [0.5, 1.0],
        "box_px": [[10.0, 20.0, 40.0, 60.0], [0.0, 0.0, 1.0, 1.0]],
    }
    return pa.table(known | columns)


def test_the_stages_own_tables_are_read(read: Read, tmp_path: Path) -> None:
    entries = [GOOD, GOOD | {"category_id": 10, "image_id": "back"}]
    boxes = read(write(tmp_path / "d.json", entries)).rows
    boxes.write(tmp_path / "scenes" / "scene.parquet")
    again = read(tmp_path / "scenes" / "scene.parquet")
    assert again.rows.box_px.tolist() == boxes.sorted().box_px.tolist()
    assert again.rows.class_name.tolist() == ["barrier", "car"]
    assert counts(again) == (0, 0)


def test_a_folder_has_a_file_per_scene(read: Read, tmp_path: Path) -> None:
    for scene, token in [("b", "back"), ("a", "front")]:
        pq.write_table(table(camera_token=[token, token]), tmp_path / f"{scene}.parquet")
    boxes = read(tmp_path).rows
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
def test_malformed_rows_are_counted(read: Read, tmp_path: Path, columns: dict[str, object]) -> None:
    pq.write_table(table(**columns), tmp_path / "d.parquet")
    precomputed = read(tmp_path / "d.parquet")
    assert (len(precomputed.rows), counts(precomputed)) == (1, (1, 0))
    assert precomputed.rows.class_name.tolist() == ["car"]


def test_rows_of_unknown_classes_are_counted(read: Read, tmp_path: Path) -> None:
    pq.write_table(table(class_name=["tram", "car"]), tmp_path / "d.parquet")
    precomputed = read(tmp_path / "d.parquet")
    assert counts(precomputed) == (0, 1)
    assert precomputed.rows.camera_token.tolist() == ["back"]


def test_numbers_of_other_widths_are_taken(read: Read, tmp_path: Path) -> None:
    narrow = table(
        score=pa.array([0.5, 1.0], pa.float32()),
        box_px=pa.array([[0, 0, 1, 1]] * 2, pa.list_(pa.int32())),
    )
    pq.write_table(narrow, tmp_path / "d.parquet")
    assert len(read(tmp_path / "d.parquet").rows) == 2


@pytest.mark.parametrize(
    "columns",
    [
        {"score": ["high", "low"]},
        {"box_px": [[0.0, 0.0, 1.0], [0.0, 0.0, 1.0]]},
        {"box_px": [1.0, 2.0]},
    ],
)
def test_wrong_tables_are_named(read: Read, tmp_path: Path, columns: dict[str, object]) -> None:
    pq.write_table(table(**columns), tmp_path / "d.parquet")
    with pytest.raises(InputError, match=r"d\.parquet: no table of Boxes2D") as caught:
        read(tmp_path / "d.parquet")
    assert "\n" not in str(caught.value)


def test_missing_columns_and_files_are_named(read: Read, tmp_path: Path) -> None:
    pq.write_table(table().drop_columns(["score"]), tmp_path / "d.parquet")
    with pytest.raises(InputError, match=r"d\.parquet: no table of Boxes2D: .*score"):
        read(tmp_path / "d.parquet")
    (tmp_path / "e.parquet").write_bytes(b"no Parquet")
    with pytest.raises(InputError, match=r"e\.parquet: no table of Boxes2D"):
        read(tmp_path / "e.parquet")
    with pytest.raises(InputError, match=r"f\.parquet: missing; correct detect2d"):
        read(tmp_path / "f.parquet")
    (tmp_path / "empty").mkdir()
    with pytest.raises(InputError, match="empty: no Parquet files; correct detect2d"):
        read(tmp_path / "empty")


@pytest.mark.real
def test_real_detections(real_keyframe: Path, taxonomy: Taxonomy, cameras: Cameras) -> None:
    path = real_keyframe / "detections2d.coco.json"
    tokens = sorted({entry["image_id"] for entry in json.loads(path.read_text())})
    stored = cameras[np.zeros(len(tokens), dtype=np.int64)].replace(
        camera_token=tokens, width_px=[1600] * len(tokens), height_px=[900] * len(tokens)
    )
    precomputed = read_detections(path, taxonomy, stored)
    assert len(precomputed.rows) == 128
    assert not any(precomputed.unused.values())
    assert set(precomputed.rows.class_name) <= {"car", "truck", "bus", "pedestrian"}
