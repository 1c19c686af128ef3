import numpy as np

from cm3d.geometry.se3 import SE3
from cm3d.simulation.shapes.mesh import EMPTY, Material, Mesh

RED = Material((1.0, 0.0, 0.0), 0.5, 0.1)
TRIANGLE = Mesh.of_material(
    np.array([[0.0, 0.0, 0.0], [2.0, 0.0, 0.0], [0.0, 1.0, 3.0]]), np.array([[0, 1, 2]]), RED
)


def test_concatenate_shifts_the_faces_of_later_meshes():
    both = Mesh.concatenate([TRIANGLE, TRIANGLE])
    assert both.faces.tolist() == [[0, 1, 2], [3, 4, 5]]
    assert both.vertices_m.shape == (6, 3)
    assert both.albedo.tolist() == [[1, 0, 0], [1, 0, 0]]
    assert both.grain_m.tolist() == [0.1, 0.1]


def test_concatenate_nothing_is_empty():
    assert Mesh.concatenate([]).faces.shape == EMPTY.faces.shape == (0, 3)


def test_transformed_moves_vertices_and_keeps_materials():
    quarter = SE3.from_yaw(np.pi / 2, np.array([10.0, 0.0, 1.0]))
    moved = TRIANGLE.transformed(quarter)
    np.testing.assert_allclose(moved.vertices_m[1], [10.0, 2.0, 1.0], atol=1e-12)
    assert moved.reflectivity.tolist() == [0.5]


def test_fitted_fills_a_centred_box():
    low, high = TRIANGLE.fitted(4.0, 6.0, 1.0).bounds_m()
    np.testing.assert_allclose(low, [-2.0, -3.0, -0.5])
    np.testing.assert_allclose(high, [2.0, 3.0, 0.5])
