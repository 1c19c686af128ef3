"""The encoder of points that the parameters choose."""

from typing import TYPE_CHECKING, cast

import torch
from torch import Tensor

from cm3d.detectors.inputs import Inputs
from cm3d.detectors.lidar.pillars import PillarEncoder
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


def encode(encoder: "PillarEncoder | VoxelEncoder", inputs: Inputs) -> Tensor:
    """The canvas (B, channels, rows, columns) of the batch's points."""
    points = inputs.points
    assert points is not None
    # positions do not survive half precision
    with torch.autocast(points.values.device.type, enabled=False):
        return cast(Tensor, encoder(points.values, points.frame, inputs.frames))
