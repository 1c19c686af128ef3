"""Our own Parquet files, changed by somebody: what reads them names file, row, column, value."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from pycocotools import mask as coco_mask

from cm3d.datasets import nuscenes
from cm3d.evaluation.masks import measure_scene
from cm3d.segment.common.scene import encode
from cm3d.sensors.card import Sensors, read_card
from cm3d.tables import (
    Boxes2D,
    Boxes3D,
    Cameras,
    Explanations,
    Frames,
    GroundTruth,
    Lanes,
    Masks,
    Sweeps,
    Table,
    layout,
    read_scenes,
)
from cm3d.tables.map_areas import MapAreas
from cm3d.tables.parquet import VERSION_KEY, read_texts
from tests.trust.refusal import NO_FILES, content_of, of_other_systems, refuses

NAN, INF = float("nan"), float("inf")
SCENE = "scene-1"
TOKENS = ["f", "g"]
POSE = [1.0, 0, 0, 0, 0, 0, 0]
CAMERA = dict(height_px=90, width_px=160)
EMPTY_MASK = coco_mask.encode(np.zeros((90, 160), dtype=np.uint8, order="F"))["counts"]
BOX3D = dict(
    sample_token=TOKENS,
    class_name=["car", "bus"],
    score=[0.5, 0.25],
    center_m=[[1.0, 2, 3], [4, 5, 6]],
    length_m=[4.0, 8],
    width_m=[2.0, 2],
    height_m=[1.5, 3],
    yaw_rad=[0.0, 1],
    velocity_mps=[[1.0, 2], [NAN, NAN]],
    attribute_name=["", ""],
)
SOUND: dict[type[Table], tuple[str, dict[str, Any]]] = {
    Frames: (
        "index/frames",
        dict(
            sample_token=TOKENS,
            scene_name=[SCENE] * 2,
            timestamp_us=[1_500_000_000_000_000, 1_500_000_000_500_000],
            split=["train"] * 2,
            location=["town"] * 2,
            global_SE3_ego=[POSE] * 2,
        ),
    ),
    Sweeps: (
        "index/sweeps",
        dict(
            sample_token=TOKENS,
            sweep_index=[0, 0],
            path=["lidar/f.bin", "lidar/g.bin"],
            time_lag_s=[0.0, 0],
            global_SE3_lidar=[POSE] * 2,
        ),
    ),
    Cameras: (
        "index/cameras",
        dict(
            camera_token=["c", "d"],
            sample_token=TOKENS,
            channel=["front"] * 2,
            path=["front/f.jpg", "front/g.jpg"],
            width_px=[160] * 2,
            height_px=[90] * 2,
            intrinsics_px=[[100.0, 0, 80, 0, 100, 45, 0, 0, 1]] * 2,
            global_SE3_camera=[POSE] * 2,
        ),
    ),
    GroundTruth: (
        "index/ground_truth",
        dict(
            **BOX3D,
            instance_token=["i", "j"],
            num_lidar_points=[3, 4],
            num_radar_points=[0, 0],
            visibility=[4, 0],
        ),
    ),
    Lanes: (
        "index/lanes",
        dict(
            lane_token=["l", "l"],
            point_index=[0, 1],
            kind=["lane"] * 2,
            position_m=[[0.0, 0], [1, 0]],
            yaw_rad=[0.0, 0],
        ),
    ),
    MapAreas: (
        "index/map_areas",
        dict(
            shape_index=[0, 0],
            ring_index=[0, 0],
            point_index=[0, 1],
            class_name=["divider"] * 2,
            position_m=[[0.0, 0], [1, 0]],
        ),
    ),
    Boxes2D: (
        "boxes2d",
        dict(
            camera_token=["c", "d"],
            detection_id=[0, 1],
            class_name=["car"] * 2,
            score=[0.5, 0.25],
            box_px=[[1.0, 2, 3, 4]] * 2,
        ),
    ),
    Masks: (
        "masks",
        dict(
            camera_token=["c", "d"],
            sample_token=TOKENS,
            detection_id=[0, 1],
            class_name=["car"] * 2,
            score=[0.5, 0.25],
            height_px=[90] * 2,
            width_px=[160] * 2,
            rle=[EMPTY_MASK] * 2,
        ),
    ),
    Boxes3D: ("lifted", BOX3D),
    Explanations: (
        "lift_explained",
        dict(
            sample_token=TOKENS,
            track=[0, -1],
            track_boxes=[1, 1],
            seen=[True, False],
            points=[4, 0],
            center_from=["fit"] * 2,
            heading_from=["lane"] * 2,
            front_from=["lane"] * 2,
            size_from=["class"] * 2,
            fit_cost=[0.5, NAN],
            mask_class=["car", ""],
            voted_class=["car"] * 2,
            voted_share=[1.0, 1],
            second_class=["", ""],
            second_share=[0.0, 0],
            mask_score=[0.5, NAN],
            fit_quality=[0.5, NAN],
            free_standing=[1.0, NAN],
            track_score=[0.5, NAN],
            class_factor=[1.0, 1],
            gap_factor=[1.0, 1],
            raw_score=[0.5, 0.5],
        ),
    ),
}
STAGES = {
    "index": "download",
    "boxes2d": "detect2d",
    "masks": "segment",
    "lifted": "lift",
    "lift_explained": "lift",
}


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A workspace with one sound file of each table."""
    root = tmp_path_factory.mktemp("workspace")
    for table, (folder, columns) in SOUND.items():
        table.from_columns(**columns).write(root / "data" / folder / f"{SCENE}.parquet")
    return root


