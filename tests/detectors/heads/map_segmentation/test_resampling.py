import numpy as np
import pytest
import torch

from cm3d.detectors.grid import Grid
from cm3d.detectors.heads.map_segmentation.resampling import GridTransform

SOME = [*range(0, 200, 9), 199]  # rows and columns: all 40,000 pixels take long


def sampled(maps: np.ndarray, grid: Grid) -> np.ndarray:
    """Pixel by pixel: four neighbours, weighted by how near their centres are."""
    found = np.zeros((200, 200))
    for row in SOME:
        for column in SOME:
            place_m = np.array([row, column]) * 0.5 + 0.25 - 50.0
            cell = (place_m + grid.range_m) / grid.cell_m - 0.5
            low = np.floor(cell).astype(int)
            for corner in ((0, 0), (0, 1), (1, 0), (1, 1)):
                at = low + corner
                if (at >= 0).all() and (at < grid.size).all():
                    found[row, column] += maps[tuple(at)] * np.prod(1 - np.abs(cell - at))
    return found


@pytest.mark.parametrize(
    "grid", [Grid(51.2, 0.8, 128), Grid(54.0, 2.4, 45), Grid(50.0, 0.5, 200), Grid(12.8, 0.8, 32)]
)
def test_samples_are_those_of_a_loop(grid: Grid) -> None:
    maps = np.random.default_rng(0).normal(size=(grid.size, grid.size))
    found = GridTransform(grid)(torch.from_numpy(maps)[None, None].float())
    assert found.shape == (1, 1, 200, 200)
    some = np.ix_(SOME, SOME)
    np.testing.assert_allclose(found[0, 0].numpy()[some], sampled(maps, grid)[some], atol=2e-4)


def test_half_precision_moves_no_sample() -> None:
    rows_m = (torch.arange(128) + 0.5) * 0.8 - 51.2
    maps = rows_m[:, None].expand(128, 128)[None, None].bfloat16()
    transform = GridTransform(Grid(51.2, 0.8, 128))
    with torch.autocast("cpu", torch.bfloat16):
        found = transform(maps)
    assert torch.equal(found, transform(maps.float()))


def test_rows_are_y_and_columns_x() -> None:
    grid = Grid(51.2, 0.8, 128)
    centre_m = (torch.arange(128) + 0.5) * 0.8 - 51.2
    y_m, x_m = torch.meshgrid(centre_m, centre_m, indexing="ij")
    y_found, x_found = GridTransform(grid)(torch.stack([y_m, x_m])[None])[0]
    assert y_found[30, 170].item() == pytest.approx(30.5 * 0.5 - 50, abs=1e-3)
    assert x_found[30, 170].item() == pytest.approx(170.5 * 0.5 - 50, abs=1e-3)


def test_frames_stay_apart() -> None:
    maps = torch.stack([torch.zeros(3, 32, 32), torch.ones(3, 32, 32)])
    found = GridTransform(Grid(64.0, 4.0, 32))(maps)
    assert found[0].abs().max() == 0
    torch.testing.assert_close(found[1], torch.ones(3, 200, 200))
