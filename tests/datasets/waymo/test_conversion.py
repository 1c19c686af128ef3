from pathlib import Path

import pytest

from cm3d.datasets.waymo.components import (
    CAMERA_IMAGE,
    LIDAR,
    LIDAR_BOX,
    LIDAR_POSE,
    VEHICLE_POSE,
)
from cm3d.datasets.waymo.conversion import Places, convert
from cm3d.datasets.waymo.reading import read_rows
from cm3d.datasets.waymo.segments import Segment, find_segments
from cm3d.taxonomy import Taxonomy
from tests.tiny_waymo import CAMERAS, TIMES_US, TRAIN, open_waymo, path_of, shuffle, write_waymo
from tests.trust.refusal import content_of


@pytest.fixture
def segments(tmp_path: Path) -> dict[str, Segment]:
    write_waymo(tmp_path / "waymo")
    return {segment.name: segment for segment in find_segments(tmp_path / "waymo")}


def times_of(folder: Path) -> dict[str, int]:
    return {str(path): path.stat().st_mtime_ns for path in folder.rglob("*.*")}


def test_what_is_converted_is_left_alone(tmp_path: Path, segments: dict[str, Segment]) -> None:
    places = Places(tmp_path / "out")
    assert convert(TRAIN, segments, places) == []
    written = times_of(tmp_path / "out")
    assert len(written) == len(TIMES_US) * (1 + len(CAMERAS)) + 1
    assert convert(TRAIN, segments, places) == []
    assert times_of(tmp_path / "out") == written


@pytest.mark.parametrize("damage", ["lost", "cut short", "no mark", "damaged mark"])
def test_what_was_damaged_is_made_again(
    tmp_path: Path, segments: dict[str, Segment], damage: str
) -> None:
    places = Places(tmp_path / "out")
    convert(TRAIN, segments, places)
    whole = content_of(tmp_path / "out")
    cloud, mark = tmp_path / "out" / places.lidar(TRAIN, TIMES_US[1]), places.mark(TRAIN)
    if damage == "lost":
        cloud.unlink()
    elif damage == "cut short":
        cloud.write_bytes(cloud.read_bytes()[:100])
    elif damage == "no mark":
        mark.unlink()
    else:
        mark.write_bytes(b"\0" * 100)
    assert content_of(tmp_path / "out") != whole
    convert(TRAIN, segments, places)
    assert content_of(tmp_path / "out") == whole


def test_another_state_of_the_data_is_converted_anew(
    tmp_path: Path, segments: dict[str, Segment]
) -> None:
    places = Places(tmp_path / "out")
    convert(TRAIN, segments, places)
    before = times_of(tmp_path / "out")
    shuffle(segments[TRAIN].path(LIDAR))
    convert(TRAIN, segments, places)
    after = times_of(tmp_path / "out")
    assert after.keys() == before.keys()
    assert all(after[path] > before[path] for path in before)


def test_rows_in_any_order_give_the_same(tmp_path: Path, taxonomy: Taxonomy) -> None:
    """Nothing is joined by position: each file is shuffled by itself."""
    found = {}
    for kind in ("ordered", "shuffled"):
        root = tmp_path / kind
        write_waymo(root)
        if kind == "shuffled":
            for component in (LIDAR, LIDAR_POSE, LIDAR_BOX, CAMERA_IMAGE, VEHICLE_POSE):
                before = path_of(root, component).read_bytes()
                shuffle(path_of(root, component))
                assert path_of(root, component).read_bytes() != before
        data = open_waymo(root, taxonomy, places=Places(tmp_path / kind / "out"))
        scene = data.scene(TRAIN)
        files = content_of(root / "out")
        found[kind] = (
            {name: content for name, content in files.items() if not name.endswith(".json")},
            scene.cameras.global_SE3_camera.tolist(),
            scene.ground_truth.center_m.tolist(),
        )
    assert found["shuffled"] == found["ordered"]


def test_only_the_columns_that_are_wanted_are_read(segments: dict[str, Segment]) -> None:
    """Pixels that a disk lost do not matter to who asks for poses."""
    path = segments[TRAIN].path(CAMERA_IMAGE)
    content = bytearray(path.read_bytes())
    start = content.index(b"\xff\xd8\xff")  # JPEGs are not compressed any further
    content[start : start + 200] = bytes(200)
    path.write_bytes(content)
    rows = read_rows(segments[TRAIN], CAMERA_IMAGE, ["pose.transform"])
    assert rows["pose.transform"].shape == (len(TIMES_US) * len(CAMERAS), 16)
