"""The words of the nuScenes detection task, in one order used everywhere."""

from typing import Final

import numpy as np

from cm3d.errors import InputError
from cm3d.tables.lookup import positions
from cm3d.tables.table import NDArrayInt, NDArrayObject

CLASS_NAMES: Final = (
    "car",
    "truck",
    "bus",
    "trailer",
    "construction_vehicle",
    "pedestrian",
    "motorcycle",
    "bicycle",
    "traffic_cone",
    "barrier",
)

# Boxes that know no class: SAM3D's proposals and the class-agnostic protocol.
OBJECT_CLASS: Final = "object"

# Classes that follow lanes: the paper orients these along the nearest lane (section 3.1).
VEHICLE_CLASSES: Final = ("car", "truck", "bus", "trailer", "construction_vehicle")

ATTRIBUTE_NAMES: Final = (
    "vehicle.moving",
    "vehicle.stopped",
    "vehicle.parked",
    "cycle.with_rider",
    "cycle.without_rider",
    "pedestrian.moving",
    "pedestrian.standing",
    "pedestrian.sitting_lying_down",
)

CAMERA_CHANNELS: Final = (
    "CAM_FRONT",
    "CAM_FRONT_RIGHT",
    "CAM_BACK_RIGHT",
    "CAM_BACK",
    "CAM_BACK_LEFT",
    "CAM_FRONT_LEFT",
)
LIDAR_CHANNEL: Final = "LIDAR_TOP"


def class_indices(class_names: NDArrayObject) -> NDArrayInt:
    """Position of each name in `CLASS_NAMES`, shape (N,).

    Raises:
        InputError: A name is not one of the ten classes.
    """
    indices = positions(class_names, CLASS_NAMES)
    if (indices < 0).any():
        unknown = class_names[np.argmin(indices)]
        raise InputError(f"unknown class {unknown!r}; the classes are {', '.join(CLASS_NAMES)}")
    return indices
