"""The encoder of points that the parameters choose."""

from typing import TYPE_CHECKING, cast

import torch
from torch import Tensor

from cm3d.detectors.inputs import Inputs
from cm3d.detectors.lidar.pillars import PillarEncoder
from cm3d.detectors.lidar.voxelization import Voxels
from cm3d.params import Detector

if TYPE_CHECKING:
    from cm3d.detectors.lidar.voxels import VoxelEncoder


def build_encoder(detector: Detector) -> "PillarEncoder | VoxelEncoder":
    """Pillars or voxels.

    Raises:
        InputError: Voxels without spconv, or a square that does not split into cells.
    """
    if detector.encoder == "pillars":
        return PillarEncoder(detector)
    from cm3d.detectors.lidar.voxels import VoxelEncoder  # needs spconv

    return VoxelEncoder(detector)


def voxelize(encoder: "PillarEncoder | VoxelEncoder", inputs: Inputs) -> Voxels:
    """The batch's points, gathered as the encoder wants them."""
    assert inputs.points is not None
    return encoder.voxelize(inputs.points.values, inputs.points.frame)


def encode(encoder: "PillarEncoder | VoxelEncoder", voxels: Voxels, frames: int) -> Tensor:
    """The canvas (B, channels, rows, columns) of a batch of so many frames."""
    # positions do not survive half precision
    with torch.autocast(voxels.points.device.type, enabled=False):
        return cast(Tensor, encoder(voxels, frames))
