"""Where points are in images by Waymo's own account: from its files to the scan that is lifted."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from cm3d.datasets.waymo import Waymo
from cm3d.datasets.waymo.components import (
    LASER,
    LIDAR_CAMERA_PROJECTION,
    LIDAR_POSE,
    TIME,
    Component,
)
from cm3d.datasets.waymo.segments import Segment
from cm3d.datasets.waymo.writing import SegmentWriter
from cm3d.geometry.point_pixels import PointPixels
from cm3d.params import Lift, load_params
from cm3d.sensors.card import Sensors
from cm3d.sensors.lidar import read_sweep
from cm3d.sensors.pixels import pixels_path, read_pixels
from cm3d.taxonomy import Taxonomy
from stages.lift import read_scan
from tests.tiny_waymo import (
    CAMERAS,
    FOLDERS,
    FRONT,
    TIMES_US,
    TOP,
    TOP_SHAPE,
    TRAIN,
    appended,
    frame,
    open_waymo,
    path_of,
    rewrite,
    shuffle,
    write_waymo,
)
from tests.trust.refusal import refuses

IDEAL, BENT = CAMERAS
FILE = f"lidar_camera_projection/{TRAIN}.parquet"
TOP_PIXELS = TOP_SHAPE[0] * TOP_SHAPE[1] - 1
HEIGHT, WIDTH = TOP_SHAPE


def places(index: int) -> tuple[np.ndarray, np.ndarray]:
    """First returns: row 1 in FRONT, row 2 there and in SIDE_LEFT, else none; second ones: none."""
    first = np.zeros((*TOP_SHAPE, 6), np.float32)
    first[1:3, :, 0] = IDEAL.name
    first[1:3, :, 1] = np.arange(WIDTH) + index
    first[1:3, :, 2] = 5
    first[2, :, 3] = BENT.name
    first[2, :, 4], first[2, :, 5] = 10 + np.arange(WIDTH), 20
    return first, np.zeros_like(first)


def write(root: Path) -> None:
    """The tiny data set, whose first segment says where points are."""
    write_waymo(root)
    with SegmentWriter(Segment(root / FOLDERS[TRAIN], TRAIN, True), [TOP, FRONT], CAMERAS) as file:
        for index in range(len(TIMES_US)):
            given = frame(index)
            top = replace(given.scans[0], places=places(index))
            file.add(replace(given, scans=[top, *given.scans[1:]]))


@pytest.fixture
def root(tmp_path: Path) -> Path:
    write(tmp_path)
    return tmp_path


def pixels_of(data: Waymo, index: int) -> PointPixels:
    cloud = data.root / data.places.lidar(TRAIN, TIMES_US[index])
    return read_pixels(pixels_path(cloud), len(read_sweep(cloud, data.card.lidar)))


def test_pixels_by_hand(root: Path, taxonomy: Taxonomy) -> None:
    """A pixel of the top laser's first return is its row of the cloud, but for the sky at 0, 0."""
    found = pixels_of(open_waymo(root, taxonomy), 1)
    assert set(found.point) == set(range(TOP_PIXELS + WIDTH))
    in_front = found[found.channel == "FRONT"]
    assert in_front.point.tolist() == list(range(WIDTH - 1, 3 * WIDTH - 1))
    np.testing.assert_array_equal(in_front.pixel_px[:, 0], np.tile(np.arange(WIDTH) + 1.5, 2))
    np.testing.assert_array_equal(in_front.pixel_px[:, 1], 5.5)
    left = found[found.channel == "SIDE_LEFT"]
    assert left.point.tolist() == list(range(2 * WIDTH - 1, 3 * WIDTH - 1))
    none = found[found.channel == ""]
    assert none.point.tolist() == [
        *range(WIDTH - 1),
        *range(3 * WIDTH - 1, TOP_PIXELS + WIDTH),
    ]


def test_the_lens_is_undone(root: Path, taxonomy: Taxonomy) -> None:
    left = pixels_of(open_waymo(root, taxonomy), 0)
    left = left[left.channel == "SIDE_LEFT"]
    rays = (left.pixel_px - [24, 16]) / 40
    behind_px = BENT.distorted(rays)[0] * 40 + [24, 16]
    expected = np.column_stack([10.5 + np.arange(WIDTH), np.full(WIDTH, 20.5)])
    np.testing.assert_allclose(behind_px, expected, atol=1 / 16)
    assert np.abs(left.pixel_px - expected).max() > 0.1


def test_what_the_lens_cannot_have_seen() -> None:
    found, holds = BENT.without_lens(np.array([[24.0, 16.0], [900.0, 16.0]]))
    assert holds.tolist() == [True, False]
    assert BENT.without_lens(np.empty((0, 2)))[0].shape == (0, 2)
    np.testing.assert_array_equal(found[0], [24, 16])


