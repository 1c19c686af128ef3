"""Finding boxes with a centre head: its targets, its loss, and what is read off it."""

from collections.abc import Sequence

import numpy as np
from torch import Tensor, nn

from cm3d import params
from cm3d.detectors.boxes import SensorBoxes
from cm3d.detectors.grid import Grid
from cm3d.detectors.heads.center.decode import decode
from cm3d.detectors.heads.center.double_flip import detect_double_flipped
from cm3d.detectors.heads.center.head import CenterHead, TaskOutput
from cm3d.detectors.heads.center.losses import detection_loss
from cm3d.detectors.heads.center.targets import Targets, make_targets
from cm3d.detectors.inputs import Batch, Inputs
from cm3d.taxonomy import Taxonomy


class BoxTask:
    """Boxes of a taxonomy's classes, by its heads.

    Args:
        section: Of the parameters.
        taxonomy: Classes.
    """

    def __init__(self, section: params.Network, taxonomy: Taxonomy) -> None:
        """Nothing is built yet."""
        self.section, self.heads = section, taxonomy.heads
        self.class_names = tuple(name for head in self.heads for name in head)
        rows = taxonomy.classes
        self.suppression_m = np.array([rows[name].suppression_m for name in self.class_names])

    def build_head(self, channels: int) -> nn.Module:
        """A head on so many channels."""
        return CenterHead(self.section, self.heads, channels)

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

    def detect(
        self, model: nn.Module, inputs: Inputs, predict: params.Predict
    ) -> list[SensorBoxes]:
        """Boxes of each frame, or of it and its mirror images."""
        outputs = detect_double_flipped(model, inputs) if predict.double_flip else model(inputs)
        return self.boxes(outputs, predict)
