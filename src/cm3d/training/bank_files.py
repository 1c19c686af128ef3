"""A bank of objects on disk, mapped into memory: every loader process reads the same pages."""

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

from cm3d.errors import InputError
from cm3d.models.sensor_boxes import SensorBoxes
from cm3d.params import ClassName, Detector
from cm3d.training.frames import TrainingFrame
from cm3d.training.object_bank import ObjectBank, cut_objects, offsets_of

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
    root: Path,
    detector: Detector,
    min_points: int,
    folder: Path | None,
    description: str = "objects",
) -> ObjectBank:
    """Cut the objects out of a training's own frames.

    Args:
        frames: Where objects are taken from; repeated ones count once.
        root: Root folder of the data set.
        detector: Classes and sweeps.
        min_points: Of an object, over all sweeps; others are left out.
        folder: Where to keep them; None keeps them in memory.
        description: Name on the progress bar.

    Raises:
        InputError: A sensor file cannot be read, or the folder cannot be written.
    """
    parts = cut_objects(
        frames, root=root, detector=detector, min_points=min_points, description=description
    )
    if folder is None:
        return ObjectBank.concatenate(detector.class_names, list(parts))
    write_bank(folder, detector.class_names, parts)
    return open_bank(folder)


def write_bank(folder: Path, class_names: Sequence[ClassName], parts: Iterable[ObjectBank]) -> None:
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
        stacked = SensorBoxes.concatenate(boxes)
        for field in fields(SensorBoxes):
            np.save(folder / f"{field.name}.npy", getattr(stacked, field.name))
        (folder / _CLASSES).write_text(json.dumps(list(class_names)))
    except OSError as error:
        raise InputError(f"{folder}: cannot be written ({error.strerror}); free it") from error


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
    return np.load(path, mmap_mode="r")


def _write_header(file: BinaryIO, rows: int) -> None:
    """The header of so many points; numpy pads it so that any number takes the same room."""
    descr = np.dtype(np.float32).str
    write: Any = np.lib.format.write_array_header_1_0
    write(file, {"descr": descr, "fortran_order": False, "shape": (rows, 5)})
