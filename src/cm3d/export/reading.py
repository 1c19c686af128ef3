"""The boxes that are exported, read where they come in."""

from collections.abc import Collection
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from cm3d.errors import InputError
from cm3d.geometry.arrays import NDArrayBool
from cm3d.tables import Boxes3D, Frames, GroundTruth, scene_names
from cm3d.tables.classed import read_classed
from cm3d.tables.words import positions
from cm3d.taxonomy import Taxonomy


def read_boxes(
    folder: Path,
    frames: Frames,
    taxonomy: Taxonomy,
    known: Collection[str],
    title: str,
    min_score: float = 0.0,
) -> Boxes3D:
    """Boxes of some keyframes out of a folder with a table per scene.

    Args:
        folder: Of `Boxes3D`, or of ground truth.
        frames: The keyframes.
        taxonomy: The classes of the tables.
        known: Those that the format has a word for.
        title: Of the format.
        min_score: Boxes below are left out.

    Returns:
        In the order of scenes; `GroundTruth` if the folder holds that.

    Raises:
        InputError: There is no table, one of these scenes has none, or a box that would be written
            is of another class.
    """
    scene_names(folder)
    paths = [folder / f"{scene}.parquet" for scene in sorted(set(frames.scene_name))]
    table: type[Boxes3D] = GroundTruth if any(map(_is_ground_truth, paths)) else Boxes3D
    parts = []
    for path in paths:
        boxes = read_classed(table, path, taxonomy)
        chosen = positions(boxes.sample_token, frames.sample_token) >= 0
        chosen &= boxes.score >= min_score
        _refuse_unknown(path, boxes, chosen, known, title)
        parts.append(boxes[chosen])
    return table.concatenate(parts)


def _refuse_unknown(
    path: Path, boxes: Boxes3D, chosen: NDArrayBool, known: Collection[str], title: str
) -> None:
    unknown = chosen & (positions(boxes.class_name, known) < 0)
    if unknown.any():
        row = int(np.argmax(unknown))
        words = f"its classes here are {', '.join(known)}" if known else "it has none of this list"
        raise InputError(
            f"{path}: row {row}: class {boxes.class_name[row]!r}: {title} has no such class, "
            f"{words}; choose another format, or labels of another taxonomy"
        )


def _is_ground_truth(path: Path) -> bool:
    """Whether a file has the columns of ground truth; who reads it says what is wrong with it."""
    try:
        return path.is_file() and "instance_token" in pq.read_schema(path).names
    except (OSError, pa.ArrowException):
        return False
