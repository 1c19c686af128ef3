"""The world at one instant, ready for rays.

What never moves is indexed once per scene; what moves is indexed again for every instant, which
is cheap because it is little. The nearer of the two hits wins.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from cm3d.geometry.arrays import NDArrayBool, NDArrayFloat, NDArrayFloat32
from cm3d.geometry.se3 import SE3
from cm3d.simulation.sensors.rays import Hits, RayCaster, nearer
from cm3d.simulation.sensors.surfaces import Surfaces, surfaces_of
from cm3d.simulation.shapes.mesh import Mesh
from cm3d.simulation.world import Actor, World

# Vehicles on four and more wheels, whose sides curve inwards from what is widest and longest.
_ROOMY: Final = (
    "vehicle.car",
    "vehicle.truck",
    "vehicle.bus",
    "vehicle.trailer",
    "vehicle.construction",
)
_GOLDEN: Final = (5**0.5 - 1) / 2


@dataclass(frozen=True, eq=False)
class Body:
    """A mesh that stands somewhere.

    Args:
        mesh: Its shape, in the frame that its texture is fixed to.
        anchor_SE3_mesh: Where it stands.
        instance_id: The object, 0 for the background.
    """

    mesh: Mesh
    anchor_SE3_mesh: SE3
    instance_id: int


@dataclass(frozen=True, eq=False)
class Indexed:
    """Bodies with their search tree."""

    caster: RayCaster
    surfaces: Surfaces


@dataclass(frozen=True, eq=False)
class Snapshot:
    """The world at one instant.

    Args:
        time_s: The instant, on the world's clock.
        anchor_m: (3,) global position that rays are given relative to.
        still: What never moves.
        moving: What does, where it is at this instant.
        surfaces: Of both, the still ones first.
        velocity_mps: (A + 1, 2) of the objects, global frame, by instance id.
        generosity: (A + 1,) of their boxes: how much of the usual room there is between the box
            and a vehicle's skin, in [0, 2); 0 for all else.
    """

    time_s: float
    anchor_m: NDArrayFloat
    still: Indexed
    moving: Indexed
    surfaces: Surfaces
    velocity_mps: NDArrayFloat
    generosity: NDArrayFloat

    def cast(self, origin_m: NDArrayFloat, directions: NDArrayFloat32) -> Hits:
        """First hits of rays that leave one point.

        Args:
            origin_m: (3,) global frame.
            directions: (N, 3) unit vectors, global frame.
        """
        local_m = (origin_m - self.anchor_m).astype(np.float32)
        return self.cast_local(np.tile(local_m, (len(directions), 1)), directions)

    def cast_local(self, origins_m: NDArrayFloat32, directions: NDArrayFloat32) -> Hits:
        """First hits of rays with (N, 3) origins relative to `anchor_m`."""
        first = self.still.caster.cast(origins_m, directions)
        second = self.moving.caster.cast(origins_m, directions, first.distance_m)
        return nearer(first, second, len(self.still.surfaces))

    def shadowed(self, points_m: NDArrayFloat32, towards_light: NDArrayFloat32) -> NDArrayBool:
        """Which points (N, 3), relative to `anchor_m`, cannot see a light at (3,) infinity."""
        directions = np.tile(towards_light, (len(points_m), 1))
        dark = self.still.caster.occluded(points_m, directions)
        left = np.flatnonzero(~dark)
        dark[left] = self.moving.caster.occluded(points_m[left], directions[left])
        return dark


class IndexedWorld:
    """A world whose still part is indexed."""

    def __init__(self, world: World) -> None:
        """Index the background and the actors that never move."""
        self._anchor_m = world.ego.global_SE3_ego(0.0).translation_m
        self._instances = 1 + max((actor.instance_id for actor in world.actors), default=0)
        self._generosity = np.zeros(self._instances)
        for actor in world.actors:
            if actor.category_name.startswith(_ROOMY):
                # Spread evenly over the objects, and the same in every sweep.
                self._generosity[actor.instance_id] = 2 * (_GOLDEN * actor.instance_id % 1)
        self._moving = [actor for actor in world.actors if actor.trajectory.moves]
        still = [actor for actor in world.actors if not actor.trajectory.moves]
        background = Body(world.background, SE3(np.eye(3), -self._anchor_m), 0)
        self._still = _index([background, *(self._body(actor, 0.0) for actor in still)])

    def at(self, time_s: float) -> Snapshot:
        """The world at one instant."""
        moving = _index([self._body(actor, time_s) for actor in self._moving])
        both = Surfaces.concatenate([self._still.surfaces, moving.surfaces])
        velocity_mps = np.zeros((self._instances, 2))
        for actor in self._moving:
            velocity_mps[actor.instance_id] = actor.velocity_mps(time_s)
        return Snapshot(
            time_s, self._anchor_m, self._still, moving, both, velocity_mps, self._generosity
        )

    def _body(self, actor: Actor, time_s: float) -> Body:
        global_SE3_object = actor.global_SE3_object(time_s)
        offset_m = global_SE3_object.translation_m - self._anchor_m
        return Body(actor.mesh, SE3(global_SE3_object.rotation, offset_m), actor.instance_id)


def _index(bodies: Sequence[Body]) -> Indexed:
    vertices_m, faces, surfaces = [np.empty((0, 3))], [np.empty((0, 3), dtype=np.int64)], []
    count = 0
    for body in bodies:
        standing_m = body.anchor_SE3_mesh.transform_points(body.mesh.vertices_m)
        vertices_m.append(standing_m)
        faces.append(body.mesh.faces + count)
        surfaces.append(surfaces_of(body.mesh, standing_m, body.instance_id))
        count += len(standing_m)
    caster = RayCaster(np.concatenate(vertices_m), np.concatenate(faces))
    return Indexed(caster, Surfaces.concatenate(surfaces))
