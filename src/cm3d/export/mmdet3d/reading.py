"""The other way: boxes of mmdet3d's annotation files, in the global frame."""

from pathlib import Path
from typing import Any, Final

import numpy as np

from cm3d.errors import InputError
from cm3d.geometry.angles import direction_of
from cm3d.geometry.arrays import NDArrayFloat
from cm3d.params import read_json
from cm3d.tables import Boxes3D

_AGAIN: Final = "write it again"
_PICKLES: Final = {".pkl", ".pickle"}


def read_infos(path: Path) -> Boxes3D:
    """Read the instances of a v2 "info" file of nuScenes; those that it calls invalid are left out.

    Poses are the file's own (`ego2global`, `lidar_points.lidar2ego`). A box is (x, y, z, length,
    width, height, yaw), its centre in the LiDAR frame of its keyframe, as mmdet3d 1.x has it. Its
    score is `score`, where the instance has one, else 1.

    Raises:
        InputError: The file is missing, a pickle, or none such.
    """
    if path.suffix in _PICKLES:
        raise InputError(
            f"{path}: a pickle, which may run what it likes; where you trust it, write JSON by "
            "`mmengine.dump(mmengine.load('infos.pkl'), 'infos.json')` and name that"
        )
    content = read_json(path, "check the path")
    try:
        names = {int(label): str(name) for name, label in content["metainfo"]["categories"].items()}
        keyframes = [_boxes_of(info, names) for info in content["data_list"]]
    except (AttributeError, IndexError, KeyError, TypeError, ValueError) as error:
        reason = f"{type(error).__name__}: {error}"
        raise InputError(f"{path}: no info file of mmdet3d, v2 ({reason}); {_AGAIN}") from error
    boxes = Boxes3D.concatenate([Boxes3D.empty(), *keyframes])
    if fault := boxes.fault():
        token = boxes.sample_token[fault.row]
        raise InputError(f"{path}: a box of {token}: {fault.column}: {fault.reason}; {_AGAIN}")
    return boxes


def _boxes_of(info: dict[str, Any], names: dict[int, str]) -> Boxes3D:
    """The boxes of one keyframe."""
    valid = [box for box in info["instances"] if box.get("bbox_3d_isvalid", True)]
    boxes = _array([box["bbox_3d"] for box in valid], 7)
    velocity = _array([box.get("velocity") or [np.nan] * 2 for box in valid], 2)
    global_T_lidar = _matrix(info["ego2global"]) @ _matrix(info["lidar_points"]["lidar2ego"])
    rotation = global_T_lidar[:3, :3]
    forward = np.stack([np.cos(boxes[:, 6]), np.sin(boxes[:, 6]), np.zeros(len(boxes))], axis=1)
    level = np.concatenate([velocity, np.zeros((len(boxes), 1))], axis=1)
    return Boxes3D.from_columns(
        sample_token=[str(info["token"])] * len(boxes),
        class_name=[names[int(box["bbox_label_3d"])] for box in valid],
        score=np.array([box.get("score", 1.0) for box in valid], dtype=np.float64),
        center_m=boxes[:, :3] @ rotation.T + global_T_lidar[:3, 3],
        length_m=boxes[:, 3],
        width_m=boxes[:, 4],
        height_m=boxes[:, 5],
        yaw_rad=direction_of(forward @ rotation.T),
        velocity_mps=(level @ rotation.T)[:, :2],
        attribute_name=[""] * len(boxes),
    )


def _array(rows: list[Any], width: int) -> NDArrayFloat:
    return np.array(rows, dtype=np.float64).reshape(len(rows), width)


def _matrix(rows: Any) -> NDArrayFloat:
    return np.array(rows, dtype=np.float64).reshape(4, 4)
