"""Losses of the centre head: focal loss on heatmaps, L1 on box codes (paper, section 3.2)."""

from collections.abc import Sequence

import torch
from torch import Tensor
from torch.nn import functional

from cm3d.detectors.heads.center.box_code import BOX_TERMS, CODE_SIZE
from cm3d.detectors.heads.center.head import TaskOutput, codes_of_tasks
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

    Centres and boxes are counted, whatever their weights: divided by the sum of weights, a batch of
    uncertain boxes would pull as hard as one of certain ones, and its background harder.
    """
    task_of_class = torch.tensor(
        [task for task, names in enumerate(heads) for _ in names], device=targets.heatmap.device
    )
    logits = torch.cat([output.heatmap for output in outputs], dim=1)
    exact = torch.promote_types(logits.dtype, torch.float32)  # sums in half precision lose boxes
    of_class = functional.one_hot(task_of_class, len(heads)).T.to(exact)  # (tasks, classes)
    task = task_of_class[targets.class_index]
    of_box = functional.one_hot(task, len(heads)).T.to(exact)  # (tasks, boxes)
    centres = _per_process(of_class @ (targets.heatmap == 1).sum(dim=(0, 2, 3)).to(exact))
    boxes = _per_process(of_box.sum(1))

    logits = logits.to(exact)
    focal = of_class @ focal_loss(logits, targets.heatmap, targets.cell_weight)
    focal = focal / centres.clamp(min=1 / ranks())
    weight = logits.new_full((CODE_SIZE,), detector.box_loss_weight)
    weight[-BOX_TERMS["velocity"] :] *= detector.velocity_loss_weight
    code = codes_of_tasks(outputs, task, targets.frame, targets.row, targets.column).to(exact)
    distance = of_box @ (masked_l1(code, targets.code, weight) * targets.weight)
    distance = distance / (boxes + _NO_BOX / ranks())
    terms: dict[str, Tensor] = {}
    for names, heatmap_term, box_term in zip(heads, focal, distance, strict=True):
        name = "_".join(names)
        terms |= {f"heatmap/{name}": heatmap_term, f"box/{name}": box_term}
    return terms


def focal_loss(logits: Tensor, heatmap: Tensor, cell_weight: Tensor) -> Tensor:
    """Focal loss (classes,) of heatmaps, summed over frames and cells.

    Cells of value 1 are centres; in others the penalty fades as (1 - value)^4 towards them.

    Args:
        logits: (B, classes, rows, columns).
        heatmap: The same shape, in [0, 1].
        cell_weight: The same shape, a factor on the loss of each cell.
    """
    is_centre = heatmap == 1
    log_hit, log_miss = functional.logsigmoid(logits), functional.logsigmoid(-logits)
    hit = log_hit.exp()
    centre = torch.where(is_centre, (1 - hit) ** _FOCUS * log_hit, 0.0)
    rest = (1 - heatmap) ** _CENTRE_DISCOUNT * hit**_FOCUS * log_miss
    return -((centre + rest) * cell_weight).sum(dim=(0, 2, 3))


def masked_l1(code: Tensor, target: Tensor, weight: Tensor) -> Tensor:
    """Weighted absolute error (N,) of each box code; terms whose target is NaN are left out.

    Args:
        code: (N, 10).
        target: (N, 10).
        weight: (10,).
    """
    known = ~target.isnan()
    return torch.where(known, code - target.nan_to_num(), 0.0).abs() @ weight


def _per_process(counts: Tensor) -> Tensor:
    """Counts of the whole batch by the number of processes that share it."""
    return sum_over_processes(counts) / ranks()
