from pathlib import Path

import numpy as np
import pytest
from numpy.testing import assert_allclose

from cm3d.datasets.nuscenes import CARD
from cm3d.geometry.se3 import SE3
from cm3d.sensors.accumulation import accumulate
from cm3d.sensors.card import Sensors
from cm3d.tables import Sweeps


def write_sweep(path: Path, points: list[list[float]]) -> None:
    np.array(points, dtype=np.float32).tofile(path)


def pose(x_m: float) -> list[float]:
    return [1, 0, 0, 0, x_m, 0, 0]


@pytest.fixture
def sweeps(tmp_path: Path) -> Sweeps:
    # the same wall at global x = 10, seen from x = 2 and, half a metre behind, from x = 1.5
    write_sweep(tmp_path / "key.bin", [[8.0, 0, 0, 100, 3], [0.5, 0.5, 0, 9, 0]])
    write_sweep(tmp_path / "past.bin", [[8.5, 0, 0, 50, 3]])
    return Sweeps(["s", "s"], [0, 1], ["key.bin", "past.bin"], [0.0, 0.05], [pose(2.0), pose(1.5)])


def test_static_wall_falls_together(sweeps: Sweeps, tmp_path: Path) -> None:
    cloud = accumulate(
        Sensors(tmp_path, CARD.lidar), sweeps, SE3.identity(), 2, ego_half_extent_m=1.0
    )
    assert_allclose(cloud.xyz_m, [[10, 0, 0], [10, 0, 0]])
    assert_allclose(cloud.time_lag_s, [0, 0.05])


def test_one_sweep_is_the_keyframe(sweeps: Sweeps, tmp_path: Path) -> None:
    cloud = accumulate(
        Sensors(tmp_path, CARD.lidar), sweeps, SE3.identity(), 1, ego_half_extent_m=0.0
    )
    assert_allclose(cloud.xyz_m, [[10, 0, 0], [2.5, 0.5, 0]])


def test_frame_without_points(tmp_path: Path) -> None:
    write_sweep(tmp_path / "key.bin", [])
    sweeps = Sweeps(["s"], [0], ["key.bin"], [0.0], [pose(0.0)])
    assert accumulate(
        Sensors(tmp_path, CARD.lidar), sweeps, SE3.identity(), 1, 1.0
    ).xyz_m.shape == (0, 3)


def test_intensity_comes_between_nought_and_one(sweeps: Sweeps, tmp_path: Path) -> None:
    cloud = accumulate(Sensors(tmp_path, CARD.lidar), sweeps, SE3.identity(), 2, 1.0)
    assert_allclose(cloud.intensity, [100 / 255, 50 / 255], rtol=1e-7)


def test_single_precision_is_the_same_cloud(sweeps: Sweeps, tmp_path: Path) -> None:
    sensors = Sensors(tmp_path, CARD.lidar)
    double = accumulate(sensors, sweeps, SE3.identity(), 2, 1.0)
    single = accumulate(sensors, sweeps, SE3.identity(), 2, 1.0, np.float32)
    for column in ("xyz_m", "intensity", "time_lag_s"):
        values = getattr(single, column)
        assert values.dtype == np.float32
        assert_allclose(values, getattr(double, column), rtol=1e-6)
