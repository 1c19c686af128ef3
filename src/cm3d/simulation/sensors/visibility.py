"""How much of each object the cameras see, by rays to points on its surface."""

import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import trimesh

from cm3d.geometry.arrays import NDArrayBool, NDArrayFloat, NDArrayInt
from cm3d.geometry.cameras import inside_image, project_points
from cm3d.geometry.se3 import SE3
from cm3d.simulation.sensors.rig import CameraMount
from cm3d.simulation.sensors.snapshot import Snapshot
from cm3d.simulation.world import Actor

_POINTS_PER_ACTOR: Final = 256
_TOLERANCE_M: Final = 0.05
_MIN_DEPTH_M: Final = 0.1
# nuScenes' levels 1 to 4: 0-40, 40-60, 60-80, 80-100% visible.
_LEVEL_BOUNDS: Final = (0.4, 0.6, 0.8)


@dataclass(frozen=True, eq=False)
class SurfaceSamples:
    """Points on the surfaces of A actors, S on each, in the object frames.

    Args:
        actors: The A objects.
        points_m: (A, S, 3).
        normals: (A, S, 3) outward unit vectors.
    """

    actors: tuple[Actor, ...]
    points_m: NDArrayFloat
    normals: NDArrayFloat


@dataclass(frozen=True, eq=False)
class Sight:
    """What one camera sees of the sampled points.

    Args:
        in_view: (A, S) faces the camera and projects into the image.
        visible: (A, S) and nothing else stands before it.
    """

    in_view: NDArrayBool
    visible: NDArrayBool


def sample_surfaces(actors: tuple[Actor, ...]) -> SurfaceSamples:
    """Points spread evenly over the area of each actor's mesh, the same in every run."""
    points_m = np.empty((len(actors), _POINTS_PER_ACTOR, 3))
    normals = np.empty_like(points_m)
    for row, actor in enumerate(actors):
        shape = trimesh.Trimesh(actor.mesh.vertices_m, actor.mesh.faces, process=False)
        seed = zlib.crc32(f"{actor.class_name}/{actor.instance_id}".encode())
        points_m[row], face = trimesh.sample.sample_surface(shape, _POINTS_PER_ACTOR, seed=seed)
        normals[row] = shape.face_normals[face]
    return SurfaceSamples(actors, points_m, normals)


def look(
    snapshot: Snapshot, samples: SurfaceSamples, mount: CameraMount, global_SE3_camera: SE3
) -> Sight:
    """Which sampled points one camera sees.

    Args:
        snapshot: The world at the image's time.
        samples: Of its actors.
        mount: Which camera.
        global_SE3_camera: Its pose at that time.
    """
    points_m, normals = _placed(samples, snapshot.time_s)
    shape = points_m.shape[:2]
    to_point_m = points_m - global_SE3_camera.translation_m
    in_view = np.sum(to_point_m * normals, axis=2) < 0
    in_view &= _projects(points_m.reshape(-1, 3), mount, global_SE3_camera).reshape(shape)
    own_id = np.array([actor.instance_id for actor in samples.actors], dtype=np.int64)
    own_id = np.repeat(own_id, shape[1]).reshape(shape)
    visible = np.zeros(shape, dtype=bool)
    visible[in_view] = _unoccluded(
        snapshot, global_SE3_camera.translation_m, to_point_m[in_view], own_id[in_view]
    )
    return Sight(in_view, visible)


def visible_share(sight: Sight) -> NDArrayFloat:
    """Share (A,) of the points in view that is visible; 0 where none is in view."""
    in_view = sight.in_view.sum(axis=1)
    return np.asarray(sight.visible.sum(axis=1) / np.maximum(in_view, 1))


def union(sights: Sequence[Sight]) -> Sight:
    """What several cameras see together."""
    return Sight(
        np.any([sight.in_view for sight in sights], axis=0),
        np.any([sight.visible for sight in sights], axis=0),
    )


def visibility_level(share: NDArrayFloat) -> NDArrayInt:
    """NuScenes' level (A,), 1 to 4, of visible shares."""
    return np.asarray(np.digitize(share, _LEVEL_BOUNDS) + 1, dtype=np.int64)


def _placed(samples: SurfaceSamples, time_s: float) -> tuple[NDArrayFloat, NDArrayFloat]:
    poses = [actor.global_SE3_object(time_s) for actor in samples.actors]
    turned = np.array([pose.rotation.T for pose in poses]).reshape(-1, 3, 3)
    offset_m = np.array([pose.translation_m for pose in poses]).reshape(-1, 1, 3)
    return samples.points_m @ turned + offset_m, samples.normals @ turned


def _projects(points_m: NDArrayFloat, mount: CameraMount, global_SE3_camera: SE3) -> NDArrayBool:
    in_camera_m = global_SE3_camera.inverse().transform_points(points_m)
    pixels, depth_m = project_points(in_camera_m, mount.intrinsics_px(1.0))
    return inside_image(pixels, depth_m, *mount.size_px, _MIN_DEPTH_M)


def _unoccluded(
    snapshot: Snapshot, camera_m: NDArrayFloat, to_point_m: NDArrayFloat, own_id: NDArrayInt
) -> NDArrayBool:
    distance_m = np.linalg.norm(to_point_m, axis=1)
    hits = snapshot.cast(camera_m, (to_point_m / distance_m[:, None]).astype(np.float32))
    first_id = np.where(hits.face >= 0, snapshot.surfaces.instance_id[hits.face], 0)
    return np.asarray((first_id == own_id) | (hits.distance_m >= distance_m - _TOLERANCE_M))
