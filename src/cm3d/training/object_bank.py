"""Objects cut out of the frames of a training: boxes with the points in them (CenterPoint)."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Self

import numpy as np
from tqdm import tqdm

from cm3d.geometry.arrays import NDArrayFloat32, NDArrayInt
from cm3d.geometry.membership import points_by_box
from cm3d.models.sensor_boxes import SensorBoxes
from cm3d.params import ClassName, Detector
from cm3d.training.frames import TrainingFrame, load_points, to_sensor


@dataclass(frozen=True, eq=False)
class ObjectBank:
    """N objects, each in the LiDAR frame of its own keyframe.

    Args:
        class_names: What the class indices of the boxes stand for.
        boxes: (N) where the objects are.
        points: (P, 5) points of one object after the other, as `load_points` gives them.
        offsets: (N + 1,) row of each object's first point, and P.
    """

    class_names: tuple[ClassName, ...]
    boxes: SensorBoxes
    points: NDArrayFloat32
    offsets: NDArrayInt

    def __len__(self) -> int:
        """Number of objects."""
        return len(self.boxes)

    @cached_property
    def rows_by_class(self) -> list[NDArrayInt]:
        """Objects of each class."""
        order = np.argsort(self.boxes.class_index, kind="stable")
        classes = np.arange(1, len(self.class_names))
        return np.split(order, np.searchsorted(self.boxes.class_index[order], classes))

    def points_of(self, rows: NDArrayInt) -> NDArrayFloat32:
        """Points (K, 5) of some objects, one object after the other."""
        count = self.offsets[rows + 1] - self.offsets[rows]
        skipped = self.offsets[rows] - (np.cumsum(count) - count)
        return np.asarray(self.points[np.repeat(skipped, count) + np.arange(count.sum())])

    @classmethod
    def concatenate(cls, class_names: Sequence[ClassName], parts: Sequence[Self]) -> Self:
        """One bank of several with the same classes; none at all gives an empty one."""
        points = [np.empty((0, 5), dtype=np.float32), *(part.points for part in parts)]
        return cls(
            class_names=tuple(class_names),
            boxes=SensorBoxes.concatenate([part.boxes for part in parts]),
            points=np.concatenate(points),
            offsets=offsets_of([np.diff(part.offsets) for part in parts]),
        )


def cut_objects(
    frames: Iterable[TrainingFrame],
    *,
    root: Path,
    detector: Detector,
    min_points: int,
    description: str,
) -> Iterator[ObjectBank]:
    """The objects of each frame that has boxes, frame by frame beside a progress bar.

    Args:
        frames: Where objects are taken from; one that stands there again is skipped.
        root: Root folder of the data set.
        detector: Classes and sweeps.
        min_points: Of an object, over all sweeps; others are left out.
        description: Name on the progress bar.

    Raises:
        InputError: A sensor file cannot be read.
    """
    different = {frame.sample_token: frame for frame in frames if len(frame.boxes)}
    for frame in tqdm(different.values(), desc=description, unit="frame", mininterval=1.0):
        yield objects_of(frame, root, detector, min_points)


def objects_of(frame: TrainingFrame, root: Path, detector: Detector, min_points: int) -> ObjectBank:
    """The objects of one frame with at least so many points; a point may be in two."""
    boxes = to_sensor(frame.boxes, frame.global_SE3_lidar, detector.class_names)
    points = load_points(frame, root, detector)
    box, point = points_within(points, boxes)
    count = np.bincount(box, minlength=len(boxes))
    enough = count >= min_points
    return ObjectBank(
        class_names=tuple(detector.class_names),
        boxes=boxes[enough],
        points=points[point[enough[box]]],
        offsets=offsets_of([count[enough]]),
    )


def points_within(points: NDArrayFloat32, boxes: SensorBoxes) -> tuple[NDArrayInt, NDArrayInt]:
    """Pairs of a box and a point (P, 3 or more) within it, see `points_by_box`."""
    length_m, width_m, height_m = boxes.size_m.T
    return points_by_box(points[:, :3], boxes.center_m, length_m, width_m, height_m, boxes.yaw_rad)


def offsets_of(counts: Iterable[NDArrayInt]) -> NDArrayInt:
    """Where each of N objects begins, and where the last ends (N + 1,), from point counts."""
    return np.cumsum(np.concatenate([np.zeros(1, dtype=np.int64), *counts]))
