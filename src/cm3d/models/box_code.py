"""How a box is written into the cell that holds its centre (CenterPoint's regression targets)."""

from typing import Final

import numpy as np

from cm3d.geometry.angles import direction_of
from cm3d.geometry.arrays import NDArrayFloat, NDArrayInt
from cm3d.models.grid import Grid
from cm3d.models.sensor_boxes import SensorBoxes

# Channels per term, in the order of the code: x, y within the cell (cells); z (m);
# log of length, width, height (m); sine and cosine of the yaw; x, y velocity (m/s).
BOX_TERMS: Final = {"offset": 2, "z": 1, "size": 3, "heading": 2, "velocity": 2}
CODE_SIZE: Final = sum(BOX_TERMS.values())

_MIN_SIZE_M = 0.01


def encode_boxes(
    boxes: SensorBoxes, row: NDArrayInt, column: NDArrayInt, grid: Grid
) -> NDArrayFloat:
    """Codes (N, 10) of boxes whose centres lie in the cells; unknown velocity stays NaN."""
    cell = np.stack([column, row], axis=1)
    return np.concatenate(
        [
            grid.continuous_cell(boxes.center_m[:, :2]) - cell,
            boxes.center_m[:, 2:],
            np.log(np.maximum(boxes.size_m, _MIN_SIZE_M)),
            np.sin(boxes.yaw_rad)[:, None],
            np.cos(boxes.yaw_rad)[:, None],
            boxes.velocity_mps,
        ],
        axis=1,
    )


def decode_boxes(
    code: NDArrayFloat,
    row: NDArrayInt,
    column: NDArrayInt,
    class_index: NDArrayInt,
    score: NDArrayFloat,
    grid: Grid,
) -> SensorBoxes:
    """The boxes that codes (N, 10) in the cells stand for."""
    cell = np.stack([column, row], axis=1)
    center_xy_m = (cell + code[:, :2]) * grid.cell_m - grid.range_m
    return SensorBoxes(
        class_index=class_index,
        score=score,
        center_m=np.concatenate([center_xy_m, code[:, 2:3]], axis=1),
        size_m=np.exp(code[:, 3:6]),
        yaw_rad=direction_of(code[:, [7, 6]]),
        velocity_mps=code[:, 8:10],
    )
