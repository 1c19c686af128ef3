"""LiDAR files that are damaged, hostile or of another layout than the card says."""

import struct
from collections.abc import Callable
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from cm3d.datasets.nuscenes import CARD
from cm3d.geometry.se3 import SE3
from cm3d.sensors.accumulation import accumulate
from cm3d.sensors.card import LidarFormat, Sensors
from cm3d.sensors.lidar import is_whole, read_sweep
from cm3d.tables import Sweeps
from tests.trust.refusal import NO_FILES, content_of, refuses

Array = np.ndarray[Any, Any]

FOUR = LidarFormat(
    file="binary", dtype="float32", columns=("x", "y", "z", "intensity"), full_intensity=1.0
)
THREE = LidarFormat(file="binary", dtype="float32", columns=("x", "y", "z"), full_intensity=1.0)
DOUBLE = FOUR.model_copy(update={"dtype": "float64"})
NPY = CARD.lidar.model_copy(update={"file": "npy"})


def cloud(count: int = 40) -> Array:
    """Points around the sensor, as nuScenes stores them."""
    rng = np.random.default_rng(0)
    xyz_m = rng.uniform((-50, -50, -3), (50, 50, 10), (count, 3))
    rest = np.stack([rng.integers(0, 256, count), rng.integers(0, 32, count)], axis=1)
    return np.concatenate([xyz_m, rest], axis=1).astype(np.float32)


def with_number(value: float, column: int, rows: slice = slice(7, 8)) -> bytes:
    points = cloud()
    points[rows, column] = value
    return points.tobytes()


def saved(array: Array) -> bytes:
    stream = BytesIO()
    np.save(stream, array)
    return stream.getvalue()


def npy_claiming(shape: str, dtype: str = "<f4") -> bytes:
    """A numpy file that says what it has, and has forty numbers."""
    header = f"{{'descr': '{dtype}', 'fortran_order': False, 'shape': {shape}, }}".encode()
    header += b" " * (-(len(header) + 11) % 64) + b"\n"
    return b"\x93NUMPY\x01\x00" + struct.pack("<H", len(header)) + header + bytes(160)


def zipped() -> bytes:
    stream = BytesIO()
    np.savez(stream, points=cloud())
    return stream.getvalue()


@dataclass(frozen=True)
class Row:
    """A file that is refused.

    Args:
        name: What is broken.
        content: Of the file.
        words: In the message.
        lidar: How the file is read.
    """

    name: str
    content: bytes
    words: tuple[str, ...]
    lidar: LidarFormat = CARD.lidar