@pytest.fixture
def file_of(made: Path, tmp_path: Path) -> Callable[[type[Table]], Path]:
    """A copy of a table's file that may be damaged, beside the index."""

    def copy(table: type[Table]) -> Path:
        for of in {table, Frames, Cameras}:
            path = Path("data") / SOUND[of][0] / f"{SCENE}.parquet"
            (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
            (tmp_path / path).write_bytes((made / path).read_bytes())
        return tmp_path / "data" / SOUND[table][0] / f"{SCENE}.parquet"

    return copy


FileOf = Callable[[type[Table]], Path]


def read_refuses(table: type[Table], path: Path, *words: str) -> None:
    before = content_of(path.parent)
    stage = STAGES[SOUND[table][0].split("/")[0]]
    refuses(lambda: table.read(path), str(path), f"dvc repro {stage}", *words)
    assert content_of(path.parent) == before


@pytest.mark.parametrize("table", SOUND)
def test_sound_files_pass(table: type[Table], file_of: FileOf) -> None:
    assert len(table.read(file_of(table))) == 2


def change(path: Path, column: str, value: object, row: int) -> None:
    """Put one value into a column, whatever the table's rules say of it."""
    stored = pq.read_table(path)
    values = stored[column].to_pylist()
    values[row] = value
    field = stored.schema.field(column)
    position = stored.column_names.index(column)
    changed = stored.set_column(position, field, pa.array(values, field.type))
    pq.write_table(changed, path)


# table, column, value of the second row, what the message must say of it
VALUES: list[tuple[type[Table], str, object, str]] = [
    (Frames, "sample_token", "", "''"),
    (Frames, "sample_token", "f", "repeats"),
    (Frames, "sample_token", None, "no value"),
    (Frames, "scene_name", "scene-2", "'scene-2' in the file of 'scene-1'"),
    (Frames, "scene_name", "../../etc", "letters, digits"),
    (Frames, "timestamp_us", 1, "before is not in (0, 60]"),
    (Frames, "timestamp_us", 1_500_000_000_000_000, "0 s after the keyframe before"),
    (Frames, "timestamp_us", 1_400_000_000_000_000, "after the keyframe before"),
    (Frames, "timestamp_us", -5, "-5 is not microseconds"),
    (Frames, "timestamp_us", 2**62, "before the year 2100"),
    (Frames, "timestamp_us", None, "no value"),
    (Frames, "split", "test", "'test' is not one of train, val"),
    (Frames, "split", "val", "'val' in the file of 'train'"),
    (Frames, "location", "../town", "'../town' is not a name"),
    (Frames, "location", "city", "'city' in the file of 'town'"),
    (Frames, "global_SE3_ego", [0.0] * 7, "unit quaternion"),
    (Frames, "global_SE3_ego", [2.0, *POSE[1:]], "unit quaternion"),
    (Frames, "global_SE3_ego", [NAN, *POSE[1:]], "unit quaternion"),
    (Frames, "global_SE3_ego", [*POSE[:6], INF], "inf"),
    (Frames, "global_SE3_ego", [*POSE[:6], 1e9], "within 1e8"),
    (Frames, "global_SE3_ego", [1e200, *POSE[1:]], "unit quaternion"),
    (Sweeps, "sample_token", "stranger", "'stranger' is not in"),
    (Sweeps, "sweep_index", -1, "-1 is not a count"),
    (Sweeps, "path", "/etc/passwd", "below the data set's root"),
    (Sweeps, "path", "../../secret.bin", "below the data set's root"),
    (Sweeps, "path", "a\0b", "below the data set's root"),
    (Sweeps, "path", "", "below the data set's root"),
    (Sweeps, "time_lag_s", -0.1, "-0.1 is not seconds in [0, 60]"),
    (Sweeps, "time_lag_s", 1e6, "seconds in [0, 60]"),
    (Sweeps, "time_lag_s", NAN, "nan is not seconds"),
    (Sweeps, "global_SE3_lidar", [0.5, *POSE[1:]], "unit quaternion"),
    (Cameras, "camera_token", "c", "repeats"),
    (Cameras, "sample_token", "stranger", "'stranger' is not in"),
    (Cameras, "path", "..", "below the data set's root"),
    (Cameras, "channel", "", "''"),
    (Cameras, "width_px", 0, "0 is not pixels"),
    (Cameras, "width_px", -160, "-160 is not pixels"),
    (Cameras, "height_px", 10**9, "pixels in [1, 100000]"),
    (Cameras, "intrinsics_px", [0.0] * 9, "fx, fy > 0"),
    (Cameras, "intrinsics_px", [-100.0, 0, 80, 0, 100, 45, 0, 0, 1], "fx, fy > 0"),
    (Cameras, "intrinsics_px", [1e-300, 0, 80, 0, 100, 45, 0, 0, 1], "fx, fy > 0"),
    (Cameras, "intrinsics_px", [100.0, 0, NAN, 0, 100, 45, 0, 0, 1], "nan"),
    (Cameras, "global_SE3_camera", [INF] * 7, "inf"),
    (GroundTruth, "num_lidar_points", -7, "-7 is not a count"),
    (GroundTruth, "num_radar_points", -1, "-1 is not a count"),
    (GroundTruth, "visibility", 9, "9 is not a level"),
    (GroundTruth, "height_m", -1.5, "-1.5 is not metres"),
    (Lanes, "position_m", [NAN, 0.0], "[nan, 0.0] is not metres"),
    (Lanes, "yaw_rad", INF, "inf is not radians"),
    (Lanes, "point_index", 0, "repeats"),
    (Lanes, "kind", "river", "'river' is not one of lane"),
    (MapAreas, "position_m", [NAN, 0.0], "[nan, 0.0] is not metres"),
    (MapAreas, "class_name", "lawn", "'lawn' is not one of drivable_area"),
    (MapAreas, "class_name", "walkway", "'walkway' is not its shape's"),
    (MapAreas, "point_index", 0, "repeats"),
    (MapAreas, "ring_index", 1, "1 is a hole, which no line has"),
    (Boxes2D, "camera_token", "stranger", "'stranger' is not in"),
    (Boxes2D, "detection_id", 0, "repeats"),
    (Boxes2D, "score", 1.5, "1.5 is not a share"),
    (Boxes2D, "score", NAN, "nan is not a share"),
    (Boxes2D, "box_px", [3.0, 2, 1, 4], "in order"),
    (Boxes2D, "box_px", [NAN, 2.0, 3, 4], "nan"),
    (Masks, "sample_token", "stranger", "'stranger' is not in"),
    (Masks, "camera_token", "stranger", "'stranger' is not in"),
    (Masks, "sample_token", "f", "'f' is not the keyframe of its camera_token"),
    (Masks, "rle", None, "no value"),
    (Masks, "rle", b"", "detection 1 do not fill 160 x 90 px"),
    (Masks, "rle", EMPTY_MASK[:-1], "detection 1 do not fill 160 x 90 px"),
    (Masks, "rle", EMPTY_MASK * 2, "detection 1 do not fill 160 x 90 px"),
    (Masks, "rle", b"\xff\xfe", "detection 1 do not fill 160 x 90 px"),
    (Masks, "height_px", 0, "0 is not pixels"),
    (Masks, "detection_id", 0, "repeats"),
    (Boxes3D, "sample_token", "stranger", "'stranger' is not in"),
    (Boxes3D, "class_name", None, "no value"),
    (Boxes3D, "score", -0.1, "-0.1 is not a share"),
    (Boxes3D, "score", INF, "inf is not a share"),
    (Boxes3D, "center_m", [NAN, 0.0, 0], "nan"),
    (Boxes3D, "center_m", [1e30, 0.0, 0], "metres in [-1e+08, 1e+08]"),
    (Boxes3D, "length_m", 0.0, "0.0 is not metres in [0.01, 1000]"),
    (Boxes3D, "width_m", NAN, "nan is not metres"),
    (Boxes3D, "height_m", 1e6, "1000000.0 is not metres"),
    (Boxes3D, "yaw_rad", NAN, "nan is not radians"),
    (Boxes3D, "yaw_rad", None, "no value"),
    (Boxes3D, "velocity_mps", [1e5, 0.0], "m/s in [-1000, 1000]"),
    (Explanations, "center_from", "guess", "'guess' is not one of medoid"),
    (Explanations, "voted_share", 2.0, "2.0 is not a share"),
    (Explanations, "points", -1, "-1 is not a count"),
    (Explanations, "raw_score", INF, "inf is not a number"),
]


@pytest.mark.parametrize(
    ("table", "column", "value", "says"),
    VALUES,
    ids=[f"{table.__name__}-{column}-{value}"[:60] for table, column, value, _ in VALUES],
)
def test_values(table: type[Table], column: str, value: object, says: str, file_of: FileOf) -> None:
    path = file_of(table)
    change(path, column, value, row=1)
    read_refuses(table, path, "row 1", f"column {column!r}" if "repeats" not in says else "", says)


def _renamed(stored: pa.Table) -> pa.Table:
    return stored.rename_columns(["scores" if n == "score" else n for n in stored.column_names])


def _cast(name: str, of_type: pa.DataType) -> Callable[[pa.Table], pa.Table]:
    def change(stored: pa.Table) -> pa.Table:
        position = stored.column_names.index(name)
        return stored.set_column(position, name, stored[name].cast(of_type))

    return change


def _version(text: bytes) -> Callable[[pa.Table], pa.Table]:
    return lambda stored: stored.replace_schema_metadata({VERSION_KEY: text})


SCHEMAS: list[tuple[str, Callable[[pa.Table], pa.Table], str]] = [
    ("column missing", lambda stored: stored.drop_columns(["yaw_rad"]), "'yaw_rad' is missing"),
    ("column renamed", _renamed, "'score' is missing"),
    ("column extra", lambda s: s.append_column("roll_rad", s["yaw_rad"]), "'roll_rad' is unknown"),
    ("column twice", lambda s: s.append_column("score", s["score"]), "twice"),
    ("numbers as text", _cast("score", pa.string()), "'score' is of type string"),
    ("float32", _cast("length_m", pa.float32()), "'length_m' is of type float, expected double"),
    ("tokens as bytes", _cast("sample_token", pa.binary()), "'sample_token' is of type binary"),
    ("lists of any length", _cast("center_m", pa.list_(pa.float64())), "'center_m' is of type"),
    ("a later version", _version(b"2"), "schema version 2, this code knows 1"),
    ("version zero", _version(b"0"), "schema version 0, this code knows 1"),
    ("a version that is none", _version(b"\xff"), "this code knows 1"),
]


@pytest.mark.parametrize(
    ("change", "says"), [row[1:] for row in SCHEMAS], ids=[row[0] for row in SCHEMAS]
)
def test_schemas(change: Callable[[pa.Table], pa.Table], says: str, file_of: FileOf) -> None:
    path = file_of(Boxes3D)
    pq.write_table(change(pq.read_table(path)), path)
    read_refuses(Boxes3D, path, says)


def test_rows_twice(file_of: FileOf) -> None:
    path = file_of(Boxes3D)
    stored = pq.read_table(path)
    pq.write_table(pa.concat_tables([stored, stored]), path)
    read_refuses(Boxes3D, path, "row 2", "repeats")


@pytest.mark.parametrize("table", [Frames, Cameras])
def test_tokens_that_two_scenes_share(table: type[Table], made: Path, tmp_path: Path) -> None:
    folder, (key,) = SOUND[table][0], table.key
    sound = table.read(made / "data" / folder / f"{SCENE}.parquet")
    changes = {"scene_name": ["scene-2"] * 2} if table is Frames else {}
    other = sound.replace(**changes, **{key: ["x", SOUND[table][1][key][1]]})
    for name, rows in ((SCENE, sound), ("scene-2", other)):
        rows.write(tmp_path / "data" / folder / f"{name}.parquet")
    refuses(
        lambda: read_scenes(table, tmp_path / "data" / folder, [SCENE, "scene-2"]),
        f"{folder}: scenes {SCENE} and scene-2 share the {key} {SOUND[table][1][key][1]!r}",
        "`dvc repro download`",
    )
    other.replace(**{key: ["x", "y"]}).write(tmp_path / "data" / folder / "scene-2.parquet")
    assert len(read_scenes(table, tmp_path / "data" / folder, [SCENE, "scene-2"])) == 4


def test_masks_of_another_shape_than_their_image(file_of: FileOf) -> None:
    path = file_of(Masks)
    masks = Masks.read(path)
    thumbnails = np.zeros((2, 45, 80), dtype=bool)
    masks.replace(height_px=[45] * 2, width_px=[80] * 2, rle=encode(thumbnails)).write(path)
    assert len(Masks.read(path)) == 2
    square = encode(np.zeros((1, 90, 90), dtype=bool))
    masks.replace(width_px=[160, 90], rle=[EMPTY_MASK, *square]).write(path)
    read_refuses(Masks, path, "row 1, column 'height_px': 90 is not that of its image in ")


def test_masks_of_no_detection(
    file_of: FileOf, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    for table in (Sweeps, Masks):
        file_of(table)
    change(file_of(Boxes2D), "detection_id", 7, row=1)
    frames = Frames.read(layout.FRAMES / f"{SCENE}.parquet")
    sensors = Sensors(layout.RAW, nuscenes.CARD.lidar)
    refuses(
        lambda: measure_scene(SCENE, layout.MASKS, frames, sensors),
        f"{layout.MASKS}/{SCENE}.parquet: row 1, column 'detection_id': 1 is no detection of ",
        f"{layout.BOXES2D}/{SCENE}.parquet; rebuild it with `dvc repro segment`",
    )


def test_no_keyframes(file_of: FileOf) -> None:
    path = file_of(Frames)
    pq.write_table(pq.read_table(path).slice(0, 0), path)
    read_refuses(Frames, path, "no keyframe")


CONTENTS: list[tuple[str, Callable[[bytes], bytes]]] = [
    ("cut", lambda whole: whole[:200]),
    ("its end lost", lambda whole: whole[:-1]),
    ("empty", lambda whole: b""),
    ("text", lambda whole: b"sample_token,score\nf,0.5\n"),
    ("zeros", lambda whole: bytes(len(whole))),
]


@pytest.mark.parametrize("damage", [row[1] for row in CONTENTS], ids=[row[0] for row in CONTENTS])
def test_damaged_files(damage: Callable[[bytes], bytes], file_of: FileOf) -> None:
    path = file_of(Boxes3D)
    path.write_bytes(damage(path.read_bytes()))
    read_refuses(Boxes3D, path, "not a readable Parquet file")


def read_paths(path: Path) -> object:
    return read_texts(path, "path")


@pytest.mark.parametrize("kind", NO_FILES)
@pytest.mark.parametrize("read", [Cameras.read, read_paths], ids=["table", "texts"])
def test_no_files(read: Callable[[Path], object], kind: str, tmp_path: Path) -> None:
    path = tmp_path / "data" / "index" / "cameras" / f"{SCENE}.parquet"
    path.parent.mkdir(parents=True)
    NO_FILES[kind](path)
    refuses(lambda: read(path), str(path), "dvc repro download")


def test_a_folder_of_tables_is_no_table(file_of: FileOf) -> None:
    path = file_of(Boxes3D)
    inner = path.read_bytes()
    path.unlink()
    path.mkdir()
    (path / "part.parquet").write_bytes(inner)
    read_refuses(Boxes3D, path, "is a folder, not a file; delete it")


@pytest.mark.parametrize(
    ("folder", "stage"),
    [
        ("data/predictions/finetune", "predict@finetune"),
        ("data/pseudo_labels", "fuse"),
        ("data/pseudo_labels_r2", "relabel_r2"),
        ("data/sam3d", "sam3d"),
        ("data/imported", "import"),
        ("data/index/bicycle_racks", "download"),
    ],
)
def test_the_stage_is_named(folder: str, stage: str, tmp_path: Path) -> None:
    path = tmp_path / folder / f"{SCENE}.parquet"
    refuses(lambda: Boxes3D.read(path), str(path), "missing", f"`dvc repro {stage}`")


@pytest.mark.parametrize(
    ("column", "value"), [("score", NAN), ("length_m", -1.0), ("center_m", [[0.0, INF, 0]] * 2)]
)
def test_nothing_broken_is_written(column: str, value: object, tmp_path: Path) -> None:
    whole = np.broadcast_to(value, np.shape(BOX3D[column])).copy()
    boxes = Boxes3D.from_columns(**{**BOX3D, column: whole})
    path = tmp_path / "data/lifted" / f"{SCENE}.parquet"
    refuses(lambda: boxes.write(path), str(path), "row 0", repr(column), "not written")
    assert not content_of(tmp_path)


def test_files_of_the_first_version_carry_none(made: Path) -> None:
    schema = pq.read_schema(made / "data/lifted" / f"{SCENE}.parquet")
    assert VERSION_KEY not in (schema.metadata or {})


CARD = (
    '{"name": "mine", "embedded": false, "scorer": "nuscenes", "lidar": {"file": "binary", '
    '"dtype": "float32", "columns": ["x", "y", "z"], "full_intensity": 1.0}, '
    '"images": {"model": "pinhole"}}'
)
CARDS: list[tuple[str, bytes, str]] = [
    ("not UTF-8", CARD.replace("mine", "m\xefne").encode("latin-1"), "not valid JSON"),
    ("not JSON", b"{", "not valid JSON"),
    ("empty", b"", "not valid JSON"),
    ("nests too deep", b"[" * 100_000, "not valid JSON"),
    ("a key twice", CARD.replace("}}", '}, "name": "x"}').encode(), "'name' stands twice"),
    ("a list", b"[]", "rerun"),
    ("no name", CARD.replace('"name"', '"title"').encode(), "name"),
    ("no LiDAR", b'{"name": "mine"}', "lidar"),
    ("a word for a flag", CARD.replace("false", '"yes"').encode(), "embedded"),
    ("a number for a flag", CARD.replace("false", "1").encode(), "embedded"),
    ("a word for a number", CARD.replace("1.0", '"1.0"').encode(), "full_intensity"),
    ("no brightest return", CARD.replace("1.0", "0").encode(), "full_intensity"),
    ("NaN", CARD.replace("1.0", "NaN").encode(), "full_intensity"),
    ("400 digits", CARD.replace("1.0", "9" * 400).encode(), "full_intensity"),
    ("a column twice", CARD.replace('"z"]', '"z", "x"]').encode(), "columns: x twice"),
    ("no z", CARD.replace('"z"]', '"t"]').encode(), "columns: no z"),
    ("a name with slashes", CARD.replace('"mine"', '"../mine"').encode(), "name"),
    ("an unknown type", CARD.replace("float32", "int8").encode(), "dtype"),
]


@pytest.mark.parametrize(
    ("content", "says"), [row[1:] for row in CARDS], ids=[row[0] for row in CARDS]
)
def test_cards(content: bytes, says: str, tmp_path: Path) -> None:
    path = tmp_path / "dataset.json"
    path.write_bytes(content)
    refuses(lambda: read_card(path), str(path), says, "rerun `download`")


@pytest.mark.parametrize("content", [CARD.encode(), of_other_systems(CARD.replace(", ", ",\n"))])
def test_a_sound_card_passes(content: bytes, tmp_path: Path) -> None:
    path = tmp_path / "dataset.json"
    path.write_bytes(content)
    assert read_card(path).name == "mine"


def test_a_folder_is_no_card(tmp_path: Path) -> None:
    refuses(lambda: read_card(tmp_path), str(tmp_path), "rerun `download`")
