"""Where rays first hit triangles, by Embree."""

from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
from embreex.mesh_construction import TriangleMesh
from embreex.rtcore_scene import EmbreeScene

from cm3d.geometry.arrays import NDArrayBool, NDArrayFloat, NDArrayFloat32

NDArrayIndex: TypeAlias = np.ndarray[Any, np.dtype[np.int32]]

UNBOUNDED_M = np.float32(1e6)


@dataclass(frozen=True, eq=False)
class Hits:
    """First hits of N rays.

    Args:
        face: (N,) triangle, -1 where the ray hits nothing.
        distance_m: (N,) along the ray; the ray's own bound where it hits nothing.
        second: (N,) weight of the triangle's second corner at the hit.
        third: (N,) weight of its third corner.
    """

    face: NDArrayIndex
    distance_m: NDArrayFloat32
    second: NDArrayFloat32
    third: NDArrayFloat32


class RayCaster:
    """Triangles that rays can be shot at.

    Embree computes in single precision, so vertices and ray origins are given relative to a
    point near the sensors; see `snapshot`.
    """

    def __init__(self, vertices_m: NDArrayFloat, faces: Any) -> None:
        """Build the search tree of (V, 3) vertices and (F, 3) faces; no face at all is fine."""
        self._scene = EmbreeScene()
        if len(faces):
            TriangleMesh(
                self._scene,
                np.ascontiguousarray(vertices_m, dtype=np.float32),
                np.ascontiguousarray(faces, dtype=np.int32),
            )

    def cast(
        self,
        origins_m: NDArrayFloat32,
        directions: NDArrayFloat32,
        bound_m: NDArrayFloat32 | None = None,
    ) -> Hits:
        """First hits nearer than `bound_m`.

        Args:
            origins_m: (N, 3).
            directions: (N, 3) of unit length.
            bound_m: (N,) distance beyond which a hit does not count.
        """
        if bound_m is None:
            bound_m = np.full(len(origins_m), UNBOUNDED_M, dtype=np.float32)
        # Embree takes the bound as in-out argument.
        found = self._scene.run(origins_m, directions, dists=bound_m.copy(), output=True)
        return Hits(found["primID"], found["tfar"], found["u"], found["v"])

    def occluded(self, origins_m: NDArrayFloat32, directions: NDArrayFloat32) -> NDArrayBool:
        """Which rays (N, 3) hit anything at all; faster than the first hits."""
        return np.asarray(self._scene.run(origins_m, directions, query="OCCLUDED") >= 0)


def nearer(first: Hits, second: Hits, second_offset: int) -> Hits:
    """Merge hits of the same rays, where `second` was bounded by `first`.

    Args:
        first: Hits on one set of triangles.
        second: Hits on another, present only where nearer.
        second_offset: Added to the face numbers of the second set.
    """
    wins = second.face >= 0
    return Hits(
        np.where(wins, second.face + np.int32(second_offset), first.face),
        np.where(wins, second.distance_m, first.distance_m),
        np.where(wins, second.second, first.second),
        np.where(wins, second.third, first.third),
    )
