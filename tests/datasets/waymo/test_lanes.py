"""Lanes from v1 files: bytes and headings by hand, then a whole data set."""

import struct
from pathlib import Path

import numpy as np
import pytest

from cm3d.datasets.waymo import Waymo
from cm3d.datasets.waymo.lanes import find_files, index_lanes, open_map
from cm3d.tables import Frames, Lanes
from cm3d.taxonomy import Taxonomy, load_taxonomy
from stages.download import write_index
from tests.tiny_waymo import TRAIN, VAL, global_SE3_vehicle, open_waymo, write_waymo
from tests.waymo_v1 import BIKE_LANE, FREEWAY, Lane, record, write_v1

STEP_M = 1.0


def with_map(data: Waymo) -> Waymo:
    """The same with what `open_dataset` finds in `v1`."""
    files = find_files(data.root, data.segments)
    found = {name: open_map(name, files, STEP_M) for name in files}
    return Waymo(
        data.segments,
        data.places,
        data.past_sweeps,
        data.taxonomy,
        data.left_out,
        map_files=found,
    )


def test_bytes_by_hand(tmp_path: Path) -> None:
    """A lane of 2 m to the east, then 1 m to the north, in a map that is 100 m, 200 m off."""

    def point(x: float, y: float) -> bytes:
        return b"\x09" + struct.pack("<d", x) + b"\x11" + struct.pack("<d", y)

    points = b"".join(b"\x42\x12" + point(*xy) for xy in ((110, 220), (112, 220), (112, 221)))
    lane = b"\x10\x02" + points  # type 2: a surface street
    feature = b"\x08\xac\x02" + b"\x1a" + bytes([len(lane)]) + lane  # number 300
    frame = b"\x0a\x04\x0a\x02ab" + b"\x52" + bytes([len(feature)]) + feature
    frame += b"\x5a\x12" + point(100, 200)
    path = tmp_path / "segment-ab.tfrecord"
    path.write_bytes(record(frame))
    lanes = index_lanes(path, "ab", STEP_M)
    assert lanes.lane_token.tolist() == ["300"] * 4
    assert lanes.kind.tolist() == ["lane"] * 4
    assert lanes.point_index.tolist() == [0, 1, 2, 3]
    np.testing.assert_array_equal(lanes.position_m, [[10, 20], [11, 20], [12, 20], [12, 21]])
    np.testing.assert_allclose(lanes.yaw_rad, [0, 0, np.pi / 2, np.pi / 2])


def lanes_of(tmp_path: Path, *given: Lane) -> Lanes:
    return index_lanes(write_v1(tmp_path, TRAIN, given, (0, 0, 0)), TRAIN, STEP_M)


def test_only_lanes_of_vehicles(tmp_path: Path) -> None:
    line = [(0.0, 0.0, 0.0), (1.0, 0.0, 0.0)]
    lanes = lanes_of(
        tmp_path,
        Lane(1, line, FREEWAY),
        Lane(2, line, BIKE_LANE),
        Lane(3, line, None),
        Lane(4, line, interpolates=True),
    )
    assert lanes.lane_token.tolist() == ["1", "1", "4", "4"]
    assert lanes.kind.tolist() == ["lane"] * 2 + ["lane_connector"] * 2


@pytest.mark.parametrize("end_m", [0.3, 2.0, 2.5])
def test_points_are_at_most_a_step_apart(tmp_path: Path, end_m: float) -> None:
    """Wherever Waymo has its points, here every 0.1 m; the end of a lane is one."""
    line = [(0.0, at, 5.0) for at in np.arange(0, end_m + 0.05, 0.1).tolist()]
    lanes = lanes_of(tmp_path, Lane(1, line))
    assert len(lanes) == np.ceil(end_m / STEP_M) + 1
    gaps_m = np.diff(lanes.position_m[:, 1])
    np.testing.assert_allclose(gaps_m, end_m / (len(lanes) - 1))
    np.testing.assert_allclose(lanes.yaw_rad, np.pi / 2)


def test_a_point_that_stands_there_twice_has_no_heading(tmp_path: Path) -> None:
    line = [(0.0, 0.0, 0.0), (0.0, 0.0, 1.0), (-1.0, 0.0, 0.0), (-1.0, 1e-9, 0.0)]
    lanes = lanes_of(tmp_path, Lane(1, line), Lane(2, line[:2]), Lane(3, []))
    assert lanes.lane_token.tolist() == ["1", "1"]
    np.testing.assert_allclose(lanes.yaw_rad, np.pi)


def test_the_index_of_a_segment_with_lanes_and_of_one_without(
    tmp_path: Path, project: Path
) -> None:
    """The car follows a lane: where it stands, its nearest lane heads as it does."""
    three: Taxonomy = load_taxonomy("waymo", project / "taxonomies")
    root = tmp_path / "waymo"
    write_waymo(root)
    offset_m = np.array([0.3, -0.2, 1.0])
    line = [global_SE3_vehicle(index).translation_m + offset_m for index in range(-5, 5)]
    write_v1(root, TRAIN, [Lane(7, [tuple(xyz) for xyz in line])], offset_m)
    write_v1(root, VAL, [], (0, 0, 0))
    data = with_map(open_waymo(root, three))
    (note,) = data.notes([])
    assert note.startswith("1 of 2 segments have no file with lanes in v1")
    assert VAL in note
    index = tmp_path / "index"
    write_index(data, index, STEP_M)
    frames = {n: Frames.read(index / "frames" / f"{n}.parquet") for n in (TRAIN, VAL)}
    assert set(frames[TRAIN].location) == {TRAIN}
    assert set(frames[VAL].location) == {""}
    assert [path.stem for path in (index / "lanes").iterdir()] == [TRAIN]
    lanes = Lanes.read(index / "lanes" / f"{TRAIN}.parquet")
    np.testing.assert_allclose(lanes.yaw_rad, 0.3, atol=1e-6)
    for xy_m in frames[TRAIN].global_SE3_ego[:, 4:6]:
        assert np.linalg.norm(lanes.position_m - xy_m, axis=1).min() < STEP_M / 2


def test_files_in_any_folder_by_any_name_of_waymo(tmp_path: Path) -> None:
    files = {
        "a_1": "segment-a_1_with_camera_labels.tfrecord",
        "b_2": "training_0003/segment-b_2.tfrecord",
        "c_3": "individual_files_validation_segment-c_3_with_camera_labels.tfrecord",
    }
    for file in (*files.values(), "segment-a_10_with_camera_labels.tfrecord"):
        path = tmp_path / "v1" / file
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"")
    expected = {name: tmp_path / "v1" / file for name, file in files.items()}
    assert find_files(tmp_path, files) == expected


def test_without_the_folder(tmp_path: Path) -> None:
    assert find_files(tmp_path, ["a_1"]) == {}
