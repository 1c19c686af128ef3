from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from cm3d.tables import Boxes3D


@pytest.fixture
def make_boxes() -> Callable[..., Boxes3D]:
    """Boxes of 4 m x 2 m x 1.5 m at yaw 0 from x, y positions; keywords are columns."""

    def build(xy_m: list[tuple[float, float]], **columns: Any) -> Boxes3D:
        rows = len(xy_m)
        values: dict[str, Any] = dict(
            sample_token=["frame"] * rows,
            class_name=["car"] * rows,
            score=[0.5] * rows,
            center_m=[(x, y, 1.0) for x, y in xy_m],
            length_m=[4.0] * rows,
            width_m=[2.0] * rows,
            height_m=[1.5] * rows,
            yaw_rad=[0.0] * rows,
            velocity_mps=np.zeros((rows, 2)),
            attribute_name=["vehicle.stopped"] * rows,
        )
        return Boxes3D.from_columns(**(values | columns))

    return build
