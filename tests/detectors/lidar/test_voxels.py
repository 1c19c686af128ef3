"""The sparse encoder against dense convolutions on a grid that is empty where no voxel is."""

import pytest
import torch
from torch import nn
from torch.nn import functional

from cm3d.detectors.lidar.voxelization import scaled
from cm3d.detectors.lidar.voxels import ResidualBlock, VoxelEncoder
from cm3d.errors import InputError
from cm3d.params import Detector


@pytest.fixture
def encoder(voxel_detector: Detector) -> VoxelEncoder:
    torch.manual_seed(0)
    return VoxelEncoder(voxel_detector).eval()


def _dense(layer: nn.Module, grid: torch.Tensor, stride=1, padding=1) -> torch.Tensor:
    weight = layer.weight.permute(0, 4, 1, 2, 3)  # out, z, y, x, in
    return functional.conv3d(grid, weight, stride=stride, padding=padding)


def _normalised(norm: nn.Module, grid: torch.Tensor, occupied: torch.Tensor) -> torch.Tensor:
    return norm(grid) * occupied


def _block(block: ResidualBlock, grid: torch.Tensor, occupied: torch.Tensor) -> torch.Tensor:
    hidden = functional.relu(_normalised(block.first_norm, _dense(block.first, grid), occupied))
    hidden = _normalised(block.second_norm, _dense(block.second, hidden), occupied)
    return functional.relu(hidden + grid) * occupied


def _dense_encoding(encoder: VoxelEncoder, cloud) -> torch.Tensor:
    voxels = encoder.voxelize(*cloud)
    grid = torch.zeros(2, 5, encoder.voxelize.layers + 1, 32, 32)
    frame, layer, row, column = voxels.position.T
    grid[frame, :, layer, row, column] = voxels.mean(
        scaled(voxels.points, encoder.voxelize.grid, encoder.half_height_m)
    )
    occupied = torch.zeros(2, 1, *grid.shape[2:])
    occupied[frame, 0, layer, row, column] = 1
    grid = functional.relu(_normalised(encoder.stem[1], _dense(encoder.stem[0], grid), occupied))
    steps = [(down, 2, p) for down, p in zip(encoder.strided, (1, 1, (0, 1, 1)), strict=True)]
    for stage, (down, stride, padding) in zip(
        encoder.stages, [*steps, (encoder.flatten, (2, 1, 1), 0)], strict=True
    ):
        for block in stage:
            grid = _block(block, grid, occupied)
        kernel = torch.ones(1, 1, *down[0].weight.shape[1:4])
        occupied = (functional.conv3d(occupied, kernel, stride=stride, padding=padding) > 0).float()
        grid = _normalised(down[1], _dense(down[0], grid, stride, padding), occupied)
        grid = functional.relu(grid)
    return grid.flatten(1, 2)


def test_the_encoder_equals_dense_convolutions(encoder: VoxelEncoder, cloud) -> None:
    ours, dense = encoder(encoder.voxelize(*cloud), 2), _dense_encoding(encoder, cloud)
    assert ours.shape == (2, encoder.channels, 4, 4)
    torch.testing.assert_close(ours, dense, atol=1e-5, rtol=1e-4)
    assert (ours > 0).any()


def test_gradients_equal_those_of_dense_convolutions(encoder: VoxelEncoder, cloud) -> None:
    weight = torch.randn(2, encoder.channels, 4, 4, generator=torch.Generator().manual_seed(1))
    parameters = list(encoder.parameters())
    ours = torch.autograd.grad((encoder(encoder.voxelize(*cloud), 2) * weight).sum(), parameters)
    dense = torch.autograd.grad((_dense_encoding(encoder, cloud) * weight).sum(), parameters)
    torch.testing.assert_close(ours, dense, atol=1e-4, rtol=1e-3)


def test_published_shapes_leave_two_layers(voxel_detector: Detector) -> None:
    published = voxel_detector.model_copy(
        update={"voxel_height_m": 0.2, "sparse_channels": [16, 32, 64, 128]}
    )
    encoder = VoxelEncoder(published)
    assert encoder.channels == 256
    sparse = sum(parameter.numel() for parameter in encoder.parameters())
    assert sparse == pytest.approx(2.70e6, rel=0.005)  # methods: CenterPoint's sparse part


def test_too_few_layers_are_refused(voxel_detector: Detector) -> None:
    with pytest.raises(InputError, match=r"detector\.voxel_height_m"):
        VoxelEncoder(voxel_detector.model_copy(update={"voxel_height_m": 1.0}))


@pytest.mark.parametrize("training", [True, False])
@pytest.mark.parametrize("count", [0, 1])
def test_hardly_any_points(voxel_detector: Detector, count: int, training: bool) -> None:
    encoder = VoxelEncoder(voxel_detector).train(training)
    voxels = encoder.voxelize(torch.zeros(count, 5), torch.zeros(count, dtype=torch.int64))
    canvas = encoder(voxels, 2)
    assert canvas.shape == (2, encoder.channels, 4, 4)
    assert torch.isfinite(canvas).all()
