import itertools

import numpy as np
import pytest
import shapely

from cm3d.errors import InputError
from cm3d.geometry.angles import wrap_angle
from cm3d.simulation.classes import CLASS_NAMES
from cm3d.simulation.town.town import LOCATIONS
from cm3d.simulation.traffic.setting import EGO_AXLE_TO_CENTER_M, EGO_LENGTH_M, EGO_WIDTH_M
from cm3d.simulation.world import build_world

DURATION_S = 5.0
TIMES_S = np.arange(0.0, DURATION_S + 0.1, 0.5)
SCENES = [(0, f"scene-{index}", name) for index, name in enumerate(LOCATIONS)]
ON_FOOT_OR_STILL = ("pedestrian", "traffic_cone", "barrier")


@pytest.fixture(scope="module", params=SCENES, ids=lambda scene: scene[2])
def world(request):
    return build_world(*request.param, DURATION_S, 1.0)


def ego_footprint(world, time_s):
    front_m = EGO_AXLE_TO_CENTER_M + EGO_LENGTH_M / 2
    rear_m, half_m = front_m - EGO_LENGTH_M, EGO_WIDTH_M / 2
    corners = [[rear_m, -half_m], [front_m, -half_m], [front_m, half_m], [rear_m, half_m]]
    pose = world.ego.global_SE3_ego(time_s)
    return pose.transform_points(np.array([[*corner, 0.0] for corner in corners]))[:, :2]


def vehicles(world):
    return [actor for actor in world.actors if actor.class_name not in ON_FOOT_OR_STILL]


def test_all_ten_classes_come_within_45_m(world):
    near = {
        actor.class_name
        for actor in world.actors
        for time_s in TIMES_S
        if np.linalg.norm(actor.trajectory.position_m(time_s) - world.ego.position_m(time_s)) < 45
    }
    assert near == set(CLASS_NAMES)


def test_instance_ids_count_from_one(world):
    assert [actor.instance_id for actor in world.actors] == list(range(1, len(world.actors) + 1))


def test_vehicles_never_overlap(world):
    for time_s in TIMES_S:
        outlines = [actor.footprint_m(time_s) for actor in vehicles(world)]
        shapes = shapely.polygons([*outlines, ego_footprint(world, time_s)])
        first, second = shapely.STRtree(shapes).query(shapes, predicate="intersects")
        assert (first == second).all()


def test_people_stay_clear_of_moving_vehicles(world):
    people = [actor for actor in world.actors if actor.class_name == "pedestrian"]
    moving = [actor for actor in vehicles(world) if actor.trajectory.moves]
    for time_s in TIMES_S:
        shapes = shapely.polygons([actor.footprint_m(time_s) for actor in moving])
        points = shapely.points([person.trajectory.position_m(time_s) for person in people])
        assert len(shapely.STRtree(shapes).query(points, predicate="intersects")[0]) == 0


def test_people_keep_apart(world):
    people = [actor for actor in world.actors if actor.class_name == "pedestrian"]
    for time_s in TIMES_S:
        places = [person.trajectory.position_m(time_s) for person in people]
        assert all(np.linalg.norm(a - b) > 0.4 for a, b in itertools.combinations(places, 2))


def test_velocity_is_the_derivative_of_position(world):
    step_s = 1e-4
    for actor in world.actors:
        for time_s in (0.73, 3.21):
            moved_m = actor.trajectory.position_m(time_s + step_s) - actor.trajectory.position_m(
                time_s - step_s
            )
            np.testing.assert_allclose(
                actor.velocity_mps(time_s), moved_m / (2 * step_s), atol=1e-3
            )


def test_moving_vehicles_head_where_they_go(world):
    for actor in vehicles(world):
        for time_s in TIMES_S:
            velocity = actor.velocity_mps(time_s)
            if np.linalg.norm(velocity) > 1.0:
                course_rad = np.arctan2(velocity[1], velocity[0])
                off_rad = wrap_angle(actor.trajectory.heading_rad(time_s) - course_rad)
                assert abs(off_rad) < 0.1


def test_moving_vehicles_follow_lanes(world):
    points = np.concatenate([lane.centreline_m[:-1] for lane in world.town.lanes])
    steps = np.concatenate([np.diff(lane.centreline_m, axis=0) for lane in world.town.lanes])
    lane_rad = np.arctan2(steps[:, 1], steps[:, 0])
    for actor in vehicles(world):
        position_m = actor.trajectory.position_m(2.0)
        if np.linalg.norm(actor.velocity_mps(2.0)) > 1.0:
            near = np.linalg.norm(points - position_m, axis=1) < 2.0
            off_rad = wrap_angle(lane_rad[near] - actor.trajectory.heading_rad(2.0))
            assert np.abs(off_rad).min() < 0.15


def test_attributes_follow_from_motion(world):
    for actor in world.actors:
        for time_s in TIMES_S:
            name = actor.attribute_name(time_s)
            moving = np.linalg.norm(actor.velocity_mps(time_s)) > 0.2
            if actor.class_name in ("traffic_cone", "barrier"):
                assert name == ""
            elif actor.class_name in ("motorcycle", "bicycle"):
                assert name.startswith("cycle.")
                assert not (moving and name == "cycle.without_rider")
            else:
                assert name.endswith(".moving") == moving


def test_the_pose_is_the_centre_of_a_box_that_stands_on_the_ground(world):
    for actor in world.actors:
        pose = actor.global_SE3_object(1.0)
        np.testing.assert_allclose(pose.translation_m[:2], actor.trajectory.position_m(1.0))
        assert 0 <= pose.translation_m[2] - actor.height_m / 2 < 0.2


def test_the_ego_vehicle_stays_on_the_road(world):
    road = shapely.union_all(
        [shapely.Polygon(outline) for outline in world.town.areas["drivable_area"]]
    )
    for time_s in TIMES_S:
        assert road.contains(shapely.Polygon(ego_footprint(world, time_s)))
        assert np.linalg.norm(world.ego.velocity_mps(time_s)) < 12
        assert world.ego.global_SE3_ego(time_s).translation_m[2] == 0


def test_the_same_seed_gives_the_same_world():
    first, second = (build_world(0, "scene", "boston-seaport", 5.0, 1.0) for _ in range(2))
    assert len(first.actors) == len(second.actors)
    for one, other in zip(first.actors, second.actors, strict=True):
        np.testing.assert_array_equal(one.mesh.vertices_m, other.mesh.vertices_m)
        np.testing.assert_array_equal(one.trajectory.xy_m, other.trajectory.xy_m)
    np.testing.assert_array_equal(first.ego.xy_m, second.ego.xy_m)


def test_scenes_of_a_town_share_it_and_differ_in_traffic():
    first = build_world(0, "scene-a", "boston-seaport", 5.0, 1.0)
    second = build_world(0, "scene-b", "boston-seaport", 5.0, 1.0)
    assert first.town is second.town
    assert not np.allclose(first.ego.xy_m, second.ego.xy_m)


def test_density_scales_the_number_of_objects():
    counts = [
        len(build_world(0, "scene", "boston-seaport", 5.0, density).actors)
        for density in (0.0, 0.5, 1.0)
    ]
    assert counts[0] == 0
    assert 20 < counts[1] < 0.8 * counts[2]


def test_an_unknown_location_is_named():
    with pytest.raises(InputError, match="atlantis"):
        build_world(0, "scene", "atlantis", 5.0, 1.0)
