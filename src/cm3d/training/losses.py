"""Losses of the centre head: focal loss on heatmaps, L1 on box codes (paper, section 3.2)."""

from collections.abc import Sequence

import torch
from torch import Tensor
from torch.nn import functional

from cm3d.models.box_code import BOX_TERMS, CODE_SIZE
from cm3d.models.head import TaskOutput
from cm3d.params import Detector
from cm3d.training.batches import Batch

_FOCUS, _CENTRE_DISCOUNT = 2, 4  # exponents of the focal loss (CornerNet)


def detection_loss(
    outputs: Sequence[TaskOutput], batch: Batch, detector: Detector
) -> dict[str, Tensor]:
    """Weighted terms by name, `heatmap/<task>` and `box/<task>`; the loss is their sum."""
    terms: dict[str, Tensor] = {}
    first = 0
    weight = _code_weights(detector).to(batch.code.device)
    for task, output in zip(detector.tasks, outputs, strict=True):
        name, last = "_".join(task), first + len(task)
        rows = ((batch.class_index >= first) & (batch.class_index < last)).nonzero()[:, 0]
        code = output.codes_at(batch.box_frame[rows], batch.row[rows], batch.column[rows])
        terms[f"heatmap/{name}"] = focal_loss(output.heatmap, batch.heatmap[:, first:last])
        terms[f"box/{name}"] = masked_l1(code, batch.code[rows], weight)
        first = last
    return terms


def focal_loss(logits: Tensor, heatmap: Tensor) -> Tensor:
    """Focal loss of a heatmap, per centre.

    Cells of value 1 are centres; in others the penalty fades as (1 - value)^4 towards them.

    Args:
        logits: (B, classes, rows, columns).
        heatmap: The same shape, in [0, 1].
    """
    is_centre = heatmap == 1
    log_hit, log_miss = functional.logsigmoid(logits), functional.logsigmoid(-logits)
    hit = log_hit.exp()
    centre = torch.where(is_centre, (1 - hit) ** _FOCUS * log_hit, 0.0)
    rest = (1 - heatmap) ** _CENTRE_DISCOUNT * hit**_FOCUS * log_miss
    return -(centre + rest).sum() / is_centre.sum().clamp(min=1)


def masked_l1(code: Tensor, target: Tensor, weight: Tensor) -> Tensor:
    """Weighted sum over code entries (10) of their mean absolute errors over N boxes.

    Entries whose target is NaN are left out of their mean.
    """
    known = ~target.isnan()
    error = torch.where(known, code - target.nan_to_num(), 0.0).abs()
    return (error.sum(dim=0) / known.sum(dim=0).clamp(min=1) * weight).sum()


def _code_weights(detector: Detector) -> Tensor:
    weight = torch.full((CODE_SIZE,), detector.box_loss_weight)
    weight[-BOX_TERMS["velocity"] :] *= detector.velocity_loss_weight
    return weight
