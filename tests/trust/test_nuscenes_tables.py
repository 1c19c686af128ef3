"""nuScenes' JSON tables that somebody broke: each refusal names table, record and field."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from cm3d.datasets.nuscenes import NuScenes
from cm3d.datasets.nuscenes.checks import check_tables
from cm3d.params import NAME
from cm3d.taxonomy import Taxonomy
from stages.download import write_index
from tests.datasets.conftest import VERSION, write_database
from tests.trust.refusal import of_other_systems, refuses

NAN, INF, HUGE = float("nan"), float("inf"), int("9" * 400)
Rows = list[dict[str, Any]]
Change = Callable[[Rows], Any]

LIDAR_0 = "scene-0001:LIDAR_TOP:1000000000"  # of the first keyframe
LIDAR_1 = "scene-0001:LIDAR_TOP:1000500000"
SWEEP = "scene-0001:LIDAR_TOP:1000450000"
CAMERA = "scene-0001:CAM_FRONT:999990000"
CAR = "scene-0001:vehicle.car"


@pytest.fixture(scope="module")
def sound(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A database, whole."""
    root = tmp_path_factory.mktemp("database")
    write_database(root)
    return root


@pytest.fixture
def root(sound: Path, tmp_path: Path) -> Path:
    """A copy of its tables beside its files."""
    copy = tmp_path / "nuscenes"
    shutil.copytree(sound / VERSION, copy / VERSION)
    for folder in ("samples", "sweeps", "maps"):
        (copy / folder).symlink_to(sound / folder)
    return copy


def change(root: Path, table: str, how: Change) -> None:
    path = root / VERSION / f"{table}.json"
    rows = json.loads(path.read_text())
    changed = how(rows)
    path.write_text(json.dumps(rows if changed is None else changed))


def put(token: str, /, **fields: object) -> Change:
    """Change fields of one record."""

    def how(rows: Rows) -> None:
        next(row for row in rows if row["token"] == token).update(fields)

    return how


def scaled(factor: float) -> Change:
    """All time stamps in another unit."""

    def how(rows: Rows) -> None:
        for row in rows:
            row["timestamp"] = int(row["timestamp"] * factor)

    return how


def doubled(token: str, /, **fields: object) -> Change:
    """A record once more, with other fields."""
    return lambda rows: [*rows, *({**row, **fields} for row in rows if row["token"] == token)]


def lacking(token: str, name: str) -> Change:
    return lambda rows: [
        {n: v for n, v in row.items() if row["token"] != token or n != name} for row in rows
    ]


def put_all(**fields: object) -> Change:
    return lambda rows: [{**row, **fields} for row in rows]


def empty(rows: Rows) -> Rows:
    return []


TURN = [0.7071, 0.0, 0.0, 0.7071]
POSE_0 = f"pose:{LIDAR_0}"