def test_rows_in_any_order_and_of_other_lasers(root: Path, taxonomy: Taxonomy) -> None:
    expected = pixels_of(open_waymo(root, taxonomy), 2)

    def with_front(table: pa.Table) -> pa.Table:
        other = table.set_column(
            table.column_names.index(LASER), LASER, pa.array([2] * len(table), pa.int8())
        )
        return pa.concat_tables([other, table])

    path = path_of(root, LIDAR_CAMERA_PROJECTION)
    rewrite(path, with_front)
    shuffle(path)
    found = pixels_of(open_waymo(root, taxonomy), 2)
    np.testing.assert_array_equal(found.point, expected.point)
    np.testing.assert_array_equal(found.pixel_px, expected.pixel_px)


@pytest.mark.parametrize("component", [LIDAR_CAMERA_PROJECTION, LIDAR_POSE])
def test_a_row_that_stands_twice(root: Path, taxonomy: Taxonomy, component: Component) -> None:
    path = path_of(root, component)
    rewrite(path, lambda table: pa.concat_tables([table.slice(1, 1), table]))
    refuses(lambda: open_waymo(root, taxonomy), f"{component.folder}/", "two rows have the key")


def test_a_second_return_of_unknown_place_is_projected(root: Path, taxonomy: Taxonomy) -> None:
    def emptied(table: pa.Table) -> pa.Table:
        for part in ("values", "shape"):
            name = LIDAR_CAMERA_PROJECTION.column(f"range_image_return2.{part}")
            place = table.column_names.index(name)
            table = table.set_column(
                place, name, pa.nulls(len(table), table.schema.field(name).type)
            )
        return table

    rewrite(path_of(root, LIDAR_CAMERA_PROJECTION), emptied)
    found = pixels_of(open_waymo(root, taxonomy), 0)
    assert set(found.point) == set(range(TOP_PIXELS))


def test_the_scan_that_is_lifted(root: Path, taxonomy: Taxonomy, project: Path) -> None:
    data = open_waymo(root, taxonomy)
    scene = data.scene(TRAIN)
    params: Lift = load_params(project / "params.yaml").lift
    params = params.model_copy(update={"sweeps": 3})
    sweeps = scene.sweeps[scene.sweeps.sample_token == scene.frames.sample_token[2]]
    scan = read_scan(sweeps, Sensors(data.root, data.card.lidar), params)
    assert scan.pixels is not None
    own = scan.time_lag_s[scan.pixels.point]
    assert len(own)
    assert (own == 0).all()


def test_without_the_component_there_are_none_any_more(root: Path, taxonomy: Taxonomy) -> None:
    data = open_waymo(root, taxonomy)
    cloud = data.root / data.places.lidar(TRAIN, TIMES_US[0])
    content = cloud.read_bytes()
    assert pixels_path(cloud).exists()
    path_of(root, LIDAR_CAMERA_PROJECTION).unlink()
    open_waymo(root, taxonomy)
    assert not list(cloud.parent.glob("*.npz"))
    assert cloud.read_bytes() == content


def changed(root: Path, values: np.ndarray, shape: list[int]) -> None:
    """Other values in the first row."""

    def change(table: pa.Table) -> pa.Table:
        for part, value in (("values", values.ravel().tolist()), ("shape", shape)):
            name = LIDAR_CAMERA_PROJECTION.column(f"range_image_return1.{part}")
            place = table.column_names.index(name)
            rows = table[name].to_pylist()
            column = pa.array([value, *rows[1:]], table.schema.field(name).type)
            table = table.set_column(place, name, column)
        return table

    rewrite(path_of(root, LIDAR_CAMERA_PROJECTION), change)


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("of fewer pixels", ("4 x 8 pixels, lidar has 4 x 16", "fetch both again")),
        ("of five numbers", ("expected height x width x 6", "fetch it again")),
        ("of a camera that is not there", (f"frame {TIMES_US[0]}: camera 2 has no", "both")),
        ("of another time", ("frame 7 has no row in vehicle_pose", "fetch both files again")),
        ("of a sixth laser", ("laser 6 is none of", "fetch it again")),
        ("of half a camera", ("camera 1.5 has no camera_calibration",)),
        ("not finite", (f"frame {TIMES_US[0]}: a number is not finite", "fetch it again")),
        ("cut short", ("not readable as Parquet", "fetch it again")),
        ("a link to nothing", ("missing", "fetch")),
    ],
)
def test_damaged_projections(
    root: Path, taxonomy: Taxonomy, name: str, words: tuple[str, ...]
) -> None:
    first, path = places(0)[0], path_of(root, LIDAR_CAMERA_PROJECTION)
    if name == "of fewer pixels":
        changed(root, first[:, :8], [4, 8, 6])
    elif name == "of five numbers":
        changed(root, first[..., :5], [4, 16, 5])
    elif name in ("of another time", "of a sixth laser"):
        key, value = (TIME, 7) if name == "of another time" else (LASER, 6)
        rewrite(path, appended(key, value))
    elif name == "cut short":
        path.write_bytes(path.read_bytes()[:-40])
    elif name == "a link to nothing":
        path.unlink()
        path.symlink_to(root / "nothing")
    else:
        value = {"of a camera that is not there": 2, "of half a camera": 1.5}.get(name, np.nan)
        first[1, 3, 0] = value
        changed(root, first, [4, 16, 6])
    refuses(lambda: open_waymo(root, taxonomy), FILE, *words)
