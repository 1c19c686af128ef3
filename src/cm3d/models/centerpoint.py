"""CenterPoint with pillars (Yin et al., CVPR 2021) in plain PyTorch; runs on any device."""

import torch
from torch import Tensor, nn

from cm3d.models.backbone import Backbone
from cm3d.models.head import CenterHead, TaskOutput
from cm3d.models.neck import Neck
from cm3d.models.pillars import PillarEncoder
from cm3d.params import Detector


class CenterPoint(nn.Module):
    """Pillar encoder, bird's-eye backbone, neck and centre head."""

    def __init__(self, detector: Detector) -> None:
        """Build from the `detector` section."""
        super().__init__()
        self.pillars = PillarEncoder(detector)
        self.backbone = Backbone(detector)
        self.neck = Neck(detector)
        self.head = CenterHead(detector, self.neck.channels)
        # Convolutions read the canvas as the encoder leaves it.
        for parameter in self.parameters():
            if parameter.ndim == 4:
                parameter.data = parameter.data.to(memory_format=torch.channels_last)

    def forward(self, points: Tensor, frame: Tensor, frames: int) -> list[TaskOutput]:
        """Detect in a batch of point clouds; arguments as of `PillarEncoder.forward`."""
        canvas = self.pillars(points, frame, frames)
        outputs: list[TaskOutput] = self.head(self.neck(self.backbone(canvas)))
        return outputs


def build_centerpoint(detector: Detector, seed: int) -> CenterPoint:
    """A CenterPoint with random weights that depend on nothing but the seed."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return CenterPoint(detector)
