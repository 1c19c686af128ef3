from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch

from cm3d.detectors.protocol import Detector
from cm3d.sensors.card import Sensors
from cm3d.tables import Boxes3D
from cm3d.taxonomy import Taxonomy
from cm3d.training.inference import attributes, predict
from tests.tiny_detector import tiny_predict

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
def test_attributes_follow_the_speed(
    make_boxes: Callable, taxonomy: Taxonomy, class_name: str, speed_mps: float, expected: str
) -> None:
    boxes = make_boxes("a", (class_name, 0.0, 0.0, 0.0))
    boxes = boxes.replace(velocity_mps=np.array([[0.0, speed_mps]]))
    assert attributes(boxes, taxonomy).tolist() == [expected]


def test_frames_without_points_and_no_frames(
    make_boxes: Callable,
    make_frame: Callable,
    tmp_path: Path,
    sensors: Sensors,
    model: Detector,
    taxonomy: Taxonomy,
) -> None:
    frame = make_frame(make_boxes("a"), "a")
    for path in frame.sweeps.path:
        (tmp_path / path).write_bytes(b"")
    for frames in ([frame], []):
        found = predict(
            model,
            frames,
            sensors=sensors,
            taxonomy=taxonomy,
            chosen=tiny_predict(),
            device=CPU,
        )
        assert type(found) is Boxes3D
        assert len(found[found.score > 0.2]) == 0


@pytest.mark.parametrize("double_flip", [False, True])
def test_predictions_are_the_same_twice(
    make_boxes: Callable,
    make_frame: Callable,
    sensors: Sensors,
    model: Detector,
    taxonomy: Taxonomy,
    double_flip: bool,
) -> None:
    frames = [make_frame(make_boxes("a", ("car", 3.0, 3.0, 1.0)), "a")]
    eager = tiny_predict(min_score=0.0, double_flip=double_flip)
    first, second = (
        predict(model, frames, sensors=sensors, taxonomy=taxonomy, chosen=eager, device=CPU)
        for _ in range(2)
    )
    assert len(first) > 10
    np.testing.assert_array_equal(first.center_m, second.center_m)
    assert (np.diff(first.score) <= 0).all()
