from pathlib import Path
from typing import Any

import numpy as np
import pytest

from cm3d.tables.waymo_objects import WaymoObjects, decode, encode, read_objects, write_objects

# An object written by hand: label (box, type 2, points 300), score 0.25, drive "ab", time 7.
BOX = "".join(
    f"{number << 3 | 1:02x}" + np.float64(value).tobytes().hex()
    for number, value in ((1, 1), (2, 2), (3, 3), (4, 0.5), (5, 4), (6, 1.5), (7, -0.25))
)
LABEL = f"0a 3f {BOX} 18 02 38 ac 02"
OBJECT = f"0a 46 {LABEL} 15 0000803e 22 02 6162 28 07"
FILE = bytes.fromhex(f"0a 53 {OBJECT}")


def objects(count: int, **columns: Any) -> WaymoObjects:
    rng = np.random.default_rng(0)
    values = {
        "context_name": [f"drive {row % 3}" for row in range(count)],
        "timestamp_us": rng.integers(0, 2**50, count),
        "camera": np.zeros(count),
        "type": rng.integers(0, 5, count),
        "object_id": ["a"] * count,
        "score": rng.random(count, dtype=np.float32),
        "overlaps_nlz": rng.random(count) < 0.5,
        "difficulty": rng.integers(0, 3, count),
        "num_lidar_points": rng.integers(0, 5000, count),
        "center_m": rng.normal(0, 50, (count, 3)),
        "length_m": rng.uniform(0, 9, count),
        "width_m": rng.uniform(0, 9, count),
        "height_m": rng.uniform(0, 9, count),
        "yaw_rad": rng.normal(0, 3, count),
    }
    return WaymoObjects.from_columns(**values | columns)


def assert_same(first: WaymoObjects, second: WaymoObjects) -> None:
    for name in WaymoObjects.schema().names:
        assert getattr(first, name).tolist() == getattr(second, name).tolist(), name


def test_an_object_by_hand_is_read() -> None:
    found = decode(FILE)
    assert len(found) == 1
    assert found.context_name[0] == "ab"
    assert (found.timestamp_us[0], found.type[0], found.num_lidar_points[0]) == (7, 2, 300)
    assert (found.score[0], found.overlaps_nlz[0], found.difficulty[0]) == (0.25, False, 0)
    assert found.center_m[0].tolist() == [1, 2, 3]
    sides = (found.length_m[0], found.width_m[0], found.height_m[0], found.yaw_rad[0])
    assert sides == (4, 0.5, 1.5, -0.25)


def test_an_object_is_written_as_by_hand() -> None:
    assert encode(decode(FILE)) == FILE


def test_a_score_that_is_not_there_is_1_and_other_fields_are_passed_over() -> None:
    """A zone without labels (field 2 of the file), speeds (2 of the label), a synced box (12)."""
    label = f"{LABEL} 12 09 09 0000000000000000 62 00"
    size = len(bytes.fromhex(label))
    content = f"0a {size + 2:02x} 0a {size:02x} {label} 12 02 0a 00"
    assert decode(bytes.fromhex(content)).score.tolist() == [1]


@pytest.mark.parametrize("count", [0, 1, 500])
def test_what_is_written_is_read(count: int, tmp_path: Path) -> None:
    path = tmp_path / "objects.bin"
    ids = np.array(["", "a", "größer"] * count, dtype=object)[:count]
    written = objects(count, object_id=ids, camera=np.arange(count) % 6)
    write_objects(path, written)
    assert_same(read_objects(path), written)


def test_large_files_are_written_in_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    whole = encode(objects(7))
    monkeypatch.setattr("cm3d.tables.waymo_objects._CHUNK", 3)
    assert encode(objects(7)) == whole