NAN, NONE = "points have a NaN or infinite number; write it without them", "no array of numbers"
ROWS = [
    Row("x NaN", with_number(np.nan, 0), (f"1 of 40 {NAN}",)),
    Row("y infinite", with_number(np.inf, 1), (f"1 of 40 {NAN}",)),
    Row("z minus infinite", with_number(-np.inf, 2), (f"1 of 40 {NAN}",)),
    Row("intensity NaN", with_number(np.nan, 3), (f"1 of 40 {NAN}",)),
    Row("x NaN in all", with_number(np.nan, 0, slice(None)), (f"40 of 40 {NAN}",)),
    Row("all NaN", np.full((40, 5), np.nan, np.float32).tobytes(), (f"40 of 40 {NAN}",)),
    Row("one point, NaN", np.full((1, 5), np.nan, np.float32).tobytes(), (f"1 of 1 {NAN}",)),
    Row("NaN of three columns", with_number(np.nan, 0)[:600], (f"of 50 {NAN}",), THREE),
    Row("x 1e30", with_number(1e30, 0), ("x is 1e+30", "1 of 40 points")),
    Row("y -1e30", with_number(-1e30, 1), ("y is -1e+30", "1 of 40 points")),
    Row("z of millimetres", with_number(45_000, 2), ("z is 45000", "1 of 40 points")),
    Row("doubles beyond singles", np.full((4, 4), 1e300).tobytes(), (f"4 of 4 {NAN}",), DOUBLE),
    Row("intensity negative", with_number(-1, 3), ("intensity is -1", "[0, 255]")),
    Row("intensity of 16 bits", with_number(65_535, 3), ("intensity is 65535", "full_intensity")),
    Row("intensity of bytes where 1 is full", cloud()[:, :4].tobytes(), ("intensity is",), FOUR),
    Row("ring of 4000", with_number(4000, 4), ("ring is 4000", "[-1, 1023]", "x, y, z, intensity")),
    Row("ring of -7.5", with_number(-7.5, 4), ("ring is -7.5", "correct columns")),
    Row("ring out of limits beside NaN", with_number(np.nan, 4, slice(5))[:-4] + b"\0\0\x80\xc2",
        ("ring is -64", "1 of 40")),
    Row("four columns read as five", cloud()[:, :4].tobytes(), ("not in [", "correct columns")),
    Row("three columns read as five", cloud()[:, :3].tobytes(), ("not in [", "correct columns")),
    Row("five columns read as four", cloud()[:, :5].tobytes(), ("intensity is", "columns"), FOUR),
    Row("six columns read as five", np.tile(cloud(), (1, 2))[:, :6].tobytes(), ("not in [",)),
    Row("doubles read as singles", cloud().astype(np.float64).tobytes(), ("points.bin: ",)),
    Row("singles read as doubles", cloud()[:, :4].tobytes(), ("points.bin: ",), DOUBLE),
    Row("numbers of the other byte order", cloud().astype(">f4").tobytes(), ("points.bin: ",)),
    Row("text", b"x y z intensity ring\n1.0 2.0 3.0 4.0 5.0" b"\n" * 5, ("points.bin: ",)),
    Row("pcd file", (b"# .PCD v0.7\nVERSION 0.7\nFIELDS x y z\n" * 8)[:300], ("points.bin: ",)),
    Row("one byte", b"\0", ("cut short (1 bytes); fetch",)),
    Row("one byte less", cloud().tobytes()[:-1], ("cut short (799 bytes); fetch",)),
    Row("one number less", cloud().tobytes()[:-4], ("cut short (796 bytes); fetch",)),
    Row("zeros alone", bytes(800), ("all 40 points are zero", "fetch it again")),
    Row("one point of zeros", bytes(20), ("all 1 points are zero",)),
    Row("zeros of three columns", bytes(120), ("all 10 points are zero",), THREE),
    Row("npy: no byte", b"", (NONE, "write it anew"), NPY),
    Row("npy: text", b"no array", (NONE, "write it anew"), NPY),
    Row("npy: numbers without header", cloud().tobytes(), (NONE, "write it anew"), NPY),
    Row("npy: cut in the header", saved(cloud())[:60], (NONE, "write it anew"), NPY),
    Row("npy: cut to a half", saved(cloud())[:500], (NONE, "write it anew"), NPY),
    Row("npy: exabytes", npy_claiming("(200000000000000000, 5)"), (NONE, "write it"), NPY),
    Row("npy: beyond 64 bits", npy_claiming(f"({10**30}, 5)"), (NONE, "write it"), NPY),
    Row("npy: negative shape", npy_claiming("(-4, 5)"), ("points.npy: ",), NPY),
    Row("npy: shape of words", npy_claiming("('a', 5)"), (NONE, "write it"), NPY),
    Row("npy: header of code", npy_claiming("__import__('os').getpid()"), (NONE,), NPY),
    Row("npy: objects", saved(np.array([[1, None]], object)), (NONE, "write it"), NPY),
    Row("npy: text in it", saved(np.full((4, 5), "1.0")), (NONE, "numpy.save"), NPY),
    Row("npy: complex", saved(cloud().astype(complex)), (NONE, "numpy.save"), NPY),
    Row("npy: times", saved(np.zeros((4, 5), "datetime64[s]")), (NONE, "numpy.save"), NPY),
    Row("npy: records", saved(np.zeros(4, "f4,f4,f4,f4,f4")), (NONE, "numpy.save"), NPY),
    Row("npy: archive of arrays", zipped(), (NONE, "write it"), NPY),
    Row("npy: four columns", saved(cloud()[:, :4]), ("shape (40, 4), expected (N, 5)",), NPY),
    Row("npy: transposed", saved(cloud().T), ("shape (5, 40), expected (N, 5)",), NPY),
    Row("npy: a number", saved(np.float32(1)), ("shape (), expected (N, 5)",), NPY),
    Row("npy: NaN", saved(np.full((4, 5), np.nan)), (f"4 of 4 {NAN}",), NPY),
    Row("npy: doubles beyond singles", saved(np.full((4, 5), 1e300)), (f"4 of 4 {NAN}",), NPY),
]  # fmt: skip


