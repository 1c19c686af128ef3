"""CenterPoint (Yin et al., CVPR 2021) in plain PyTorch; runs on any device."""

from torch import Tensor

from cm3d import params
from cm3d.detectors.bev.detector import BevDetector, store_channels_last
from cm3d.detectors.inputs import Inputs
from cm3d.detectors.lidar.encoder import build_encoder, encode, voxelize
from cm3d.detectors.protocol import Needs
from cm3d.taxonomy import Taxonomy


class CenterPoint(BevDetector):
    """Encoder of points, bird's-eye backbone, neck and centre head."""

    def build_canvas(self, class_names: tuple[str, ...]) -> int:
        """Build the encoder of points."""
        self.encoder = build_encoder(self.section)
        self.needs = Needs.of(self.section, class_names, sift=self.encoder.voxelize.sift)
        return self.encoder.channels

    def canvas(self, inputs: Inputs) -> Tensor:
        """What the points say."""
        return encode(self.encoder, voxelize(self.encoder, inputs), inputs.frames)


def build(section: params.Network, taxonomy: Taxonomy) -> CenterPoint:
    """See `registry.build_detector`."""
    model = CenterPoint(section, taxonomy)
    store_channels_last(model)
    return model
