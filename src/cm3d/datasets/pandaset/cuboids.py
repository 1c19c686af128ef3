"""Annotated boxes: one per object, where each of the two LiDARs has its own of what moves."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from cm3d.datasets.keyframes import Box
from cm3d.datasets.pandaset.drives import Drive, table_name
from cm3d.datasets.pandaset.frames import AGAIN, Frame, read_frame
from cm3d.errors import InputError
from cm3d.geometry.angles import wrap_angle
from cm3d.geometry.arrays import NDArrayBool, NDArrayFloat, NDArrayInt
from cm3d.tables.rules import MIN_SIDE_M
from cm3d.taxonomy import Taxonomy

_PANDAR_GT: Final = 1  # of `cuboids.sensor_id`; 0 is the Pandar64, -1 both
_NO_SIBLING: Final = ("", "-")

# Velocities are differences over half a second on either side, as of nuScenes' keyframes: over a
# tenth, annotators' centimetres would be decimetres per second.
_VELOCITY_SWEEPS: Final = 5

# By the first part of an attribute's name in class lists: the column, and its words in ours.
_ATTRIBUTES: Final[Mapping[str, tuple[str, Mapping[str, str]]]] = {
    "vehicle": (
        "attributes.object_motion",
        {"Moving": "moving", "Stopped": "stopped", "Parked": "parked"},
    ),
    "cycle": (
        "attributes.rider_status",
        {"With Rider": "with_rider", "Without Rider": "without_rider"},
    ),
    "pedestrian": (
        "attributes.pedestrian_behavior",
        {
            "Walking": "moving",
            "Standing": "standing",
            "Sitting": "sitting_lying_down",
            "Lying": "sitting_lying_down",
        },
    ),
}


@dataclass(frozen=True, eq=False)
class Cuboids:
    """The boxes of a sweep, each object once.

    Args:
        frame: The table.
        row: (N,) rows of it that stay.
        instance: (N,) name of the object, the same over the sequence and for both LiDARs.
        center_m: (N, 3) in the world.
        size_m: (N, 3) length, width, height.
        yaw_rad: (N,) heading about +z.
    """

    frame: Frame
    row: NDArrayInt
    instance: list[str]
    center_m: NDArrayFloat
    size_m: NDArrayFloat
    yaw_rad: NDArrayFloat


def read_cuboids(drive: Drive) -> list[Cuboids]:
    """The boxes of all sweeps.

    Raises:
        InputError: A file is missing or malformed.
    """
    paths = [drive.cuboids / table_name(number) for number in range(drive.count)]
    frames = [read_frame(path) for path in paths]
    names: dict[str, str] = {}
    for frame in frames:
        of_gt = _seen_by_gt(frame)
        siblings = frame.texts_or_empty("cuboids.sibling_id")[of_gt]
        pairs = zip(frame.texts("uuid")[of_gt], siblings, strict=True)
        names = {own: sibling for own, sibling in pairs if sibling not in _NO_SIBLING} | names
    return [_cuboids(frame, names) for frame in frames]


def _seen_by_gt(frame: Frame) -> NDArrayBool:
    """(N,): boxes that are fitted to points of the forward LiDAR alone."""
    sensor = frame.columns.get("cuboids.sensor_id", np.full(len(frame), -1)).tolist()
    return np.array([value == _PANDAR_GT for value in sensor], dtype=bool)


def _cuboids(frame: Frame, names: Mapping[str, str]) -> Cuboids:
    uuid = frame.texts("uuid").tolist()
    _refuse_doubles(frame, uuid)
    instance = [names.get(own, own) for own in uuid]
    # those of the forward LiDAR come last, and stay where their object has no other box
    order = np.argsort(_seen_by_gt(frame), kind="stable")
    first: dict[str, int] = {}
    for row in order.tolist():
        first.setdefault(instance[row], row)
    kept = np.sort(np.array(list(first.values()), dtype=np.int64))
    extents_m = frame.floats("dimensions.y", "dimensions.x", "dimensions.z")
    if (extents_m < MIN_SIDE_M).any():
        row = int(np.argmax((extents_m < MIN_SIDE_M).any(axis=1)))
        raise InputError(f"{frame.path}: row {row}: dimensions are not above 0; {AGAIN}")
    yaw_rad = frame.floats("yaw")[:, 0]
    return Cuboids(
        frame=frame,
        row=kept,
        instance=[instance[row] for row in kept],
        center_m=frame.floats("position.x", "position.y", "position.z")[kept],
        size_m=extents_m[kept],
        # a yaw of 0 looks along +y
        yaw_rad=wrap_angle(yaw_rad[kept] + np.pi / 2),
    )


def _refuse_doubles(frame: Frame, uuid: Sequence[str]) -> None:
    word, count = next(iter(Counter(uuid).most_common(1)), ("", 0))
    if count > 1:
        raise InputError(f"{frame.path}: uuid {word!r} stands {count} times; {AGAIN}")


def boxes_of(
    cuboids: Sequence[Cuboids], number: int, times_us: Sequence[int], taxonomy: Taxonomy
) -> tuple[list[Box], Counter[str]]:
    """The boxes of one sweep whose label is of a class, and how many of each other label.

    Args:
        cuboids: Of all sweeps.
        number: Of the sweep.
        times_us: Of all sweeps.
        taxonomy: Classes of labels.
    """
    now = cuboids[number]
    labels = now.frame.texts("label")[now.row].tolist()
    classes = [taxonomy.category_classes.get(label) for label in labels]
    attributes = _attributes(now, classes, taxonomy)
    velocity_mps = _velocities(cuboids, number, times_us)
    boxes = [
        Box(
            class_name=class_name,
            instance=now.instance[i],
            center_m=now.center_m[i],
            length_m=now.size_m[i, 0],
            width_m=now.size_m[i, 1],
            height_m=now.size_m[i, 2],
            yaw_rad=now.yaw_rad[i],
            attribute_name=attributes[i],
            velocity_mps=velocity_mps[i],
        )
        for i, class_name in enumerate(classes)
        if class_name is not None
    ]
    left_out = [label for label, found in zip(labels, classes, strict=True) if found is None]
    return boxes, Counter(left_out)


def _velocities(cuboids: Sequence[Cuboids], number: int, times_us: Sequence[int]) -> NDArrayFloat:
    """(N, 2) m/s: from half a second before to half a second after, as far as the object is seen.

    NaN where neither sweep has the object.
    """
    now = cuboids[number]
    ends = [np.column_stack([now.center_m[:, :2], np.zeros(len(now.row))]) for _ in range(2)]
    others = (number - _VELOCITY_SWEEPS, number + _VELOCITY_SWEEPS)
    for end, other in zip(ends, others, strict=True):
        if 0 <= other < len(cuboids):
            rows = {name: row for row, name in enumerate(cuboids[other].instance)}
            seen = [(i, rows[name]) for i, name in enumerate(now.instance) if name in rows]
            here, there = np.array(seen, dtype=np.int64).reshape(-1, 2).T
            end[here, :2] = cuboids[other].center_m[there, :2]
            end[here, 2] = (times_us[other] - times_us[number]) * 1e-6
    moved = ends[1] - ends[0]
    return np.asarray(moved[:, :2] / np.where(moved[:, 2:] > 0, moved[:, 2:], np.nan))


def _attributes(now: Cuboids, classes: Sequence[str | None], taxonomy: Taxonomy) -> list[str]:
    """What each object does, in the words of the class list; empty where that is not known."""
    constants = zip(taxonomy.class_names, taxonomy.attribute("constant"), strict=True)
    families = {name: str(constant).partition(".")[0] for name, constant in constants}
    found = [""] * len(classes)
    for family, (column, words) in _ATTRIBUTES.items():
        told = now.frame.texts_or_empty(column)[now.row]
        for i, name in enumerate(classes):
            attribute = f"{family}.{words.get(told[i])}"
            is_known = attribute in taxonomy.attribute_names
            if is_known and name is not None and families[name] == family:
                found[i] = attribute
    return found
