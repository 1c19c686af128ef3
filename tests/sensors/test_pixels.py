from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from cm3d.geometry.point_pixels import PointPixels
from cm3d.geometry.se3 import SE3
from cm3d.sensors.accumulation import accumulate
from cm3d.sensors.card import LidarFormat, Sensors
from cm3d.sensors.pixels import encode, newest_pixels, pixels_path, read_pixels
from cm3d.tables import Sweeps
from tests.trust.refusal import NO_FILES, refuses

PIXELS = PointPixels(
    np.array([0, 2, 2, 3]),
    np.array(["FRONT", "FRONT", "LEFT", ""], dtype=object),
    np.array([[1.5, 2.25], [7.03, 8.0], [0.0, 1919.9375], [0.0, 0.0]]),
)
LIDAR = LidarFormat(
    file="binary", dtype="float32", columns=("x", "y", "z", "intensity"), full_intensity=1.0
)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = pixels_path(tmp_path / "7.bin")
    path.write_bytes(encode(PIXELS))
    return path


def test_they_come_back_to_a_sixteenth(path: Path) -> None:
    assert path.name == "7.bin.pixels.npz"
    found = read_pixels(path, 4)
    assert found.point.tolist() == [0, 2, 2, 3]
    assert found.channel.tolist() == ["FRONT", "FRONT", "LEFT", ""]
    expected = [[1.5, 2.25], [7.0, 8.0], [0.0, 1919.9375], [0.0, 0.0]]
    np.testing.assert_array_equal(found.pixel_px, expected)


def test_the_same_bytes_each_time() -> None:
    assert encode(PIXELS) == encode(PIXELS)


def test_rows_are_those_of_the_accumulated_cloud(tmp_path: Path) -> None:
    """Of four points, the second is the car's own; an older sweep lies behind."""
    points = np.array([[9, 0, 0, 0], [1, 1, 0, 0], [8, 0, 0, 0], [7, 0, 0, 0]], np.float32)
    (tmp_path / "now.bin").write_bytes(points.tobytes())
    (tmp_path / "old.bin").write_bytes(np.full((5, 4), 0.5, np.float32).tobytes() * 2)
    sensors = Sensors(tmp_path, LIDAR)
    sweeps = Sweeps.from_columns(
        sample_token=["a", "a"],
        sweep_index=[0, 1],
        path=["now.bin", "old.bin"],
        time_lag_s=[0.0, 0.1],
        global_SE3_lidar=[SE3.identity().as_pose()] * 2,
    )
    assert newest_pixels(sensors, sweeps, 2.0) is None
    pixels_path(tmp_path / "now.bin").write_bytes(encode(PIXELS))
    found = newest_pixels(sensors, sweeps, 2.0)
    assert found is not None
    cloud = accumulate(sensors, sweeps, SE3.identity(), 2, 2.0)
    assert cloud.xyz_m[found.point, 0].tolist() == [9, 8, 8, 7]
    assert found.channel.tolist() == PIXELS.channel.tolist()


BREAKS: dict[str, tuple[Callable[[bytes], bytes], int]] = {
    "empty": (lambda content: b"", 4),
    "cut short": (lambda content: content[:200], 4),
    "a block lost": (lambda content: content[:60] + bytes(80) + content[140:], 4),
    "another file": (lambda content: b"x" * 500, 4),
    "of fewer points": (lambda content: content, 3),
    "not finite": (
        lambda content: encode(PointPixels(PIXELS.point, PIXELS.channel, np.full((4, 2), np.nan))),
        4,
    ),
}


@pytest.mark.parametrize("name", BREAKS)
def test_damaged_files(path: Path, name: str) -> None:
    damage, points = BREAKS[name]
    path.write_bytes(damage(path.read_bytes()))
    refuses(lambda: read_pixels(path, points), "7.bin.pixels.npz", "dvc repro download")


@pytest.mark.parametrize("kind", NO_FILES)
def test_no_files(path: Path, kind: str) -> None:
    path.unlink()
    NO_FILES[kind](path)
    refuses(lambda: read_pixels(path, 4), "7.bin.pixels.npz", "dvc repro download")
