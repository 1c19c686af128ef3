"""Triangle meshes with the materials that a camera and a LiDAR see."""

import dataclasses
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Self

import numpy as np

from cm3d.geometry.arrays import NDArrayBool, NDArrayFloat, NDArrayInt
from cm3d.geometry.se3 import SE3


@dataclass(frozen=True)
class Material:
    """What a face is made of.

    Args:
        albedo: RGB in [0, 1].
        reflectivity: LiDAR intensity at normal incidence, in [0, 1].
        grain_m: Size of the procedural texture's grain; 0 is plain.
        transparent: Whether the LiDAR's pulses may go through; cameras see a dark surface.
    """

    albedo: tuple[float, float, float]
    reflectivity: float
    grain_m: float = 0.0
    transparent: bool = False


@dataclass(frozen=True, eq=False)
class Mesh:
    """Triangles, each with its material.

    Args:
        vertices_m: (V, 3) in the frame of the mesh.
        faces: (F, 3) vertex indices, counter-clockwise seen from outside.
        albedo: (F, 3) RGB in [0, 1].
        reflectivity: (F,) LiDAR intensity at normal incidence, in [0, 1].
        grain_m: (F,) size of the procedural texture's grain; 0 is plain.
        transparent: (F,) whether the LiDAR's pulses may go through.
    """

    vertices_m: NDArrayFloat
    faces: NDArrayInt
    albedo: NDArrayFloat
    reflectivity: NDArrayFloat
    grain_m: NDArrayFloat
    transparent: NDArrayBool

    @classmethod
    def of_material(cls, vertices_m: NDArrayFloat, faces: NDArrayInt, material: Material) -> Self:
        """A mesh (V, 3), (F, 3) of one material."""
        count = len(faces)
        return cls(
            np.asarray(vertices_m, dtype=np.float64),
            np.asarray(faces, dtype=np.int64),
            np.tile(np.asarray(material.albedo, dtype=np.float64), (count, 1)),
            np.full(count, material.reflectivity),
            np.full(count, material.grain_m),
            np.full(count, material.transparent),
        )

    @classmethod
    def concatenate(cls, meshes: Iterable["Mesh"]) -> Self:
        """Put meshes of one frame together; none at all gives an empty mesh."""
        parts = [EMPTY, *meshes]
        starts = np.cumsum([0, *(len(part.vertices_m) for part in parts[:-1])])
        return cls(
            np.concatenate([part.vertices_m for part in parts]),
            np.concatenate([part.faces + start for part, start in zip(parts, starts, strict=True)]),
            np.concatenate([part.albedo for part in parts]),
            np.concatenate([part.reflectivity for part in parts]),
            np.concatenate([part.grain_m for part in parts]),
            np.concatenate([part.transparent for part in parts]),
        )

    def transformed(self, dst_SE3_mesh: SE3) -> Self:
        """The same mesh in another frame."""
        return self.placed(dst_SE3_mesh.transform_points(self.vertices_m))

    def placed(self, vertices_m: NDArrayFloat) -> Self:
        """The same faces over other vertices (V, 3)."""
        return dataclasses.replace(self, vertices_m=vertices_m)

    def fitted(self, length_m: float, width_m: float, height_m: float) -> Self:
        """Stretch and shift so that the mesh fills a box centred on the origin."""
        low, high = self.bounds_m()
        scale = np.array([length_m, width_m, height_m]) / (high - low)
        return self.placed((self.vertices_m - (low + high) / 2) * scale)

    def bounds_m(self) -> tuple[NDArrayFloat, NDArrayFloat]:
        """Lowest and highest coordinates, (3,) each."""
        return self.vertices_m.min(axis=0), self.vertices_m.max(axis=0)


EMPTY = Mesh(
    np.empty((0, 3)),
    np.empty((0, 3), np.int64),
    np.empty((0, 3)),
    np.empty(0),
    np.empty(0),
    np.empty(0, np.bool_),
)
