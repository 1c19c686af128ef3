import pytest
import torch

from cm3d.detectors.grid import Grid
from cm3d.errors import InputError
from cm3d.params import Detector


def test_heatmaps_are_coarser_by_the_first_stride(detector: Detector) -> None:
    assert Grid.of_points(detector) == Grid(3.2, 0.4, 16)
    assert Grid.of_maps(detector) == Grid(3.2, 0.8, 8)


def test_cells_count_from_the_lower_corner() -> None:
    row, column, inside = Grid(4.0, 0.5, 16).cell(
        torch.tensor([[-4.0, -4.0], [0.1, -0.1], [3.99, 1.0], [4.0, 0.0], [0.0, -4.01]])
    )
    assert column.tolist() == [0, 8, 15, 16, 8]
    assert row.tolist() == [0, 7, 10, 8, -1]
    assert inside.tolist() == [True, True, True, False, False]


def test_maps_of_voxels_are_coarser_by_the_encoder_too(voxel_detector: Detector) -> None:
    assert Grid.of_points(voxel_detector) == Grid(3.2, 0.2, 32)
    assert Grid.of_maps(voxel_detector) == Grid(3.2, 1.6, 4)


def test_a_neck_may_halve_the_first_block(detector: Detector) -> None:
    halved = detector.model_copy(update={"neck_upsampling": [0.5, 1.0]})
    assert Grid.of_maps(halved) == Grid(3.2, 1.6, 4)


@pytest.mark.parametrize("cell_m", [0.3, 0.64])
def test_a_square_that_cells_or_strides_do_not_divide_is_refused(
    detector: Detector, cell_m: float
) -> None:
    with pytest.raises(InputError, match=r"detector\.range_m"):
        Grid.of_points(detector.model_copy(update={"cell_m": cell_m}))
