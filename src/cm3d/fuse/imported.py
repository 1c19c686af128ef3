"""3D boxes that another program made: a nuScenes result file, or tables of this project."""

from pathlib import Path
from typing import Any, Final

import numpy as np
from scipy.spatial.transform import Rotation

from cm3d.errors import InputError
from cm3d.geometry.angles import direction_of
from cm3d.geometry.arrays import NDArrayFloat
from cm3d.params import read_json
from cm3d.shelf.results import Results, Unused, is_tables, read_tables
from cm3d.tables import Boxes3D, Frames
from cm3d.tables.contract import shown
from cm3d.tables.result_files import MAX_BOXES_PER_FRAME
from cm3d.taxonomy import Taxonomy

_KEY: Final = "import_labels.file"
_AGAIN: Final = "write it again"
_NUMBERS: Final = {int, float, type(None)}
_NORMS: Final = (1e-3, 1e3)  # of quaternions; whoever does not normalise means a rotation
_MAX_PITCH: Final = 0.6  # vertical part of the heading: 37 degrees, more than any road
# What messages call the columns of `Boxes3D`.
_SAID: Final = {
    "center_m": "centre",
    "length_m": "size, length_m",
    "width_m": "size, width_m",
    "height_m": "size, height_m",
    "velocity_mps": "velocity",
}
_FIELDS: Final = (
    "translation",
    "size",
    "rotation",
    "velocity",
    "detection_name",
    "detection_score",
    "attribute_name",
)


def read_labels(path: Path, frames: Frames, taxonomy: Taxonomy) -> Results[Boxes3D]:
    """Read boxes; those of other classes and keyframes are left out and counted.

    Args:
        path: A `.parquet` file or a folder of them holds `Boxes3D`, anything else is a nuScenes
            result file: boxes in the global frame by sample token, sizes as width, length, height.
        frames: All keyframes of the data set.
        taxonomy: The class list. Attributes that it does not have are dropped.

    Raises:
        InputError: The file is missing or of another kind, a number is broken, or no box is left.
    """
    boxes = _read_table(path) if is_tables(path) else _read_result_file(path, frames)
    _refuse_broken(boxes, path)
    named = boxes[np.isin(boxes.class_name.astype(str), taxonomy.class_names)]
    placed = named[np.isin(named.sample_token.astype(str), frames.sample_token.astype(str))]
    known = np.isin(placed.attribute_name.astype(str), ["", *taxonomy.attribute_names])
    if len(boxes) and not len(placed):
        raise InputError(
            f"{path}: none of its {len(boxes)} boxes is of a class of taxonomy {taxonomy.name} and "
            f"of a keyframe of the data set; correct {_KEY}"
        )
    unused = Unused(
        {
            "boxes_of_unknown_classes": len(boxes) - len(named),
            "boxes_of_unknown_keyframes": len(named) - len(placed),
            "attributes_that_are_unknown": int((~known).sum()),
        }
    )
    attribute_name = np.where(known, placed.attribute_name, "")
    return Results(placed.replace(attribute_name=attribute_name), unused)


def _read_table(path: Path) -> Boxes3D:
    entries = read_tables(Boxes3D, path, _KEY)
    if lacking := entries.malformed:
        first = f"box {min(lacking)}: {lacking[min(lacking)]}"
        raise InputError(f"{path}: {len(lacking)} boxes lack a value, the first {first}; {_AGAIN}")
    return entries.rows


