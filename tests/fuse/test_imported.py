"""Labels of other programs: a nuScenes result file and our own tables."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from cm3d.errors import InputError
from cm3d.fuse.imported import read_labels
from cm3d.tables import Boxes3D, Frames
from cm3d.tables.table import columns_of
from cm3d.taxonomy import Taxonomy

MakeBoxes = Callable[..., Boxes3D]
Box = dict[str, Any]
NONE_LEFT_OUT = {
    "boxes_of_unknown_classes": 0,
    "boxes_of_unknown_keyframes": 0,
    "attributes_that_are_unknown": 0,
}


def box(**fields: Any) -> Box:
    """A car 4.5 m long and 1.8 m wide that faces global y, so turned by a quarter about z."""
    half = np.sqrt(0.5)
    values = {
        "sample_token": "f0",
        "translation": [100.0, 200.0, 1.0],
        "size": [1.8, 4.5, 1.5],
        "rotation": [half, 0.0, 0.0, half],
        "velocity": [0.0, 3.0],
        "detection_name": "car",
        "detection_score": 0.75,
        "attribute_name": "vehicle.moving",
    }
    return values | fields


@pytest.fixture
def frames() -> Frames:
    tokens = ["f0", "f1"]
    return Frames(tokens, ["scene"] * 2, [0, 1], ["train"] * 2, [""] * 2, [[1] + [0] * 6] * 2)


@pytest.fixture
def read(tmp_path: Path, frames: Frames, taxonomy: Taxonomy) -> Callable[..., Any]:
    def run(*boxes: Any, token: str = "f0") -> Any:
        path = tmp_path / "theirs.json"
        path.write_text(json.dumps({"meta": {}, "results": {token: list(boxes), "f1": []}}))
        return read_labels(path, frames, taxonomy)

    return run


def test_box_that_faces_y(read: Callable[..., Any]) -> None:
    """nuScenes' size is width, length, height; its quaternion w, x, y, z."""
    found = read(box())
    boxes = found.rows
    assert boxes.sample_token.tolist() == ["f0"]
    assert (boxes.length_m[0], boxes.width_m[0], boxes.height_m[0]) == (4.5, 1.8, 1.5)
    assert boxes.yaw_rad == pytest.approx([np.pi / 2])
    assert boxes.center_m.tolist() == [[100.0, 200.0, 1.0]]
    assert boxes.velocity_mps.tolist() == [[0.0, 3.0]]
    assert (boxes.class_name[0], boxes.score[0]) == ("car", 0.75)
    assert boxes.attribute_name.tolist() == ["vehicle.moving"]
    assert found.unused == NONE_LEFT_OUT


def test_heading_of_a_rotation_that_is_not_normalised_and_leans(read: Callable[..., Any]) -> None:
    # twice a turn by 120 degrees; and one by 90 degrees after a roll by 180 about x: (0, 1, 1, 0)
    turned, rolled = [1.0, 0.0, 0.0, np.sqrt(3)], [0.0, 1.0, 1.0, 0.0]
    found = read(box(rotation=turned), box(rotation=rolled)).rows
    assert found.yaw_rad == pytest.approx([2 * np.pi / 3, np.pi / 2])


def test_what_is_unknown_is_left_out_and_counted(read: Callable[..., Any]) -> None:
    found = read(
        box(), box(detection_name="tram"), box(detection_score=0.5, attribute_name="flies")
    )
    assert found.rows.attribute_name.tolist() == ["vehicle.moving", ""]
    assert found.unused == {
        "boxes_of_unknown_classes": 1,
        "boxes_of_unknown_keyframes": 0,
        "attributes_that_are_unknown": 1,
    }


def test_file_of_another_data_set_is_refused(read: Callable[..., Any]) -> None:
    with pytest.raises(
        InputError, match=r"theirs\.json: none of its 2 boxes .*import_labels\.file"
    ):
        theirs = {"sample_token": "elsewhere"}
        read(box(**theirs), box(**theirs, detection_score=0.5), token="elsewhere")


def test_velocity_may_be_unknown(read: Callable[..., Any]) -> None:
    assert np.isnan(read(box(velocity=[None, None])).rows.velocity_mps).all()