# values of one record's field, and words of the message beside table, record and field
FIELDS: list[tuple[str, str, str, list[object]]] = [
    (
        "ego_pose",
        POSE_0,
        "rotation",
        [
            None,
            [0, 0, 0, 0],
            [2, 0, 0, 0],
            [0.5, 0, 0, 0],
            [NAN, 0, 0, 1],
            [1, 0, 0],
            ["1", "0", "0", "0"],
            [None, 0, 0, 1],
            [HUGE, 0, 0, 0],
            "identity",
            {"w": 1},
        ],
    ),
    (
        "ego_pose",
        POSE_0,
        "translation",
        [
            None,
            [0, 0],
            [NAN, 0, 0],
            [0, INF, 0],
            [1e9, 0, 0],
            ["1", "2", "3"],
            [[1, 2, 3]],
            7,
            [None] * 3,
        ],
    ),
    ("calibrated_sensor", "k:LIDAR_TOP", "rotation", [[0, 0, 0, 0], [NAN] * 4, None]),
    ("calibrated_sensor", "k:LIDAR_TOP", "translation", [[0, 0, 1e4], [NAN, 0, 0], []]),
    ("calibrated_sensor", "k:LIDAR_TOP", "sensor_token", [None, "stranger", 7, [], ""]),
    (
        "calibrated_sensor",
        "k:CAM_FRONT",
        "camera_intrinsic",
        [
            [[100, 0, 80], [0, 100, 45]],
            [[0] * 3] * 3,
            [[-100, 0, 80], [0, 100, 45], [0, 0, 1]],
            [[1e-300, 0, 80], [0, 1e-300, 45], [0, 0, 1]],
            [[NAN, 0, 80], [0, 100, 45], [0, 0, 1]],
            [["100", 0, 80], [0, 100, 45], [0, 0, 1]],
            [[100, 0, 80], [0, 100], [0, 0, 1]],
            "f",
            100,
        ],
    ),
    ("sensor", "s:LIDAR_TOP", "channel", [None, "", 7, []]),
    ("sensor", "s:LIDAR_TOP", "modality", [None, 7, "LiDAR"]),
    ("sensor", "s:CAM_FRONT", "modality", ["Camera", "cam", "", "image"]),
    ("category", "c:vehicle.car", "name", [None, 7, []]),
    ("attribute", "a:moving", "name", [None, 7]),
    ("instance", CAR, "category_token", [None, "stranger", 7]),
    ("log", "log:scene-0001", "location", [None, "../../etc", "a/b", "..", "/etc", "a\0b", 7]),
    (
        "scene",
        "scene:scene-0001",
        "name",
        [None, "../scene", "a/b", "", "..", "a\0b", 7, "x" * 300],
    ),
    ("scene", "scene:scene-0001", "log_token", [None, "stranger", []]),
    ("scene", "scene:scene-0001", "nbr_samples", [3, 40, -1, "four", None]),
    ("scene", "scene:scene-0001", "first_sample_token", ["stranger", "scene-0001/1", None]),
    ("scene", "scene:scene-0001", "last_sample_token", ["stranger", "scene-0003/3", 7]),
    ("sample", "scene-0001/1", "scene_token", [None, "stranger", ["scene:scene-0001"]]),
    (
        "sample",
        "scene-0001/1",
        "timestamp",
        [None, "now", -1, 2**70, HUGE, NAN, [1], 1000500000000000000],
    ),
    (
        "sample",
        "scene-0001/1",
        "prev",
        ["stranger", "scene-0001/2", "scene-0001/1", "scene-0003/0", 7],
    ),
    ("sample", "scene-0001/1", "next", ["stranger", "scene-0001/0", "scene-0001/3", None]),
    ("sample_annotation", f"{CAR}:1", "sample_token", [None, "stranger", 7]),
    ("sample_annotation", f"{CAR}:1", "instance_token", [None, "stranger"]),
    ("sample_annotation", f"{CAR}:1", "visibility_token", ["9", 3, None, []]),
    (
        "sample_annotation",
        f"{CAR}:1",
        "attribute_tokens",
        [["stranger"], "a:moving", None, [None], [7]],
    ),
    ("sample_annotation", f"{CAR}:1", "translation", [[1, 2], [NAN, 0, 0], [1e12, 0, 0], None]),
    (
        "sample_annotation",
        f"{CAR}:1",
        "size",
        [
            [0, 4, 1],
            [-1.9, 4.6, 1.7],
            [NAN, 4, 1],
            [1.9, 1e6, 1.7],
            [1.9, INF, 1],
            [1, 2],
            None,
            "big",
        ],
    ),
    ("sample_annotation", f"{CAR}:1", "rotation", [[0, 0, 0, 0], [NAN] * 4, ["a"] * 4, None]),
    (
        "sample_annotation",
        f"{CAR}:1",
        "prev",
        ["stranger", f"{CAR}:2", f"{CAR}:1", "scene-0003:vehicle.car:0"],
    ),
    ("sample_annotation", f"{CAR}:1", "next", ["stranger", f"{CAR}:0", f"{CAR}:3", None]),
    ("sample_annotation", f"{CAR}:1", "num_lidar_pts", [None, "seven", -7, NAN]),
    ("sample_annotation", f"{CAR}:1", "num_radar_pts", [None, "one", -1]),
    ("sample_data", LIDAR_1, "sample_token", [None, "stranger", []]),
    ("sample_data", LIDAR_1, "ego_pose_token", [None, "stranger", {}]),
    ("sample_data", LIDAR_1, "calibrated_sensor_token", [None, "stranger", []]),
    ("sample_data", LIDAR_1, "timestamp", [None, "now", -1, 2**70, 1, 1000500, 1000500000000]),
    ("sample_data", LIDAR_1, "is_key_frame", [None, "yes", 2]),
    (
        "sample_data",
        LIDAR_1,
        "filename",
        [None, "", "/etc/passwd", "../../secret", "a\0b", "samples/../../x", 7, "..", "a\\b"],
    ),
    ("sample_data", CAMERA, "width", [0, -160, None, "wide", 10**9, NAN]),
    ("sample_data", CAMERA, "height", [0, -90, None]),
    ("sample_data", LIDAR_1, "prev", ["stranger", CAMERA, LIDAR_1, None]),
    ("sample_data", SWEEP, "prev", [LIDAR_1, "scene-0003:LIDAR_TOP:2000000000"]),
]
VALUES = [(table, token, name, value) for table, token, name, values in FIELDS for value in values]