def _read_result_file(path: Path, frames: Frames) -> Boxes3D:
    content = read_json(path, f"correct {_KEY}")
    results = content.get("results") if isinstance(content, dict) else None
    if not isinstance(results, dict):
        raise InputError(f"{path}: no nuScenes result file, it has no `results`; correct {_KEY}")
    tokens, columns = _columns(results, path)
    if not tokens and not results.keys() & set(frames.sample_token):
        raise InputError(f"{path}: it names no keyframe of the data set; correct {_KEY}")
    size_wlh_m = _numbers(columns["size"], "size", 3, path)
    rotation = _numbers(columns["rotation"], "rotation", 4, path)
    return Boxes3D.from_columns(
        sample_token=tokens,
        class_name=columns["detection_name"],
        score=_numbers(columns["detection_score"], "detection_score", 1, path)[:, 0],
        center_m=_numbers(columns["translation"], "translation", 3, path),
        length_m=size_wlh_m[:, 1],
        width_m=size_wlh_m[:, 0],
        height_m=size_wlh_m[:, 2],
        yaw_rad=_yaw(rotation, tokens, path),
        velocity_mps=_numbers(columns["velocity"], "velocity", 2, path),
        attribute_name=columns["attribute_name"],
    )


def _columns(results: dict[str, Any], path: Path) -> tuple[list[str], dict[str, list[Any]]]:
    """The sample token of each box, and its fields by name."""
    tokens: list[str] = []
    columns: dict[str, list[Any]] = {name: [] for name in _FIELDS}
    for token, boxes in results.items():
        if not isinstance(boxes, list):
            raise InputError(f"{path}: sample {token} has no list of boxes; write it again")
        if len(boxes) > MAX_BOXES_PER_FRAME:
            raise InputError(
                f"{path}: sample {token} has {len(boxes)} boxes, a result file has at most "
                f"{MAX_BOXES_PER_FRAME}; write the best of them"
            )
        for box in boxes:
            for name in _FIELDS:
                if not isinstance(box, dict) or name not in box:
                    raise InputError(f"{path}: a box of {token} has no {name}; write it again")
                columns[name].append(box[name])
            if (own := box.get("sample_token", token)) != token:
                raise InputError(
                    f"{path}: a box of {token} has sample_token {shown(own)}; write it again"
                )
            tokens.append(token)
    for name in ("detection_name", "attribute_name"):
        if not all(isinstance(word, str) for word in columns[name]):
            raise InputError(f"{path}: {name} is no text in every box; write it again")
    return tokens, columns


def _numbers(values: list[Any], name: str, width: int, path: Path) -> NDArrayFloat:
    """(N, width); null is NaN."""
    try:
        array = np.asarray(values)
        if array.dtype.kind not in "iuf" and not set(map(type, array.ravel())) <= _NUMBERS:
            raise TypeError("words")
        return array.astype(np.float64).reshape(len(values), width)
    except (TypeError, ValueError, OverflowError) as error:
        what = "a number" if width == 1 else f"{width} numbers"
        raise InputError(f"{path}: {name} is not {what} in every box; write it again") from error


def _yaw(rotation_wxyz: NDArrayFloat, tokens: list[str], path: Path) -> NDArrayFloat:
    """Heading (N,) of the x axis after rotations (N, 4), normalised or not."""
    norm = np.linalg.norm(rotation_wxyz, axis=1)
    is_rotation = (norm >= _NORMS[0]) & (norm <= _NORMS[1])
    sound = np.where(is_rotation[:, None], rotation_wxyz, 1.0)
    forward = Rotation.from_quat(sound, scalar_first=True).as_matrix().reshape(-1, 3, 3)[:, :, 0]
    for whole, fault in (
        (is_rotation, "heading is no rotation w, x, y, z"),
        (np.abs(forward[:, 2]) <= _MAX_PITCH, "heading looks up or down, boxes stand upright"),
    ):
        if not whole.all():
            row = int(np.argmin(whole))
            given = shown(rotation_wxyz[row])
            raise InputError(f"{path}: a box of {tokens[row]}: its {fault}: {given}; {_AGAIN}")
    return direction_of(forward)


def _refuse_broken(boxes: Boxes3D, path: Path) -> None:
    if fault := boxes.fault():
        what = _SAID.get(fault.column, fault.column)
        token = boxes.sample_token[fault.row]
        raise InputError(f"{path}: a box of {token}: its {what}: {fault.reason}; {_AGAIN}")
