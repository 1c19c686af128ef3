"""Parts of a tiny workspace: one labelled, one unlabelled and one val keyframe."""

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from cm3d.datasets.nuscenes import CARD
from cm3d.errors import InputError
from cm3d.tables import Boxes3D, Frames, GroundTruth, Sweeps, layout
from experiments.export_mmdet3d import main
from experiments.overrides import write_overrides

EMBEDDED = CARD.model_copy(update={"name": "sim", "embedded": True})

TOKENS = ["labelled", "unlabelled", "val"]
TIME_US = {"labelled": 12_500_000, "unlabelled": 13_000_000, "val": 12_500_000}


@pytest.fixture
def workspace(tmp_path: Path, project: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Tables, LiDAR files and parameters; the current folder."""
    monkeypatch.chdir(tmp_path)
    shutil.copy(project / "params.yaml", tmp_path)
    (tmp_path / "taxonomies").symlink_to(project / "taxonomies")
    (tmp_path / "labelled.json").write_text('["labelled"]')
    write_overrides(tmp_path / "params.yaml", {"labels.frames_file": "labelled.json"})
    EMBEDDED.write(layout.CARD)
    for token in TOKENS:
        scene = "drive-val" if token == "val" else "drive-train"
        path = Path(f"samples/LIDAR_TOP/{token}.bin")
        (layout.RAW / path).parent.mkdir(parents=True, exist_ok=True)
        np.array([[5, 0, 0, 7, 1], [50, 0, 0, 7, 1]], np.float32).tofile(layout.RAW / path)
        _append(layout.SWEEPS / f"{scene}.parquet", _sweeps(token, str(path)))
        _append(layout.FRAMES / f"{scene}.parquet", _frame(token, scene))
        _append(layout.GROUND_TRUTH / f"{scene}.parquet", _ground_truth(token))
    labels = _boxes(["unlabelled", "unlabelled"], score=[0.9, 0.01], yaw_rad=[0.1, 0.2])
    labels.write(layout.PSEUDO_LABELS / "drive-train.parquet")
    return tmp_path


def exported(monkeypatch: pytest.MonkeyPatch, part: str) -> list[dict[str, Any]]:
    monkeypatch.setattr("sys.argv", ["export_mmdet3d", part, "--out", "out"])
    main()
    content: dict[str, Any] = json.loads(Path(f"out/cm3d_infos_{part}.json").read_text())
    assert content["metainfo"]["version"] == "v1.0-trainval"
    return list(content["data_list"])


@pytest.mark.usefixtures("workspace")
@pytest.mark.parametrize(
    ("part", "token", "yaw_rad"),
    [("pretrain", "unlabelled", 0.1), ("finetune", "labelled", 1.0), ("val", "val", 1.0)],
)
def test_each_part_has_its_frames_and_boxes(
    monkeypatch: pytest.MonkeyPatch, part: str, token: str, yaw_rad: float
) -> None:
    (info,) = exported(monkeypatch, part)
    assert info["token"] == token
    assert info["timestamp"] == TIME_US[token] / 1e6
    (box,) = info["instances"]  # neither the unsure label nor the box that no point is in
    np.testing.assert_allclose(box["bbox_3d"], [5, 0, 0, 4, 2, 1.5, yaw_rad])
    assert box["num_lidar_pts"] == 1
    assert info["lidar_sweeps"] == []


@pytest.mark.usefixtures("workspace")
@pytest.mark.parametrize(
    ("part", "missing"),
    [
        ("pretrain", layout.PSEUDO_LABELS / "drive-train.parquet"),
        ("finetune", layout.GROUND_TRUTH / "drive-train.parquet"),
        ("val", layout.SWEEPS / "drive-val.parquet"),
        ("val", layout.RAW / "samples/LIDAR_TOP/val.bin"),
    ],
)
def test_a_missing_input_is_named(
    monkeypatch: pytest.MonkeyPatch, part: str, missing: Path
) -> None:
    missing.unlink()
    with pytest.raises(InputError, match=f"{missing}: .*missing; "):
        exported(monkeypatch, part)


@pytest.mark.usefixtures("workspace")
def test_what_mmdet3d_cannot_read_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    write_overrides(Path("params.yaml"), {"taxonomy": "waymo"})
    with pytest.raises(InputError, match=r"taxonomy: .* ten classes; use nuscenes"):
        exported(monkeypatch, "val")
    write_overrides(Path("params.yaml"), {"taxonomy": "nuscenes"})
    lidar = EMBEDDED.lidar.model_copy(update={"columns": ("x", "y", "z")})
    EMBEDDED.model_copy(update={"lidar": lidar}).write(layout.CARD)
    with pytest.raises(InputError, match=r"dataset\.json: .*5 float32 a point; convert them"):
        exported(monkeypatch, "val")


def _append(path: Path, rows: Any) -> None:
    before = [type(rows).read(path)] if path.exists() else []
    type(rows).concatenate([*before, rows]).write(path)


def _frame(token: str, scene: str) -> Frames:
    return Frames.from_columns(
        sample_token=[token],
        scene_name=[scene],
        timestamp_us=[TIME_US[token]],
        split=["val" if token == "val" else "train"],
        location=[""],
        global_SE3_ego=[[1, 0, 0, 0, 0, 0, 0]],
    )


def _sweeps(token: str, path: str) -> Sweeps:
    return Sweeps.from_columns(
        sample_token=[token],
        sweep_index=[0],
        path=[path],
        time_lag_s=[0],
        global_SE3_lidar=[[1, 0, 0, 0, 0, 0, 0]],
    )


def _boxes(tokens: list[str], score: list[float], yaw_rad: list[float]) -> Boxes3D:
    count = len(tokens)
    return Boxes3D.from_columns(
        sample_token=tokens,
        class_name=["car"] * count,
        score=score,
        center_m=[[5, 0, 0]] * count,
        length_m=[4] * count,
        width_m=[2] * count,
        height_m=[1.5] * count,
        yaw_rad=yaw_rad,
        velocity_mps=[[0, 0]] * count,
        attribute_name=[""] * count,
    )


def _ground_truth(token: str) -> GroundTruth:
    boxes = _boxes([token, token], score=[1, 1], yaw_rad=[1.0, 2.0])
    return GroundTruth(
        **vars(boxes),
        instance_token=np.array(["i", "j"], dtype=object),
        num_lidar_points=np.array([3, 0]),
        num_radar_points=np.array([0, 0]),
        visibility=np.array([4, 1]),
    )