def index(root: Path, taxonomy: Taxonomy) -> dict[str, int]:
    """What `download` does with a database, files of sensors included."""
    check_tables(root, VERSION)
    return write_index(NuScenes(root, VERSION, 2, taxonomy), root.parent / "index", 1.0)


@pytest.mark.parametrize(
    ("table", "token", "name", "value"),
    VALUES,
    ids=[f"{table}-{name}-{value}"[:50] for table, _, name, value in VALUES],
)
def test_fields(
    table: str, token: str, name: str, value: object, root: Path, taxonomy: Taxonomy
) -> None:
    change(root, table, put(token, **{name: value}))
    refuses(lambda: index(root, taxonomy), f"{table}.json", "record", name, "fetch the tables")


# what is broken, in which table, how, words of the message
CASES: list[tuple[str, str, Change, tuple[str, ...]]] = [
    *[
        (f"{table} holds {name}", table, lambda rows, value=value: value, (f"{table}.json", says))
        for table in ("ego_pose", "sample", "sample_annotation", "sensor")
        for name, value, says in [
            ("numbers", [1, 2], "record 0 is 1, no object"),
            ("null", [None], "record 0 is None"),
            ("an object", {"a": 1}, "no list of records"),
            ("a number", 7, "no list of records"),
        ]
    ],
    *[
        (f"{table} is empty", table, empty, (f"{table}.json", "no record"))
        for table in (
            "calibrated_sensor",
            "ego_pose",
            "log",
            "sample",
            "sample_data",
            "scene",
            "sensor",
        )
    ],
    *[
        (f"{table} has a token twice", table, doubled(token), (f"{table}.json", token, "token"))
        for table, token in [
            ("sample", "scene-0001/1"),
            ("sample_annotation", f"{CAR}:1"),
            ("sample_data", LIDAR_1),
            ("ego_pose", POSE_0),
            ("calibrated_sensor", "k:CAM_FRONT"),
            ("log", "log:scene-0001"),
        ]
    ],
    *[
        (
            f"{table} has a token {value!r}",
            table,
            put(token, token=value),
            (f"{table}.json", "token is"),
        )
        for table, token in [
            ("sample", "scene-0001/1"),
            ("sample_data", LIDAR_1),
            ("ego_pose", POSE_0),
        ]
        for value in (None, [], 7, "")
    ],
    *[
        (f"{table} lacks {name}", table, lacking(token, name), (f"{table}.json", token, name))
        for table, token, name in [
            ("sample", "scene-0001/1", "timestamp"),
            ("ego_pose", POSE_0, "rotation"),
            ("sample_annotation", f"{CAR}:1", "size"),
            ("sample_data", LIDAR_1, "filename"),
        ]
    ],
    ("milliseconds", "sample", scaled(1e-3), ("sample.json", "microseconds")),
    ("nanoseconds", "sample", scaled(1e3), ("sample.json", "microseconds")),
    ("seconds", "sample", scaled(1e-6), ("sample.json", "microseconds")),
    ("files in milliseconds", "sample_data", scaled(1e-3), ("sample_data.json", "microseconds")),
    (
        "one keyframe at 1",
        "sample",
        put("scene-0001/2", timestamp=1),
        ("scene-0001/", "microseconds"),
    ),
    (
        "time stands still",
        "sample",
        put("scene-0001/1", timestamp=1000000000),
        ("scene-0001/", "0 s"),
    ),
    (
        "time runs backwards",
        "sample",
        put("scene-0001/1", timestamp=1002000000),
        ("sample.json", "scene-0001/", "order of time"),
    ),
    (
        "a keyframe a day later",
        "sample",
        put("scene-0001/3", timestamp=87_400_000_000),
        ("scene-0001/3", "microseconds"),
    ),
    (
        "a sweep of the future",
        "sample_data",
        put(SWEEP, timestamp=1000600000),
        ("sample_data.json", LIDAR_1, "prev"),
    ),
    (
        "a sweep of the same time",
        "sample_data",
        put(SWEEP, timestamp=1000500000),
        ("sample_data.json", LIDAR_1, "0 s after its prev"),
    ),
    (
        "sweeps that loop",
        "sample_data",
        lambda rows: put(LIDAR_0, prev=LIDAR_1)(rows),
        ("sample_data.json", LIDAR_0, "loops"),
    ),
    (
        "a sweep an hour before",
        "sample_data",
        put(LIDAR_0, timestamp=1, is_key_frame=False),
        ("sample_data.json", "60 s"),
    ),
    (
        "two scenes of a name",
        "scene",
        put("scene:scene-0003", name="scene-0001"),
        ("scene.json", "scene:scene-0003", "name"),
    ),
    (
        "a scene without keyframes",
        "scene",
        doubled("scene:scene-0001", token="t", name="scene-0002"),
        ("scene.json", "'t'", "no keyframe"),
    ),
    (
        "two keyframes of a camera",
        "sample_data",
        doubled(CAMERA, token="again"),
        ("sample_data.json", "'again'", "sample and channel"),
    ),
    (
        "two keyframes of the LiDAR",
        "sample_data",
        doubled(LIDAR_1, token="again"),
        ("sample_data.json", "'again'", "sample and channel"),
    ),
    (
        "a keyframe without LiDAR",
        "sample_data",
        put(LIDAR_1, is_key_frame=False),
        ("sample_data.json", "scene-0001/1", "LIDAR_TOP"),
    ),
    (
        "an object twice in a keyframe",
        "sample_annotation",
        doubled(f"{CAR}:1", token="again", prev="", next=""),
        ("'again'", "sample and instance"),
    ),
    (
        "annotations that loop",
        "sample_annotation",
        put(f"{CAR}:0", prev=f"{CAR}:3"),
        ("sample_annotation.json", f"{CAR}:0", "loop"),
    ),
    (
        "an absurd velocity",
        "sample_annotation",
        put(f"{CAR}:1", translation=[1e6, 0, 0]),
        ("scene-0001/", "velocity_mps", "m/s"),
    ),
    (
        "a car on its roof",
        "ego_pose",
        put(POSE_0, rotation=[0, 1, 0, 0]),
        ("scene scene-0001", "scene-0001/0", "z axis down"),
    ),
    (
        "all cars on their roofs",
        "ego_pose",
        put_all(rotation=[0, 0, 1, 0]),
        ("scene scene-0001", "scene-0001/0", "z axis down"),
    ),
    (
        "a car that jumps",
        "ego_pose",
        put(f"pose:{LIDAR_1}", translation=[900, 0, 0]),
        ("scene-0001/1", "ego vehicle", "m from"),
    ),
    (
        "a sweep elsewhere",
        "ego_pose",
        put(f"pose:{SWEEP}", translation=[900, 0, 0]),
        ("scene-0001/1", "LiDAR", "m from"),
    ),
    (
        "a camera elsewhere",
        "ego_pose",
        put(f"pose:{CAMERA}", translation=[900, 0, 0]),
        ("scene-0001/0", "camera", "m from"),
    ),
    (
        "a camera without intrinsics",
        "calibrated_sensor",
        put("k:CAM_FRONT", camera_intrinsic=[]),
        ("scene-0001/0", "camera CAM_FRONT", "intrinsics"),
    ),
]


