"""CenterPoint (Yin et al., CVPR 2021) in plain PyTorch; runs on any device."""

from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn

from cm3d.models.backbone import Backbone
from cm3d.models.head import CenterHead, TaskOutput
from cm3d.models.neck import Neck
from cm3d.models.pillars import PillarEncoder
from cm3d.params import Detector

if TYPE_CHECKING:
    from cm3d.models.voxels import VoxelEncoder


class CenterPoint(nn.Module):
    """Encoder of points, bird's-eye backbone, neck and centre head."""

    def __init__(self, detector: Detector) -> None:
        """Build from the `detector` section.

        Raises:
            InputError: Voxels without spconv, or a square that does not split into cells.
        """
        super().__init__()
        self.encoder = _build_encoder(detector)
        self.backbone = Backbone(detector, self.encoder.channels)
        self.neck = Neck(detector)
        self.head = CenterHead(detector, self.neck.channels)
        # Convolutions read the canvas as the pillars' encoder leaves it.
        for parameter in self.parameters():
            if parameter.ndim == 4:
                parameter.data = parameter.data.to(memory_format=torch.channels_last)

    def forward(self, points: Tensor, frame: Tensor, frames: int) -> list[TaskOutput]:
        """Detect in a batch of point clouds; arguments as of `PillarEncoder.forward`."""
        # Positions do not survive half precision.
        with torch.autocast(points.device.type, enabled=False):
            canvas = self.encoder(points, frame, frames)
        outputs: list[TaskOutput] = self.head(self.neck(self.backbone(canvas)))
        return outputs


def build_centerpoint(detector: Detector, seed: int) -> CenterPoint:
    """A CenterPoint with random weights that depend on nothing but the seed."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return CenterPoint(detector)


def _build_encoder(detector: Detector) -> "PillarEncoder | VoxelEncoder":
    if detector.encoder == "pillars":
        return PillarEncoder(detector)
    from cm3d.models.voxels import VoxelEncoder  # spconv is needed by voxels alone

    return VoxelEncoder(detector)
