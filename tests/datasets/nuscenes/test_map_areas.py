"""Layers of a map expansion as shapes."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import shapely

from cm3d.datasets.nuscenes.map_areas import index_map_areas
from cm3d.datasets.nuscenes.maps import map_path, read_map
from cm3d.geometry.ground_map import MAP_CLASSES
from cm3d.simulation.database.map_expansion import map_expansion
from cm3d.simulation.town.town import build_town
from tests.trust.refusal import content_of, refuses

CORNERS = {
    "a": (0, 0),
    "b": (8, 0),
    "c": (8, 8),
    "d": (0, 8),
    "e": (2, 2),
    "f": (4, 2),
    "g": (2, 4),
}
NO_LANES = {"lane": [], "lane_connector": [], "arcline_path_3": {}}
HOLE = {"node_tokens": ["e", "f", "g"]}


def town(**layers: object) -> dict[str, Any]:
    """A square with a hole as walkway, a line as road divider, and empty layers."""
    return {
        **NO_LANES,
        "node": [{"token": key, "x": x, "y": float(y)} for key, (x, y) in CORNERS.items()],
        "polygon": [
            {"token": "p", "exterior_node_tokens": [*"abcd"], "holes": [HOLE, {"node_tokens": []}]},
            {"token": "bow", "exterior_node_tokens": [*"acbd"], "holes": []},
            {"token": "nothing", "exterior_node_tokens": [], "holes": []},
        ],
        "line": [{"token": "l", "node_tokens": [*"abc"]}, {"token": "none", "node_tokens": []}],
        "walkway": [{"token": "w", "polygon_token": "p", "more": 1}],
        "road_divider": [{"token": "r", "line_token": "l"}],
        **layers,
    }


def write(root: Path, content: object) -> Path:
    path = root / map_path("town")
    path.parent.mkdir(parents=True)
    path.write_text(json.dumps(content))
    return path


def shapes_of(root: Path, content: object) -> list[tuple[str, shapely.Geometry]]:
    write(root, content)
    areas = index_map_areas(read_map(root, "town"))
    areas.write(root / "areas.parquet")
    found = areas.ground_map()
    return [(MAP_CLASSES[i], s) for i, s in zip(found.class_index, found.shapes, strict=True)]


def test_areas_have_their_holes_and_dividers_are_lines(tmp_path: Path) -> None:
    (_, area), (name, line) = shapes_of(tmp_path, town())
    assert area.area == 64 - 2
    assert name == "divider"
    assert shapely.get_coordinates(line).tolist() == [[0, 0], [8, 0], [8, 8]]


def test_both_kinds_of_dividers_are_one_class(tmp_path: Path) -> None:
    content = town(lane_divider=[{"token": "d", "line_token": "l"}])
    assert [name for name, _ in shapes_of(tmp_path, content)] == ["walkway", "divider", "divider"]


def test_what_cannot_be_drawn_is_left_out_but_for_drivable_areas(tmp_path: Path) -> None:
    content = town(
        walkway=[{"token": t, "polygon_token": t} for t in ("bow", "nothing")],
        drivable_area=[{"token": "d", "polygon_tokens": ["p", "bow", "nothing"]}],
        road_divider=[{"token": "r", "line_token": "none"}],
    )
    found = shapes_of(tmp_path, content)
    assert [name for name, _ in found] == ["drivable_area"] * 3
    # the bow tie is two triangles of 8 m by 4 m
    assert [shape.area for _, shape in found] == [62, 16, 16]


def test_no_map_and_no_layers_give_no_shapes(tmp_path: Path) -> None:
    assert len(index_map_areas(read_map(tmp_path, "town"))) == 0
    assert shapes_of(tmp_path, NO_LANES) == []


def test_the_embedded_maps_draw_every_class(tmp_path: Path) -> None:
    embedded = build_town(0, "boston-seaport")
    found = shapes_of(tmp_path, map_expansion(embedded))
    assert {name for name, _ in found} == set(MAP_CLASSES)
    walkways = [shape for name, shape in found if name == "walkway"]
    for shape, outline_m in zip(walkways, embedded.areas["walkway"], strict=True):
        np.testing.assert_array_equal(shapely.get_coordinates(shape)[:-1], outline_m)


@pytest.mark.real
def test_a_real_map_without_areas_has_dividers(real_keyframe: Path) -> None:
    found = index_map_areas(read_map(real_keyframe, "singapore-onenorth")).ground_map()
    assert found.classes() == {"divider"}
    assert len(found.shapes) == 25 + 72


# what is broken, the map, words of the message
CASES: list[tuple[str, object, tuple[str, ...]]] = [
    ("a list", [], ("no map expansion",)),
    ("a layer of null", town(walkway=None), ("walkway is None",)),
    ("a layer of numbers", town(walkway=[7]), ("walkway is [7]",)),
    ("no polygon", town(walkway=[{"token": "w"}]), ("walkway 0", "no 'polygon_token'")),
    ("no token", town(walkway=[{"polygon_token": "p"}]), ("walkway 0", "no 'token'")),
    ("a polygon of nobody", town(walkway=[{"token": "w", "polygon_token": "q"}]), ("'w'", "'q'")),
    ("a polygon of null", town(walkway=[{"token": "w", "polygon_token": None}]), ("'w'", "None")),
    ("polygons as a text", town(drivable_area=[{"token": "d", "polygon_tokens": "p"}]), ("'d'",)),
    ("a line of nobody", town(lane_divider=[{"token": "d", "line_token": "p"}]), ("'d'", "'p'")),
    ("a token twice", town(walkway=[{"token": "w", "polygon_token": "p"}] * 2), ("'w'", "token")),
    ("NaN", town(node=[{"token": "a", "x": float("nan"), "y": 0}]), ("'a'", "x is nan")),
    ("a place on the moon", town(node=[{"token": "a", "x": 0, "y": 3.8e8}]), ("'a'", "y is")),
    ("a place of words", town(node=[{"token": "a", "x": "0", "y": 0}]), ("'a'", "x is '0'")),
    ("a node of nobody", town(line=[{"token": "l", "node_tokens": ["z"]}]), ("'l'", "'z'")),
    (
        "a hole of nobody",
        town(polygon=[{"token": "p", "exterior_node_tokens": [], "holes": [{"node_tokens": "z"}]}]),
        ("'p'", "node_tokens"),
    ),
    (
        "holes of lists",
        town(polygon=[{"token": "p", "exterior_node_tokens": [], "holes": [["a"]]}]),
        ("'p'", "holes", "a list of objects"),
    ),
]


@pytest.mark.parametrize(
    ("content", "words"), [row[1:] for row in CASES], ids=[row[0] for row in CASES]
)
def test_refused(content: object, words: tuple[str, ...], tmp_path: Path) -> None:
    path = write(tmp_path, content)
    before = content_of(tmp_path)
    refuses(lambda: index_map_areas(read_map(tmp_path, "town")), str(path), *words)
    assert content_of(tmp_path) == before
