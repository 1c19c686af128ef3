import json
from pathlib import Path

import pytest

from cm3d.datasets.nuscenes.database import NuScenesTables
from cm3d.datasets.nuscenes.records import read_table
from cm3d.errors import InputError

VERSION = "v1.0-trainval"


def test_samples_come_in_time_order_whatever_the_order_of_the_table(database: Path) -> None:
    path = database / VERSION / "sample.json"
    path.write_text(json.dumps(json.loads(path.read_text())[::-1]))
    tables = NuScenesTables(database, VERSION)
    assert [s["token"] for s in tables.samples("scene-0001")] == [
        f"scene-0001/{i}" for i in range(4)
    ]


def test_sensor_data_of_a_keyframe_by_channel(database: Path) -> None:
    tables = NuScenesTables(database, VERSION)
    data = tables.sensor_data("scene-0003/1")
    assert set(data) == {"LIDAR_TOP", "CAM_FRONT", "CAM_BACK"}
    assert data["LIDAR_TOP"]["timestamp"] == 2_000_500_000


def test_unused_images_and_poses_are_dropped(database: Path) -> None:
    path = database / VERSION / "sample_data.json"
    rows = json.loads(path.read_text())
    image = next(row for row in rows if "CAM_FRONT" in row["token"])
    path.write_text(json.dumps([*rows, image | {"token": "between", "is_key_frame": False}]))
    tables = NuScenesTables(database, VERSION)
    with pytest.raises(InputError, match=r"sample_data\.json: record 'between'"):
        tables.find("sample_data", "between")


@pytest.mark.parametrize(
    ("content", "fault"),
    [
        (None, "missing"),
        ('[{"token": "x"', "not valid JSON"),
        ('[{"token": "x"}]', "'name' is missing"),
        ('{"token": "x", "name": "y"}', "no list"),
        (b"\xff\xfe\xfd", "not valid JSON"),
    ],
)
def test_bad_tables_are_named(tmp_path: Path, content: str | bytes | None, fault: str) -> None:
    path = tmp_path / "category.json"
    if content is not None:
        path.write_bytes(content.encode() if isinstance(content, str) else content)
    with pytest.raises(InputError, match=rf"category\.json: .*{fault}") as caught:
        read_table(path, ("token", "name"), lambda record: True)
    assert "\n" not in str(caught.value)


def test_unknown_scene_is_named(database: Path) -> None:
    with pytest.raises(InputError, match="no scene 'scene-9999'"):
        NuScenesTables(database, VERSION).samples("scene-9999")


def test_dangling_token_is_named(database: Path) -> None:
    path = database / VERSION / "log.json"
    path.write_text(json.dumps(json.loads(path.read_text())[1:]))
    with pytest.raises(InputError, match=r"scene\.json: .*log_token 'log:scene-0001': no"):
        NuScenesTables(database, VERSION)
