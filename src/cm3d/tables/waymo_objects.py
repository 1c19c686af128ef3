"""Waymo's `Objects` files: predictions and ground truth as its tools and its server read them.

Numbers of fields are those of Waymo's metrics.proto and label.proto; other fields are passed over.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Final

import numpy as np

from cm3d.errors import InputError, writing
from cm3d.geometry.cuboids import Cuboids
from cm3d.params import read_content
from cm3d.tables import rules
from cm3d.tables.columns import Bool, Float, Int, Text, Vector3
from cm3d.tables.protobuf import FIXED32, FIXED64, LENGTH, VARINT
from cm3d.tables.protobuf.reading import WireError, messages, repeated, texts
from cm3d.tables.protobuf.writing import (
    Encoded,
    message_field,
    text_field,
    varint_field,
    word_field,
)
from cm3d.tables.table import Table

# Numbers of the types, by the category that a class has in a taxonomy.
TYPES: Final = {"VEHICLE": 1, "PEDESTRIAN": 2, "SIGN": 3, "CYCLIST": 4}

_OBJECTS: Final = 1  # of the file
_OBJECT: Final = {1: LENGTH, 2: FIXED32, 3: VARINT, 4: LENGTH, 5: VARINT, 6: VARINT}
_LABEL: Final = {1: LENGTH, 3: VARINT, 4: LENGTH, 5: VARINT, 7: VARINT}
# x, y, z, length, width, height, heading: the width has a lower number than the length
_BOX: Final = (1, 2, 3, 5, 4, 6, 7)

_CHUNK: Final = 100_000  # objects that are encoded at a time
_REMEDY: Final = "write it anew, as waymo.open_dataset.Objects"


@dataclass(frozen=True, eq=False)
class WaymoObjects(Table):
    """One row per object; boxes are in the vehicle's frame.

    Args:
        context_name: The drive.
        timestamp_us: The frame.
        camera: Number of the camera, of labels on images; else 0.
        type: 0 for unknown, else one of `TYPES`.
        object_id: Of the object, over a drive; may be empty.
        score: In [0, 1], of single precision; 1 where a file has none.
        overlaps_nlz: Whether it overlaps a zone without labels.
        difficulty: 0 where nobody has said, else 1 or 2.
        num_lidar_points: LiDAR points inside.
        center_m: Centre.
        length_m: Extent along the heading; Waymo's tool lets boxes be flat.
        width_m: Extent across the heading.
        height_m: Vertical extent.
        yaw_rad: Heading about +z, from the x axis.
    """

    context_name: Text
    timestamp_us: Annotated[Int, rules.TIME]
    camera: Annotated[Int, rules.between(0, 100, "a camera")]
    type: Annotated[Int, rules.between(0, len(TYPES), "a type")]
    object_id: Text
    score: Annotated[Float, rules.SHARE]
    overlaps_nlz: Bool
    difficulty: Annotated[Int, rules.between(0, 2, "a level")]
    num_lidar_points: Annotated[Int, rules.between(-(2**31), 2**31 - 1, "a count")]
    center_m: Annotated[Vector3, rules.POSITION]
    length_m: Annotated[Float, rules.between(0, 1e7, "metres")]
    width_m: Annotated[Float, rules.between(0, 1e7, "metres")]
    height_m: Annotated[Float, rules.between(0, 1e7, "metres")]
    yaw_rad: Annotated[Float, rules.ANGLE]

    @property
    def cuboids(self) -> Cuboids:
        """The boxes as shapes."""
        return Cuboids(self.center_m, self.length_m, self.width_m, self.height_m, self.yaw_rad)


def read_objects(path: Path) -> WaymoObjects:
    """Read an `Objects` file.

    Raises:
        InputError: It is missing, cut off or no such file, or a value breaks its column's rule.
    """
    return decode(read_content(path, _REMEDY), str(path))


def write_objects(path: Path, objects: WaymoObjects) -> None:
    """Write an `Objects` file.

    Raises:
        InputError: A value breaks its column's rule, or the file cannot be written.
    """
    content = encode(objects, str(path))
    with writing(path):
        path.write_bytes(content)


def decode(content: bytes, source: str = "objects") -> WaymoObjects:
    """Objects of a file's bytes.

    Args:
        content: The bytes.
        source: What they are, to name it in messages.

    Raises:
        InputError: They are cut off or are none, or a value breaks its column's rule.
    """
    try:
        objects = _decode(np.frombuffer(content, dtype=np.uint8))
    except WireError as error:
        raise InputError(f"{source}: object {error.row}: {error.reason}; {_REMEDY}") from error
    _check(objects, source)
    return objects


def encode(objects: WaymoObjects, source: str = "objects") -> bytes:
    """A file's bytes, the same for the same objects; difficulties and ids only where known.

    Raises:
        InputError: A value breaks its column's rule.
    """
    _check(objects, source)
    parts = range(0, len(objects), _CHUNK)
    return b"".join(_encode(objects[start : start + _CHUNK]).tobytes() for start in parts)


def _decode(data: np.ndarray[Any, np.dtype[np.uint8]]) -> WaymoObjects:
    places = repeated(data, _OBJECTS)
    whole = messages(data, *places, _OBJECT)
    label = messages(data, whole[1].start, whole[1].stop, _LABEL)
    box = messages(data, label[1].start, label[1].stop, dict.fromkeys(_BOX, FIXED64))
    if not label[1].is_there.all():
        raise WireError(int(np.argmin(label[1].is_there)), "it has no box (field 1 of its label)")
    x, y, z, length_m, width_m, height_m, yaw_rad = (box[number].doubles() for number in _BOX)
    return WaymoObjects(
        context_name=texts(data, whole[4]),
        timestamp_us=whole[5].integers(),
        camera=whole[6].integers(),
        type=label[3].integers(),
        object_id=texts(data, label[4]),
        score=whole[2].floats(1.0).astype(np.float64),
        overlaps_nlz=whole[3].integers() != 0,
        difficulty=label[5].integers(),
        num_lidar_points=label[7].integers(),
        center_m=np.column_stack([x, y, z]),
        length_m=length_m,
        width_m=width_m,
        height_m=height_m,
        yaw_rad=yaw_rad,
    )


def _encode(objects: WaymoObjects) -> Encoded:
    sizes_m = [objects.length_m, objects.width_m, objects.height_m]
    values = dict(zip(_BOX, [*objects.center_m.T, *sizes_m, objects.yaw_rad], strict=True))
    box = Encoded.join(*(word_field(number, values[number]) for number in sorted(_BOX)))
    label = Encoded.join(
        message_field(1, box),
        varint_field(3, objects.type),
        text_field(4, objects.object_id).only(objects.object_id != ""),
        varint_field(5, objects.difficulty).only(objects.difficulty > 0),
        varint_field(7, objects.num_lidar_points),
    )
    whole = Encoded.join(
        message_field(1, label),
        word_field(2, objects.score.astype(np.float32)),
        varint_field(3, objects.overlaps_nlz.astype(np.int64)).only(objects.overlaps_nlz),
        text_field(4, objects.context_name),
        varint_field(5, objects.timestamp_us),
        varint_field(6, objects.camera).only(objects.camera > 0),
    )
    return message_field(_OBJECTS, whole)


def _check(objects: WaymoObjects, source: str) -> None:
    if fault := objects.fault():
        raise InputError(
            f"{source}: object {fault.row}, {fault.column}: {fault.reason}; correct it"
        )