def test_no_boxes(read: Callable[..., Any]) -> None:
    assert len(read().rows) == 0


@pytest.mark.parametrize(
    ("broken", "complaint"),
    [
        ({"translation": [float("nan"), 0, 0]}, "a box of f0: its centre"),
        ({"translation": [0, 0]}, "translation is not 3 numbers"),
        ({"size": [1.8, 0, 1.5]}, "a box of f0: its size"),
        ({"translation": [10**400, 0, 0]}, "translation is not 3 numbers"),
        ({"size": "large"}, "size is not 3 numbers"),
        ({"rotation": [0, 0, 0, 0]}, "a box of f0: its heading"),
        ({"velocity": [float("inf"), 0]}, "a box of f0: its velocity"),
        ({"detection_score": 1.5}, "a box of f0: its score"),
        ({"detection_score": None}, "a box of f0: its score"),
        ({"detection_name": 3}, "detection_name is no text"),
    ],
)
def test_broken_values_are_refused_in_one_line(
    read: Callable[..., Any], broken: Box, complaint: str
) -> None:
    with pytest.raises(InputError, match=f"theirs.json: {complaint}.*; write it again") as caught:
        read(box(), box(**broken))
    assert "\n" not in str(caught.value)


def test_field_that_is_missing_is_named(read: Callable[..., Any]) -> None:
    lacking = box()
    del lacking["velocity"]
    for wrong in (lacking, "a box"):
        with pytest.raises(InputError, match=r"theirs\.json: a box of f0 has no "):
            read(wrong)


@pytest.mark.parametrize(
    ("name", "text", "complaint"),
    [
        ("missing.json", None, "missing; correct import_labels.file"),
        ("broken.json", "{", "not valid JSON"),
        ("deep.json", "[" * 200_000, "not valid JSON"),
        ("empty.json", '{"results": {}}', "it names no keyframe of the data set; correct import"),
        ("other.json", '{"results": {"x": []}}', "it names no keyframe of the data set"),
        ("list.json", "[]", "no nuScenes result file"),
        ("boxes.json", '{"results": {"f0": 1}}', "sample f0 has no list of boxes"),
        ("missing.parquet", None, "missing; correct import_labels.file"),
        ("text.parquet", "text", "no table of Boxes3D"),
    ],
)
def test_wrong_file_is_one_line(
    tmp_path: Path, frames: Frames, taxonomy: Taxonomy, name: str, text: str | None, complaint: str
) -> None:
    path = tmp_path / name
    if text is not None:
        path.write_text(text)
    with pytest.raises(InputError, match=f"{name}: .*{complaint}") as caught:
        read_labels(path, frames, taxonomy)
    assert "\n" not in str(caught.value)


def test_own_tables_as_a_file_or_a_folder(
    tmp_path: Path, frames: Frames, taxonomy: Taxonomy, make_boxes: MakeBoxes
) -> None:
    first = make_boxes([(1, 2)], sample_token=["f0"], yaw_rad=[0.3])
    second = make_boxes([(3, 4)], sample_token=["f1"])
    first.write(tmp_path / "own" / "a.parquet")
    second.write(tmp_path / "own" / "b.parquet")
    both = Boxes3D.concatenate([first, second])
    both.write(tmp_path / "all.parquet")
    for path in (tmp_path / "own", tmp_path / "all.parquet"):
        found = read_labels(path, frames, taxonomy)
        assert found.unused == NONE_LEFT_OUT
        for name in columns_of(Boxes3D):
            assert getattr(found.rows, name).tolist() == getattr(both, name).tolist()


def test_broken_table(
    tmp_path: Path, frames: Frames, taxonomy: Taxonomy, make_boxes: MakeBoxes
) -> None:
    path = tmp_path / "own.parquet"
    make_boxes([(1, 2)], sample_token=["f0"]).write(path)
    rows = pq.read_table(path)
    broken = pa.array([-1.0])
    pq.write_table(rows.set_column(rows.column_names.index("width_m"), "width_m", broken), path)
    with pytest.raises(InputError, match=r"own\.parquet: a box of f0: its size"):
        read_labels(path, frames, taxonomy)