@pytest.mark.parametrize(
    ("table", "how", "words"), [row[1:] for row in CASES], ids=[row[0] for row in CASES]
)
def test_records(
    table: str, how: Change, words: tuple[str, ...], root: Path, taxonomy: Taxonomy
) -> None:
    change(root, table, how)
    refuses(lambda: index(root, taxonomy), *words)


BYTES: list[tuple[str, bytes]] = [
    ("cut", b'[{"token": "x'),
    ("empty", b""),
    ("not UTF-8", b'[{"token": "\xff"}]'),
    ("nests too deep", b"[" * 100_000),
    ("5000 digits", b'[{"token": ' + b"9" * 5000 + b"}]"),
    ("zeros", bytes(100)),
    ("a key twice", b'[{"token": "x", "token": "y"}]'),
]


@pytest.mark.parametrize("table", ["sample", "ego_pose", "sample_data"])
@pytest.mark.parametrize("content", [row[1] for row in BYTES], ids=[row[0] for row in BYTES])
def test_bytes(table: str, content: bytes, root: Path, taxonomy: Taxonomy) -> None:
    (root / VERSION / f"{table}.json").write_bytes(content)
    refuses(lambda: index(root, taxonomy), f"{table}.json", "not valid JSON", "fetch the tables")


SPLITS: list[tuple[str, bytes, str]] = [
    (
        "overlap",
        b'{"train": ["scene-0001"], "val": ["scene-0001"]}',
        "'scene-0001' is in train and",
    ),
    (
        "overlap of two lists",
        b'{"a_train": ["scene-0001"], "a_val": ["scene-0001"]}',
        "'scene-0001'",
    ),
    ("a text for a list", b'{"train": "scene-0001"}', "lists of scene names"),
    ("numbers", b'{"train": [1, 2]}', "lists of scene names"),
    ("null", b'{"train": null}', "lists of scene names"),
    ("a list", b'["scene-0001"]', "lists of scene names"),
    ("not UTF-8", b'{"train": ["\xff"]}', "not valid JSON"),
    ("nests too deep", b"[" * 100_000, "not valid JSON"),
    ("a split twice", b'{"train": ["scene-0001"], "train": []}', "'train' stands twice"),
]


