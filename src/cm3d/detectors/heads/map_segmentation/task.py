"""Saying what the ground is: the targets of the map head, and its loss."""

import torch
from torch import Tensor, nn

from cm3d import params
from cm3d.detectors.boxes import SensorBoxes
from cm3d.detectors.heads.map_segmentation.head import MapHead
from cm3d.detectors.heads.map_segmentation.losses import map_loss
from cm3d.detectors.inputs import Batch, Inputs
from cm3d.tables.map_predictions import MAP_THRESHOLDS
from cm3d.taxonomy import Taxonomy


class MapTask:
    """Masks of the map's classes around the sensor; no box is ever found.

    Args:
        section: Of the parameters.
        taxonomy: Classes that other tasks learn.
    """

    def __init__(self, section: params.Network, taxonomy: Taxonomy) -> None:
        """Nothing is built yet."""
        self.section = section
        self.class_names = tuple(name for head in taxonomy.heads for name in head)

    def build_head(self, channels: int) -> nn.Module:
        """A head on so many channels."""
        return MapHead(self.section, channels)

    def targets(self, batch: Batch) -> Tensor:
        """Masks (B, classes, rows, columns)."""
        assert batch.maps is not None
        return batch.maps

    def loss(self, outputs: Tensor, targets: Tensor) -> dict[str, Tensor]:
        """Terms `map/<class>`."""
        return map_loss(outputs, targets)

    def thresholds_reached(self, outputs: Tensor) -> Tensor:
        """How many of `MAP_THRESHOLDS` each probability reaches, of the logits' shape, 8 bits."""
        thresholds = torch.tensor(MAP_THRESHOLDS, device=outputs.device)
        probability = outputs.float().sigmoid().contiguous()
        return torch.bucketize(probability, thresholds, right=True).to(torch.uint8)

    def boxes(self, outputs: Tensor, predict: params.Predict) -> list[SensorBoxes]:
        """None in any frame."""
        return [SensorBoxes.empty() for _ in outputs]

    def detect(
        self, model: nn.Module, inputs: Inputs, predict: params.Predict
    ) -> list[SensorBoxes]:
        """None in any frame."""
        return [SensorBoxes.empty() for _ in range(inputs.frames)]
