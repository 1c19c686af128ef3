import numpy as np
import pytest
import trimesh

from cm3d.simulation.classes import CLASS_NAMES
from cm3d.simulation.shapes import scenery
from cm3d.simulation.shapes.mesh import Material
from cm3d.simulation.shapes.solids import ball, box, ring, tube, wedge, wheel
from cm3d.simulation.traffic.catalogue import KINDS, draw_size

GREY = Material((0.5, 0.5, 0.5), 0.3)
# Table 8 of the paper as length, width, height; a barrier's length and width the nuScenes way.
TABLE_8 = {
    "car": (4.62, 1.91, 1.68),
    "truck": (6.89, 2.38, 2.60),
    "bus": (11.47, 2.59, 3.81),
    "trailer": (10.20, 2.29, 3.70),
    "construction_vehicle": (5.5, 2.47, 2.38),
    "traffic_cone": (0.43, 0.42, 0.70),
    "barrier": (0.60, 2.32, 1.06),
}


def as_trimesh(mesh):
    return trimesh.Trimesh(mesh.vertices_m, mesh.faces, process=False)


def drawn(kind, seed):
    rng = np.random.default_rng(seed)
    size = draw_size(rng, KINDS[kind])
    return size, KINDS[kind].shape(rng, *size)


@pytest.mark.parametrize(
    ("solid", "volume_m3"),
    [
        (box((1, 2, 3), (2, 3, 4), GREY), 24.0),
        (wedge((-1, 1, 0.5), (-1, 1, 0.5), (0, 3), GREY), 6.0),
        (wedge((-1, 1, 1), (-0.5, 0.5, 0.5), (0, 3), GREY), 7.0),
        (tube((0, 0, 0), (0, 5, 0), 1.0, GREY, sections=4), 10.0),
        (tube((1, 0, 0), (4, 4, 0), 0.5, GREY, sections=4), 2.5),
    ],
)
def test_volume_of_solids_is_positive_and_exact(solid, volume_m3):
    mesh = as_trimesh(solid)
    assert mesh.is_watertight
    assert mesh.volume == pytest.approx(volume_m3)


def test_a_tube_ends_where_it_should():
    low, high = tube((0, 0, 1), (0, 0, 4), 0.5, GREY, sections=4).bounds_m()
    assert low[2] == 1
    assert high[2] == 4


@pytest.mark.parametrize(
    "solid",
    [
        ball((0, 0, 0), (1, 2, 3), GREY),
        ring((0, 0, 0.4), 0.4, 0.03, GREY),
        tube((0, 0, 0), (1, 1, 1), 0.2, GREY, 0.1),
        wheel((0, 0, 0.3), 0.3, 0.2),
    ],
)
def test_round_solids_are_closed_and_face_outwards(solid):
    for part in as_trimesh(solid).split():
        assert part.is_watertight
        assert part.volume > 0


def test_a_ring_stands_upright_and_fills_its_radius():
    low, high = ring((1.0, 0.0, 0.35), 0.35, 0.035, GREY).bounds_m()
    np.testing.assert_allclose(high - low, [0.7, 0.07, 0.7], atol=0.02)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("seed", range(2))
def test_a_mesh_fills_its_box(kind, seed):
    size, mesh = drawn(kind, seed)
    low, high = mesh.bounds_m()
    np.testing.assert_allclose(high, np.asarray(size) / 2, atol=0.01)
    np.testing.assert_allclose(low, -np.asarray(size) / 2, atol=0.01)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("seed", range(2))
def test_every_part_of_a_mesh_is_closed_and_faces_outwards(kind, seed):
    _, mesh = drawn(kind, seed)
    whole = as_trimesh(mesh)
    labels = trimesh.graph.connected_component_labels(whole.face_adjacency, len(whole.faces))
    for label in np.unique(labels):
        part = trimesh.Trimesh(mesh.vertices_m, mesh.faces[labels == label], process=False)
        assert part.is_watertight
        assert part.volume > 0


@pytest.mark.parametrize("kind", KINDS)
def test_face_budget_and_material_ranges(kind):
    _, mesh = drawn(kind, 0)
    assert 50 <= len(mesh.faces) <= 650
    assert mesh.albedo.min() >= 0
    assert mesh.albedo.max() <= 1
    assert mesh.reflectivity.min() >= 0
    assert mesh.reflectivity.max() <= 1
    assert np.ptp(mesh.albedo, axis=0).max() > 0.1


def test_all_ten_classes_are_in_the_catalogue():
    assert {kind.class_name for kind in KINDS.values()} == set(CLASS_NAMES)


@pytest.mark.parametrize("kind", TABLE_8)
def test_sizes_average_to_table_8_with_spread(kind):
    rng = np.random.default_rng(0)
    sizes = np.array([draw_size(rng, KINDS[kind]) for _ in range(2000)])
    np.testing.assert_allclose(sizes.mean(axis=0), TABLE_8[kind], rtol=0.03)
    relative = sizes.std(axis=0) / sizes.mean(axis=0)
    assert (relative > 0.02).all()
    assert (relative < 0.2).all()


def test_a_car_is_narrower_on_top_and_has_dark_windows():
    (_, width_m, height_m), mesh = drawn("car", 1)
    roof = mesh.vertices_m[mesh.vertices_m[:, 2] > 0.45 * height_m]
    assert np.ptp(roof[:, 1]) < 0.85 * width_m
    assert mesh.albedo.max(axis=1).min() < 0.15


def test_a_barrier_is_wide_not_long():
    (length_m, width_m, _), _ = drawn("barrier", 0)
    assert width_m > 2 * length_m


def test_colours_differ_between_instances():
    first, second = drawn("bus", 0)[1], drawn("bus", 1)[1]
    assert not np.array_equal(first.albedo[:12], second.albedo[:12])


def test_scenery_stands_on_the_ground_and_is_closed():
    rng = np.random.default_rng(0)
    for mesh in (
        scenery.tree(rng, 6.0),
        scenery.building(rng, 15.0, 10.0, 20.0),
        scenery.lamp_post(rng),
        scenery.traffic_light(),
        scenery.street_sign(rng),
        scenery.bus_shelter(rng),
    ):
        assert -1.0 < mesh.bounds_m()[0][2] <= 0
        whole = as_trimesh(mesh)
        assert whole.is_watertight
        assert whole.volume > 0


def test_a_building_keeps_behind_its_front():
    low, high = scenery.building(np.random.default_rng(2), 15.0, 10.0, 20.0).bounds_m()
    np.testing.assert_allclose(low[:2], [-7.5, 0.0], atol=1e-9)
    np.testing.assert_allclose(high, [7.5, 10.0, 20.0], atol=1.0)
