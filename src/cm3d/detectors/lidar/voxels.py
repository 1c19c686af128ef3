"""From points to a bird's-eye image: SECOND's sparse encoder, as CenterPoint has it."""

from typing import Any

from torch import Tensor, nn
from torch.nn import functional

from cm3d.detectors.grid import SPARSE_STRIDE
from cm3d.detectors.lidar import sparse
from cm3d.detectors.lidar.voxelization import POINT_CHANNELS, Voxelizer, Voxels, scaled
from cm3d.detectors.norm import build_norm
from cm3d.errors import InputError
from cm3d.params import Detector

# Rows and columns are padded alike; layers are not in the last stage, where few are left.
_STAGE_PADDING: tuple[int | tuple[int, int, int], ...] = (1, 1, (0, 1, 1))


class VoxelEncoder(nn.Module):
    """Means of voxels, four stages of sparse residual blocks, layers stacked as channels."""

    def __init__(self, detector: Detector) -> None:
        """Build from the `detector` section."""
        super().__init__()
        self.voxelize = Voxelizer(detector, detector.voxel_height_m)
        self.layers = _layers_left(self.voxelize.layers + 1)
        self.half_height_m = (detector.max_z_m - detector.min_z_m) / 2
        channels = detector.sparse_channels
        self.stem = sparse.sequential(
            sparse.submanifold(POINT_CHANNELS, channels[0], "stage0"),
            build_norm(channels[0], detector),
            nn.ReLU(),
        )
        self.stages = nn.ModuleList(
            nn.Sequential(*(ResidualBlock(width, f"stage{index}", detector) for _ in range(2)))
            for index, width in enumerate(channels)
        )
        self.strided = nn.ModuleList(
            sparse.sequential(
                sparse.strided(before, after, 3, 2, padding, f"strided{index}"),
                build_norm(after, detector),
                nn.ReLU(),
            )
            for index, (before, after, padding) in enumerate(
                zip(channels[:-1], channels[1:], _STAGE_PADDING, strict=True)
            )
        )
        self.flatten = sparse.sequential(
            sparse.strided(channels[-1], channels[-1], (3, 1, 1), (2, 1, 1), 0, "flatten"),
            build_norm(channels[-1], detector),
            nn.ReLU(),
        )

    @property
    def channels(self) -> int:
        """Channels of the canvas."""
        return self.layers * int(self.flatten[0].out_channels)

    def forward(self, voxels: Voxels, frames: int) -> Tensor:
        """Encode a batch of point clouds; arguments as of `PillarEncoder.forward`.

        Returns:
            (B, C, rows, columns) at an eighth of the voxels' resolution.
        """
        grid = self.voxelize.grid
        side, channels = grid.size // SPARSE_STRIDE, self.channels // self.layers
        canvas = voxels.points.new_zeros(frames, side, side, channels, self.layers)
        if not len(voxels):
            return _stacked(canvas)
        means = voxels.mean(scaled(voxels.points, grid, self.half_height_m))
        # one layer more than there are, as in SECOND, so that halving leaves none out
        shape = [self.voxelize.layers + 1, grid.size, grid.size]
        occupied = self.stem(sparse.sparse_tensor(means, voxels.position, shape, frames))
        for index, stage in enumerate(self.stages):
            occupied = stage(occupied)
            if index < len(self.strided):
                occupied = self.strided[index](occupied)
        flat = self.flatten(occupied)
        frame_index, layer, row, column = flat.indices.long().unbind(1)
        canvas[frame_index, row, column, :, layer] = flat.features
        return _stacked(canvas)


class ResidualBlock(nn.Module):
    """Two sparse convolutions and a shortcut past them."""

    def __init__(self, channels: int, key: str, detector: Detector) -> None:
        """Build for so many channels; blocks of one key share the neighbours they look up."""
        super().__init__()
        self.first = sparse.submanifold(channels, channels, key)
        self.first_norm = build_norm(channels, detector)
        self.second = sparse.submanifold(channels, channels, key)
        self.second_norm = build_norm(channels, detector)

    def forward(self, occupied: Any) -> Any:
        """The same voxels with new features."""
        hidden = self.first(occupied)
        hidden = hidden.replace_feature(functional.relu(self.first_norm(hidden.features)))
        hidden = self.second(hidden)
        out = self.second_norm(hidden.features) + occupied.features
        return hidden.replace_feature(functional.relu(out))


def _stacked(canvas: Tensor) -> Tensor:
    """(B, rows, columns, C, layers) as (B, C x layers, rows, columns), stored channels last."""
    return canvas.flatten(3).permute(0, 3, 1, 2)


def _layers_left(layers: int) -> int:
    """Layers after three halvings and the last convolution.

    Raises:
        InputError: None would be left.
    """
    for padding in (1, 1, 0, 0):
        layers = (layers + 2 * padding - 3) // 2 + 1
    if layers < 1:
        raise InputError(
            "detector.voxel_height_m: four halvings leave no layer of voxels; make them lower"
        )
    return layers
