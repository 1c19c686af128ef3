"""Shapes as rows of points, and maps that somebody broke."""

from pathlib import Path

import numpy as np
import pytest
import shapely

from cm3d.geometry.ground_map import MAP_CLASSES
from cm3d.tables import Frames, layout
from cm3d.tables.map_areas import MapAreas, read_ground_maps
from tests.trust.refusal import refuses

SQUARE = shapely.box(0, 0, 4, 4)
RING = shapely.Polygon(SQUARE.exterior, [shapely.box(1, 1, 2, 2).exterior.coords])
TWO_HOLES = shapely.Polygon(
    shapely.box(10, 0, 20, 9).exterior,
    [shapely.box(11, 1, 12, 2).exterior.coords, shapely.box(14, 1, 19, 8).exterior.coords],
)
BEND = shapely.LineString([[0, 0], [3, 0], [3, 5]])
SHAPES = [BEND, RING, SQUARE, shapely.LineString([[1, 1], [2, 2]]), TWO_HOLES]
NAMES = ["divider", "walkway", "stop_line", "divider", "drivable_area"]
IDENTITY = [1.0, 0, 0, 0, 0, 0, 0]


def test_shapes_come_back(tmp_path: Path) -> None:
    table = MapAreas.of_shapes(SHAPES, NAMES)
    assert len(table) == 3 + 8 + 4 + 2 + 12
    shuffled = table[np.random.default_rng(0).permutation(len(table))]
    shuffled.write(tmp_path / "town.parquet")
    for read in (shuffled, MapAreas.read(tmp_path / "town.parquet")):
        ground_map = read.ground_map()
        assert [MAP_CLASSES[index] for index in ground_map.class_index] == NAMES
        for found, shape in zip(ground_map.shapes, SHAPES, strict=True):
            assert found.geom_type == shape.geom_type
            assert shapely.equals_exact(found.normalize(), shape.normalize())
    assert ground_map.classes() == set(NAMES)


@pytest.mark.parametrize("kind", [["divider", "divider"], ["walkway", "walkway"], []])
def test_maps_of_one_kind_or_none(kind: list[str], tmp_path: Path) -> None:
    shapes = [BEND, BEND] if "divider" in kind else [SQUARE, RING]
    table = MapAreas.of_shapes(shapes[: len(kind)], kind)
    table.write(tmp_path / "town.parquet")
    assert len(MapAreas.read(tmp_path / "town.parquet").ground_map().shapes) == len(kind)


# what is broken, columns by which the sound table differs, words of the message
CASES: list[tuple[str, dict[str, object], tuple[str, ...]]] = [
    ("a class of nobody", {"class_name": ["lawn"] * 4}, ("'lawn'", "drivable_area")),
    ("two classes", {"class_name": ["walkway"] * 3 + ["stop_line"]}, ("row 3", "its shape's")),
    ("no outline", {"ring_index": [1] * 4}, ("'ring_index'", "without ring 0")),
    ("a hole of a line", {"class_name": ["divider"] * 4, "ring_index": [0, 0, 1, 1]}, ("hole",)),
    ("two points", {"ring_index": [0, 0, 1, 1]}, ("row 0", "under 3 points")),
    ("a line of one point", {"class_name": ["divider"] * 4, "shape_index": range(4)}, ("under 2",)),
    ("a point twice", {"point_index": [0, 1, 1, 2]}, ("row 2", "repeats")),
    ("NaN", {"position_m": [[0, 0], [4, np.nan], [4, 4], [0, 4]]}, ("row 1", "nan", "metres")),
    ("crosses itself", {"position_m": [[0, 0], [4, 4], [4, 0], [0, 4]]}, ("area 7", "crosses")),
]


@pytest.mark.parametrize(
    ("columns", "words"), [row[1:] for row in CASES], ids=[row[0] for row in CASES]
)
def test_refused(columns: dict[str, object], words: tuple[str, ...], tmp_path: Path) -> None:
    sound = dict(
        shape_index=[7] * 4,
        ring_index=[0] * 4,
        point_index=range(4),
        class_name=["walkway"] * 4,
        position_m=[[0, 0], [4, 0], [4, 4], [0, 4]],
    )
    MapAreas.from_columns(**sound).write(tmp_path / "sound.parquet")
    broken = MapAreas.from_columns(**{**sound, **columns})
    refuses(lambda: broken.write(tmp_path / "town.parquet"), "town.parquet", *words)
    assert not (tmp_path / "town.parquet").exists()


def frames(*locations: str) -> Frames:
    count = len(locations)
    return Frames.from_columns(
        sample_token=[str(row) for row in range(count)],
        scene_name=["scene"] * count,
        timestamp_us=range(count),
        split=["val"] * count,
        location=locations,
        global_SE3_ego=[IDENTITY] * count,
    )


def test_maps_are_read_once_for_all_keyframes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    MapAreas.of_shapes(SHAPES, NAMES).write(layout.MAP_AREAS / "town.parquet")
    MapAreas.empty().write(layout.MAP_AREAS / "void.parquet")
    maps = read_ground_maps(frames("town", "town"), "test", ["walkway", "divider"])
    assert list(maps) == ["town"]
    refuses(lambda: read_ground_maps(frames("town", ""), "test"), "scene", "on no map", "test")
    refuses(lambda: read_ground_maps(frames("town", "void"), "test"), "void.parquet", "nothing")
    refuses(lambda: read_ground_maps(frames("town", "city"), "test"), "city.parquet", "missing")
    asked = ("walkway", "carpark_area")
    refuses(
        lambda: read_ground_maps(frames("town"), "a map head", asked), "carpark_area", "a map head"
    )
