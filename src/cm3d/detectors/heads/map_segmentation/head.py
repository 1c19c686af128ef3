"""BEVFusion's segmentation head: a logit per class and pixel of a mask."""

from torch import Tensor, nn

from cm3d.detectors.bev.second import convolution
from cm3d.detectors.grid import Grid
from cm3d.detectors.heads.map_segmentation.resampling import GridTransform
from cm3d.detectors.norm import build_norm
from cm3d.geometry.ground_map import MAP_CLASSES
from cm3d.params import Detector


class MapHead(nn.Module):
    """Two convolutions on the pixels of masks, then one of a pixel for each class."""

    def __init__(self, detector: Detector, channels: int) -> None:
        """Build from the `detector` section, on so many channels of its maps."""
        super().__init__()
        self.transform = GridTransform(Grid.of_maps(detector))
        self.hidden = nn.Sequential(
            *(convolution(channels, build_norm(channels, detector)) for _ in range(2))
        )
        self.final = nn.Conv2d(channels, len(MAP_CLASSES), 1)

    def forward(self, features: Tensor) -> Tensor:
        """Logits (B, classes, rows, columns) of masks; see `GroundMap.masks`."""
        logits: Tensor = self.final(self.hidden(self.transform(features)))
        return logits
