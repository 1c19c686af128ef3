"""What a training will not learn from its labels, said before it starts."""

from collections.abc import Iterable

import numpy as np

from cm3d.errors import InputError
from cm3d.geometry.arrays import NDArrayInt
from cm3d.params import Detector
from cm3d.training.frames import TrainingFrame, to_sensor


def check_labels(title: str, frames: Iterable[TrainingFrame], detector: Detector) -> list[str]:
    """One line per shortcoming of a training's labels.

    Args:
        title: Name of the training.
        frames: What it learns from; repeated ones count once.
        detector: Classes and range.

    Returns:
        Lines to print: classes without any box within range, and boxes out of range.

    Raises:
        InputError: No box is of the detector's classes, or none of them is within its range.
    """
    different = {frame.sample_token: frame for frame in frames}
    inside, outside = np.zeros((2, len(detector.class_names)), dtype=np.int64)
    for frame in different.values():
        within, beyond = _count(frame, detector)
        inside, outside = inside + within, outside + beyond
    _refuse_nothing(title, int(inside.sum()), int(outside.sum()), detector)
    lines = []
    if missing := [n for n, count in zip(detector.class_names, inside, strict=True) if not count]:
        lines.append(
            f"note: {title}: no example of {', '.join(missing)} among {len(different)} frames; "
            "they will not be learned"
        )
    if outside.any():
        lines.append(
            f"note: {title}: {outside.sum()} of {inside.sum() + outside.sum()} boxes are centred "
            f"outside detector.range_m ({detector.range_m:g} m) and play no part"
        )
    return lines


def _count(frame: TrainingFrame, detector: Detector) -> tuple[NDArrayInt, NDArrayInt]:
    """Boxes of each class (C,) within the detector's square, and out of it."""
    boxes = to_sensor(frame.boxes, frame.global_SE3_lidar, detector.class_names)
    within = (np.abs(boxes.center_m[:, :2]) < detector.range_m).all(axis=1)
    inside, outside = (
        np.bincount(boxes.class_index[rows], minlength=len(detector.class_names))
        for rows in (within, ~within)
    )
    return inside, outside


def _refuse_nothing(title: str, inside: int, outside: int, detector: Detector) -> None:
    if inside + outside == 0:
        raise InputError(
            f"detector.tasks: no box that {title} learns from is of these classes; "
            "add some or look into the labels"
        )
    if inside == 0:
        raise InputError(
            f"detector.range_m: all {outside} boxes that {title} learns from are centred "
            f"outside {detector.range_m:g} m; raise it or look into the labels"
        )
