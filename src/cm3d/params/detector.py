"""Parameters of the 3D detector."""

import math
from typing import Annotated, Final, Literal

from pydantic import Field, model_validator

from cm3d.params.fields import (
    Channels,
    Count,
    Few,
    Metres,
    NonNegative,
    Section,
    Share,
    Signed,
)

# Of the canvas, a side and what is above a cell: 100 m at 5 cm, and a 10 m column at 1 cm.
_MOST_CELLS: Final = 4096
_MOST_LAYERS: Final = 1000

_Height = Annotated[float, Field(ge=-1000, le=1000)]
_Layers = Annotated[int, Field(ge=0, le=100)]
_PerBlock = Field(min_length=1, max_length=10)


class Detector(Section):
    """CenterPoint on pillars or on voxels."""

    name: Literal["centerpoint"]
    encoder: Literal["pillars", "voxels"]
    range_m: Metres
    min_z_m: _Height
    max_z_m: _Height
    cell_m: Metres
    voxel_height_m: Metres
    sweeps: Few
    ego_half_extent_m: NonNegative
    max_points: Few
    kept_points: Literal["first", "spread"]
    pillar_channels: Channels
    sparse_channels: Annotated[list[Channels], Field(min_length=4, max_length=4)]
    block_channels: Annotated[list[Channels], _PerBlock]
    block_layers: Annotated[list[_Layers], _PerBlock]
    block_strides: Annotated[list[Annotated[int, Field(ge=1, le=16)]], _PerBlock]
    neck_channels: Channels
    neck_upsampling: Annotated[list[Annotated[float, Field(ge=0.01, le=100)]], _PerBlock]
    head_channels: Channels
    head_hidden_layers: _Layers
    heatmap_bias: Signed
    norm_momentum: Share
    gaussian_overlap: Share
    min_gaussian_radius_cells: Annotated[int, Field(ge=1, le=100)]
    box_loss_weight: NonNegative
    velocity_loss_weight: NonNegative

    @model_validator(mode="after")
    def _shapes_agree(self) -> "Detector":
        lists = (self.block_channels, self.block_layers, self.block_strides, self.neck_upsampling)
        if len({len(values) for values in lists}) != 1:
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

    @model_validator(mode="after")
    def _is_buildable(self) -> "Detector":
        cells = 2 * self.range_m / self.cell_m
        coarsest = math.prod(self.block_strides) * (8 if self.encoder == "voxels" else 1)
        if not coarsest <= cells <= _MOST_CELLS:
            raise ValueError(
                f"cell_m: {self.cell_m:g} makes {cells:.0f} cells a side of 2 * range_m; choose it "
                f"so that they are {coarsest} to {_MOST_CELLS}"
            )
        layers = (self.max_z_m - self.min_z_m) / self.voxel_height_m
        if self.encoder == "voxels" and layers > _MOST_LAYERS:
            raise ValueError(
                f"voxel_height_m: {self.voxel_height_m:g} makes {layers:.0f} voxels from min_z_m "
                f"to max_z_m; choose it so that they are at most {_MOST_LAYERS}"
            )
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
    max_range_m: Metres
    nms: Literal["circle", "rotated"]
    nms_iou: Share
    task_boxes: Annotated[int, Field(ge=1, le=10_000)]
    max_boxes: Annotated[int, Field(ge=1, le=500)]
    double_flip: bool
