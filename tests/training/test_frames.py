from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from cm3d.detectors.protocol import Needs
from cm3d.errors import InputError
from cm3d.geometry.se3 import SE3
from cm3d.tables import Boxes3D, Sweeps
from cm3d.training.frames import TrainingFrame, check_in_range, load_points, to_global, to_sensor
from tests.tiny_detector import sensors_at

CLASSES = ["car", "pedestrian", "traffic_cone"]


def test_boxes_reach_the_sensor_frame_by_hand(make_boxes: Callable[..., Boxes3D]) -> None:
    # The sensor stands at (10, 0, 1), turned left by 90 degrees: its x axis is the global y.
    global_SE3_lidar = SE3.from_yaw(np.pi / 2, np.array([10.0, 0.0, 1.0]))
    boxes = make_boxes("a", ("car", 10.0, 5.0, np.pi / 2), ("bus", 0.0, 0.0, 0.0))
    sensor = to_sensor(boxes, global_SE3_lidar, CLASSES)
    assert sensor.class_index.tolist() == [0]  # the bus is none of this detector's classes
    np.testing.assert_allclose(sensor.center_m, [[5.0, 0.0, -1.0]], atol=1e-12)
    np.testing.assert_allclose(sensor.yaw_rad, [0.0], atol=1e-12)
    np.testing.assert_allclose(sensor.velocity_mps, [[0.0, -1.0]], atol=1e-12)
    np.testing.assert_allclose(sensor.size_m, [[4.0, 1.8, 1.5]])


def test_there_and_back(make_boxes: Callable[..., Boxes3D]) -> None:
    pose = np.array([0.9, 0.02, -0.03, 0.4, 100.0, -50.0, 2.0])  # tilted as a real sensor is
    global_SE3_lidar = SE3.from_pose(pose)
    boxes = make_boxes("a", ("car", 110.0, -45.0, 1.0), ("pedestrian", 90.0, -60.0, -2.0))
    sensor = to_sensor(boxes, global_SE3_lidar, CLASSES)
    again = to_global(sensor, "a", global_SE3_lidar, CLASSES)
    np.testing.assert_allclose(again.center_m, boxes.center_m, atol=1e-9)
    np.testing.assert_allclose(again.yaw_rad, boxes.yaw_rad, atol=0.01)
    np.testing.assert_allclose(again.velocity_mps, boxes.velocity_mps, atol=0.02)
    np.testing.assert_array_equal(again.class_name, boxes.class_name)
    np.testing.assert_array_equal(again.sample_token, boxes.sample_token)


def test_no_boxes(make_boxes: Callable[..., Boxes3D]) -> None:
    sensor = to_sensor(make_boxes("a"), SE3.identity(), CLASSES)
    assert len(sensor) == 0
    assert len(to_global(sensor, "a", SE3.identity(), CLASSES)) == 0


def test_points_of_all_sweeps_with_age_and_intensity(tmp_path: Path, needs: Needs) -> None:
    for name, x in (("new", 3.0), ("old", 4.0), ("older", 5.0)):
        np.array([[x, 0, 0, 127.5, 1], [0.5, 0.5, 0, 0, 0]], np.float32).tofile(tmp_path / name)
    sweeps = Sweeps(
        sample_token=np.full(3, "a", dtype=object),
        sweep_index=np.arange(3),
        path=np.array(["new", "old", "older"], dtype=object),
        time_lag_s=np.array([0, 0.05, 0.1]),
        global_SE3_lidar=np.array([[1, 0, 0, 0, x, 0, 0] for x in (100.0, 99.0, 98.0)]),
    )
    points = load_points(TrainingFrame("a", sweeps, Boxes3D.empty()), sensors_at(tmp_path), needs)
    assert points.dtype == np.float32  # two sweeps only; the ego's own returns are gone
    np.testing.assert_allclose(points, [[3, 0, 0, 0.5, 0], [3, 0, 0, 0.5, 0.05]])


def test_a_keyframe_without_lidar_is_named() -> None:
    with pytest.raises(InputError, match="keyframe abc: no LiDAR"):
        _ = TrainingFrame("abc", Sweeps.empty(), Boxes3D.empty()).global_SE3_lidar


@pytest.mark.parametrize(
    ("point", "is_seen"),
    [
        ((12.7, -12.7, 0.0), True),
        ((12.9, 0.0, 0.0), False),
        ((0.0, -12.9, 0.0), False),
        ((0.0, 0.0, 3.1), False),
        ((0.0, 0.0, -5.1), False),
    ],
)
def test_a_keyframe_without_points_in_range_is_named(
    needs: Needs, point: tuple[float, float, float], is_seen: bool
) -> None:
    sweeps = Sweeps.from_columns(
        sample_token=["abc"] * 2,
        sweep_index=[0, 1],
        path=["new.bin", "old.bin"],
        time_lag_s=[0.0, 0.05],
        global_SE3_lidar=np.tile([1.0, 0, 0, 0, 0, 0, 0], (2, 1)),
    )
    frame = TrainingFrame("abc", sweeps, Boxes3D.empty())
    points = np.array([[*point, 0.5, 0.0], [99, 99, 0, 0.5, 0]], dtype=np.float32)
    if is_seen:
        check_in_range(points, frame, needs)
        return
    with pytest.raises(InputError, match=r"keyframe abc: no LiDAR point .* in new\.bin and its"):
        check_in_range(points, frame, needs)
    with pytest.raises(InputError, match="keyframe abc"):
        check_in_range(points[:0], frame, needs)
