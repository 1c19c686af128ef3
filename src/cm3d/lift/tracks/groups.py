"""Which classes may be one object, and how each kind of object moves."""

from typing import Final, NamedTuple

import numpy as np

from cm3d.geometry.arrays import NDArrayBool, NDArrayFloat, NDArrayInt
from cm3d.params import GroupName, Tracks
from cm3d.tables.vocabulary import CLASS_NAMES, VEHICLE_CLASSES

_GROUP_OF_CLASS: Final[dict[str, GroupName]] = {
    **dict.fromkeys(VEHICLE_CLASSES, "vehicle"),
    "pedestrian": "pedestrian",
    "motorcycle": "cycle",
    "bicycle": "cycle",
    "traffic_cone": "cone",
    "barrier": "barrier",
}
_GROUPS: Final[tuple[GroupName, ...]] = ("vehicle", "pedestrian", "cycle", "cone", "barrier")


class Motion(NamedTuple):
    """How N objects may move, each (N,).

    Args:
        along_mps: Standard deviation of an unknown velocity along the heading.
        across_mps: The same across it.
        acceleration_mps2: Standard deviation of the acceleration.
        drift_lengths: How many lengths the box of a standing object wanders with the view of it.
        moving_mps: Slower objects stand.
    """

    along_mps: NDArrayFloat
    across_mps: NDArrayFloat
    acceleration_mps2: NDArrayFloat
    drift_lengths: NDArrayFloat
    moving_mps: NDArrayFloat


def group_indices(classes: NDArrayInt) -> NDArrayInt:
    """The group of each class index; boxes of different groups are never one object."""
    of_class = np.array([_GROUPS.index(_GROUP_OF_CLASS[name]) for name in CLASS_NAMES])
    return np.asarray(of_class[classes])


def is_vehicle(classes: NDArrayInt) -> NDArrayBool:
    """Whether each class index is of the group of vehicles."""
    return np.asarray(group_indices(classes) == _GROUPS.index("vehicle"))


def motion_of(classes: NDArrayInt, params: Tracks) -> Motion:
    """The motion of each class index."""
    priors = [params.motion[group] for group in _GROUPS]
    table = np.array([[getattr(prior, name) for name in Motion._fields] for prior in priors])
    return Motion(*table[group_indices(classes)].T)
