"""A town as nuScenes' map expansion (version 1.3) and as its semantic-prior mask."""

from typing import Any, Final

import cv2
import numpy as np
import shapely

from cm3d.geometry.angles import direction_of
from cm3d.geometry.arrays import NDArrayByte, NDArrayFloat
from cm3d.simulation.database.records import Row, token
from cm3d.simulation.town import markings
from cm3d.simulation.town.roads import Arm
from cm3d.simulation.town.town import Lane, Town

# Centrelines are written as straight pieces that stray from the polyline by no more than this.
_SIMPLIFICATION_M: Final = 0.01
_STRAIGHT_RADIUS_M: Final = 999.999
_MASK_PIXELS_PER_M: Final = 10
_MARGIN_M: Final = 20.0

_UNUSED_LAYERS: Final = ("road_segment", "road_block", "traffic_light")
_AREA_LAYERS: Final = ("walkway", "carpark_area", "ped_crossing")
_MASK_AREAS: Final = ("drivable_area", "walkway", "ped_crossing", "carpark_area")


class _Geometry:
    """Polygons, lines and their nodes, as they are handed out."""

    def __init__(self, location: str) -> None:
        self._location = location
        self.nodes: list[Row] = []
        self.polygons: list[Row] = []
        self.lines: list[Row] = []

    def add_polygon(self, corners_m: NDArrayFloat) -> str:
        key = token("polygon", self._location, len(self.polygons))
        nodes = [self._add_node(x, y) for x, y in corners_m.tolist()]
        self.polygons.append({"token": key, "exterior_node_tokens": nodes, "holes": []})
        return key

    def add_line(self, points_m: NDArrayFloat) -> str:
        key = token("line", self._location, len(self.lines))
        nodes = [self._add_node(x, y) for x, y in points_m.tolist()]
        self.lines.append({"token": key, "node_tokens": nodes})
        return key

    def _add_node(self, x: float, y: float) -> str:
        key = token("node", self._location, len(self.nodes))
        self.nodes.append({"token": key, "x": x, "y": y})
        return key


def map_expansion(town: Town) -> dict[str, Any]:
    """The content of `maps/expansion/<location>.json`."""
    geometry = _Geometry(town.location)
    layers: dict[str, Any] = {name: [] for name in _UNUSED_LAYERS}
    for kind in ("lane", "lane_connector"):
        lanes = [lane for lane in town.lanes if lane.kind == kind]
        layers[kind] = [_lane_row(lane, geometry) for lane in lanes]
    for name in _AREA_LAYERS:
        layers[name] = [
            {
                "token": token(name, town.location, index),
                "polygon_token": geometry.add_polygon(area),
            }
            for index, area in enumerate(town.areas[name])
        ]
    drivable = [geometry.add_polygon(area) for area in town.areas["drivable_area"]]
    layers["drivable_area"] = [
        {"token": token("drivable_area", town.location), "polygon_tokens": drivable}
    ]
    layers["stop_line"] = [
        _stop_line_row(index, arm, town.location, geometry) for index, arm in enumerate(town.arms)
    ]
    of_lanes = [line for arm in town.arms for line in markings.lane_dividers(arm)]
    of_roads = [markings.road_divider(arm) for arm in town.arms]
    dividers: list[tuple[str, list[NDArrayFloat], Row]] = [
        ("road_divider", of_roads, {"road_segment_token": None}),
        ("lane_divider", of_lanes, {"lane_divider_segments": []}),
    ]
    for name, lines, further in dividers:
        layers[name] = [
            {
                "token": token(name, town.location, index),
                "line_token": geometry.add_line(line),
                **further,
            }
            for index, line in enumerate(lines)
        ]
    return {
        "version": "1.3",
        "polygon": geometry.polygons,
        "line": geometry.lines,
        "node": geometry.nodes,
        **layers,
        "canvas_edge": canvas_edge_m(town),
        "connectivity": {
            lane.token: {"incoming": list(lane.predecessors), "outgoing": list(lane.successors)}
            for lane in town.lanes
        },
        "arcline_path_3": {lane.token: arcline_path(lane.centreline_m) for lane in town.lanes},
    }


def arcline_path(centreline_m: NDArrayFloat) -> list[Row]:
    """A polyline (N, 2) as nuScenes' arcs, all of them straight."""
    line = shapely.simplify(shapely.LineString(centreline_m), _SIMPLIFICATION_M)
    points_m = shapely.get_coordinates(line)
    steps_m = np.diff(points_m, axis=0)
    lengths_m = np.hypot(*steps_m.T)
    yaws_rad = direction_of(steps_m)
    return [
        {
            "start_pose": [*start, yaw],
            "end_pose": [*end, yaw],
            "shape": "LSR",
            "radius": _STRAIGHT_RADIUS_M,
            "segment_length": [0.0, length, 0.0],
        }
        for start, end, yaw, length in zip(
            points_m[:-1].tolist(),
            points_m[1:].tolist(),
            yaws_rad.tolist(),
            lengths_m.tolist(),
            strict=True,
        )
    ]


def canvas_edge_m(town: Town) -> list[float]:
    """Width and height of the map, whose lower left corner is the origin."""
    corners_m = np.concatenate([np.concatenate(areas) for areas in town.areas.values() if areas])
    width_m, height_m = np.ceil(corners_m.max(axis=0) + _MARGIN_M)
    return [float(width_m), float(height_m)]


def map_mask(town: Town) -> NDArrayByte:
    """Roads and sidewalks as 255, at 0.1 m per pixel, north up."""
    width_px, height_px = (int(edge * _MASK_PIXELS_PER_M) for edge in canvas_edge_m(town))
    mask = np.zeros((height_px, width_px), dtype=np.uint8)
    for name in _MASK_AREAS:
        for area_m in town.areas[name]:
            cv2.fillPoly(mask, [_mask_pixels(area_m, height_px)], (255,))
    return mask


def _mask_pixels(area_m: NDArrayFloat, height_px: int) -> np.ndarray[Any, np.dtype[np.int32]]:
    column = area_m[:, 0] * _MASK_PIXELS_PER_M
    row = height_px - area_m[:, 1] * _MASK_PIXELS_PER_M
    return np.asarray(np.round(np.stack([column, row], axis=1)), dtype=np.int32)


def _stop_line_row(index: int, arm: Arm, location: str, geometry: _Geometry) -> Row:
    """Before the crossing of an arm, which has the arm's number."""
    return {
        "token": token("stop_line", location, index),
        "polygon_token": geometry.add_polygon(markings.stop_area(arm)),
        "stop_line_type": "PED_CROSSING",
        "ped_crossing_tokens": [token("ped_crossing", location, index)],
        "traffic_light_tokens": [],
        "road_block_token": "",
    }


def _lane_row(lane: Lane, geometry: _Geometry) -> Row:
    band = shapely.LineString(lane.centreline_m).buffer(lane.width_m / 2, cap_style="flat")
    polygon_token = geometry.add_polygon(shapely.get_coordinates(band.exterior)[:-1])
    row: Row = {"token": lane.token, "polygon_token": polygon_token}
    if lane.kind == "lane":
        row |= {
            "lane_type": "CAR",
            "from_edge_line_token": "",
            "to_edge_line_token": "",
            "left_lane_divider_segments": [],
            "right_lane_divider_segments": [],
        }
    return row
