import numpy as np
import pytest

from cm3d.errors import InputError
from cm3d.lift.shape_priors import CHATGPT, DATASET, shape_priors
from cm3d.tables.vocabulary import CLASS_NAMES


def names(*class_names: str) -> np.ndarray:
    return np.array(class_names, dtype=object)


def test_car_of_table_8() -> None:
    prior = CHATGPT["car"]
    assert (prior.length_m, prior.width_m, prior.height_m) == (4.5, 1.8, 1.5)
    prior = DATASET["car"]
    assert (prior.length_m, prior.width_m, prior.height_m) == (4.62, 1.91, 1.68)


@pytest.mark.parametrize("priors", [CHATGPT, DATASET])
def test_every_class_has_a_size_and_is_not_wider_than_long(priors: dict) -> None:
    assert set(priors) == set(CLASS_NAMES)
    assert all(prior.length_m >= prior.width_m > 0 for prior in priors.values())


def test_columns_by_class_name() -> None:
    sizes = shape_priors(names("bus", "pedestrian", "bus"), "chatgpt")
    assert sizes.length_m.tolist() == [12.0, 0.7, 12.0]
    assert sizes.width_m.tolist() == [2.5, 0.4, 2.5]
    assert sizes.height_m.tolist() == [4.0, 1.7, 4.0]


def test_no_boxes() -> None:
    assert [column.shape for column in shape_priors(names(), "dataset")] == [(0,)] * 3


def test_unknown_class() -> None:
    with pytest.raises(InputError, match="unknown class 'tram'"):
        shape_priors(names("car", "tram"), "chatgpt")
