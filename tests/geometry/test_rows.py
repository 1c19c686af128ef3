"""Selecting and stacking of columns."""

from dataclasses import dataclass

import numpy as np
import pytest
from numpy.testing import assert_array_equal

from cm3d.geometry.arrays import NDArrayFloat
from cm3d.geometry.rows import Rows


@dataclass(frozen=True, eq=False)
class Discs(Rows):
    center_m: NDArrayFloat
    radius_m: NDArrayFloat


@dataclass(frozen=True, eq=False)
class Wheels(Rows):
    discs: Discs
    speed_rps: NDArrayFloat


WHEELS = Wheels(Discs(np.arange(6.0).reshape(3, 2), np.array([1.0, 2.0, 3.0])), np.arange(3.0))


def test_length_is_that_of_the_columns() -> None:
    assert len(WHEELS) == len(WHEELS.discs) == 3


def test_a_mask_an_index_and_a_slice_select() -> None:
    for rows in (np.array([True, False, True]), np.array([0, 2]), slice(None, None, 2)):
        chosen = WHEELS[rows]
        assert_array_equal(chosen.discs.center_m, [[0, 1], [4, 5]])
        assert_array_equal(chosen.discs.radius_m, [1, 3])
        assert_array_equal(chosen.speed_rps, [0, 2])


def test_parts_are_stacked_in_order() -> None:
    stacked = Wheels.concatenate([WHEELS[:1], WHEELS[2:], WHEELS[1:2]])
    assert isinstance(stacked.discs, Discs)
    assert_array_equal(stacked.speed_rps, [0, 2, 1])
    assert_array_equal(stacked.discs.center_m, [[0, 1], [4, 5], [2, 3]])


def test_rows_do_not_unpack() -> None:
    with pytest.raises(TypeError, match="not iterable"):
        list(WHEELS.discs)
