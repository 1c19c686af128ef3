"""Detectors of a bird's-eye map: what makes the map is theirs, all above it is not."""

from abc import abstractmethod
from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn

from cm3d import params
from cm3d.detectors.bev.second import Backbone, Neck
from cm3d.detectors.boxes import SensorBoxes
from cm3d.detectors.heads.center.task import BoxTask
from cm3d.detectors.heads.map_segmentation.task import MapTask
from cm3d.detectors.inputs import Batch, Inputs
from cm3d.detectors.protocol import Detector
from cm3d.taxonomy import Taxonomy


class BevDetector(Detector):
    """A canvas, a bird's-eye backbone, its neck, and the head of a task."""

    training_only = frozenset(
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
        """Build from the `detector` section, for boxes of the taxonomy's classes or for maps.

        Raises:
            InputError: The square does not split into cells, or a library is missing.
        """
        super().__init__()
        self.section = section
        self.task = (MapTask if section.task == "map" else BoxTask)(section, taxonomy)
        channels = self.build_canvas(self.task.class_names)
        self.backbone = Backbone(section, channels)
        self.neck = Neck(section)
        self.head = self.task.build_head(self.neck.channels)

    @abstractmethod
    def build_canvas(self, class_names: tuple[str, ...]) -> int:
        """Build what makes the canvas, set `needs`, and return the canvas's channels."""

    @abstractmethod
    def canvas(self, inputs: Inputs) -> Tensor:
        """The bird's-eye map (B, channels, rows, columns) that the backbone reads."""

    @property
    def own_parts(self) -> tuple[str, ...]:
        """What names of parts begin with that weights to start from need not have."""
        return ("head.",) if self.section.task == "map" else ()

    def forward(self, inputs: Inputs) -> Any:
        """What the head says."""
        return self.head(self.neck(self.backbone(self.canvas(inputs))))

    def targets(self, batch: Batch) -> Any:
        """As the task has it."""
        return self.task.targets(batch)

    def loss(self, outputs: Any, targets: Any) -> dict[str, Tensor]:
        """As the task has it."""
        return self.task.loss(outputs, targets)

    def boxes(self, outputs: Any, predict: params.Predict) -> list[SensorBoxes]:
        """At most `predict.max_boxes` of each frame."""
        return self.task.boxes(outputs, predict)

    def thresholds_reached(self, outputs: Any) -> Tensor:
        """As the task of maps has it."""
        assert isinstance(self.task, MapTask)
        return self.task.thresholds_reached(outputs)

    def detect(self, inputs: Inputs, predict: params.Predict) -> list[SensorBoxes]:
        """Boxes of each frame, or of it and its mirror images."""
        return self.task.detect(self, inputs, predict)

    def begin(self, weights: Mapping[str, Tensor] | None) -> None:
        """Start from weights of a model like this, or from those of what both have."""
        if weights is None:
            return
        own, free = self.state_dict(), self.own_parts
        # a head of boxes may have names of a head of maps
        unwanted = ("head.",) if self.section.task == "map" else ()
        given = {name: value for name, value in weights.items() if not name.startswith(unwanted)}
        if all(name.startswith(free) for name in own.keys() ^ given.keys()):
            own.update({name: value for name, value in given.items() if name in own})
            self.load_state_dict(own)
        else:
            self.load_state_dict(dict(weights))


def store_channels_last(module: nn.Module) -> None:
    """Store the weights of 2D convolutions as the pillars' encoder leaves the canvas."""
    for parameter in module.parameters():
        if parameter.ndim == 4:
            parameter.data = parameter.data.to(memory_format=torch.channels_last)
