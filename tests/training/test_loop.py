from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch

from cm3d.params import Detector, Schedule
from cm3d.training.inference import predict
from cm3d.training.loop import TrainedModel, train

CPU = torch.device("cpu")


@pytest.fixture
def frames(make_boxes: Callable, make_frame: Callable) -> list:
    turned = (np.cos(0.5), 0, 0, np.sin(0.5), 100.0, 200.0, 0.0)
    first = make_boxes("a", ("car", 4.0, 5.0, 0.3), ("pedestrian", -5.0, 2.0, 1.0))
    second = make_boxes("b", ("car", 96.0, 203.0, 2.0), ("traffic_cone", 105.0, 196.0, 0.0))
    return [make_frame(first, "a"), make_frame(second, "b", turned)]


def _train(frames: list, root: Path, detector: Detector, schedule: Schedule, **options):
    return train(
        frames,
        root=root,
        detector=detector,
        schedule=schedule,
        **{"seed": 3, "device": CPU} | options,
    )


def _same_weights(first: TrainedModel, second: TrainedModel) -> bool:
    pairs = zip(first.model.state_dict().values(), second.model.state_dict().values(), strict=True)
    return all(torch.equal(a, b) for a, b in pairs)


def test_an_overfitted_detector_finds_its_boxes(frames, tmp_path, detector, schedule):
    long = schedule.model_copy(update={"epochs": 120})
    trained = _train(frames, tmp_path, detector, long)
    found = predict(trained.model, frames, root=tmp_path, detector=detector, device=CPU)
    found = found[found.score > 0.4]

    assert sorted(zip(found.sample_token, found.class_name, strict=True)) == [
        ("a", "car"),
        ("a", "pedestrian"),
        ("b", "car"),
        ("b", "traffic_cone"),
    ]
    for frame in frames:
        for row in range(len(frame.boxes)):
            truth = frame.boxes[row : row + 1]
            match = found[
                (found.sample_token == frame.sample_token)
                & (found.class_name == truth.class_name[0])
            ]
            assert np.linalg.norm(match.center_m[0] - truth.center_m[0]) < 0.5
            assert match.length_m[0] == pytest.approx(truth.length_m[0], rel=0.2)
            assert np.cos(match.yaw_rad[0] - truth.yaw_rad[0]) > 0.9
            assert np.linalg.norm(match.velocity_mps[0] - truth.velocity_mps[0]) < 0.3
    assert set(found.attribute_name) == {"vehicle.moving", "pedestrian.moving", ""}
