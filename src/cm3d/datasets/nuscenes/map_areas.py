"""Areas and lines that a map expansion draws on the ground."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np
import shapely

from cm3d.datasets.nuscenes.fields import ATTRIBUTES, TOKEN, Field, refers_to, within
from cm3d.datasets.nuscenes.maps import AGAIN, MapExpansion
from cm3d.datasets.nuscenes.records import Record, check_fields, check_references
from cm3d.errors import InputError
from cm3d.geometry.arrays import NDArrayBool, NDArrayFloat
from cm3d.tables.contract import shown
from cm3d.tables.map_areas import AREA_POINTS, LINE_POINTS, MapAreas
from cm3d.tables.rules import MAX_POSITION_M

_LAYERS: Final = {
    "drivable_area": "drivable_area",
    "ped_crossing": "ped_crossing",
    "walkway": "walkway",
    "stop_line": "stop_line",
    "carpark_area": "carpark_area",
    "road_divider": "divider",
    "lane_divider": "divider",
}


def _tokens_of(table: str) -> Field:
    return Field(ATTRIBUTES.wanted, ATTRIBUTES.are_sound, table)


def _are_holes(values: Sequence[Any]) -> NDArrayBool:
    lists = [type(value) is list and all(type(hole) is dict for hole in value) for value in values]
    return np.array(lists, dtype=bool)


_METRES: Final = within(-MAX_POSITION_M, MAX_POSITION_M, (), "metres")
_NODE: Final = {"token": TOKEN, "x": _METRES, "y": _METRES}
_HOLE: Final = {"node_tokens": _tokens_of("node")}
_LINE: Final = {"token": TOKEN, **_HOLE}
_POLYGON: Final = {
    "token": TOKEN,
    "exterior_node_tokens": _tokens_of("node"),
    "holes": Field("a list of objects", _are_holes),
}
# What a record of a layer consists of; most are one polygon.
_SHAPES: Final = {
    "drivable_area": {"polygon_tokens": _tokens_of("polygon")},
    "road_divider": {"line_token": refers_to("line")},
    "lane_divider": {"line_token": refers_to("line")},
}
_ONE_POLYGON: Final = {"polygon_token": refers_to("polygon")}


def index_map_areas(expansion: MapExpansion) -> MapAreas:
    """The shapes of a map that have a class in `MAP_CLASSES`, in the order of its records.

    Shapes of too few points, and areas whose outline crosses itself, are left out, as
    nuscenes-devkit leaves them out; a drivable area that does is mended.

    Args:
        expansion: The map; layers that it lacks give no rows.

    Raises:
        InputError: A layer of it is malformed.
    """
    path, layers = expansion.path, expansion.layers
    nodes = _records(path, layers, "node", _NODE)
    polygons = _records(path, layers, "polygon", _POLYGON)
    lines = _records(path, layers, "line", _LINE)
    holes = [{**hole, "token": p["token"]} for p in polygons for hole in p["holes"]]
    _check(path, "holes", holes, _HOLE)
    known = {"node": _by_token(nodes), "polygon": _by_token(polygons), "line": _by_token(lines)}
    for records, fields in ((polygons, _POLYGON), (lines, _LINE), (holes, _HOLE)):
        check_references(path, records, fields, known)
    xy_m = {node["token"]: (float(node["x"]), float(node["y"])) for node in nodes}
    shapes: list[shapely.Geometry] = []
    names: list[str] = []
    for layer, class_name in _LAYERS.items():
        fields = _SHAPES.get(layer, _ONE_POLYGON)
        records = _records(path, layers, layer, {"token": TOKEN, **fields})
        check_references(path, records, fields, known)
        found = [shape for record in records for shape in _shapes(record, known, xy_m)]
        shapes += found
        names += [class_name] * len(found)
    return MapAreas.of_shapes(shapes, names)


def _shapes(
    record: Record,
    known: Mapping[str, Mapping[str, Record]],
    xy_m: Mapping[str, tuple[float, float]],
) -> list[shapely.Geometry]:
    """The shapes of one record that can be drawn."""

    def points(tokens: Sequence[str]) -> NDArrayFloat:
        return np.array([xy_m[token] for token in tokens]).reshape(-1, 2)

    if "line_token" in record:
        line = points(known["line"][record["line_token"]]["node_tokens"])
        return [shapely.LineString(line)] if len(line) >= LINE_POINTS else []
    mends = "polygon_tokens" in record
    areas = []
    for token in record["polygon_tokens"] if mends else [record["polygon_token"]]:
        polygon = known["polygon"][token]
        outline = points(polygon["exterior_node_tokens"])
        holes = [points(hole["node_tokens"]) for hole in polygon["holes"]]
        if len(outline) >= AREA_POINTS:
            area = shapely.Polygon(outline, [hole for hole in holes if len(hole) >= AREA_POINTS])
            areas += _sound(area, mends)
    return areas


def _sound(area: shapely.Polygon, mends: bool) -> list[shapely.Geometry]:
    if area.is_valid:
        return [area]
    parts = shapely.get_parts(shapely.make_valid(area)) if mends else []
    return [part for part in parts if isinstance(part, shapely.Polygon)]


def _records(
    path: Path, layers: Mapping[str, Any], layer: str, fields: Mapping[str, Field]
) -> list[Record]:
    """The records of a layer; none where the map lacks it."""
    records = layers.get(layer, [])
    if not isinstance(records, list) or not all(isinstance(record, dict) for record in records):
        raise InputError(f"{path}: {layer} is {shown(records)}, no list of objects; {AGAIN}")
    _check(path, layer, records, fields)
    return records


def _check(path: Path, layer: str, records: Sequence[Record], fields: Mapping[str, Field]) -> None:
    """Check that records have all fields, and what they must be."""
    for number, record in enumerate(records):
        if missing := [name for name in fields if name not in record]:
            raise InputError(f"{path}: {layer} {number}: no {missing[0]!r}; {AGAIN}")
    check_fields(path, records, fields)


def _by_token(records: Sequence[Record]) -> dict[str, Record]:
    return {record["token"]: record for record in records}
