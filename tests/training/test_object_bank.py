import pickle
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from cm3d.detectors.protocol import Needs
from cm3d.errors import InputError
from cm3d.geometry.cuboids import points_in_boxes
from cm3d.sensors.card import Sensors
from cm3d.training.frames import TrainingFrame, load_points, to_sensor
from cm3d.training.object_bank import MappedBank, ObjectBank, build_bank

TURNED = (np.cos(0.5), 0, 0, np.sin(0.5), 100.0, 200.0, 0.0)


@pytest.fixture
def frames(make_boxes: Callable, make_frame: Callable) -> list[TrainingFrame]:
    """Three frames, one of them without boxes, and the first once more."""
    first = make_boxes("a", ("car", 4.0, 5.0, 0.3), ("pedestrian", -5.0, 2.0, 1.0))
    second = make_boxes("bb", ("car", 96.0, 203.0, 2.0), ("bus", 105.0, 196.0, 0.0))
    one = make_frame(first, "a")
    return [one, make_frame(make_boxes("c"), "c"), make_frame(second, "bb", TURNED), one]


def _bank(
    frames: list, sensors: Sensors, needs: Needs, folder: Path | None = None, min_points: int = 5
) -> ObjectBank:
    return build_bank(frames, sensors=sensors, needs=needs, min_points=min_points, folder=folder)


def _same(first: ObjectBank, second: ObjectBank) -> None:
    assert first.class_names == second.class_names
    np.testing.assert_array_equal(first.offsets, second.offsets)
    np.testing.assert_array_equal(first.points, second.points)
    for name, column in vars(first.boxes).items():
        np.testing.assert_array_equal(column, getattr(second.boxes, name))


def test_objects_are_the_boxes_with_what_is_in_them(frames, sensors, needs) -> None:
    bank = _bank(frames, sensors, needs)
    assert bank.class_names == ("car", "pedestrian", "traffic_cone")
    assert bank.boxes.class_index.tolist() == [0, 1, 0]  # the bus is none of these classes
    row = 0
    for frame in (frames[0], frames[2]):
        boxes = to_sensor(frame.boxes, frame.global_SE3_lidar, needs.class_names)
        points = load_points(frame, sensors, needs)
        inside = points_in_boxes(points[:, :3].astype(float), boxes.cuboids)
        for box, mask in enumerate(inside):
            np.testing.assert_array_equal(bank.boxes.center_m[row], boxes.center_m[box])
            np.testing.assert_array_equal(bank.points_of(np.array([row])), points[mask])
            assert set(points[mask, 4]) == {np.float32(0), np.float32(0.05)}  # both sweeps
            row += 1
    assert row == len(bank)
    assert len(bank.points) == bank.offsets[-1] > 3 * 2 * 70


def test_points_of_several_objects_follow_each_other(frames, sensors, needs) -> None:
    bank = _bank(frames, sensors, needs)
    parts = [bank.points_of(np.array([row])) for row in (2, 0)]
    np.testing.assert_array_equal(bank.points_of(np.array([2, 0])), np.concatenate(parts))
    assert bank.points_of(np.array([], dtype=np.int64)).shape == (0, 5)


def test_rows_by_class(frames, sensors, needs) -> None:
    bank = _bank(frames, sensors, needs)
    assert [rows.tolist() for rows in bank.rows_by_class] == [[0, 2], [1], []]


def test_objects_with_few_points_are_left_out(frames, sensors, needs) -> None:
    counts = np.diff(_bank(frames, sensors, needs).offsets)
    most = _bank(frames, sensors, needs, min_points=int(counts.max()))
    np.testing.assert_array_equal(np.diff(most.offsets), counts[counts == counts.max()])
    none = _bank(frames, sensors, needs, min_points=10_000)
    assert len(none) == 0
    assert none.offsets.tolist() == [0]
    assert [len(rows) for rows in none.rows_by_class] == [0, 0, 0]


@pytest.mark.parametrize("min_points", [5, 10_000])
def test_a_bank_on_disk_is_the_same_and_mapped(
    frames, sensors, needs, tmp_path, min_points
) -> None:
    folder = tmp_path / "objects"
    kept = _bank(frames, sensors, needs, min_points=min_points)
    bank = _bank(frames, sensors, needs, folder, min_points)
    _same(bank, kept)
    assert isinstance(bank, MappedBank)
    assert isinstance(bank.points, np.memmap)
    assert isinstance(bank.boxes.center_m, np.memmap)
    again = _bank(frames[:1], sensors, needs, folder, min_points)  # over what was there
    _same(again, _bank(frames[:1], sensors, needs, min_points=min_points))


def test_other_processes_are_sent_the_folder_alone(frames, sensors, needs, tmp_path) -> None:
    bank = _bank(frames, sensors, needs, tmp_path / "objects")
    sent = pickle.dumps(bank)
    assert len(sent) < 1000 < bank.points.nbytes
    _same(pickle.loads(sent), bank)


def test_ignored_boxes_are_no_objects(frames, sensors, needs) -> None:
    weights = [[1.0, 0.0], None, [0.0, 0.0]]  # the pedestrian of the first, both of the third
    doubtful = [
        frame if weight is None else replace(frame, boxes=frame.boxes.replace(score=weight))
        for frame, weight in zip(frames[:3], weights, strict=True)
    ]
    bank = _bank(doubtful, sensors, needs)
    whole = _bank(frames, sensors, needs)
    assert bank.boxes.class_index.tolist() == [0]
    np.testing.assert_array_equal(bank.points, whole.points_of(np.array([0])))
    assert len(_bank(doubtful[2:], sensors, needs)) == 0


def test_objects_keep_their_weights(frames, sensors, needs, tmp_path) -> None:
    faint = replace(frames[0], boxes=frames[0].boxes.replace(score=[0.5, 0.75]))
    assert _bank([faint], sensors, needs, tmp_path / "objects").boxes.score.tolist() == [0.5, 0.75]


def test_no_frames_give_an_empty_bank(sensors, needs, tmp_path) -> None:
    assert len(_bank([], sensors, needs)) == 0
    assert len(_bank([], sensors, needs, tmp_path / "objects")) == 0


def test_a_folder_that_cannot_be_written_is_named(frames, sensors, needs, tmp_path) -> None:
    (tmp_path / "objects").write_text("a file where the folder should be")
    with pytest.raises(InputError, match="objects: cannot be written"):
        _bank(frames, sensors, needs, tmp_path / "objects")
