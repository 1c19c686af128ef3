"""Parameters of the 3D detector and of its training."""

from typing import Annotated, Literal

from pydantic import Field, model_validator

from cm3d.params.fields import (
    ClassName,
    Count,
    CountByClass,
    NonNegative,
    Positive,
    RadiusByClass,
    ScoreByClass,
    Section,
    Share,
)


class Detector(Section):
    """CenterPoint with pillars."""

    range_m: Positive
    min_z_m: float
    max_z_m: float
    pillar_m: Positive
    sweeps: Count
    ego_half_extent_m: NonNegative
    max_pillar_points: Count
    pillar_channels: Count
    block_channels: list[Count]
    block_layers: list[Annotated[int, Field(ge=0)]]
    block_strides: list[Count]
    neck_channels: Count
    head_channels: Count
    head_hidden_layers: Annotated[int, Field(ge=0)]
    tasks: list[list[ClassName]]
    gaussian_overlap: Share
    min_gaussian_radius_cells: Count
    box_loss_weight: NonNegative
    velocity_loss_weight: NonNegative
    min_score: Share
    max_boxes: Annotated[int, Field(ge=1, le=500)]
    nms_radius_m: RadiusByClass

    @model_validator(mode="after")
    def _shapes_agree(self) -> "Detector":
        depth = len(self.block_channels)
        if depth == 0 or {len(self.block_layers), len(self.block_strides)} != {depth}:
            raise ValueError("block_channels, block_layers and block_strides differ in length")
        classes = [name for task in self.tasks for name in task]
        if len(classes) != len(set(classes)):
            raise ValueError("a class stands in more than one task")
        if self.max_z_m <= self.min_z_m:
            raise ValueError("max_z_m must be above min_z_m")
        if unsuppressed := sorted(set(classes) - set(self.nms_radius_m)):
            raise ValueError(f"nms_radius_m lacks {', '.join(unsuppressed)}")
        return self

    @property
    def class_names(self) -> list[ClassName]:
        """Every class that is detected, in the order of the tasks."""
        return [name for task in self.tasks for name in task]


class CopyPaste(Section):
    """Objects of other frames that are pasted into a frame."""

    objects: CountByClass
    min_points: Count


class Schedule(Section):
    """One training run: optimiser, augmentation and how often frames are seen."""

    epochs: Count
    batch_size: Count
    max_lr: Positive
    weight_decay: NonNegative
    gradient_clip: Positive
    flip: bool
    max_rotation_rad: NonNegative
    max_scale: Annotated[float, Field(ge=0, lt=1)]
    translation_std_m: NonNegative
    copy_paste: bool
    class_balanced: bool


class Pretrain(Schedule):
    """Training on pseudo-labels."""

    min_label_score: Share


class Finetune(Schedule):
    """Training on the labelled part."""

    init: Literal["pretrain", "random"]


class Selftrain(Schedule):
    """A round of self-training."""

    min_label_score: ScoreByClass
    labelled_repeats: Count
