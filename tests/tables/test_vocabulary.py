import numpy as np
import pytest

from cm3d.errors import InputError
from cm3d.tables.vocabulary import CLASS_NAMES, VEHICLE_CLASSES, class_indices


def test_indices_follow_the_order_of_the_names() -> None:
    names = np.array(["barrier", "car", "pedestrian"], dtype=object)
    np.testing.assert_array_equal(class_indices(names), [9, 0, 5])


def test_unknown_class_is_named() -> None:
    with pytest.raises(InputError, match="unknown class 'tram'"):
        class_indices(np.array(["car", "tram"], dtype=object))


def test_vehicles_are_classes() -> None:
    assert set(VEHICLE_CLASSES) < set(CLASS_NAMES)