def written(folder: Path, row: Row) -> Path:
    path = folder / ("points.npy" if row.lidar.file == "npy" else "points.bin")
    path.write_bytes(row.content)
    return path


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.name)
def test_bad_files_are_refused(tmp_path: Path, row: Row) -> None:
    path = written(tmp_path, row)
    before = content_of(tmp_path)
    refuses(lambda: read_sweep(path, row.lidar), f"{path}: ", *row.words)
    assert content_of(tmp_path) == before


@pytest.mark.parametrize("make", NO_FILES.values(), ids=NO_FILES.keys())
@pytest.mark.parametrize("lidar", [CARD.lidar, NPY], ids=["binary", "npy"])
def test_what_is_no_file_is_missing(
    tmp_path: Path, make: Callable[[Path], object], lidar: LidarFormat
) -> None:
    path = tmp_path / "points"
    make(path)
    refuses(lambda: read_sweep(path, lidar), "points: sweep is missing; restore it")
    assert not is_whole(path, lidar)


def test_a_broken_sweep_of_the_past_is_named(tmp_path: Path) -> None:
    (tmp_path / "key.bin").write_bytes(cloud().tobytes())
    (tmp_path / "past.bin").write_bytes(with_number(1e30, 0))
    still = [1.0, 0, 0, 0, 0, 0, 0]
    sweeps = Sweeps(["s", "s"], [0, 1], ["key.bin", "past.bin"], [0.0, 0.05], [still, still])
    sensors = Sensors(tmp_path, CARD.lidar)
    refuses(lambda: accumulate(sensors, sweeps, SE3.identity(), 2, 1.0), "past.bin: x is 1e+30")
    assert len(accumulate(sensors, sweeps, SE3.identity(), 1, 1.0).xyz_m)


GOOD = {
    "nuScenes": (cloud().tobytes(), CARD.lidar),
    "no point": (b"", CARD.lidar),
    "no point, npy": (saved(np.zeros((0, 5))), NPY),
    "one point": (cloud(1).tobytes(), CARD.lidar),
    "one point at the sensor's height": (np.float32([[5, 0, 0, 0, 0]]).tobytes(), CARD.lidar),
    "nothing came back for some": (with_number(0, 0, slice(20)), CARD.lidar),
    "rings unknown": (with_number(-1, 4, slice(None)), CARD.lidar),
    "rings NaN": (with_number(np.nan, 4, slice(None)), CARD.lidar),
    "rings all zero": (with_number(0, 4, slice(None)), CARD.lidar),
    "times instead of rings": (with_number(0.05, 4, slice(None)), CARD.lidar),
    "no intensity": (cloud()[:, :3].tobytes(), THREE),
    "npy of doubles": (saved(cloud().astype(np.float64)), NPY),
    "npy of halves": (saved(cloud().astype(np.float16)), NPY),
    "npy of integers": (saved(np.abs(cloud()).astype(np.int16)), NPY),
    "npy by columns": (saved(np.asfortranarray(cloud())), NPY),
    "npy of the other byte order": (saved(cloud().astype(">f4")), NPY),
    "far": (with_number(2000, 0), CARD.lidar),
}


@pytest.mark.parametrize(("content", "lidar"), GOOD.values(), ids=GOOD.keys())
def test_files_of_other_tools_are_taken(tmp_path: Path, content: bytes, lidar: LidarFormat) -> None:
    path = written(tmp_path, Row("", content, (), lidar))
    points = read_sweep(path, lidar)
    assert points.dtype == np.float32
    assert points.shape[1] == 5
    assert np.isfinite(points).all()
    assert points.flags.writeable
