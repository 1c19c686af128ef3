"""Parameters of the 3D detector."""

import math
from typing import Annotated, Literal

from pydantic import Field, model_validator

from cm3d.params.fields import (
    Count,
    NonNegative,
    Positive,
    Section,
    Share,
)


class Detector(Section):
    """CenterPoint on pillars or on voxels."""

    name: Literal["centerpoint"]
    encoder: Literal["pillars", "voxels"]
    range_m: Positive
    min_z_m: float
    max_z_m: float
    cell_m: Positive
    voxel_height_m: Positive
    sweeps: Count
    ego_half_extent_m: NonNegative
    max_points: Count
    kept_points: Literal["first", "spread"]
    pillar_channels: Count
    sparse_channels: Annotated[list[Count], Field(min_length=4, max_length=4)]
    block_channels: list[Count]
    block_layers: list[Annotated[int, Field(ge=0)]]
    block_strides: list[Count]
    neck_channels: Count
    neck_upsampling: list[Positive]
    head_channels: Count
    head_hidden_layers: Annotated[int, Field(ge=0)]
    heatmap_bias: float
    norm_momentum: Share
    gaussian_overlap: Share
    min_gaussian_radius_cells: Count
    box_loss_weight: NonNegative
    velocity_loss_weight: NonNegative

    @model_validator(mode="after")
    def _shapes_agree(self) -> "Detector":
        lists = (self.block_channels, self.block_layers, self.block_strides, self.neck_upsampling)
        if not self.block_channels or len({len(values) for values in lists}) != 1:
            raise ValueError(
                "block_channels, block_layers, block_strides and neck_upsampling differ in length"
            )
        if len({round(stride, 6) for stride in self._map_strides}) != 1:
            raise ValueError("neck_upsampling does not bring all blocks to one resolution")
        if self._map_strides[0] < 1 or not self._map_strides[0].is_integer():
            raise ValueError("neck_upsampling makes maps finer than the canvas")
        if self.max_z_m <= self.min_z_m:
            raise ValueError("max_z_m must be above min_z_m")
        return self

    @property
    def _map_strides(self) -> list[float]:
        """Canvas cells per cell of the head's maps, as each block has it after the neck."""
        return [
            math.prod(self.block_strides[: index + 1]) / upsampling
            for index, upsampling in enumerate(self.neck_upsampling)
        ]

    @property
    def map_stride(self) -> int:
        """Canvas cells per cell of the head's maps."""
        return round(self._map_strides[0])


class Predict(Section):
    """Which of a detector's findings become boxes."""

    candidates: Count
    min_score: Share
    max_range_m: Positive
    nms: Literal["circle", "rotated"]
    nms_iou: Share
    task_boxes: Count
    max_boxes: Annotated[int, Field(ge=1, le=500)]
    double_flip: bool
