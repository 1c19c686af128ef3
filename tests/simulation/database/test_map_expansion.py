"""Lanes and areas as nuScenes' map, read back by the devkit's own functions."""

import numpy as np
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st
from nuscenes.map_expansion.arcline_path_utils import discretize_lane, length_of_lane

from cm3d.simulation.database.map_expansion import (
    arcline_path,
    canvas_edge_m,
    map_expansion,
    map_mask,
)
from cm3d.simulation.town.town import build_town


@pytest.fixture(scope="module")
def town():
    return build_town(0, "boston-seaport")


@pytest.fixture(scope="module")
def expansion(town):
    return map_expansion(town)


def test_straight_lane_is_one_piece():
    (piece,) = arcline_path(np.array([[0.0, 0], [1, 1], [2, 2], [3, 3]]))
    np.testing.assert_allclose(piece["start_pose"], [0, 0, np.pi / 4])
    np.testing.assert_allclose(piece["end_pose"], [3, 3, np.pi / 4])
    np.testing.assert_allclose(piece["segment_length"], [0, np.sqrt(18), 0])


@given(
    radius_m=st.floats(5, 200), turn_rad=st.floats(0.1, 3), resolution_m=st.sampled_from([0.5, 1.0])
)
@settings(max_examples=30, deadline=None)
def test_arc_comes_back_within_five_centimetres(radius_m, turn_rad, resolution_m):
    angle = np.linspace(0, turn_rad, 200)
    line_m = radius_m * np.column_stack([np.cos(angle), np.sin(angle)])
    path = arcline_path(line_m)
    back_m = np.array(discretize_lane(path, resolution_m))[:, :2]
    distance_m = shapely.distance(shapely.LineString(line_m), shapely.points(back_m))
    assert distance_m.max() < 0.05
    np.testing.assert_allclose(back_m[[0, -1]], line_m[[0, -1]], atol=1e-6)
    assert length_of_lane(path) == pytest.approx(radius_m * turn_rad, rel=0.01)


def test_lanes_keep_tokens_kinds_and_connections(town, expansion):
    kinds = {row["token"]: kind for kind in ("lane", "lane_connector") for row in expansion[kind]}
    assert kinds == {lane.token: lane.kind for lane in town.lanes}
    for lane in town.lanes:
        joints = expansion["connectivity"][lane.token]
        assert joints == {"incoming": list(lane.predecessors), "outgoing": list(lane.successors)}


def test_every_lane_comes_back_within_five_centimetres(town, expansion):
    for lane in town.lanes:
        back_m = np.array(discretize_lane(expansion["arcline_path_3"][lane.token], 0.5))[:, :2]
        line = shapely.LineString(lane.centreline_m)
        assert shapely.distance(line, shapely.points(back_m)).max() < 0.05
        np.testing.assert_allclose(back_m[[0, -1]], lane.centreline_m[[0, -1]], atol=1e-6)


def test_lane_polygon_has_the_lanes_width(town, expansion):
    row = expansion["lane"][0]
    lane = next(lane for lane in town.lanes if lane.token == row["token"])
    length_m = shapely.LineString(lane.centreline_m).length
    assert outline(expansion, row["polygon_token"]).area == pytest.approx(
        length_m * lane.width_m, rel=0.02
    )


def test_every_reference_resolves(expansion):
    shapes = [*expansion["polygon"], *expansion["line"]]
    tokens = [row["token"] for row in (*expansion["node"], *shapes)]
    assert len(tokens) == len(set(tokens))
    used = {key for row in expansion["polygon"] for key in row["exterior_node_tokens"]}
    used |= {key for row in expansion["line"] for key in row["node_tokens"]}
    assert used == {row["token"] for row in expansion["node"]}


def test_mask_is_set_on_roads_and_north_up(town):
    mask = map_mask(town)
    width_m, height_m = canvas_edge_m(town)
    assert mask.shape == (round(height_m * 10), round(width_m * 10))
    for area_m in town.areas["drivable_area"]:
        x_m, y_m = shapely.Polygon(area_m).representative_point().coords[0]
        assert mask[round((height_m - y_m) * 10), round(x_m * 10)] == 255
    assert mask[-1, 0] == 0


def test_stop_lines_stand_before_their_crossings(town, expansion):
    crossings = {row["token"]: row["polygon_token"] for row in expansion["ped_crossing"]}
    assert len(expansion["stop_line"]) == len(town.arms)
    for arm, row in zip(town.arms, expansion["stop_line"], strict=True):
        area = outline(expansion, row["polygon_token"])
        (crossing,) = row["ped_crossing_tokens"]
        # 2 m deep over the incoming lanes; the crossing ends 1.5 m before
        assert area.area == pytest.approx(2.0 * 3.5 * arm.lanes_per_direction, rel=0.02)
        gap_m = area.distance(outline(expansion, crossings[crossing]))
        assert gap_m == pytest.approx(1.5, abs=0.01)
        for lane in range(arm.lanes_per_direction):
            assert shapely.LineString(arm.incoming(lane).points_m).intersects(area)
            assert not shapely.LineString(arm.outgoing(lane).points_m).intersects(area)


def test_dividers_part_directions_and_lanes(town, expansion):
    assert len(expansion["road_divider"]) == len(town.arms)
    for arm, row in zip(town.arms, expansion["road_divider"], strict=True):
        middle = line(expansion, row["line_token"])
        assert middle.length == pytest.approx(arm.centreline.length_m - 6.0, abs=0.1)
        distance_m = shapely.distance(shapely.LineString(arm.centreline.points_m), points(middle))
        assert distance_m.max() < 0.01
    lanes = [arm.lanes_per_direction for arm in town.arms]
    assert len(expansion["lane_divider"]) == sum(2 * (count - 1) for count in lanes)
    # the arms with two lanes each way: the main road, first and third
    wide = [arm for arm in town.arms if arm.lanes_per_direction == 2 for _ in range(2)]
    for arm, row in zip(wide, expansion["lane_divider"], strict=True):
        divider = line(expansion, row["line_token"])
        middle = shapely.LineString(arm.centreline.points_m)
        np.testing.assert_allclose(shapely.distance(middle, points(divider)), 3.5, atol=0.05)


def outline(expansion, token):
    nodes = {row["token"]: (row["x"], row["y"]) for row in expansion["node"]}
    (row,) = (row for row in expansion["polygon"] if row["token"] == token)
    return shapely.Polygon([nodes[key] for key in row["exterior_node_tokens"]])


def line(expansion, token):
    nodes = {row["token"]: (row["x"], row["y"]) for row in expansion["node"]}
    (row,) = (row for row in expansion["line"] if row["token"] == token)
    return shapely.LineString([nodes[key] for key in row["node_tokens"]])


def points(line):
    return shapely.points(shapely.get_coordinates(line))
