from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from cm3d import params
from cm3d.detectors.lidar.voxelization import Voxelizer, Voxels
from cm3d.detectors.protocol import Detector, every_point
from cm3d.detectors.registry import build_detector
from cm3d.errors import InputError
from cm3d.sensors.card import Sensors
from cm3d.tables import Boxes3D
from cm3d.tables.table import columns_of
from cm3d.taxonomy import Taxonomy
from cm3d.training.inference import attributes, predict
from tests.tiny_detector import tiny_predict, tiny_taxonomy

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
    for frames in ([frame], [frame, frame, frame], []):
        found = predict(
            model,
            frames,
            sensors=sensors,
            taxonomy=taxonomy,
            chosen=tiny_predict(),
            device=CPU,
            batch_size=2,
        ).table
        assert type(found) is Boxes3D
        assert len(found[found.score > 0.2]) == 0


@pytest.mark.parametrize("readers", [0, 1, 3])
@pytest.mark.parametrize("batch_size", [1, 2, 9])
def test_batches_and_readers_change_no_box(
    make_boxes: Callable,
    make_frame: Callable,
    sensors: Sensors,
    model: Detector,
    taxonomy: Taxonomy,
    batch_size: int,
    readers: int,
) -> None:
    """Frames of different clouds; but for batches of one the last one is not full."""
    rows = [("car", 3.0, 3.0, 1.0), ("pedestrian", -4.0, 2.0, 0.0), ("car", 5.0, -5.0, 0.3)]
    frames = [
        make_frame(make_boxes("a" * n, *rows[:n]), "a" * n, (1, 0, 0, 0, 10.0 * n, 0, 0))
        for n in (3, 1, 2)
    ]
    frames.append(make_frame(make_boxes("last", *rows), "last"))
    frames.append(make_frame(make_boxes("fifth", *rows[1:]), "fifth"))
    alone, together = (
        predict(
            model,
            frames,
            sensors=sensors,
            taxonomy=taxonomy,
            chosen=tiny_predict(min_score=0.0, max_boxes=20),
            device=CPU,
            batch_size=size,
            readers=threads,
        ).table
        for size, threads in ((1, 0), (batch_size, readers))
    )
    assert len(alone) == 5 * 20
    assert alone.sample_token.tolist() == together.sample_token.tolist()
    assert alone.class_name.tolist() == together.class_name.tolist()
    for name in ("score", "center_m", "length_m", "yaw_rad", "velocity_mps"):
        np.testing.assert_allclose(getattr(alone, name), getattr(together, name), atol=1e-5)


@pytest.mark.parametrize("double_flip", [False, True])
@pytest.mark.parametrize("kept_points", ["first", "spread"])
def test_readers_sift_and_change_no_bit(
    make_boxes: Callable,
    make_frame: Callable,
    sensors: Sensors,
    detector: params.Detector,
    taxonomy: Taxonomy,
    monkeypatch: pytest.MonkeyPatch,
    kept_points: str,
    double_flip: bool,
) -> None:
    """Crowded pillars, and points on edges of cells, that change sides in a mirror image."""
    section = detector.model_copy(update={"max_points": 3, "kept_points": kept_points})
    model = build_detector(section, tiny_taxonomy(), 0)
    frames = [make_frame(make_boxes("a", ("car", 3.0, 3.0, 1.0)), "a")]
    frames.append(make_frame(make_boxes("bb", ("pedestrian", -4.0, 2.0, 0.0)), "bb"))
    for path in frames[0].sweeps.path:
        points = np.fromfile(sensors.root / path, np.float32).reshape(-1, 5)
        points[::2, :2] = np.round(points[::2, :2] / 0.4) * 0.4
        points.tofile(sensors.root / path)
    given: list[int] = []
    gather = Voxelizer.__call__

    def counting(voxelize: Voxelizer, points: torch.Tensor, frame: torch.Tensor) -> Voxels:
        given.append(len(points))
        return gather(voxelize, points, frame)

    monkeypatch.setattr(Voxelizer, "__call__", counting)

    def found() -> Boxes3D:
        return predict(
            model,
            frames,
            sensors=sensors,
            taxonomy=taxonomy,
            chosen=tiny_predict(min_score=0.0, max_boxes=50, double_flip=double_flip),
            device=CPU,
            batch_size=2,
        ).table

    sifted = found()
    sifted_points = given.pop()
    model.needs = replace(model.needs, sift=every_point)
    whole = found()
    assert (sifted_points < given.pop()) == (not double_flip)
    assert len(whole) == 100
    for name in columns_of(Boxes3D):
        np.testing.assert_array_equal(getattr(sifted, name), getattr(whole, name))


@pytest.mark.parametrize("readers", [0, 2])
def test_a_missing_sweep_is_named_whoever_reads(
    make_boxes: Callable,
    make_frame: Callable,
    sensors: Sensors,
    model: Detector,
    taxonomy: Taxonomy,
    readers: int,
) -> None:
    frames = [make_frame(make_boxes(token), token) for token in ("a", "bb", "ccc")]
    (sensors.root / "bb_1.bin").unlink()
    with pytest.raises(InputError, match=r"bb_1\.bin"):
        predict(
            model,
            frames,
            sensors=sensors,
            taxonomy=taxonomy,
            chosen=tiny_predict(),
            device=CPU,
            readers=readers,
        )


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
        predict(model, frames, sensors=sensors, taxonomy=taxonomy, chosen=eager, device=CPU).table
        for _ in range(2)
    )
    assert len(first) > 10
    np.testing.assert_array_equal(first.center_m, second.center_m)
    assert (np.diff(first.score) <= 0).all()
