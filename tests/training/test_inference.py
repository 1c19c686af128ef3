from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch

from cm3d.models.centerpoint import build_centerpoint
from cm3d.params import Detector
from cm3d.tables import Boxes3D
from cm3d.tables.vocabulary import ATTRIBUTE_NAMES, CLASS_NAMES
from cm3d.training.inference import attribute, predict

CPU = torch.device("cpu")


@pytest.mark.parametrize(
    ("class_name", "speed_mps", "expected"),
    [
        ("car", 0.21, "vehicle.moving"),
        ("car", 0.2, "vehicle.parked"),
        ("bus", 0.0, "vehicle.stopped"),
        ("bicycle", 3.0, "cycle.with_rider"),
        ("motorcycle", 0.1, "cycle.without_rider"),
        ("pedestrian", 1.0, "pedestrian.moving"),
        ("pedestrian", np.nan, "pedestrian.standing"),
        ("traffic_cone", 5.0, ""),
        ("barrier", 0.0, ""),
    ],
)
def test_attributes_follow_the_speed(class_name: str, speed_mps: float, expected: str) -> None:
    assert attribute(class_name, speed_mps) == expected


def test_every_class_has_an_attribute_of_nuscenes() -> None:
    for name in CLASS_NAMES:
        assert {attribute(name, 0.0), attribute(name, 9.0)} <= {*ATTRIBUTE_NAMES, ""}


def test_frames_without_points_and_no_frames(
    make_boxes: Callable, make_frame: Callable, tmp_path: Path, detector: Detector
) -> None:
    model = build_centerpoint(detector, 0)
    frame = make_frame(make_boxes("a"), "a")
    for path in frame.sweeps.path:
        (tmp_path / path).write_bytes(b"")
    for frames in ([frame], []):
        found = predict(model, frames, root=tmp_path, detector=detector, device=CPU)
        assert type(found) is Boxes3D
        assert len(found[found.score > 0.2]) == 0


def test_predictions_are_the_same_twice(
    make_boxes: Callable, make_frame: Callable, tmp_path: Path, detector: Detector
) -> None:
    frames = [make_frame(make_boxes("a", ("car", 3.0, 3.0, 1.0)), "a")]
    model = build_centerpoint(detector, 0)
    eager = detector.model_copy(update={"min_score": 0.0})
    first, second = (
        predict(model, frames, root=tmp_path, detector=eager, device=CPU) for _ in range(2)
    )
    assert len(first) > 10
    np.testing.assert_array_equal(first.center_m, second.center_m)
    assert (np.diff(first.score) <= 0).all()
