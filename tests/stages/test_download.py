"""What `download` refuses of a data set: a user's own and one in nuScenes' format."""

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from cm3d.datasets.keyframes import Box, Drives, Image, Keyframe
from cm3d.datasets.nuscenes import CARD, NuScenes
from cm3d.errors import InputError
from cm3d.geometry.se3 import SE3
from cm3d.taxonomy import Taxonomy
from stages.download import write_index
from tests.datasets.conftest import VERSION, database
from tests.own_data import CAR, write_own_data

__all__ = ["database"]

Make = Callable[..., Drives]

CARD_OF_FOUR = CARD.model_copy(
    update={"lidar": CARD.lidar.model_copy(update={"columns": ("x", "y", "z", "intensity")})}
)
PINHOLE = [[100.0, 0, 100], [0, 100, 50], [0, 0, 1]]
HERE = [1.0, 0, 0, 0, 0, 0, 0]
NO_POSES = [[0.0] * 7, [1.0] * 6, [1, 0, 0, 0, 0, 0, float("nan")], ["a"] * 7, None]


@pytest.fixture
def make(tmp_path: Path) -> Make:
    """Two drives of three keyframes; the second keyframe of drive_1 is changed as given."""
    write_own_data(tmp_path / "mine")

    def keyframe(drive: str, number: int, **changes: Any) -> Keyframe:
        ego, lidar, camera = (
            changes.pop(f"{name}_pose", HERE) for name in ("ego", "lidar", "camera")
        )
        image = {"channel": "front", "path": f"{drive}/front/{number}.jpg"}
        image |= {"width_px": 200, "height_px": 100, "intrinsics_px": PINHOLE}
        image |= {"global_SE3_camera": SE3.from_pose(camera), **changes.pop("image", {})}
        car = {"class_name": "car", "instance": "a", "center_m": [0, 12, 0.8], "yaw_rad": 0, **CAR}
        values = {
            "token": f"{drive}-{number}",
            "timestamp_us": number * 100_000,
            "global_SE3_ego": SE3.from_pose(ego),
            "lidar_path": f"{drive}/lidar/{number}.bin",
            "global_SE3_lidar": SE3.from_pose(lidar),
            "images": [Image(**image)],
            "boxes": [Box(**car | changes.pop("box", {}))],
        }
        return Keyframe(**values | changes)

    def drives(names: tuple[str, ...] = ("drive_1", "drive_2"), **changes: Any) -> Drives:
        keyframes = {n: [keyframe(n, i) for i in range(3)] for n in ("drive_1", "drive_2")}
        keyframes["drive_1"][1] = keyframe("drive_1", 1, **changes)
        splits = dict.fromkeys(names, "train")
        renamed = dict(zip(names, keyframes.values(), strict=True))
        return Drives(tmp_path / "mine", CARD_OF_FOUR, 2, splits, renamed)

    return drives


@contextmanager
def refused(says: str) -> Iterator[None]:
    with pytest.raises(InputError, match=says) as caught:
        yield
    assert "\n" not in str(caught.value)


def test_sound_drives_are_indexed(make: Make, tmp_path: Path) -> None:
    counts = write_index(make(), tmp_path / "index", 1.0)
    assert (counts["scenes"], counts["frames"], counts["cameras"]) == (2, 6, 6)


@pytest.mark.parametrize("pose", NO_POSES)
@pytest.mark.parametrize(
    ("which", "sensor"),
    [("ego_pose", "ego vehicle"), ("lidar_pose", "LiDAR"), ("camera_pose", "camera front")],
)
def test_poses(make: Make, tmp_path: Path, which: str, sensor: str, pose: object) -> None:
    with refused(f"^scene drive_1, keyframe drive_1-1, {sensor}: its pose is no finite .*correct"):
        write_index(make(**{which: pose}), tmp_path, 1.0)


@pytest.mark.parametrize(
    "intrinsics_px",
    [
        [[float("nan"), 0, 100], [0, 100, 50], [0, 0, 1]],
        [[0, 0, 100], [0, 100, 50], [0, 0, 1]],
        [[100, 0, 100], [0, -100, 50], [0, 0, 1]],
        np.transpose(PINHOLE),
        PINHOLE[:2],
        [[1, 2], [3]],
        [100.0, 100, 100, 50],
        "wide",
    ],
)
def test_intrinsics(make: Make, tmp_path: Path, intrinsics_px: object) -> None:
    with refused("^scene drive_1, keyframe drive_1-1, camera front: its intrinsics .*correct them"):
        write_index(make(image={"intrinsics_px": intrinsics_px}), tmp_path, 1.0)


@pytest.mark.parametrize(
    "box",
    [
        {"center_m": [float("nan"), 0, 0]},
        {"center_m": [1, 2]},
        {"width_m": 0},
        {"length_m": -4},
        {"height_m": float("inf")},
        {"height_m": [1, 2]},
        {"yaw_rad": None},
    ],
)
def test_boxes(make: Make, tmp_path: Path, box: dict[str, object]) -> None:
    with refused("^scene drive_1, keyframe drive_1-1, box of class car: its centre, sides > 0 .*"):
        write_index(make(box=box), tmp_path, 1.0)


