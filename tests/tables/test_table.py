from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from cm3d.errors import InputError
from cm3d.tables import Boxes2D, Boxes3D, GroundTruth, Masks, Table, read_scenes, scene_names
from cm3d.tables.columns import Binary, Text


def two_boxes() -> Boxes2D:
    return Boxes2D(
        camera_token=["b", "a"],
        detection_id=[7, 3],
        class_name=["car", "bus"],
        score=[0.5, 0.25],
        box_px=[[1, 2, 3, 4], [5, 6, 7, 8]],
    )


def test_round_trip_sorts_rows_and_keeps_values(tmp_path: Path) -> None:
    two_boxes().write(tmp_path / "scene.parquet")
    back = Boxes2D.read(tmp_path / "scene.parquet")
    assert list(back.camera_token) == ["a", "b"]
    assert list(back.detection_id) == [3, 7]
    np.testing.assert_array_equal(back.box_px, [[5, 6, 7, 8], [1, 2, 3, 4]])


def test_order_of_rows_does_not_change_the_bytes(tmp_path: Path) -> None:
    boxes = two_boxes()
    boxes.write(tmp_path / "one.parquet")
    boxes[[1, 0]].write(tmp_path / "two.parquet")
    assert (tmp_path / "one.parquet").read_bytes() == (tmp_path / "two.parquet").read_bytes()


@pytest.mark.parametrize("table", [Boxes2D, Boxes3D, GroundTruth, Masks])
def test_empty_table_keeps_its_schema(table: type[Boxes2D], tmp_path: Path) -> None:
    table.empty().write(tmp_path / "scene.parquet")
    back = table.read(tmp_path / "scene.parquet")
    assert len(back) == 0
    assert pq.read_schema(tmp_path / "scene.parquet").equals(table.schema())


@dataclass(frozen=True, eq=False)
class Pieces(Table):
    """Bytes of any kind with a text."""

    name: Text
    content: Binary


def test_binary_and_text_survive(tmp_path: Path) -> None:
    Pieces(["\u00e9"], [b"\x00\xff"]).write(tmp_path / "m.parquet")
    read = Pieces.read(tmp_path / "m.parquet")
    assert (read.name[0], read.content[0]) == ("\u00e9", b"\x00\xff")


def test_selection_and_concatenation() -> None:
    boxes = two_boxes()
    cars = boxes[boxes.class_name == "car"]
    assert list(cars.detection_id) == [7]
    assert len(Boxes2D.concatenate([boxes, cars])) == 3
    assert len(Boxes2D.concatenate([])) == 0


def test_unequal_columns_are_refused() -> None:
    with pytest.raises(InputError, match="unequal length"):
        two_boxes().replace(score=np.array([0.5]))


def test_wrong_width_is_refused() -> None:
    with pytest.raises(InputError, match="box_px"):
        two_boxes().replace(box_px=np.zeros((2, 3)))


def test_missing_file_names_the_remedy(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"absent\.parquet: missing; run `dvc repro`"):
        Boxes2D.read(tmp_path / "absent.parquet")


def test_truncated_file_is_named(tmp_path: Path) -> None:
    path = tmp_path / "scene.parquet"
    two_boxes().write(path)
    path.write_bytes(path.read_bytes()[:40])
    with pytest.raises(InputError, match=r"scene\.parquet: not a readable Parquet file"):
        Boxes2D.read(path)


def test_missing_column_is_named(tmp_path: Path) -> None:
    pq.write_table(pa.table({"camera_token": ["a"]}), tmp_path / "scene.parquet")
    with pytest.raises(InputError, match="'detection_id' is missing"):
        Boxes2D.read(tmp_path / "scene.parquet")


def test_unwritable_folder_leaves_nothing(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(InputError, match="cannot be written"):
        two_boxes().write(tmp_path / "file" / "scene.parquet")


def test_scenes_of_a_folder(tmp_path: Path) -> None:
    for scene in ("scene-2", "scene-1"):
        two_boxes().write(tmp_path / f"{scene}.parquet")
    assert scene_names(tmp_path) == ["scene-1", "scene-2"]
    assert len(read_scenes(Boxes2D, tmp_path, ["scene-1", "scene-2"])) == 4
    with pytest.raises(InputError, match="no tables"):
        scene_names(tmp_path / "nothing")
