"""CenterPoint (Yin et al., CVPR 2021) in plain PyTorch; runs on any device."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, ClassVar

import numpy as np
import torch
from torch import Tensor

from cm3d import params
from cm3d.detectors.bev.second import Backbone, Neck
from cm3d.detectors.boxes import SensorBoxes
from cm3d.detectors.grid import Grid
from cm3d.detectors.heads.center.decode import decode
from cm3d.detectors.heads.center.double_flip import detect_double_flipped
from cm3d.detectors.heads.center.head import CenterHead, TaskOutput
from cm3d.detectors.heads.center.losses import detection_loss
from cm3d.detectors.heads.center.targets import Targets, make_targets
from cm3d.detectors.inputs import Batch, Inputs
from cm3d.detectors.lidar.pillars import PillarEncoder
from cm3d.detectors.protocol import Detector, Needs
from cm3d.taxonomy import Taxonomy

if TYPE_CHECKING:
    from cm3d.detectors.lidar.voxels import VoxelEncoder


class CenterPoint(Detector):
    """Encoder of points, bird's-eye backbone, neck and centre head."""

    training_only: ClassVar = frozenset(
        {
            "heatmap_bias",
            "norm_momentum",
            "gaussian_overlap",
            "min_gaussian_radius_cells",
            "box_loss_weight",
            "velocity_loss_weight",
        }
    )

    def __init__(self, section: params.Detector, taxonomy: Taxonomy) -> None:
        """Build from the `detector` section, with a head for each of the taxonomy's.

        Raises:
            InputError: Voxels without spconv, or a square that does not split into cells.
        """
        super().__init__()
        self.section, self.heads = section, taxonomy.heads
        names = tuple(name for head in self.heads for name in head)
        self.suppression_m = np.array([taxonomy.classes[name].suppression_m for name in names])
        self.encoder = _build_encoder(section)
        self.needs = Needs(
            names,
            section.sweeps,
            section.ego_half_extent_m,
            section.range_m,
            section.min_z_m,
            section.max_z_m,
            self.encoder.voxelize.sift,
        )
        self.backbone = Backbone(section, self.encoder.channels)
        self.neck = Neck(section)
        self.head = CenterHead(section, self.heads, self.neck.channels)
        # Convolutions read the canvas as the pillars' encoder leaves it.
        for parameter in self.parameters():
            if parameter.ndim == 4:
                parameter.data = parameter.data.to(memory_format=torch.channels_last)

    def forward(self, inputs: Inputs) -> list[TaskOutput]:
        """One output per head, see `TaskOutput`."""
        points = inputs.points
        assert points is not None
        # Positions do not survive half precision.
        with torch.autocast(points.values.device.type, enabled=False):
            canvas = self.encoder(points.values, points.frame, inputs.frames)
        outputs: list[TaskOutput] = self.head(self.neck(self.backbone(canvas)))
        return outputs

    def targets(self, batch: Batch) -> Targets:
        """Heatmaps and box codes."""
        return make_targets(batch.labels, batch.inputs.frames, len(self.class_names), self.section)

    def loss(self, outputs: Sequence[TaskOutput], targets: Targets) -> dict[str, Tensor]:
        """Terms `heatmap/<head>` and `box/<head>`."""
        return detection_loss(outputs, targets, self.heads, self.section)

    def boxes(self, outputs: Sequence[TaskOutput], predict: params.Predict) -> list[SensorBoxes]:
        """At most `predict.max_boxes` of each frame."""
        grid = Grid.of_maps(self.section)
        return decode(outputs, self.heads, self.suppression_m, grid, predict)

    def detect(self, inputs: Inputs, predict: params.Predict) -> list[SensorBoxes]:
        """Boxes of each frame, or of it and its mirror images."""
        if predict.double_flip:
            return self.boxes(detect_double_flipped(self, inputs), predict)
        return super().detect(inputs, predict)


def build(section: params.Detector, taxonomy: Taxonomy) -> CenterPoint:
    """See `registry.build_detector`."""
    return CenterPoint(section, taxonomy)


def _build_encoder(section: params.Detector) -> "PillarEncoder | VoxelEncoder":
    if section.encoder == "pillars":
        return PillarEncoder(section)
    from cm3d.detectors.lidar.voxels import VoxelEncoder  # needs spconv

    return VoxelEncoder(section)
