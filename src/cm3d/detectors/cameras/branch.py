"""The camera branch: from images to a bird's-eye map (BEVFusion, Liu et al., ICRA 2023)."""

from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn

from cm3d.detectors.cameras.efficientnet_lite import EfficientNetLite
from cm3d.detectors.cameras.neck import Neck
from cm3d.detectors.cameras.rays import Rays
from cm3d.detectors.cameras.view_transform import ViewTransform
from cm3d.detectors.grid import Grid
from cm3d.detectors.inputs import Images, Points
from cm3d.params import Cameras, Detector

if TYPE_CHECKING:
    from cm3d.detectors.cameras.swin import Swin


class CameraBranch(nn.Module):
    """Backbone, neck and view transform."""

    def __init__(self, cameras: Cameras, detector: Detector) -> None:
        """Build for the grid of the canvas, with random weights.

        Raises:
            InputError: The square does not split into cells.
        """
        super().__init__()
        self.cameras = cameras
        self.backbone = _build_backbone(cameras)
        self.neck = Neck(self.backbone.channels, cameras.neck_channels, detector)
        self.view = ViewTransform(cameras, detector, Grid.of_canvas(detector))
        self.mean_rgb: Tensor
        self.deviation_rgb: Tensor
        for name in ("mean_rgb", "deviation_rgb"):
            values = torch.tensor(getattr(self.backbone, name)).view(3, 1, 1)
            self.register_buffer(name, values, persistent=False)

    def forward(self, images: Images, points: Points | None) -> Tensor:
        """The map (B, bev_channels, rows, columns) on the canvas."""
        normalised = (images.pixels / 255 - self.mean_rgb) / self.deviation_rgb
        features = self.neck(self.backbone(normalised.flatten(0, 1)))
        by_camera = features.view(*images.pixels.shape[:2], *features.shape[1:])
        canvas: Tensor = self.view(by_camera, Rays.of(images), images.seen, points)
        return canvas

    def load_pretrained(self) -> None:
        """Weights of the backbone, where they are wanted.

        Raises:
            InputError: They are not there.
        """
        if self.cameras.weights == "pretrained":
            self.backbone.load_pretrained(self.cameras.swin)


def _build_backbone(cameras: Cameras) -> "EfficientNetLite | Swin":
    if cameras.backbone == "efficientnet_lite0":
        return EfficientNetLite()
    from cm3d.detectors.cameras.swin import Swin  # transformers takes seconds to import

    return Swin()
