"""Waymo's v1 files with what the lanes need, and other fields between that."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from cm3d.datasets.waymo.tfrecords import masked_checksum
from cm3d.tables.protobuf.writing import Encoded, message_field, varint_field, word_field

FREEWAY, SURFACE_STREET, BIKE_LANE = 1, 2, 3


@dataclass(frozen=True)
class Lane:
    """A lane as it is written; x, y, z in the frame of the map."""

    number: int
    points_m: Sequence[tuple[float, float, float]]
    kind: int | None = SURFACE_STREET
    interpolates: bool = False


def message(number: int, content: bytes) -> bytes:
    """A field of bytes."""
    row = np.frombuffer(content, dtype=np.uint8)[None]
    return message_field(number, Encoded(row, np.ones(row.shape, dtype=bool))).tobytes()


def integer(number: int, value: int) -> bytes:
    return varint_field(number, np.array([value])).tobytes()


def point(values: Sequence[float]) -> bytes:
    """x, y, z as Vector3d and MapPoint have them."""
    return b"".join(
        word_field(axis, np.array([value], float)).tobytes() for axis, value in enumerate(values, 1)
    )


def lane(given: Lane) -> bytes:
    """A map feature."""
    parts = [word_field(1, np.array([25.0])).tobytes()]  # the speed limit
    parts += [] if given.kind is None else [integer(2, given.kind)]
    parts += [integer(3, 1)] if given.interpolates else []
    parts += [message(8, point(values)) for values in given.points_m]
    parts += [message(9, b"\x07\x08")]  # lanes that lead here, packed
    return message(10, integer(1, given.number) + message(3, b"".join(parts)))


def frame(
    name: str, lanes: Sequence[Lane], offset_m: Sequence[float] = (0, 0, 0), more: bytes = b""
) -> bytes:
    """A frame with a context, an image, a road line and its lanes."""
    road_line = message(10, integer(1, 999) + message(4, message(2, point((1, 2, 3)))))
    context = message(1, message(1, name.encode()))
    image = message(4, message(2, bytes(3000)))
    return (
        context
        + integer(2, 1_500_000)
        + image
        + road_line
        + b"".join(map(lane, lanes))
        + (message(11, point(offset_m)) + more)
    )


def record(content: bytes) -> bytes:
    """As it stands in a file."""
    size = len(content).to_bytes(8, "little")
    return size + masked_checksum(size) + content + masked_checksum(content)


def write_v1(root: Path, name: str, lanes: Sequence[Lane], offset_m: Sequence[float]) -> Path:
    """Write a file of two frames, of which only the first has a map, as Waymo names it."""
    path = root / "v1" / "training" / f"segment-{name}_with_camera_labels.tfrecord"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(record(frame(name, lanes, offset_m)) + record(frame(name, [])))
    return path
