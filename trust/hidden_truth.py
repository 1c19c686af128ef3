"""Other truth where none may be seen: in the raw tables, instance images and index of a clone."""

import json
from collections.abc import Callable
from contextlib import chdir
from pathlib import Path
from typing import Any, Final

import cv2
import numpy as np

from cm3d.params import Params
from cm3d.sensors.instances import instance_image_path
from cm3d.splits.labelled import is_labelled
from cm3d.tables import Cameras, Frames, GroundTruth, layout, read_scenes

Record = dict[str, Any]

_SCALE: Final = 1.7
_SHIFT_M: Final = 5.0


def hidden_keyframes(root: Path, params: Params) -> set[str]:
    """Tokens of the keyframes whose truth no label and no model may know: all but the labelled."""
    with chdir(root):
        frames = read_scenes(Frames, layout.FRAMES, layout.all_scenes())
    return set(frames.sample_token[~is_labelled(frames, params.labels, params.seed)])


def change_raw(root: Path, version: str, hidden: set[str]) -> int:
    """Change every annotation and instance image of the hidden keyframes; how many annotations.

    Sizes, rotations, attributes, visibility, counts of points and heights change in all of them,
    positions where no shown annotation has its velocity from them, and classes of objects that no
    labelled keyframe shows.
    """
    tables = root / layout.RAW / version
    records: list[Record] = _read(tables / "sample_annotation.json")
    shown = [record for record in records if record["sample_token"] not in hidden]
    neighbours = {record[link] for record in shown for link in ("prev", "next")}
    changed = [record for record in records if record["sample_token"] in hidden]
    for record in changed:
        _change(record, moves=record["token"] not in neighbours)
    _write(tables / "sample_annotation.json", records)
    _change_classes(tables, {record["instance_token"] for record in shown})
    with chdir(root):
        cameras = read_scenes(Cameras, layout.CAMERAS, layout.all_scenes())
    for token, sample in zip(cameras.camera_token, cameras.sample_token, strict=True):
        if sample in hidden:
            _mirror(root / layout.RAW / instance_image_path(str(token)))
    return len(changed)


def change_index(root: Path, hidden: set[str]) -> None:
    """Move every hidden box of the index, and turn its velocity round."""
    for path in sorted((root / layout.GROUND_TRUTH).glob("*.parquet")):
        truth = GroundTruth.read(path)
        rows = np.isin(truth.sample_token.astype(str), sorted(hidden))
        center_m, velocity_mps = truth.center_m.copy(), truth.velocity_mps.copy()
        center_m[rows, :2] += _SHIFT_M
        velocity_mps[rows] *= -1.0
        path.unlink()
        truth.replace(center_m=center_m, velocity_mps=velocity_mps).write(path)


def _change(record: Record, moves: bool) -> None:
    record["size"] = [_SCALE * side_m for side_m in record["size"]]
    record["rotation"] = [0.0, 0.0, 0.0, 1.0]
    record["attribute_tokens"] = []
    record["visibility_token"] = "1"  # noqa: S105 (no secret)
    record["num_lidar_pts"] = 1 + record["num_lidar_pts"]
    x_m, y_m, z_m = record["translation"]
    shift_m = _SHIFT_M if moves else 0.0
    record["translation"] = [x_m + shift_m, y_m - shift_m, z_m + _SHIFT_M]


def _change_classes(tables: Path, shown: set[str]) -> None:
    """Give every object that no labelled keyframe shows the category of the next one."""
    instances: list[Record] = _read(tables / "instance.json")
    hidden = [record for record in instances if record["token"] not in shown]
    categories = [record["category_token"] for record in hidden]
    for record, category in zip(hidden, [*categories[1:], *categories[:1]], strict=True):
        record["category_token"] = category
    _write(tables / "instance.json", instances)


def _mirror(path: Path) -> None:
    image = cv2.imread(str(path), cv2.IMREAD_UNCHANGED)
    path.unlink()
    cv2.imwrite(str(path), np.ascontiguousarray(image[:, ::-1]))


def _read(path: Path) -> list[Record]:
    read: Callable[[bytes], list[Record]] = json.loads
    return read(path.read_bytes())


def _write(path: Path, records: list[Record]) -> None:
    path.unlink()
    path.write_text(json.dumps(records))
