"""Losses of the centre head: focal loss on heatmaps, L1 on box codes (paper, section 3.2)."""

from collections.abc import Sequence

import torch
from torch import Tensor
from torch.nn import functional

from cm3d.detectors.heads.center.box_code import BOX_TERMS, CODE_SIZE
from cm3d.detectors.heads.center.head import TaskOutput
from cm3d.detectors.heads.center.targets import Targets
from cm3d.detectors.ranks import ranks, sum_over_processes
from cm3d.params import Detector

_FOCUS, _CENTRE_DISCOUNT = 2, 4  # exponents of the focal loss (CornerNet)
_NO_BOX = 1e-4  # added to the number of boxes (CenterPoint)


def detection_loss(
    outputs: Sequence[TaskOutput],
    targets: Targets,
    heads: Sequence[Sequence[str]],
    detector: Detector,
) -> dict[str, Tensor]:
    """Weighted terms by name, `heatmap/<head>` and `box/<head>`; the loss is their sum.

    Where several processes train together, each term is divided by the centres and boxes of the
    whole batch, so that the mean over processes is the loss of the batch.
    """
    maps = torch.split(targets.heatmap, [len(names) for names in heads], dim=1)
    rows, first = [], 0
    for names in heads:
        own = (targets.class_index >= first) & (targets.class_index < first + len(names))
        rows.append(own.nonzero()[:, 0])
        first += len(names)
    centres = _per_process(torch.stack([(head_maps == 1).sum() for head_maps in maps]))
    boxes = _per_process(centres.new_tensor([float(len(head_rows)) for head_rows in rows]))
    weight = torch.full((CODE_SIZE,), detector.box_loss_weight)
    weight[-BOX_TERMS["velocity"] :] *= detector.velocity_loss_weight
    weight = weight.to(centres.device)
    terms: dict[str, Tensor] = {}
    for index, (names, output) in enumerate(zip(heads, outputs, strict=True)):
        name, chosen = "_".join(names), rows[index]
        code = output.codes_at(targets.frame[chosen], targets.row[chosen], targets.column[chosen])
        focal = focal_loss(output.heatmap.float(), maps[index])
        terms[f"heatmap/{name}"] = focal / centres[index].clamp(min=1 / ranks())
        distance = masked_l1(code.float(), targets.code[chosen], weight)
        terms[f"box/{name}"] = distance / (boxes[index] + _NO_BOX / ranks())
    return terms


def focal_loss(logits: Tensor, heatmap: Tensor) -> Tensor:
    """Focal loss of a heatmap, summed.

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
    return -(centre + rest).sum()


def masked_l1(code: Tensor, target: Tensor, weight: Tensor) -> Tensor:
    """Weighted absolute errors of box codes (N, 10), summed; those whose target is NaN left out.

    Args:
        code: (N, 10).
        target: (N, 10).
        weight: (10,).
    """
    known = ~target.isnan()
    return (torch.where(known, code - target.nan_to_num(), 0.0).abs() * weight).sum()


def _per_process(counts: Tensor) -> Tensor:
    """Counts of the whole batch by the number of processes that share it."""
    return sum_over_processes(counts.float()) / ranks()
