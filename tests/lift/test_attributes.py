import numpy as np

from cm3d.lift.attributes import constant_attributes
from cm3d.tables.vocabulary import ATTRIBUTE_NAMES, CLASS_NAMES


def test_attribute_of_each_class() -> None:
    attributes = constant_attributes(np.array(CLASS_NAMES, dtype=object)).tolist()
    assert attributes == [
        *["vehicle.stopped"] * 5,
        "pedestrian.standing",
        *["cycle.without_rider"] * 2,
        *[""] * 2,
    ]
    assert set(attributes) - {""} <= set(ATTRIBUTE_NAMES)
