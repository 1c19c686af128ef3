"""Detectors that find boxes in a bird's-eye map: what makes the map is theirs, all above is not."""

from abc import abstractmethod
from collections.abc import Sequence
from typing import ClassVar

import numpy as np
import torch
from torch import Tensor, nn

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
from cm3d.detectors.protocol import Detector
from cm3d.taxonomy import Taxonomy


class BevDetector(Detector):
    """A canvas, a bird's-eye backbone, its neck, and a centre head."""

    training_only: ClassVar = frozenset(
        {
            "images",
            "heatmap_bias",
            "norm_momentum",
            "gaussian_overlap",
            "min_gaussian_radius_cells",
            "box_loss_weight",
            "velocity_loss_weight",
        }
    )

    def __init__(self, section: params.Network, taxonomy: Taxonomy) -> None:
        """Build from the `detector` section, with a head for each of the taxonomy's.

        Raises:
            InputError: The square does not split into cells, or a library is missing.
        """
        super().__init__()
        self.section, self.heads = section, taxonomy.heads
        names = tuple(name for head in self.heads for name in head)
        self.suppression_m = np.array([taxonomy.classes[name].suppression_m for name in names])
        channels = self.build_canvas(names)
        self.backbone = Backbone(section, channels)
        self.neck = Neck(section)
        self.head = CenterHead(section, self.heads, self.neck.channels)

    @abstractmethod
    def build_canvas(self, class_names: tuple[str, ...]) -> int:
        """Build what makes the canvas, set `needs`, and return the canvas's channels."""

    @abstractmethod
    def canvas(self, inputs: Inputs) -> Tensor:
        """The bird's-eye map (B, channels, rows, columns) that the backbone reads."""

    def forward(self, inputs: Inputs) -> list[TaskOutput]:
        """One output per head, see `TaskOutput`."""
        outputs: list[TaskOutput] = self.head(self.neck(self.backbone(self.canvas(inputs))))
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


def store_channels_last(module: nn.Module) -> None:
    """Store the weights of 2D convolutions as the pillars' encoder leaves the canvas."""
    for parameter in module.parameters():
        if parameter.ndim == 4:
            parameter.data = parameter.data.to(memory_format=torch.channels_last)
