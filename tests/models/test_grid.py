import numpy as np
import pytest

from cm3d.errors import InputError
from cm3d.models.grid import Grid
from cm3d.params import Detector


def test_heatmaps_are_coarser_by_the_first_stride(detector: Detector) -> None:
    assert Grid.of_pillars(detector) == Grid(3.2, 0.4, 16)
    assert Grid.of_output(detector) == Grid(3.2, 0.8, 8)


def test_cells_count_from_the_lower_corner() -> None:
    row, column, inside = Grid(4.0, 0.5, 16).cell(
        np.array([[-4.0, -4.0], [0.1, -0.1], [3.99, 1.0], [4.0, 0.0], [0.0, -4.01]])
    )
    np.testing.assert_array_equal(column, [0, 8, 15, 16, 8])
    np.testing.assert_array_equal(row, [0, 7, 10, 8, -1])
    np.testing.assert_array_equal(inside, [True, True, True, False, False])


@pytest.mark.parametrize("pillar_m", [0.3, 0.64])
def test_a_square_that_pillars_or_strides_do_not_divide_is_refused(
    detector: Detector, pillar_m: float
) -> None:
    with pytest.raises(InputError, match=r"detector\.range_m"):
        Grid.of_pillars(detector.model_copy(update={"pillar_m": pillar_m}))
