import numpy as np
import pytest
import shapely
import trimesh

from cm3d.simulation.town.town import LOCATIONS, build_town


@pytest.fixture(scope="module", params=LOCATIONS)
def town(request):
    return build_town(0, request.param)


def test_areas_are_valid_polygons_of_every_kind(town):
    assert set(town.areas) == {"drivable_area", "walkway", "carpark_area", "ped_crossing"}
    for outlines in town.areas.values():
        assert outlines
        assert all(shapely.Polygon(outline).is_valid for outline in outlines)


def test_every_successor_starts_where_its_lane_ends(town):
    lanes = {lane.token: lane for lane in town.lanes}
    assert len(lanes) == len(town.lanes)
    for lane in town.lanes:
        for token in lane.successors:
            gap_m = lanes[token].centreline_m[0] - lane.centreline_m[-1]
            assert np.linalg.norm(gap_m) < 1e-6
        if lane.kind == "lane_connector":
            assert len(lane.predecessors) == len(lane.successors) == 1


def test_lanes_lie_on_the_drivable_area_and_off_the_walkways(town):
    road = shapely.union_all([shapely.Polygon(o) for o in town.areas["drivable_area"]]).buffer(0.1)
    walkway = shapely.union_all([shapely.Polygon(o) for o in town.areas["walkway"]])
    for lane in town.lanes:
        line = shapely.LineString(lane.centreline_m)
        assert road.contains(line)
        assert not walkway.intersects(line.buffer(lane.width_m / 2 - 0.1))


def test_coordinates_fit_the_canvas_of_every_nuscenes_map(town):
    corners = np.concatenate([o for outlines in town.areas.values() for o in outlines])
    assert corners.min() > 200
    assert corners.max() < 1500


def test_the_ground_faces_up_and_nothing_faces_away_from_above(town):
    mesh = trimesh.Trimesh(town.background.vertices_m, town.background.faces, process=False)
    centroids, normals = mesh.triangles_center, mesh.face_normals
    ground = (np.abs(centroids[:, 2]) < 0.2) & (np.abs(normals[:, 2]) > 0.99)
    near = np.linalg.norm(centroids[:, :2] - town.center_m, axis=1) < 15
    assert (normals[ground & near, 2] > 0).all()


def test_no_ray_from_above_finds_the_back_of_a_face(town):
    origin = town.center_m
    mesh = trimesh.Trimesh(
        town.background.vertices_m - [*origin, 0], town.background.faces, process=False
    )
    xy = np.stack(np.meshgrid(np.arange(-80, 80, 2.3), np.arange(-80, 80, 2.3)), -1).reshape(-1, 2)
    rays = np.column_stack([xy, np.full(len(xy), 80.0)])
    face = mesh.ray.intersects_first(rays, np.tile([0.0, 0.0, -1.0], (len(xy), 1)))
    assert (face >= 0).all()
    assert (mesh.face_normals[face, 2] > 0).all()


def test_the_background_keeps_clear_of_the_lanes(town):
    height_m = town.background.vertices_m[:, 2]
    points = shapely.points(town.background.vertices_m[(height_m > 0.3) & (height_m < 4.0), :2])
    lanes = [shapely.LineString(lane.centreline_m) for lane in town.lanes]
    close, _ = shapely.STRtree(points).query(lanes, predicate="dwithin", distance=1.7)
    assert len(close) == 0


def test_buildings_keep_off_roads_sidewalks_and_car_parks(town):
    high = town.background.vertices_m[town.background.vertices_m[:, 2] > 9.5]
    points = shapely.points(high[:, :2])
    used = [
        shapely.Polygon(outline).buffer(-0.1)
        for outlines in town.areas.values()
        for outline in outlines
    ]
    assert len(points) > 100
    assert len(shapely.STRtree(points).query(used, predicate="intersects")[0]) == 0


def test_the_same_seed_gives_the_same_town(town):
    again = build_town.__wrapped__(0, town.location)
    np.testing.assert_array_equal(again.background.vertices_m, town.background.vertices_m)
    np.testing.assert_array_equal(again.background.albedo, town.background.albedo)


def test_seeds_and_locations_differ(town):
    other = build_town(1, town.location)
    assert other.background.vertices_m.shape != town.background.vertices_m.shape or not np.allclose(
        other.background.vertices_m, town.background.vertices_m
    )
    elsewhere = [build_town(0, location).center_m.tolist() for location in LOCATIONS]
    assert len({tuple(center) for center in elsewhere}) == len(LOCATIONS)


def test_face_budget(town):
    assert len(town.background.faces) < 36_000
    center = town.background.vertices_m[town.background.faces].mean(axis=1)[:, :2]
    near = np.linalg.norm(center - town.center_m, axis=1) < 60
    assert near.sum() < 25_000