@pytest.mark.parametrize(
    ("content", "says"), [row[1:] for row in SPLITS], ids=[row[0] for row in SPLITS]
)
def test_splits(content: bytes, says: str, root: Path, taxonomy: Taxonomy) -> None:
    (root / VERSION / "splits.json").write_bytes(content)
    refuses(lambda: index(root, taxonomy), "splits.json: ", says, "; ")


@pytest.mark.parametrize("version", ["../v1.0", "a/b", "/etc", "..", "", "a\0b"])
def test_versions(version: str, root: Path) -> None:
    refuses(lambda: check_tables(root, version), "dataset.version", NAME)


def with_floats(rows: Rows) -> Rows:
    return [{**row, "timestamp": row["timestamp"] + 0.25} for row in rows]


PASSES: list[tuple[str, str, Change]] = [
    ("nothing changed", "sample", lambda rows: rows),
    ("fractions of microseconds", "sample_data", with_floats),
    ("counts as floats", "sample_annotation", put_all(num_lidar_pts=3.0, num_radar_pts=0.0)),
    ("unknown counts of points", "sample_annotation", put_all(num_lidar_pts=-1)),
    ("no visibility", "sample_annotation", put_all(visibility_token="")),
    ("rounded quaternions", "sample_annotation", put_all(rotation=TURN)),
    ("whole numbers", "sample_annotation", put_all(size=[2, 4, 2])),
    ("no counts of keyframes", "scene", lacking("scene:scene-0001", "nbr_samples")),
    (
        "no links of keyframes",
        "sample",
        lambda rows: [{n: v for n, v in row.items() if n not in ("prev", "next")} for row in rows],
    ),
    ("fields of other tools", "sample", put_all(extra={"weather": {"rain": True}}, note=None)),
    ("a LiDAR without intrinsics", "calibrated_sensor", put("k:LIDAR_TOP", camera_intrinsic=None)),
    ("no width of a sweep", "sample_data", put(LIDAR_1, width=None, height=None)),
    ("a map of no name", "log", put_all(location="")),
    ("any order", "sample", lambda rows: rows[::-1]),
]


@pytest.mark.parametrize(("table", "how"), [row[1:] for row in PASSES], ids=[r[0] for r in PASSES])
def test_passes(table: str, how: Change, root: Path, taxonomy: Taxonomy) -> None:
    change(root, table, how)
    assert index(root, taxonomy)["frames"] == 8


def test_a_lidar_alone_passes(root: Path, taxonomy: Taxonomy) -> None:
    for table in ("calibrated_sensor", "sample_data"):
        change(root, table, lambda rows: [row for row in rows if "CAM" not in row["token"]])
    assert index(root, taxonomy)["cameras"] == 0


def test_marks_and_line_ends_pass(root: Path, taxonomy: Taxonomy) -> None:
    for path in (root / VERSION).iterdir():
        path.write_bytes(of_other_systems(json.dumps(json.loads(path.read_text()), indent=1)))
    assert index(root, taxonomy)["frames"] == 8
    splits = of_other_systems(json.dumps({"val": ["scene-0001"]}, indent=1))
    (root / VERSION / "splits.json").write_bytes(splits)
    assert index(root, taxonomy)["frames"] == 4


def test_unknown_categories_are_noted(
    root: Path, taxonomy: Taxonomy, capsys: pytest.CaptureFixture[str]
) -> None:
    assert index(root, taxonomy)["ground_truth"] == 10
    assert "8 annotations of 1 categories are of no class" in capsys.readouterr().out


def test_attributes_that_the_taxonomy_lacks_are_told(
    root: Path, taxonomy: Taxonomy, capsys: pytest.CaptureFixture[str]
) -> None:
    index(root, taxonomy)
    assert "that taxonomy nuscenes lacks" not in capsys.readouterr().out
    change(root, "attribute", put("a:moving", name="vehicle.flying"))
    assert index(root, taxonomy)["ground_truth"] == 10
    said = capsys.readouterr().out
    assert f"{VERSION}: 8 annotations have an attribute that taxonomy nuscenes lacks" in said
    assert "vehicle.flying (8)" in said
