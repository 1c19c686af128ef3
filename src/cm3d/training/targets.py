"""What the head should say about a frame: heatmaps with a Gaussian per box, and box codes."""

from dataclasses import dataclass

import numpy as np

from cm3d.geometry.arrays import NDArrayFloat, NDArrayFloat32, NDArrayInt
from cm3d.models.box_code import encode_boxes
from cm3d.models.grid import Grid
from cm3d.models.sensor_boxes import SensorBoxes
from cm3d.params import Detector


@dataclass(frozen=True, eq=False)
class Targets:
    """Targets of one frame.

    Args:
        heatmap: (classes, rows, columns), 1 in the cell of a centre.
        class_index: (N,) class of each box within range.
        row: (N,) cell of its centre.
        column: (N,) cell of its centre.
        code: (N, 10) box code, NaN where a velocity is unknown.
    """

    heatmap: NDArrayFloat32
    class_index: NDArrayInt
    row: NDArrayInt
    column: NDArrayInt
    code: NDArrayFloat32


def make_targets(boxes: SensorBoxes, detector: Detector) -> Targets:
    """Targets of one frame; boxes centred out of range play no part."""
    grid = Grid.of_output(detector)
    row, column, inside = grid.cell(boxes.center_m[:, :2])
    boxes, row, column = boxes[inside], row[inside], column[inside]
    size_cells = boxes.size_m[:, :2] / grid.cell_m
    radius = gaussian_radius(size_cells, detector.gaussian_overlap).astype(np.int64)
    radius = np.maximum(radius, detector.min_gaussian_radius_cells)
    shape = (len(detector.class_names), grid.size, grid.size)
    return Targets(
        heatmap=draw_gaussians(shape, boxes.class_index, row, column, radius),
        class_index=boxes.class_index,
        row=row,
        column=column,
        code=encode_boxes(boxes, row, column, grid).astype(np.float32),
    )


def gaussian_radius(size: NDArrayFloat, min_overlap: float) -> NDArrayFloat:
    """How far both corners of a rectangle may move while its overlap stays at `min_overlap`.

    CornerNet's three cases: both corners move inwards, both outwards, or the rectangle shifts.
    The smallest root of each quadratic counts; CornerNet's release took others by a slip.

    Args:
        size: (N, 2) sides of axis-aligned rectangles.
        min_overlap: Intersection over union, above 0.

    Returns:
        (N,) in the unit of the sides.
    """
    total, area, keep = size.sum(axis=1), size.prod(axis=1), min_overlap
    shifted = total - np.sqrt(total**2 - 4 * area * (1 - keep) / (1 + keep))
    shrunk = (total - np.sqrt(total**2 - 4 * area * (1 - keep))) / 2
    grown = (np.sqrt(total**2 + 4 * area * (1 - keep) / keep) - total) / 2
    return np.asarray(np.minimum(np.minimum(shifted, shrunk), grown) / 2)


def draw_gaussians(
    shape: tuple[int, int, int],
    channel: NDArrayInt,
    row: NDArrayInt,
    column: NDArrayInt,
    radius: NDArrayInt,
) -> NDArrayFloat32:
    """Heatmap (channels, rows, columns) with a Gaussian per centre, overlaps by maximum.

    Each ends at its radius, which is three standard deviations (CornerNet).
    """
    heatmap = np.zeros(shape, dtype=np.float32)
    reach = np.arange(-radius.max(initial=0), radius.max(initial=0) + 1)
    dy, dx = np.meshgrid(reach, reach, indexing="ij")
    sigma = (2 * radius + 1)[:, None, None] / 6
    value = np.exp(-(dx**2 + dy**2) / (2 * sigma**2))
    rows, columns = row[:, None, None] + dy, column[:, None, None] + dx
    inside = np.maximum(np.abs(dx), np.abs(dy)) <= radius[:, None, None]
    inside &= (rows >= 0) & (rows < shape[1]) & (columns >= 0) & (columns < shape[2])
    channels = np.broadcast_to(channel[:, None, None], inside.shape)
    np.maximum.at(heatmap, (channels[inside], rows[inside], columns[inside]), value[inside])
    return heatmap
