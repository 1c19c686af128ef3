"""Objects cut out of the frames of a training: boxes with the points in them (CenterPoint)."""

import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, fields
from functools import cached_property
from pathlib import Path
from typing import Any, BinaryIO, Self

import numpy as np

from cm3d.detectors.boxes import SensorBoxes
from cm3d.detectors.protocol import Needs
from cm3d.errors import unwritable
from cm3d.execution.progress import followed
from cm3d.geometry.arrays import NDArrayFloat32, NDArrayInt
from cm3d.geometry.cuboids import points_by_box
from cm3d.sensors.card import Sensors
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

    class_names: tuple[str, ...]
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
    def concatenate(cls, class_names: Sequence[str], parts: Sequence[Self]) -> Self:
        """One bank of several with the same classes; none at all gives an empty one."""
        points = [np.empty((0, 5), dtype=np.float32), *(part.points for part in parts)]
        return cls(
            class_names=tuple(class_names),
            boxes=SensorBoxes.concatenate([SensorBoxes.empty(), *(p.boxes for p in parts)]),
            points=np.concatenate(points),
            offsets=offsets_of([np.diff(part.offsets) for part in parts]),
        )


def cut_objects(
    frames: Iterable[TrainingFrame],
    *,
    sensors: Sensors,
    needs: Needs,
    min_points: int,
    description: str,
) -> Iterator[ObjectBank]:
    """The objects of each frame that has any, frame by frame beside a progress bar.

    Args:
        frames: Where objects are taken from; one that stands there again is skipped.
        sensors: Their sensor files.
        needs: Classes and sweeps.
        min_points: Of an object, over all sweeps; others are left out.
        description: Name on the progress bar.

    Raises:
        InputError: A sensor file cannot be read.
    """
    different = {frame.sample_token: frame for frame in frames if (frame.boxes.score > 0).any()}
    for frame in followed(different.values(), description, len(different), "frame"):
        yield objects_of(frame, sensors, needs, min_points)


def objects_of(frame: TrainingFrame, sensors: Sensors, needs: Needs, min_points: int) -> ObjectBank:
    """The objects of one frame with at least so many points; a point may be in two.

    Boxes of weight 0 may be no objects.
    """
    learned = frame.boxes[frame.boxes.score > 0]
    boxes = to_sensor(learned, frame.global_SE3_lidar, needs.class_names)
    points = load_points(frame, sensors, needs)
    box, point = points_by_box(points[:, :3], boxes.cuboids)
    count = np.bincount(box, minlength=len(boxes))
    enough = count >= min_points
    return ObjectBank(
        class_names=needs.class_names,
        boxes=boxes[enough],
        points=points[point[enough[box]]],
        offsets=offsets_of([count[enough]]),
    )


def offsets_of(counts: Iterable[NDArrayInt]) -> NDArrayInt:
    """Where each of N objects begins, and where the last ends (N + 1,), from point counts."""
    return np.cumsum(np.concatenate([np.zeros(1, dtype=np.int64), *counts]))


_POINTS, _OFFSETS, _CLASSES = "points.npy", "offsets.npy", "class_names.json"


@dataclass(frozen=True, eq=False)
class MappedBank(ObjectBank):
    """A bank whose arrays are files; another process is sent the folder, not what is in it.

    Args:
        folder: As `write_bank` fills it.
    """

    folder: Path

    def __reduce__(self) -> Any:
        """How it reaches another process."""
        return open_bank, (self.folder,)


def build_bank(
    frames: Iterable[TrainingFrame],
    *,
    sensors: Sensors,
    needs: Needs,
    min_points: int,
    folder: Path | None,
    description: str = "objects",
) -> ObjectBank:
    """Cut the objects out of a training's own frames.

    Args:
        frames: Where objects are taken from; repeated ones count once.
        sensors: Their sensor files.
        needs: Classes and sweeps.
        min_points: Of an object, over all sweeps; others are left out.
        folder: Where to keep them; None keeps them in memory.
        description: Name on the progress bar.

    Raises:
        InputError: A sensor file cannot be read, or the folder cannot be written.
    """
    parts = cut_objects(
        frames, sensors=sensors, needs=needs, min_points=min_points, description=description
    )
    if folder is None:
        return ObjectBank.concatenate(needs.class_names, list(parts))
    write_bank(folder, needs.class_names, parts)
    return open_bank(folder)


def write_bank(folder: Path, class_names: Sequence[str], parts: Iterable[ObjectBank]) -> None:
    """Write banks as one, part by part, so that only their boxes are ever in memory at once.

    Raises:
        InputError: The folder cannot be written.
    """
    boxes, counts = [], []
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with (folder / _POINTS).open("wb") as file:
            _write_header(file, 0)
            for part in parts:
                boxes.append(part.boxes)
                counts.append(np.diff(part.offsets))
                file.write(part.points.tobytes())
            offsets = offsets_of(counts)
            file.seek(0)
            _write_header(file, int(offsets[-1]))
        np.save(folder / _OFFSETS, offsets)
        stacked = SensorBoxes.concatenate([SensorBoxes.empty(), *boxes])
        for field in fields(SensorBoxes):
            np.save(folder / f"{field.name}.npy", getattr(stacked, field.name))
        (folder / _CLASSES).write_text(json.dumps(list(class_names)))
    except OSError as error:
        raise unwritable(folder, error) from error


def open_bank(folder: Path) -> MappedBank:
    """Map a bank that `write_bank` wrote."""
    boxes = {field.name: _mapped(folder / f"{field.name}.npy") for field in fields(SensorBoxes)}
    return MappedBank(
        class_names=tuple(json.loads((folder / _CLASSES).read_text())),
        boxes=SensorBoxes(**boxes),
        points=_mapped(folder / _POINTS),
        offsets=_mapped(folder / _OFFSETS),
        folder=folder,
    )


def _mapped(path: Path) -> Any:
    return np.load(path, mmap_mode="r", allow_pickle=False)


def _write_header(file: BinaryIO, rows: int) -> None:
    """The header of so many points; numpy pads it so that any number takes the same room."""
    descr = np.dtype(np.float32).str
    write: Any = np.lib.format.write_array_header_1_0
    write(file, {"descr": descr, "fortran_order": False, "shape": (rows, 5)})
