"""Masks of maps: numbers by hand, nuscenes-devkit's own masks, and scenes turned and mirrored."""

import json
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
import shapely
from nuscenes.map_expansion.map_api import NuScenesMap

from cm3d.datasets.nuscenes.map_areas import index_map_areas
from cm3d.datasets.nuscenes.maps import map_path, read_map
from cm3d.geometry.arrays import NDArrayBool, NDArrayFloat
from cm3d.geometry.ground_map import MAP_CLASSES, GroundMap
from cm3d.geometry.se3 import SE3
from cm3d.simulation.database.map_expansion import map_expansion
from cm3d.simulation.town.town import LOCATIONS, build_town
from cm3d.training.augmentation import Augmentation

NOTHING = np.eye(4)
WALKWAY, DIVIDER = MAP_CLASSES.index("walkway"), MAP_CLASSES.index("divider")


def ground_map(*shapes: shapely.Geometry) -> GroundMap:
    """Walkways, and dividers where a shape is a line."""
    index = [DIVIDER if isinstance(s, shapely.LineString) else WALKWAY for s in shapes]
    objects = np.empty(len(shapes), dtype=object)
    objects[:] = shapes
    return GroundMap(objects, np.array(index, dtype=np.int64))


def pose(x_m: float, y_m: float, yaw_rad: float) -> NDArrayFloat:
    return SE3.from_yaw(yaw_rad, np.array([x_m, y_m, 1.8])).matrix


def turned(quarters: int) -> NDArrayFloat:
    """The augmentation that turns a scene by some right angles, counter-clockwise."""
    matrix = np.eye(4)
    matrix[:2, :2] = np.linalg.matrix_power(np.array([[0, -1], [1, 0]]), quarters)
    return matrix


def spans(mask: NDArrayBool) -> list[int]:
    """First and last row, first and last column of a mask that is one full rectangle."""
    rows, columns = np.flatnonzero(mask.any(1)), np.flatnonzero(mask.any(0))
    found = [int(rows[0]), int(rows[-1]), int(columns[0]), int(columns[-1])]
    assert mask.sum() == (found[1] - found[0] + 1) * (found[3] - found[2] + 1)
    return found


def test_a_square_by_hand() -> None:
    """x from 10 to 15 m is pixels 120 to 130, y from -20 to -18 m is 60 to 64, ends included."""
    masks = ground_map(shapely.box(10, -20, 15, -18)).masks(NOTHING, NOTHING)
    assert masks.shape == (6, 200, 200)
    assert masks.dtype == bool
    assert spans(masks[WALKWAY]) == [60, 64, 120, 130]
    assert not np.delete(masks, WALKWAY, axis=0).any()


def test_a_line_by_hand() -> None:
    """Along x at y = 3.2 m, pixel 106 of it and, being two pixels wide, 105 beside it."""
    masks = ground_map(shapely.LineString([[-10, 3.2], [20, 3.2]])).masks(NOTHING, NOTHING)
    columns = np.flatnonzero(masks[DIVIDER][106])
    assert (columns[0], columns[-1]) == (80 - 1, 140 + 1)
    assert set(np.flatnonzero(masks[DIVIDER].any(1))) <= {105, 106, 107}


def test_holes_are_empty_but_for_their_rim() -> None:
    """A hole of 4 x 4 m takes 9 x 9 pixels out of 21 x 21."""
    hole = shapely.box(-2, -2, 2, 2)
    ring = shapely.Polygon(shapely.box(-5, -5, 5, 5).exterior, [hole.exterior.coords])
    mask = ground_map(ring).masks(NOTHING, NOTHING)[WALKWAY]
    assert mask.sum() == 21 * 21 - 9 * 9
    assert not mask[96:105, 96:105].any()


@pytest.mark.parametrize(
    ("lidar", "expected"),
    [
        # 30 m ahead of a sensor at (100, 50) that looks along x
        (pose(100, 50, 0), [100, 104, 160, 164]),
        # that looks along y: the square is to its right
        (pose(100, 50, np.pi / 2), [36, 40, 100, 104]),
        # that looks back
        (pose(100, 50, np.pi), [96, 100, 36, 40]),
    ],
)
def test_the_sensor_is_in_the_middle(lidar: NDArrayFloat, expected: list[int]) -> None:
    masks = ground_map(shapely.box(130, 50, 132, 52)).masks(lidar, NOTHING)
    assert spans(masks[WALKWAY]) == expected


def test_a_tilted_sensor_sees_the_plane_from_above() -> None:
    tilt = np.eye(4)
    tilt[:3, :3] = cv2.Rodrigues(np.array([0.02, -0.03, 0]))[0]
    town = ground_map(shapely.box(130, 50, 132, 52))
    level, tilted = (town.masks(pose(100, 50, 0.0) @ m, NOTHING) for m in (NOTHING, tilt))
    np.testing.assert_array_equal(tilted, level)


def test_shift_and_scale_are_followed() -> None:
    augmentation = np.diag([1.1, 1.1, 1.1, 1])
    augmentation[:2, 3] = [5, -10]
    masks = ground_map(shapely.box(10, 20, 20, 30)).masks(NOTHING, augmentation)
    # x from 16 to 27 m, y from 12 to 23 m
    assert spans(masks[WALKWAY]) == [124, 146, 132, 154]


def test_a_mirrored_scene_is_mirrored() -> None:
    masks = ground_map(shapely.box(10, 20, 20, 30)).masks(NOTHING, np.diag([1.0, -1, 1, 1]))
    assert spans(masks[WALKWAY]) == [40, 60, 120, 140]


