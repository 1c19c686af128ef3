"""Attributes that no image tells: one constant per class."""

from typing import Final

import numpy as np

from cm3d.tables import NDArrayObject
from cm3d.tables.vocabulary import CLASS_NAMES, VEHICLE_CLASSES, class_indices

# As in the paper's release; the paper does not say. Cones and barriers have none.
_ATTRIBUTE_OF_CLASS: Final = {
    **dict.fromkeys(VEHICLE_CLASSES, "vehicle.stopped"),
    "pedestrian": "pedestrian.standing",
    "motorcycle": "cycle.without_rider",
    "bicycle": "cycle.without_rider",
}
_ATTRIBUTES: Final = np.array(
    [_ATTRIBUTE_OF_CLASS.get(name, "") for name in CLASS_NAMES], dtype=object
)


def constant_attributes(class_names: NDArrayObject) -> NDArrayObject:
    """The attribute of each class name (N,), empty where the class has none."""
    return _ATTRIBUTES[class_indices(class_names)]
