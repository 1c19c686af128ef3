from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from cm3d.lift.tracks.detections import Detections, motion_of_classes
from cm3d.params import Tracks, load_params
from cm3d.tables import Boxes3D
from tests.lift.known import TAXONOMY

SWITCHES = [name for name, knob in Tracks.model_fields.items() if knob.annotation is bool]


@pytest.fixture
def all_on(project: Path) -> Tracks:
    """The project's constants, with every effect."""
    params = load_params(project / "params.yaml").lift.tracks
    return params.model_copy(update=dict.fromkeys(SWITCHES, True))


@pytest.fixture
def all_off(all_on: Tracks) -> Tracks:
    return all_on.model_copy(update=dict.fromkeys(SWITCHES, False))


@pytest.fixture
def make_boxes() -> Callable[..., Boxes3D]:
    """Boxes from rows of (keyframe, x, y); other columns by name, or a car's."""

    def build(*rows: tuple[int, float, float], **columns: Any) -> Boxes3D:
        count = len(rows)
        place = np.array(rows, dtype=float).reshape(-1, 3)
        values: dict[str, Any] = dict(
            sample_token=[f"f{step:.0f}" for step in place[:, 0]],
            class_name=["car"] * count,
            score=np.full(count, 0.5),
            center_m=np.hstack([place[:, 1:], np.ones((count, 1))]),
            length_m=np.full(count, 4.5),
            width_m=np.full(count, 1.8),
            height_m=np.full(count, 1.5),
            yaw_rad=np.zeros(count),
            velocity_mps=np.zeros((count, 2)),
            attribute_name=[""] * count,
        )
        return Boxes3D(**(values | columns))

    return build


@pytest.fixture
def make_detections(
    make_boxes: Callable[..., Boxes3D], all_on: Tracks
) -> Callable[..., Detections]:
    """What tracking sees of such boxes, known to 0.3 m."""

    def build(*rows: tuple[int, float, float], **columns: Any) -> Detections:
        boxes = make_boxes(*rows, **columns)
        frame = np.array([row[0] for row in rows], dtype=np.int64)
        classes = TAXONOMY.indices(boxes.class_name)
        motion = motion_of_classes(TAXONOMY, all_on)
        return Detections.from_boxes(boxes, classes, frame, np.full(len(boxes), 0.3), motion)

    return build
