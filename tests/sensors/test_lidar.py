from pathlib import Path

import numpy as np
import pytest
from numpy.testing import assert_allclose

from cm3d.datasets.nuscenes import CARD
from cm3d.errors import InputError
from cm3d.sensors.card import LidarFormat
from cm3d.sensors.lidar import drop_ego_points, is_whole, read_sweep


def test_columns_are_found_by_name(tmp_path: Path) -> None:
    rows = np.array([[7, 0.5, 1, 2, 3], [8, 1.0, 4, 5, 6]], dtype=np.float64)
    columns = ("ring", "intensity", "x", "y", "z")
    rows.tofile(tmp_path / "points.bin")
    lidar = LidarFormat(file="binary", dtype="float64", columns=columns, full_intensity=2.0)
    points = read_sweep(tmp_path / "points.bin", lidar)
    assert points.dtype == np.float32
    assert_allclose(points, [[1, 2, 3, 0.25, 0], [4, 5, 6, 0.5, 0]])

    np.save(tmp_path / "points.npy", rows)
    arrays = lidar.model_copy(update={"file": "npy"})
    assert_allclose(read_sweep(tmp_path / "points.npy", arrays), points)
    np.save(tmp_path / "flat.npy", rows[0])
    with pytest.raises(InputError, match=r"flat\.npy: shape \(5,\), expected \(N, 5\)"):
        read_sweep(tmp_path / "flat.npy", arrays)


def test_without_intensity_points_are_dark(tmp_path: Path) -> None:
    np.array([[1, 2, 3]], dtype=np.float32).tofile(tmp_path / "points.bin")
    lidar = LidarFormat(file="binary", dtype="float32", columns=("x", "y", "z"), full_intensity=1.0)
    assert_allclose(read_sweep(tmp_path / "points.bin", lidar), [[1, 2, 3, 0, 0]])


def test_points_that_are_none_are_counted(tmp_path: Path) -> None:
    rows = np.ones((4, 5), np.float32)
    rows[1, :3], rows[2, 3] = np.nan, np.inf
    rows[3, 4] = np.nan  # of a ring, which nobody reads
    rows.tofile(tmp_path / "points.bin")
    with pytest.raises(InputError, match=r"points\.bin: 2 of 4 points have a NaN or infinite"):
        read_sweep(tmp_path / "points.bin", CARD.lidar)


def test_nuscenes_files(tmp_path: Path) -> None:
    np.array([[1, 2, 3, 255, 31]], dtype=np.float32).tofile(tmp_path / "points.bin")
    assert_allclose(read_sweep(tmp_path / "points.bin", CARD.lidar), [[1, 2, 3, 1, 0]])


def test_whole_files(tmp_path: Path) -> None:
    for size, whole in ((40, True), (41, False), (0, False)):
        (tmp_path / f"{size}.bin").write_bytes(b"0" * size)
        assert is_whole(tmp_path / f"{size}.bin", CARD.lidar) == whole
    assert not is_whole(tmp_path / "absent.bin", CARD.lidar)


def test_ego_points_need_both_coordinates_near() -> None:
    points = np.array([[0.5, 0.5, 0, 0, 0], [0.5, 5, 0, 0, 0]], dtype=np.float32)
    assert_allclose(drop_ego_points(points, 1.0)[:, 1], [5.0])


def test_missing_and_truncated_files_are_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"absent\.bin: sweep is missing"):
        read_sweep(tmp_path / "absent.bin", CARD.lidar)
    (tmp_path / "short.bin").write_bytes(b"\0" * 21)
    with pytest.raises(InputError, match=r"short\.bin: sweep is cut short \(21 bytes\)"):
        read_sweep(tmp_path / "short.bin", CARD.lidar)
