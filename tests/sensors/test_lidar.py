from pathlib import Path

import numpy as np
import pytest
from numpy.testing import assert_allclose

from cm3d.errors import InputError
from cm3d.geometry.se3 import SE3
from cm3d.sensors.lidar import accumulate, drop_ego_points, read_sweep
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
    cloud = accumulate(tmp_path, sweeps, SE3.identity(), 2, ego_half_extent_m=1.0)
    assert_allclose(cloud.xyz_m, [[10, 0, 0], [10, 0, 0]])
    assert_allclose(cloud.time_lag_s, [0, 0.05])
    assert_allclose(cloud.intensity, [100, 50])


def test_one_sweep_is_the_keyframe(sweeps: Sweeps, tmp_path: Path) -> None:
    cloud = accumulate(tmp_path, sweeps, SE3.identity(), 1, ego_half_extent_m=0.0)
    assert_allclose(cloud.xyz_m, [[10, 0, 0], [2.5, 0.5, 0]])


def test_frame_without_points(tmp_path: Path) -> None:
    write_sweep(tmp_path / "key.bin", [])
    sweeps = Sweeps(["s"], [0], ["key.bin"], [0.0], [pose(0.0)])
    assert accumulate(tmp_path, sweeps, SE3.identity(), 1, 1.0).xyz_m.shape == (0, 3)


def test_ego_points_need_both_coordinates_near() -> None:
    points = np.array([[0.5, 0.5, 0, 0, 0], [0.5, 5, 0, 0, 0]], dtype=np.float32)
    assert_allclose(drop_ego_points(points, 1.0)[:, 1], [5.0])


def test_missing_and_truncated_files_are_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"absent\.bin: sweep is missing"):
        read_sweep(tmp_path / "absent.bin")
    (tmp_path / "short.bin").write_bytes(b"\0" * 21)
    with pytest.raises(InputError, match=r"short\.bin: sweep is cut short \(21 bytes\)"):
        read_sweep(tmp_path / "short.bin")
