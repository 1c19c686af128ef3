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
    ShelfModel,
    Side_px,
    Signed,
)
from cm3d.params.training import Fusion

# Of the canvas, a side and what is above a cell: 100 m at 5 cm, and a 10 m column at 1 cm.
_MOST_CELLS: Final = 4096
_MOST_LAYERS: Final = 1000
# Of the camera branch: what a pixel's features are spread over, and the coarsest features' stride.
_MOST_DEPTHS: Final = 512
_COARSEST_STRIDE: Final = 32

_Height = Annotated[float, Field(ge=-1000, le=1000)]
_Layers = Annotated[int, Field(ge=0, le=100)]
_PerBlock = Field(min_length=1, max_length=10)


class Detector(Section):
    """What all detectors have: points, their grid, the network above it, the head, the losses."""

    name: Literal["centerpoint", "bevfusion"]
    images: Literal["none", "raw/images"]
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


class Cameras(Section):
    """The camera branch: images, their backbone, and the way into the bird's-eye map."""

    backbone: Literal["efficientnet_lite0", "swin_t"]
    weights: Literal["pretrained", "random"]
    swin: ShelfModel
    backbone_lr_factor: Annotated[float, Field(ge=0, le=100)]
    width_px: Side_px
    height_px: Side_px
    scaled_width_px: Side_px
    min_scaled_width_px: Side_px
    max_scaled_width_px: Side_px
    max_rotation_rad: Annotated[float, Field(ge=0, le=math.pi)]
    flip: bool
    neck_channels: Channels
    first_depth_m: Metres
    last_depth_m: Metres
    depth_step_m: Metres
    lidar_depth: bool
    min_z_m: _Height
    max_z_m: _Height
    bev_channels: Channels
    bev_stride: Annotated[float, Field(ge=0.25, le=4)]

    @model_validator(mode="after")
    def _fit_together(self) -> "Cameras":
        if self.last_depth_m <= self.first_depth_m:
            raise ValueError("last_depth_m must be above first_depth_m")
        if not 2 <= (depths := self.depths) <= _MOST_DEPTHS:
            raise ValueError(
                f"depth_step_m: {self.depth_step_m:g} makes {depths} depths; choose it so that "
                f"they are 2 to {_MOST_DEPTHS}"
            )
        if self.max_z_m <= self.min_z_m:
            raise ValueError("max_z_m must be above min_z_m")
        if not math.log2(self.bev_stride).is_integer():
            raise ValueError("bev_stride must be 0.25, 0.5, 1, 2 or 4")
        for side in ("width_px", "height_px"):
            if getattr(self, side) % _COARSEST_STRIDE:
                raise ValueError(f"{side} must be a multiple of {_COARSEST_STRIDE}")
        if not self.min_scaled_width_px <= self.scaled_width_px <= self.max_scaled_width_px:
            raise ValueError(
                "scaled_width_px must lie between min_scaled_width_px and max_scaled_width_px"
            )
        return self

    @property
    def depths(self) -> int:
        """How many depths a pixel's features are spread over."""
        return round((self.last_depth_m - self.first_depth_m) / self.depth_step_m)


class BevFusion(Section):
    """What BEVFusion has beyond the `detector` section."""

    modality: Literal["lidar", "cameras", "lidar_cameras"]
    frozen: Literal["none", "lidar"]
    fusion: Fusion
    cameras: Cameras


class Network(Detector):
    """The `detector` section with the one that its name calls for.

    Args:
        bevfusion: Of the detector of this name; None of another.
        task: What it says: where boxes are, or what the map's ground is.
    """

    bevfusion: BevFusion | None
    task: Literal["boxes", "map"] = "boxes"

    @classmethod
    def of(cls, detector: Detector, bevfusion: BevFusion) -> "Network":
        """Put the two sections together, for boxes."""
        own = bevfusion if detector.name == "bevfusion" else None
        return cls(**(dict(detector) | {"bevfusion": own}))

    @property
    def lidar_branch(self) -> "Network | None":
        """What is trained before all modalities are; None where nothing is."""
        if self.bevfusion is None or self.bevfusion.modality != "lidar_cameras":
            return None
        return self.with_modality("lidar")

    def for_maps(self) -> "Network":
        """The same with a head for map segmentation."""
        return self.model_copy(update={"task": "map"})

    def with_modality(self, modality: str) -> "Network":
        """The same with other sensors."""
        own = self.bevfusion and self.bevfusion.model_copy(update={"modality": modality})
        return self.model_copy(update={"bevfusion": own})

    @property
    def cameras(self) -> Cameras | None:
        """Its camera branch, if it has one."""
        if self.bevfusion is None or self.bevfusion.modality == "lidar":
            return None
        return self.bevfusion.cameras

    @property
    def sees_points(self) -> bool:
        """Whether it asks for LiDAR."""
        return (
            self.bevfusion is None
            or self.bevfusion.modality != "cameras"
            or self.bevfusion.cameras.lidar_depth
        )


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
