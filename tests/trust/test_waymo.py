"""Waymo segments that are damaged or incomplete: each refusal names the file and what to do."""

import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pytest

from cm3d.datasets.waymo import open_dataset
from cm3d.datasets.waymo.components import (
    CAMERA,
    CAMERA_CALIBRATION,
    CAMERA_IMAGE,
    LASER,
    LIDAR,
    LIDAR_BOX,
    LIDAR_CALIBRATION,
    LIDAR_POSE,
    SEGMENT,
    TIME,
    VEHICLE_POSE,
    Component,
)
from cm3d.params import load_params
from cm3d.taxonomy import Taxonomy, load_taxonomy
from stages.download import write_index
from tests.tiny_waymo import (
    TIMES_US,
    TRAIN,
    VAL,
    appended,
    open_waymo,
    path_of,
    rewrite,
    write_waymo,
)
from tests.trust.refusal import content_of, refuses

Break = Callable[[Path], None]
Change = Callable[[pa.Table], pa.Table]


@pytest.fixture(scope="session")
def sound(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("sound-waymo")
    write_waymo(root)
    return root


@pytest.fixture(scope="session")
def waymo(project: Path) -> Taxonomy:
    return load_taxonomy("waymo", project / "taxonomies")


@pytest.fixture
def root(sound: Path, tmp_path: Path) -> Path:
    shutil.copytree(sound, tmp_path / "waymo")
    return tmp_path / "waymo"


def removed(component: Component) -> Break:
    return lambda root: path_of(root, component).unlink()


def cut(component: Component, share: float) -> Break:
    def change(root: Path) -> None:
        path = path_of(root, component)
        content = path.read_bytes()
        path.write_bytes(content[: int(len(content) * share)])

    return change


def overwritten(component: Component) -> Break:
    """Zeros over the first half, as where a disk lost blocks; the end is whole."""

    def change(root: Path) -> None:
        path = path_of(root, component)
        content = path.read_bytes()
        path.write_bytes(bytes(len(content) // 2) + content[len(content) // 2 :])

    return change


def changed(component: Component, change: Change) -> Break:
    return lambda root: rewrite(path_of(root, component), change)


def dropped(key: str, value: int) -> Change:
    return lambda table: table.filter(pc.not_equal(table[key], value))


def with_column(component: Component, name: str, values: Callable[[list], list]) -> Change:
    """Values of a column, in its type unless they are of another."""
    column = component.column(name)

    def change(table: pa.Table) -> pa.Table:
        place = table.column_names.index(column)
        made = values(table[column].to_pylist())
        try:
            array = pa.array(made, table.schema.field(column).type)
        except (pa.ArrowException, TypeError):
            array = pa.array(made)
        return table.set_column(place, column, array)

    return change


def first(value: object) -> Callable[[list], list]:
    """Another value in the first row."""
    return lambda values: [value, *values[1:]]


def twice(table: pa.Table) -> pa.Table:
    return pa.concat_tables([table, table.slice(0, 1)])


def moved_to_other_split(root: Path) -> None:
    target = root / "validation" / LIDAR.folder / f"{TRAIN}.parquet"
    path_of(root, LIDAR).rename(target)


def copied_to_other_split(root: Path) -> None:
    for folder in (root / "training").iterdir():
        path = folder / f"{TRAIN}.parquet"
        shutil.copy(path, root / "validation" / folder.name)


def named_after_another(root: Path) -> None:
    shutil.copy(path_of(root, LIDAR, VAL), path_of(root, LIDAR))


def without_segments(root: Path) -> None:
    for split in ("training", "validation"):
        shutil.rmtree(root / split)


def a_folder(root: Path) -> None:
    path_of(root, LIDAR).unlink()
    path_of(root, LIDAR).mkdir()


POSE = "world_from_vehicle.transform"
IMAGE_1 = "range_image_return1"
LIDAR_FILE, POSE_FILE = f"lidar/{TRAIN}.parquet", f"lidar_pose/{TRAIN}.parquet"
SHOTS_FILE, BOXES_FILE = f"camera_image/{TRAIN}.parquet", f"lidar_box/{TRAIN}.parquet"
MIRROR = [-1.0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1]
LATER = TIMES_US[-1] + 100_000

CASES: dict[str, tuple[Break, tuple[str, ...]]] = {
    "no segment": (without_segments, ("no segment in training/COMPONENT", "WAYMO_ROOT")),
    **{
        f"no {component.folder}": (
            removed(component),
            (f"{component.folder}/{TRAIN}.parquet", "1 files of 1 segments are missing", "get"),
        )
        for component in (
            CAMERA_CALIBRATION,
            CAMERA_IMAGE,
            LIDAR,
            LIDAR_CALIBRATION,
            LIDAR_POSE,
            VEHICLE_POSE,
        )
    },
    "a component in the other split": (
        moved_to_other_split,
        (LIDAR_FILE, "that one lies in", "validation", "one split"),
    ),
    "a segment in both splits": (copied_to_other_split, (TRAIN, "lies in", "take it out of one")),
    "a file of another segment": (named_after_another, (LIDAR_FILE, f"segment '{VAL}'")),
    "a folder for a file": (a_folder, (LIDAR_FILE, "is a folder", "fetch")),
    **{
        f"{component.folder} cut short": (
            cut(component, 0.7),
            (f"{component.folder}/{TRAIN}.parquet", "not readable as Parquet", "fetch it again"),
        )
        for component in (LIDAR, LIDAR_POSE, LIDAR_BOX, CAMERA_IMAGE, VEHICLE_POSE)
    },
    "an empty file": (cut(LIDAR_CALIBRATION, 0), ("lidar_calibration", "not readable as Parquet")),
    "blocks of lidar lost": (overwritten(LIDAR), (LIDAR_FILE, "not readable as Parquet")),
    "a column missing": (
        changed(LIDAR, lambda table: table.drop_columns([LIDAR.column(f"{IMAGE_1}.shape")])),
        (LIDAR_FILE, "range_image_return1.shape' is missing", "(v2)"),
    ),
    "a column of another type": (
        changed(LIDAR_BOX, with_column(LIDAR_BOX, "type", lambda v: ["CAR"] * len(v))),
        (BOXES_FILE, "type'", "of type string, expected int8"),
    ),
    "a null where none may be": (
        changed(LIDAR_BOX, with_column(LIDAR_BOX, "box.heading", first(None))),
        (BOXES_FILE, "box.heading' has nulls"),
    ),
    "a pose that is null": (
        changed(VEHICLE_POSE, with_column(VEHICLE_POSE, POSE, first(None))),
        ("vehicle_pose", "not readable as Parquet", "size=16"),
    ),
    "a frame twice": (changed(VEHICLE_POSE, twice), ("vehicle_pose", "two rows have the key")),
    "a laser twice": (changed(LIDAR, twice), (LIDAR_FILE, "two rows", "laser_name 1")),
    "a box twice": (changed(LIDAR_BOX, twice), (BOXES_FILE, "two rows", "laser_object_id car")),
    "a frame without a pose": (
        changed(VEHICLE_POSE, dropped(TIME, TIMES_US[1])),
        (f"frame {TIMES_US[1]} has no row in vehicle_pose", "fetch both"),
    ),
    "boxes of another time": (
        changed(LIDAR_BOX, with_column(LIDAR_BOX, TIME, first(LATER))),
        (BOXES_FILE, f"frame {LATER} has no row in vehicle_pose"),
    ),
    "images of another time": (
        changed(CAMERA_IMAGE, with_column(CAMERA_IMAGE, TIME, first(LATER))),
        (SHOTS_FILE, f"frame {LATER} has no row in vehicle_pose"),
    ),
    "a laser without calibration": (
        changed(LIDAR_CALIBRATION, dropped(LASER, 2)),
        (LIDAR_FILE, "laser FRONT has no row in lidar_calibration"),
    ),
    "a camera without calibration": (
        changed(CAMERA_CALIBRATION, dropped(CAMERA, 4)),
        (SHOTS_FILE, "camera SIDE_LEFT has no camera_calibration"),
    ),
    "a sixth camera": (
        changed(CAMERA_CALIBRATION, with_column(CAMERA_CALIBRATION, CAMERA, first(6))),
        ("camera_calibration", "camera 6 is none of 1 to 5"),
    ),
    "no pose of pixels": (
        changed(LIDAR_POSE, dropped(TIME, TIMES_US[2])),
        (POSE_FILE, f"no row of frame {TIMES_US[2]}", "fetch it again"),
    ),
    "poses of fewer pixels": (
        changed(
            LIDAR_POSE,
            lambda table: with_column(LIDAR_POSE, f"{IMAGE_1}.shape", first([4, 8, 6]))(
                with_column(LIDAR_POSE, f"{IMAGE_1}.values", first([0.0] * 192))(table)
            ),
        ),
        (LIDAR_FILE, "4 x 16 pixels, lidar_pose has 4 x 8"),
    ),
    "a shape that is none of the values": (
        changed(LIDAR, with_column(LIDAR, f"{IMAGE_1}.shape", first([5, 16, 4]))),
        (LIDAR_FILE, "laser_name 1", "256 values of shape [5, 16, 4]"),
    ),
    "a negative shape": (
        changed(LIDAR, with_column(LIDAR, f"{IMAGE_1}.shape", first([-4, -16, 4]))),
        (LIDAR_FILE, "of shape [-4, -16, 4]"),
    ),
    "fewer beams than rows": (
        changed(
            LIDAR_CALIBRATION,
            with_column(LIDAR_CALIBRATION, "beam_inclination.values", first([0.0, 0.1])),
        ),
        (LIDAR_FILE, "laser TOP: 4 rows of pixels, lidar_calibration has 2 beams"),
    ),
    "a range that is infinite": (
        changed(LIDAR, with_column(LIDAR, f"{IMAGE_1}.values", first([np.inf] * 256))),
        (LIDAR_FILE, "laser TOP", "farther away, or nowhere"),
    ),
    "a mirrored pose": (
        changed(VEHICLE_POSE, with_column(VEHICLE_POSE, POSE, first(MIRROR))),
        ("vehicle_pose", f"frame_timestamp_micros {TIMES_US[0]}", "no rotation"),
    ),
    "a pose that is not finite": (
        changed(CAMERA_IMAGE, with_column(CAMERA_IMAGE, "pose.transform", first([np.nan] * 16))),
        (SHOTS_FILE, "camera_name 1", "no rotation"),
    ),
    "an unknown type of box": (
        changed(LIDAR_BOX, with_column(LIDAR_BOX, "type", first(9))),
        (BOXES_FILE, "type 9 is none of"),
    ),
    "an unknown level of difficulty": (
        changed(LIDAR_BOX, with_column(LIDAR_BOX, "difficulty_level.detection", first(7))),
        (BOXES_FILE, "difficulty_level.detection 7 is none of (0, 1, 2)", "fetch it again"),
    ),
    "a box without length": (
        changed(LIDAR_BOX, with_column(LIDAR_BOX, "box.size.x", first(0.0))),
        (BOXES_FILE, f"frame {TIMES_US[0]}: box 'car", "not above 0", "fetch it again"),
    ),
    "a box that is nowhere": (
        changed(LIDAR_BOX, with_column(LIDAR_BOX, "box.center.z", first(np.nan))),
        (BOXES_FILE, f"frame {TIMES_US[0]}: box 'car", "not finite"),
    ),
    "poses of pixels of another time": (
        changed(LIDAR_POSE, appended(TIME, LATER)),
        (POSE_FILE, f"frame {LATER} has no row in vehicle_pose"),
    ),
    "poses of pixels of a sixth laser": (
        changed(LIDAR_POSE, appended(LASER, 6)),
        (POSE_FILE, "laser 6 is none of", "fetch it again"),
    ),
    "points at the end of the world": (
        changed(LIDAR_POSE, with_column(LIDAR_POSE, f"{IMAGE_1}.values", first([3e38] * 384))),
        (LIDAR_FILE, f"frame {TIMES_US[0]}, laser TOP", "10000 m or farther", "lidar_pose"),
    ),
    "beams in degrees": (
        changed(
            LIDAR_CALIBRATION,
            with_column(LIDAR_CALIBRATION, "beam_inclination.values", first([-17.6, -5, 0, 2])),
        ),
        ("lidar_calibration", "laser TOP: beam_inclination is not in radians"),
    ),
    "beams from the highest down": (
        changed(
            LIDAR_CALIBRATION,
            with_column(LIDAR_CALIBRATION, "beam_inclination.values", first([0.1, 0, -0.1, -0.2])),
        ),
        ("lidar_calibration", "laser TOP", "from the lowest beam up", "fetch it again"),
    ),
    "a view that is upside down": (
        changed(
            LIDAR_CALIBRATION, with_column(LIDAR_CALIBRATION, "beam_inclination.max", first(-1.5))
        ),
        ("lidar_calibration", "laser TOP", "from the lowest beam up"),
    ),
    **{
        f"a camera whose {name} is {value}": (
            changed(CAMERA_CALIBRATION, with_column(CAMERA_CALIBRATION, name, first(value))),
            ("camera_calibration", "camera FRONT: f_u, f_v, width or height is not above 0"),
        )
        for name, value in (("intrinsic.f_u", -2000.0), ("width", 0), ("height", -5))
    },
    "rows of two segments": (
        changed(LIDAR, with_column(LIDAR, SEGMENT, first(VAL))),
        (LIDAR_FILE, f"rows of segment '{VAL}'"),
    ),
}


@pytest.mark.parametrize("name", CASES)
def test_a_damaged_segment(name: str, root: Path, tmp_path: Path, waymo: Taxonomy) -> None:
    damage, words = CASES[name]
    damage(root)
    refuses(lambda: write_index(open_waymo(root, waymo), tmp_path / "index", 1.0), *words)


def test_a_sound_segment(root: Path, tmp_path: Path, waymo: Taxonomy) -> None:
    counts = write_index(open_waymo(root, waymo), tmp_path / "index", 1.0)
    assert counts == {
        "scenes": 2,
        "frames": 6,
        "sweeps": 12,
        "cameras": 12,
        "ground_truth": 6,
        "bicycle_racks": 0,
    }


def test_files_beside_the_segments_do_not_matter(root: Path, waymo: Taxonomy) -> None:
    (root / "training" / LIDAR.folder / f"._{TRAIN}.parquet").write_bytes(b"of another system")
    (root / "testing" / LIDAR.folder).mkdir(parents=True)
    (root / "testing" / LIDAR.folder / "300.parquet").write_bytes(b"")
    assert open_waymo(root, waymo).scenes() == {"train": [TRAIN], "val": [VAL]}


@pytest.mark.parametrize("broken", [LIDAR, CAMERA_IMAGE])
def test_a_refused_segment_is_not_taken_for_a_finished_one(
    root: Path, waymo: Taxonomy, broken: Component
) -> None:
    path = path_of(root, broken)
    whole = path.read_bytes()
    overwritten(broken)(root)
    refuses(lambda: open_waymo(root, waymo), broken.folder)
    assert not any(name.endswith(f"{TRAIN}.json") for name in content_of(root / "cm3d"))
    path.write_bytes(whole)
    assert len(open_waymo(root, waymo).scene(TRAIN).frames) == 3


def test_fetching_is_refused(
    root: Path, tmp_path: Path, waymo: Taxonomy, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WAYMO_ROOT", str(root))
    params = load_params()
    dataset = params.dataset.model_copy(update={"name": "waymo", "fetch": True})
    params = params.model_copy(update={"dataset": dataset})
    refuses(lambda: open_dataset(params, waymo, tmp_path / "raw"), "dataset.fetch", "licence")
    assert not (tmp_path / "raw").exists()
