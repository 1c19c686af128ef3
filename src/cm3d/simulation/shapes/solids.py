"""Closed solids, the bricks of every object; x forward, y left, z up."""

from functools import cache

import numpy as np
import trimesh

from cm3d.geometry.arrays import NDArrayFloat, NDArrayInt
from cm3d.simulation.shapes.mesh import Material, Mesh

Point = tuple[float, float, float]


def box(center: Point, size: Point, material: Material) -> Mesh:
    """An upright box with `size` along x, y, z."""
    vertices, faces = _unit_box()
    return Mesh.of_material(vertices * size + center, faces, material)


def wedge(
    bottom: tuple[float, float, float],
    top: tuple[float, float, float],
    z_range: tuple[float, float],
    material: Material,
) -> Mesh:
    """A box whose top differs from its bottom, like a cabin.

    Args:
        bottom: Rear x, front x and half width of the bottom face.
        top: The same of the top face.
        z_range: Heights of bottom and top.
        material: Of all faces.
    """
    unit, faces = _unit_box()
    rear, front, half_width = np.where(unit[:, 2:] < 0, bottom, top).T
    x = np.where(unit[:, 0] < 0, rear, front)
    z = np.where(unit[:, 2] < 0, *z_range)
    return Mesh.of_material(np.stack([x, 2 * unit[:, 1] * half_width, z], axis=1), faces, material)


def tube(
    start: Point,
    end: Point,
    radius_m: float,
    material: Material,
    end_radius_m: float | None = None,
    sections: int = 5,
) -> Mesh:
    """A cylinder between two points, or a cone where `end_radius_m` differs."""
    unit, faces = _unit_cylinder(sections)
    at_end = unit[:, 2] > 0
    radius = np.where(at_end, radius_m if end_radius_m is None else end_radius_m, radius_m)
    first, second = _across(np.subtract(end, start))
    across = (unit[:, :1] * first + unit[:, 1:2] * second) * radius[:, None]
    along = np.where(at_end[:, None], end, start)
    return Mesh.of_material(along + across, faces, material)


def ball(center: Point, radii: Point, material: Material, subdivisions: int = 1) -> Mesh:
    """An ellipsoid of 20 * 4**subdivisions faces."""
    vertices, faces = _unit_ball(subdivisions)
    return Mesh.of_material(vertices * radii + center, faces, material)


def ring(center: Point, radius_m: float, tube_m: float, material: Material) -> Mesh:
    """A thin upright wheel rim in the x-z plane; `radius_m` is the outer radius."""
    vertices, faces = _unit_ring(round(tube_m / radius_m, 2))
    return Mesh.of_material(vertices * radius_m + center, faces, material)


def wheel(center: Point, radius_m: float, width_m: float) -> Mesh:
    """A tyre with a hub that shows on both sides."""
    x, y, z = center
    half = width_m / 2
    tyre = tube((x, y - half, z), (x, y + half, z), radius_m, _TYRE, sections=9)
    reach = half + 0.01
    hub = tube((x, y - reach, z), (x, y + reach, z), 0.55 * radius_m, _HUB, sections=5)
    return Mesh.concatenate([tyre, hub])


_TYRE = Material((0.05, 0.05, 0.05), 0.04)
_HUB = Material((0.55, 0.55, 0.57), 0.35)


def _across(direction: NDArrayFloat) -> tuple[NDArrayFloat, NDArrayFloat]:
    """Two unit vectors across a direction, right-handed with it."""
    axis = direction / np.linalg.norm(direction)
    reference = np.eye(3)[int(np.argmin(np.abs(axis)))]
    first = np.cross(reference, axis)
    first /= np.linalg.norm(first)
    return first, np.cross(axis, first)


def _arrays(mesh: trimesh.Trimesh) -> tuple[NDArrayFloat, NDArrayInt]:
    return np.array(mesh.vertices, dtype=np.float64), np.array(mesh.faces, dtype=np.int64)


@cache
def _unit_box() -> tuple[NDArrayFloat, NDArrayInt]:
    return _arrays(trimesh.creation.box(extents=(1, 1, 1)))


@cache
def _unit_cylinder(sections: int) -> tuple[NDArrayFloat, NDArrayInt]:
    return _arrays(trimesh.creation.cylinder(radius=1, height=1, sections=sections))


@cache
def _unit_ball(subdivisions: int) -> tuple[NDArrayFloat, NDArrayInt]:
    return _arrays(trimesh.creation.icosphere(subdivisions=subdivisions, radius=1))


@cache
def _unit_ring(relative_tube: float) -> tuple[NDArrayFloat, NDArrayInt]:
    torus = trimesh.creation.torus(1 - relative_tube, relative_tube, 14, 3)
    vertices, faces = _arrays(torus)
    return vertices[:, [0, 2, 1]] * [1, -1, 1], faces
