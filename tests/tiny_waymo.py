"""A tiny Waymo data set: two segments of three frames, two lasers, two cameras, a car."""

from collections.abc import Callable
from functools import cache
from pathlib import Path

import cv2
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from cm3d.datasets.waymo import CONVERTED, Waymo
from cm3d.datasets.waymo.cameras import SE3_OPTICAL, Camera
from cm3d.datasets.waymo.components import Component
from cm3d.datasets.waymo.conversion import Places, convert
from cm3d.datasets.waymo.frames import (
    FrameRecord,
    LabelledBox,
    Scan,
    Shot,
    pixel_poses,
)
from cm3d.datasets.waymo.range_images import Image, Laser
from cm3d.datasets.waymo.segments import Segment, find_segments
from cm3d.datasets.waymo.writing import SegmentWriter
from cm3d.geometry.se3 import SE3
from cm3d.taxonomy import Taxonomy

TRAIN, VAL = "100_000_120_000", "200_000_220_000"
FOLDERS = {TRAIN: "training", VAL: "validation"}
TIMES_US = (1_500_000_000_000_000, 1_500_000_000_100_000, 1_500_000_000_200_000)
TOP_SHAPE, FRONT_SHAPE = (4, 16), (3, 8)
SIZE_PX = (48, 32)
SIGN = LabelledBox("sign", "SIGN", [8, 3, 2], [0.1, 0.6, 0.6], 0.0)

TOP = Laser(
    1, SE3.from_yaw(0.1, np.array([1.4, 0, 2.2])), -0.3, 0.05, np.array([-0.3, -0.2, -0.1, 0.0])
)
FRONT = Laser(2, SE3.from_yaw(0.0, np.array([4.0, 0, 0.7])), -1.0, 0.5)


def global_SE3_vehicle(index: int) -> SE3:
    """The car drives 1 m per frame along its heading, far from the origin, up a slope."""
    level = SE3.from_yaw(0.3, np.array([1000.0, 2000.0, 10.0]))
    pitch = np.array([[np.cos(0.02), 0, -np.sin(0.02)], [0, 1, 0], [np.sin(0.02), 0, np.cos(0.02)]])
    return level @ SE3(pitch, np.zeros(3)) @ SE3(np.eye(3), np.array([float(index), 0, 0]))


def camera(name: int, yaw_rad: float, distortion: tuple[float, ...] = (0, 0, 0, 0, 0)) -> Camera:
    width_px, height_px = SIZE_PX
    intrinsics_px = np.array([[40.0, 0, width_px / 2], [0, 40.0, height_px / 2], [0, 0, 1]])
    mounted = SE3.from_yaw(yaw_rad, np.array([1.5, 0, 2.1])) @ SE3_OPTICAL
    return Camera(name, width_px, height_px, intrinsics_px, np.array(distortion, float), mounted)


# one with an ideal lens, one whose lens bends
CAMERAS = (camera(1, 0.0), camera(4, np.pi / 2, (-0.3, 0.1, 1e-3, 1e-3, 0.0)))


def range_image(shape: tuple[int, int], index: int) -> Image:
    """Returns in most pixels, further right ones farther away."""
    image = np.full((*shape, 4), -1.0, np.float32)
    image[..., 0] = 5 + np.arange(shape[1]) / 4 + index
    image[..., 1], image[..., 2] = 0.5, 0.25
    image[0, 0, 0] = -1  # the sky
    return image


def jpeg(index: int, name: int) -> bytes:
    """Bright above, dark below."""
    pixels = np.full((SIZE_PX[1], SIZE_PX[0], 3), 40 * index + name, np.uint8)
    pixels[: SIZE_PX[1] // 2] = 220
    return bytes(cv2.imencode(".jpg", pixels)[1])


def frame(index: int) -> FrameRecord:
    now, later = global_SE3_vehicle(index), global_SE3_vehicle(index + 1)
    height, width = TOP_SHAPE
    steps = np.linspace(-0.5, 0.5, width)
    poses = [SE3(now.rotation, now.translation_m + s * now.rotation[:, 0]) for s in steps]
    second = range_image(TOP_SHAPE, index) + np.array([2, 0, 0, 0], np.float32)
    second[1:, :, 0] = -1
    top = Scan(1, range_image(TOP_SHAPE, index), second, pixel_poses(poses, height))
    middle = SE3(now.rotation, (now.translation_m + later.translation_m) / 2)
    car = LabelledBox(
        "car", "VEHICLE", [12.0 - index, 1, 0.8], [4.5, 2, 1.6], 0.2, [3, 4, 0], (7, 5), 2
    )
    return FrameRecord(
        TIMES_US[index],
        now,
        [top, Scan(2, range_image(FRONT_SHAPE, index))],
        [Shot(c.name, jpeg(index, c.name), TIMES_US[index] + 50_000, middle) for c in CAMERAS],
        [car, SIGN],
    )


def write_waymo(root: Path, has_boxes: bool = True) -> None:
    """Write both segments."""
    for name, folder in FOLDERS.items():
        with SegmentWriter(Segment(root / folder, name, has_boxes), [TOP, FRONT], CAMERAS) as file:
            for index in range(len(TIMES_US)):
                file.add(frame(index))


def open_waymo(
    root: Path, taxonomy: Taxonomy, past_sweeps: int = 2, places: Places | None = None
) -> Waymo:
    """Find and convert all segments, as `open_dataset` does without parameters."""
    segments = {segment.name: segment for segment in find_segments(root)}
    places = places or Places(root, CONVERTED)
    left_out = {name: len(convert(name, segments, places)) for name in segments}
    return Waymo(segments, places, past_sweeps, taxonomy, left_out)


def path_of(root: Path, component: Component, name: str = TRAIN) -> Path:
    return root / FOLDERS[name] / component.folder / f"{name}.parquet"


def rewrite(path: Path, change: Callable[[pa.Table], pa.Table]) -> None:
    """Read a file, change its rows, write them back."""
    table = pq.ParquetFile(path).read()
    pq.write_table(change(table), path)


def appended(key: str, value: int) -> Callable[[pa.Table], pa.Table]:
    """The first row once more, with another key."""

    def change(table: pa.Table) -> pa.Table:
        row = table.slice(0, 1)
        other = pa.array([value], table.schema.field(key).type)
        return pa.concat_tables([table, row.set_column(table.column_names.index(key), key, other)])

    return change


def shuffle(path: Path) -> None:
    """Bring rows into another order."""
    rewrite(path, lambda table: table.take(pa.array(order_of(len(table)))))


@cache
def order_of(count: int) -> tuple[int, ...]:
    return tuple(np.random.default_rng(count).permutation(count).tolist())