@pytest.mark.parametrize("quarters", [1, 2, 3])
def test_a_turned_square_is_the_square_turned_within_the_half_pixel(quarters: int) -> None:
    """Pixel k of a corner at k turns to 200 - k, where turning the array has 199 - k."""
    town = ground_map(shapely.box(10, -20, 15, -18))
    as_is = town.masks(NOTHING, NOTHING)[WALKWAY]
    mask = town.masks(NOTHING, turned(quarters))[WALKWAY]
    # rows run along +y: turning the scene counter-clockwise is rot90 of the array upside down
    array = np.rot90(as_is[::-1], quarters)[::-1]
    down, right = {1: (0, 1), 2: (1, 1), 3: (1, 0)}[quarters]
    np.testing.assert_array_equal(mask, np.roll(array, (down, right), axis=(0, 1)))


@pytest.fixture(scope="module")
def cities(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """Each embedded map as this project and as the devkit read it, and its middle."""
    root, found = tmp_path_factory.mktemp("maps"), {}
    for location in LOCATIONS:
        town = build_town(0, location)
        path = root / map_path(location)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(map_expansion(town)))
        ours = index_map_areas(read_map(Path(root), location)).ground_map()
        found[location] = ours, NuScenesMap(str(root), location), town.center_m
    return found


def test_a_turned_town_is_the_town_turned_within_a_pixel(cities: dict[str, Any]) -> None:
    town, _, center_m = cities["boston-seaport"]
    lidar = pose(*center_m, 0.4)
    as_is, after = town.masks(lidar, NOTHING), town.masks(lidar, turned(1))
    for index in range(len(MAP_CLASSES)):
        array = np.rot90(as_is[index][::-1], 1)[::-1]
        for first, second in ((array, after[index]), (after[index], array)):
            grown = cv2.dilate(second.astype(np.uint8), np.ones((3, 3))).astype(bool)
            assert not (first & ~grown)[2:-2, 2:-2].any()


@pytest.mark.parametrize("seed", range(4))
def test_masks_move_as_points_do(seed: int, cities: dict[str, Any]) -> None:
    """Points a metre within areas, or off them, keep their class under any augmentation."""
    town, _, center_m = cities["singapore-queenstown"]
    rng = np.random.default_rng(seed)
    augmentation = Augmentation(*(rng.random(2) < 0.5), rng.uniform(-3, 3), 1.1, rng.normal(size=3))
    lidar = pose(*center_m, rng.uniform(-3, 3))
    masks = town.masks(lidar, augmentation.matrix)
    lidar_m = np.column_stack([rng.uniform(-40, 40, (500, 2)), np.zeros(500)])
    moved_m = augmentation.apply_to_points(lidar_m.astype(np.float32))
    column, row = np.floor((moved_m[:, :2].T + 50) / 0.5).astype(int)
    seen = (column >= 0) & (column < 200) & (row >= 0) & (row < 200)
    places = shapely.points((lidar_m @ lidar[:3, :3].T + lidar[:3, 3])[:, :2])
    for index in range(len(MAP_CLASSES) - 1):
        area = shapely.union_all(town.shapes[town.class_index == index])
        inside = shapely.contains(area.buffer(-1.0), places) & seen
        outside = ~shapely.contains(area.buffer(1.5), places) & seen
        assert masks[index][row[inside], column[inside]].all()
        assert not masks[index][row[outside], column[outside]].any()
        assert outside.any()


@pytest.mark.parametrize("location", LOCATIONS)
def test_masks_are_the_devkits(location: str, cities: dict[str, Any]) -> None:
    """Areas pixel by pixel; dividers too, but within three pixels of the square's edge.

    The devkit cuts a line's coordinates to whole pixels, and where a line leaves the square, its
    last one is 200 or a rounding error below: chance says whether its line ends at the edge or
    one pixel before.
    """
    ours, theirs, center_m = cities[location]
    rng = np.random.default_rng(0)
    for _ in range(6):
        (x_m, y_m), yaw_rad = center_m + rng.uniform(-60, 60, 2), rng.uniform(-np.pi, np.pi)
        masks = ours.masks(pose(x_m, y_m, yaw_rad), NOTHING)
        patch = ((x_m, y_m, 100, 100), float(np.degrees(yaw_rad)))
        areas = theirs.get_map_mask(*patch, list(MAP_CLASSES[:-1]), (200, 200))
        np.testing.assert_array_equal(masks[:-1], areas.astype(bool))
        assert areas.any()
        lines = theirs.get_map_mask(*patch, ["road_divider", "lane_divider"], (200, 200)).any(0)
        strange = masks[-1] != lines
        assert strange.sum() <= 8
        assert not strange[3:-3, 3:-3].any()


def test_a_line_that_comes_back_is_drawn_twice() -> None:
    """Out of the square and in again: nuscenes-devkit stumbles over two parts with shapely 2."""
    line = shapely.LineString([[40, -10], [60, -10], [60, 10], [40, 10]])
    mask = ground_map(line).masks(NOTHING, NOTHING)[DIVIDER]
    assert mask[80, 180:].all()
    assert mask[120, 180:].all()
    assert not mask[85:115].any()


def test_what_only_touches_or_lies_outside_draws_no_area() -> None:
    shapes = [shapely.box(60, 0, 70, 10), shapely.box(51, 51, 52, 52)]
    assert not ground_map(*shapes).masks(NOTHING, NOTHING).any()
    assert not ground_map(shapely.box(50, 0, 60, 10)).masks(NOTHING, NOTHING).any()


def test_a_map_of_nothing_is_empty() -> None:
    assert not ground_map().masks(NOTHING, NOTHING).any()