@pytest.mark.parametrize("size", [{"width_px": 0}, {"height_px": -1}])
def test_images_without_a_size(make: Make, tmp_path: Path, size: dict[str, int]) -> None:
    with refused("^scene drive_1, keyframe drive_1-1, camera front: its image has no width"):
        write_index(make(image=size), tmp_path, 1.0)


def test_numbers_that_are_none_name_the_scene(make: Make, tmp_path: Path) -> None:
    with refused("^scene drive_1: column 'width_px', row 1: None is no number; correct it"):
        write_index(make(image={"width_px": None}), tmp_path, 1.0)


@pytest.mark.parametrize("timestamp_us", [0, -5, 200_000])
def test_times_ascend_strictly(make: Make, tmp_path: Path, timestamp_us: int) -> None:
    with refused(r"^scene drive_1, keyframe drive_1-\d, LiDAR: its timestamp is not after"):
        write_index(make(timestamp_us=timestamp_us), tmp_path, 1.0)


@pytest.mark.parametrize("name", ["", ".", "..", "a/b", "a\\b", "a\nb", ".hidden", "a" * 300])
def test_names_of_files(make: Make, tmp_path: Path, name: str) -> None:
    with refused("^scene '.*': not a name of letters, digits"):
        write_index(make(names=(name, "drive_2")), tmp_path, 1.0)


def test_tokens_are_of_one_scene(make: Make, tmp_path: Path) -> None:
    with refused("^scene drive_2: its keyframe 'drive_2-0' is one of scene drive_1 too; give each"):
        write_index(make(token="drive_2-0"), tmp_path / "index", 1.0)


def test_splits_and_scenes(make: Make, tmp_path: Path) -> None:
    sound = make()
    with refused("^scene 'drive_2': its split is 'test'; make it train or val"):
        write_index(_with(sound, {"drive_1": "train", "drive_2": "test"}), tmp_path, 1.0)
    with refused("^the data set has no scene; give it one of split train or val"):
        write_index(_with(sound, {}), tmp_path, 1.0)
    empty = Drives(sound.root, sound.card, 2, sound.splits, {**sound.keyframes, "drive_1": []})
    with refused("^scene drive_1: it has no keyframes; give it some or leave it out"):
        write_index(empty, tmp_path, 1.0)


def _with(drives: Drives, splits: dict[str, str]) -> Drives:
    keyframes = {name: drives.keyframes[name] for name in splits}
    return Drives(drives.root, drives.card, drives.past_sweeps, splits, keyframes)


def test_the_declared_size_is_the_files(make: Make, tmp_path: Path) -> None:
    drives = make()
    (tmp_path / "mine/drive_1/front/0.jpg").write_bytes(
        (tmp_path / "mine/drive_1/front/0.jpg").read_bytes()[:10]
    )
    with refused(r"front/0\.jpg: not a readable image"):
        write_index(drives, tmp_path / "index", 1.0)
    first = drives.keyframes["drive_2"][0]
    image = Image("front", "drive_2/front/0.jpg", 100, 50, np.array(PINHOLE), SE3.identity())
    other = Keyframe(**{**vars(first), "images": [image]})
    keyframes = {"drive_2": [other, *drives.keyframes["drive_2"][1:]]}
    drives = Drives(drives.root, drives.card, 2, {"drive_2": "val"}, keyframes)
    says = (
        r"front/0\.jpg: 200 x 100 px, but scene drive_2 has 100 x 50 px for camera front; correct"
    )
    with refused(says):
        write_index(drives, tmp_path / "index", 1.0)


def _change(root: Path, table: str, **values: object) -> None:
    path = root / VERSION / f"{table}.json"
    rows = json.loads(path.read_text())
    for row in rows:
        row.update({name: value for name, value in values.items() if row.get(name)})
    path.write_text(json.dumps(rows))


@pytest.mark.parametrize(
    ("table", "values", "says"),
    [
        ("ego_pose", {"rotation": [0, 0, 0, 0]}, "rotation is"),
        ("calibrated_sensor", {"translation": [0, 0]}, "translation is"),
        ("calibrated_sensor", {"camera_intrinsic": [[1, 0], [0, 1]]}, "camera_intrinsic is"),
        ("sample_annotation", {"size": [1.8, 0, 1.5]}, "size is"),
    ],
)
def test_nuscenes(
    database: Path, tmp_path: Path, taxonomy: Taxonomy, table: str, values: Any, says: str
) -> None:
    _change(database, table, **values)
    with refused(rf"/{table}\.json: record '.*': {says}"):
        write_index(NuScenes(database, VERSION, 2, taxonomy), tmp_path / "index", 1.0)


def test_a_scene_of_two_splits(database: Path, tmp_path: Path, taxonomy: Taxonomy) -> None:
    splits = {"train": ["scene-0001"], "val": ["scene-0001"]}
    (database / VERSION / "splits.json").write_text(json.dumps(splits))
    with refused(r"splits\.json: scene 'scene-0001' is in train and in val"):
        write_index(NuScenes(database, VERSION, 2, taxonomy), tmp_path / "index", 1.0)
