"""Parameters of training runs."""

import math
from typing import Annotated, Literal

from pydantic import Field, model_validator

from cm3d.params.fields import (
    Count,
    Few,
    NamedFile,
    NonNegative,
    Positive,
    Precision,
    Section,
    Share,
)


class Training(Section):
    """What all training runs share."""

    schedule: Few
    precision: Precision
    ema_decay: Annotated[float, Field(ge=0, lt=1)]


class CopyPaste(Section):
    """Objects of other frames that are pasted into a frame."""

    min_points: Count


class _Steps(Section):
    """Optimiser and augmentation."""

    batch_size: Annotated[int, Field(ge=1, le=10_000)]
    max_lr: Annotated[float, Field(ge=1e-9, le=10)]
    weight_decay: NonNegative
    gradient_clip: Positive
    flip: bool
    max_rotation_rad: NonNegative
    max_scale: Annotated[float, Field(ge=0, lt=1)]
    translation_std_m: NonNegative
    copy_paste: bool
    class_balanced: bool


class Schedule(_Steps):
    """One training run: optimiser, augmentation and how often frames are seen."""

    epochs: Count


class WarmCosine(Schedule):
    """A training whose learning rate rises straight and falls like half a cosine."""

    warmup_steps: Count


class Fusion(_Steps):
    """BEVFusion's training of all modalities, after that of its LiDAR branch."""

    after: Literal["finetune", "pretrain"]
    epochs_share: Annotated[float, Field(gt=0, le=100)]
    warmup_steps: Count

    def after_branch(self, branch: Schedule) -> WarmCosine:
        """The training that follows one of the LiDAR branch; at least an epoch if that has one."""
        values = dict(self) | {"epochs": math.ceil(self.epochs_share * branch.epochs)}
        return WarmCosine(**{name: values[name] for name in WarmCosine.model_fields})


class Pretrain(Schedule):
    """Training on pseudo-labels."""

    init_checkpoint: NamedFile
    min_label_score: Share


class Finetune(Schedule):
    """Training on the labelled part."""

    init: Literal["pretrain", "random"]


class FinetuneMap(Schedule):
    """Training of map segmentation on the maps of the labelled part."""

    init: Literal["pretrain", "random"]


class SelftrainRefine(Section):
    """The refined round: where it starts, and what relabels are by their score."""

    start: Literal["before", "random"]
    object_score: Share
    ignore_score: Share
    weights: bool

    @model_validator(mode="after")
    def _bands_in_order(self) -> "SelftrainRefine":
        if self.ignore_score > self.object_score:
            raise ValueError(
                f"ignore_score: {self.ignore_score:g} is above object_score, "
                f"{self.object_score:g}; lower it, or raise that"
            )
        return self


class Selftrain(Schedule):
    """A round of self-training."""

    recipe: Literal["refined", "paper"]
    refine: SelftrainRefine
    min_label_score: Share
    labelled_repeats: Few


class Relabel(Section):
    """How a model's boxes become the labels of a round of self-training."""

    double_flip: bool
    tracks: bool
    calibration: Literal["agreement", "labelled", "none"]
    far_m: NonNegative
    merge: bool
    match_m: Positive
    weigh_unconfirmed: bool
    guard: bool
