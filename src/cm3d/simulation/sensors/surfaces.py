"""What a triangle looks like: the attributes that a ray picks up where it hits."""

from collections.abc import Iterable
from dataclasses import dataclass, fields
from typing import Self

import numpy as np

from cm3d.geometry.arrays import NDArrayBool, NDArrayFloat, NDArrayFloat32
from cm3d.simulation.sensors.rays import NDArrayIndex
from cm3d.simulation.shapes.mesh import Mesh


@dataclass(frozen=True, eq=False)
class Surfaces:
    """Attributes of F triangles.

    Args:
        instance_id: (F,) object that the triangle belongs to, 0 for the background.
        normal: (F, 3) outward unit normal, global frame.
        albedo: (F, 3) diffuse colour in [0, 1], linear.
        reflectivity: (F,) at the LiDAR's wavelength, in [0, 1].
        grain_m: (F,) size of the texture's grains, 0 for a plain surface.
        texture_corners_m: (F, 3, 3) corners in the frame that the texture is fixed to.
        transparent: (F,) whether the LiDAR's pulses may go through.
    """

    instance_id: NDArrayIndex
    normal: NDArrayFloat32
    albedo: NDArrayFloat32
    reflectivity: NDArrayFloat32
    grain_m: NDArrayFloat32
    texture_corners_m: NDArrayFloat32
    transparent: NDArrayBool

    def __len__(self) -> int:
        """Number of triangles."""
        return len(self.instance_id)

    @classmethod
    def concatenate(cls, parts: Iterable[Self]) -> Self:
        """Attributes of several meshes, in order; none at all gives no triangles."""
        together = [cls._empty(), *parts]
        names = [field.name for field in fields(cls)]
        return cls(*(np.concatenate([getattr(p, name) for p in together]) for name in names))

    @classmethod
    def _empty(cls) -> Self:
        scalar, vector = np.empty(0, dtype=np.float32), np.empty((0, 3), dtype=np.float32)
        corners = np.empty((0, 3, 3), dtype=np.float32)
        number, flag = np.empty(0, dtype=np.int32), np.empty(0, dtype=np.bool_)
        return cls(number, vector, vector, scalar, scalar, corners, flag)


def surfaces_of(mesh: Mesh, vertices_m: NDArrayFloat, instance_id: int) -> Surfaces:
    """Attributes of a mesh that stands in the world.

    Args:
        mesh: The shape; its own vertices carry the texture.
        vertices_m: (V, 3) its vertices where they stand, for the normals.
        instance_id: The object.
    """
    corners_m = vertices_m[mesh.faces]
    normal = np.cross(corners_m[:, 1] - corners_m[:, 0], corners_m[:, 2] - corners_m[:, 0])
    length = np.linalg.norm(normal, axis=1, keepdims=True)
    return Surfaces(
        np.full(len(mesh.faces), instance_id, dtype=np.int32),
        (normal / np.maximum(length, 1e-12)).astype(np.float32),
        # Meshes give colours as a display shows them; see `shading.develop`.
        np.square(mesh.albedo, dtype=np.float32),
        np.asarray(mesh.reflectivity, dtype=np.float32),
        np.asarray(mesh.grain_m, dtype=np.float32),
        mesh.vertices_m[mesh.faces].astype(np.float32),
        mesh.transparent,
    )
