"""What the head should say about a batch: heatmaps with a Gaussian per box, and box codes.

Boxes of weight 0 are "ignored": neither objects nor background (see `LabelTensors`).
"""

from dataclasses import dataclass

import torch
from torch import Tensor

from cm3d.detectors.grid import Grid
from cm3d.detectors.heads.center.box_code import encode_boxes
from cm3d.detectors.inputs import LabelTensors
from cm3d.params import Detector


@dataclass(frozen=True, eq=False)
class Targets:
    """Targets of a batch of B frames with N objects, boxes within range that have a weight.

    Args:
        heatmap: (B, classes, rows, columns), 1 in the cell of a centre.
        cell_weight: Of the heatmap's loss, the same shape: the object's weight in the cell of a
            centre, 0 where an ignored box stands out, 1 elsewhere.
        frame: (N,) frame that a box belongs to.
        class_index: (N,) class of each box.
        row: (N,) cell of its centre.
        column: (N,) cell of its centre.
        code: (N, 10) box code, NaN where a velocity is unknown.
        weight: (N,) of each box code, above 0.
    """

    heatmap: Tensor
    cell_weight: Tensor
    frame: Tensor
    class_index: Tensor
    row: Tensor
    column: Tensor
    code: Tensor
    weight: Tensor


def make_targets(labels: LabelTensors, frames: int, classes: int, detector: Detector) -> Targets:
    """Targets of B frames, on the labels' device; boxes centred out of range play no part."""
    grid = Grid.of_maps(detector)
    row, column, inside = grid.cell(labels.boxes.center_m[:, :2])
    labels, row, column = labels[inside], row[inside], column[inside]
    radius = gaussian_radius(
        labels.boxes.size_m[:, :2] / grid.cell_m, detector.gaussian_overlap
    ).long()
    radius = radius.clamp(min=detector.min_gaussian_radius_cells)
    channel = labels.frame * classes + labels.class_index
    shape = (frames * classes, grid.size, grid.size)
    learned, ignored = labels.weight > 0, labels.weight <= 0
    heatmap, doubt = (
        draw_gaussians(shape, channel[of], row[of], column[of], radius[of])
        for of in (learned, ignored)
    )
    labels, channel = labels[learned], channel[learned]
    row, column = row[learned], column[learned]
    maps = (frames, classes, grid.size, grid.size)
    return Targets(
        heatmap=heatmap.view(maps),
        cell_weight=_cell_weight(heatmap, doubt, channel, row, column, labels.weight).view(maps),
        frame=labels.frame,
        class_index=labels.class_index,
        row=row,
        column=column,
        code=encode_boxes(labels.boxes, row, column, grid),
        weight=labels.weight,
    )


def _cell_weight(
    heatmap: Tensor, doubt: Tensor, channel: Tensor, row: Tensor, column: Tensor, weight: Tensor
) -> Tensor:
    """Weight of each cell in the heatmap's loss, (channels, rows, columns).

    Where objects and ignored boxes overlap, a cell is of the one whose Gaussian is higher, of the
    object if they tie. So an object's centre always counts, and beside it the centre of an ignored
    box, say the next car in a row, is not taught to be background.

    Args:
        heatmap: (channels, rows, columns) Gaussians of objects.
        doubt: The same of ignored boxes.
        channel: (N,) of each object's centre.
        row: (N,) likewise.
        column: (N,) likewise.
        weight: (N,) of each object; of two with one centre the larger counts.
    """
    weights = (doubt <= heatmap).to(weight.dtype).flatten()
    index = (channel * heatmap.shape[1] + row) * heatmap.shape[2] + column
    weights = weights.scatter_reduce(0, index, weight, "amax", include_self=False)
    return weights.view(heatmap.shape)


def gaussian_radius(sides: Tensor, min_overlap: float) -> Tensor:
    """How far the corners of a rectangle may move before its overlap falls below `min_overlap`.

    CornerNet's three cases, both corners inwards, both outwards, one each way, as CenterPoint's
    release solves them: it takes the larger root of the first two and leaves the leading
    coefficient out of the third. Detectors in the field are trained on these radii.

    Args:
        sides: (N, 2) of axis-aligned rectangles.
        min_overlap: Intersection over union, above 0.

    Returns:
        (N,) in the unit of the sides.
    """
    total, area, keep = sides.sum(1), sides.prod(1), min_overlap
    shifted = total + (total**2 - 4 * area * (1 - keep) / (1 + keep)).sqrt()
    shrunk = 2 * total + (4 * total**2 - 16 * area * (1 - keep)).sqrt()
    grown = -2 * keep * total + (4 * (keep * total) ** 2 + 16 * keep * area * (1 - keep)).sqrt()
    return torch.stack([shifted, shrunk, grown]).amin(0) / 2


def draw_gaussians(
    shape: tuple[int, int, int], channel: Tensor, row: Tensor, column: Tensor, radius: Tensor
) -> Tensor:
    """Heatmap (channels, rows, columns) with a Gaussian per centre, overlaps by maximum.

    Each ends at its radius, which is three standard deviations (CornerNet).
    """
    heatmap = torch.zeros(shape, device=row.device)
    if not len(row):
        return heatmap
    largest = int(radius.max())
    reach = torch.arange(-largest, largest + 1, device=row.device)
    dy, dx = torch.meshgrid(reach, reach, indexing="ij")
    radius = radius[:, None, None]
    value = torch.exp(-(dx**2 + dy**2) / (2 * ((2 * radius + 1) / 6) ** 2))
    rows, columns = row[:, None, None] + dy, column[:, None, None] + dx
    inside = torch.maximum(dx.abs(), dy.abs()) <= radius
    inside &= (rows >= 0) & (rows < shape[1]) & (columns >= 0) & (columns < shape[2])
    index = (channel[:, None, None] * shape[1] + rows) * shape[2] + columns
    # what lies outside adds nothing to the first cell
    index, value = torch.where(inside, index, 0), torch.where(inside, value, 0.0)
    return heatmap.flatten().scatter_reduce(0, index.flatten(), value.flatten(), "amax").view(shape)
