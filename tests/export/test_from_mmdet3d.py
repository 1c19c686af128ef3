"""Boxes of mmdet3d's info files come in."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from cm3d.errors import InputError
from cm3d.export.mmdet3d.reading import read_infos
from cm3d.tables import Boxes3D
from stages.from_mmdet3d import main

# the vehicle stands at (100, 50) and looks along y; its LiDAR is 2 m up and looks along y of it
TURNED = [[0.0, -1.0, 0.0], [1.0, 0.0, 0.0], [0.0, 0.0, 1.0]]


def pose(x: float, y: float, z: float) -> list[list[float]]:
    return [[*row, at] for row, at in zip(TURNED, (x, y, z), strict=True)] + [[0.0, 0.0, 0.0, 1.0]]


def infos(**changed: Any) -> dict[str, Any]:
    box = {
        "bbox_3d": [10.0, 1.0, -1.0, 4.0, 2.0, 1.5, 0.5],
        "bbox_label_3d": 1,
        "velocity": [3.0, 0.0],
        **changed,
    }
    keyframe = {
        "token": "frame",
        "ego2global": pose(100.0, 50.0, 0.0),
        "lidar_points": {"lidar2ego": pose(0.0, 0.0, 2.0)},
        "instances": [box, {**box, "bbox_3d_isvalid": False}],
    }
    metainfo = {"categories": {"truck": 0, "car": 1}}
    return {"metainfo": metainfo, "data_list": [keyframe, {**keyframe, "instances": []}]}


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "infos.json"
    path.write_text(json.dumps(infos()))
    return path


def test_boxes_are_where_they_were(file: Path) -> None:
    """Both frames together are turned by half a turn: x and y change their signs."""
    boxes = read_infos(file)
    assert boxes.sample_token.tolist() == ["frame"]
    assert boxes.class_name.tolist() == ["car"]
    np.testing.assert_allclose(boxes.center_m, [[90.0, 49.0, 1.0]], atol=1e-12)
    np.testing.assert_allclose(boxes.yaw_rad, [0.5 - np.pi], atol=1e-12)
    np.testing.assert_allclose(boxes.velocity_mps, [[-3.0, 0.0]], atol=1e-12)
    sizes = (boxes.length_m[0], boxes.width_m[0], boxes.height_m[0], boxes.score[0])
    assert sizes == (4.0, 2.0, 1.5, 1.0)


def test_a_score_is_taken_over_and_an_unknown_velocity_too(file: Path) -> None:
    file.write_text(json.dumps(infos(score=0.25, velocity=None)))
    boxes = read_infos(file)
    assert boxes.score.tolist() == [0.25]
    assert np.isnan(boxes.velocity_mps).all()


@pytest.mark.parametrize(
    ("changed", "says"),
    [
        ({"bbox_label_3d": 7}, "no info file of mmdet3d, v2 .KeyError"),
        ({"bbox_3d": [1.0, 2.0]}, "no info file of mmdet3d, v2 .ValueError"),
        ({"score": 2.0}, "a box of frame: score"),
        ({"bbox_3d": [0.0, 0.0, 0.0, -4.0, 2.0, 1.5, 0.5]}, "a box of frame: length_m"),
    ],
)
def test_broken_files_are_refused(file: Path, changed: dict[str, Any], says: str) -> None:
    file.write_text(json.dumps(infos(**changed)))
    with pytest.raises(InputError, match=says):
        read_infos(file)


def test_pickles_are_refused_with_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"a pickle, .*mmengine\.dump"):
        read_infos(tmp_path / "infos.pkl")


def test_the_command_writes_a_table(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    out = file.with_name("theirs.parquet")
    monkeypatch.setattr("sys.argv", ["from_mmdet3d", str(file), str(out)])
    main()
    assert len(Boxes3D.read(out)) == 1
    with pytest.raises(InputError, match="is there or does not end in"):
        main()
