from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from cm3d.evaluation.nuscenes.judging import Judged, judge
from cm3d.evaluation.nuscenes.rules import ClassRules
from cm3d.tables import Boxes3D, GroundTruth

ALL = ("ATE", "ASE", "AOE")
RULES = ClassRules({"car": ALL, "bus": ALL, "cone": ("ATE", "ASE"), "barrier": ALL}, ("barrier",))


def columns(xy_m: Any, given: dict[str, Any]) -> dict[str, Any]:
    """Cars of 4 x 2 x 1.5 m in frame `f` that look along x, with any column exchanged."""
    xy_m = np.array(xy_m, dtype=float).reshape(-1, 2)
    count = len(xy_m)
    default = {
        "sample_token": ["f"] * count,
        "class_name": ["car"] * count,
        "score": np.ones(count),
        "center_m": np.column_stack([xy_m, np.ones(count)]),
        "length_m": np.full(count, 4.0),
        "width_m": np.full(count, 2.0),
        "height_m": np.full(count, 1.5),
        "yaw_rad": np.zeros(count),
        "velocity_mps": np.zeros((count, 2)),
        "attribute_name": [""] * count,
    }
    return {**default, **given}


@pytest.fixture
def make_boxes() -> Callable[..., Boxes3D]:
    return lambda xy_m, **given: Boxes3D.from_columns(**columns(xy_m, given))


@pytest.fixture
def make_truth() -> Callable[..., GroundTruth]:
    def make(xy_m: Any, **given: Any) -> GroundTruth:
        count = len(np.array(xy_m).reshape(-1, 2))
        own = {
            "instance_token": [f"i{row}" for row in range(count)],
            "num_lidar_points": np.full(count, 10),
            "num_radar_points": np.zeros(count, dtype=int),
            "visibility": np.full(count, 4),
        }
        return GroundTruth.from_columns(**columns(xy_m, {**own, **given}))

    return make


@pytest.fixture
def judged() -> Callable[[Boxes3D, GroundTruth], Judged]:
    return lambda boxes, truth: judge(boxes, truth, RULES)
