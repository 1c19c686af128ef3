"""What objects do: moving, stopped, parked, ridden, standing."""

from typing import Final

import numpy as np

from cm3d.geometry.arrays import NDArrayBool, NDArrayInt
from cm3d.tables import NDArrayObject
from cm3d.tables.vocabulary import CLASS_NAMES, VEHICLE_CLASSES

# The most frequent attribute of nuScenes' annotations, as CenterPoint's nusc_common.py counts
# them; a bus that never moved waits in traffic rather than being parked (3,881 to 3,294).
_MODE: Final = {
    **dict.fromkeys(VEHICLE_CLASSES, "vehicle.parked"),
    "bus": "vehicle.moving",
    "pedestrian": "pedestrian.moving",
    "motorcycle": "cycle.without_rider",
    "bicycle": "cycle.without_rider",
}
_NEVER_MOVED: Final = {**_MODE, "bus": "vehicle.stopped", "pedestrian": "pedestrian.standing"}
_MOVED_BEFORE: Final = {
    **dict.fromkeys(VEHICLE_CLASSES, "vehicle.stopped"),
    "pedestrian": "pedestrian.standing",
    "motorcycle": "cycle.with_rider",
    "bicycle": "cycle.with_rider",
}
_MOVES: Final = {
    **_MOVED_BEFORE,
    **dict.fromkeys(VEHICLE_CLASSES, "vehicle.moving"),
    "pedestrian": "pedestrian.moving",
}


def motion_attributes(
    classes: NDArrayInt, known: NDArrayBool, travelled: NDArrayBool, moving: NDArrayBool
) -> NDArrayObject:
    """The attribute of each box (N,), empty where the class has none.

    Args:
        classes: (N,) class index.
        known: (N,) whether there is motion to judge by.
        travelled: (N,) whether the object is ever somewhere else.
        moving: (N,) whether it moves now.
    """
    case = np.where(known, 1 + travelled.astype(np.int64) + (travelled & moving), 0)
    return np.asarray(_TABLE[case, classes])


_TABLE: Final = np.array(
    [
        [attribute.get(name, "") for name in CLASS_NAMES]
        for attribute in (_MODE, _NEVER_MOVED, _MOVED_BEFORE, _MOVES)
    ],
    dtype=object,
)
