"""Things that get a box: vehicles, people, cones, barriers."""

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.random import Generator

from cm3d.geometry.arrays import NDArrayFloat
from cm3d.geometry.cuboids import Rectangles, bev_corners
from cm3d.geometry.se3 import SE3
from cm3d.simulation.shapes.mesh import Mesh
from cm3d.simulation.traffic.catalogue import KINDS, draw_size
from cm3d.simulation.traffic.trajectory import Trajectory

_STOPPED_MPS: Final = 0.2


@dataclass(frozen=True, eq=False)
class Actor:
    """One annotated object.

    Args:
        instance_id: Unique in the world, from 1; 0 is the background.
        category_name: nuScenes' full category.
        class_name: One of `simulation.classes.CLASS_NAMES`.
        length_m: Extent along the heading.
        width_m: Extent across.
        height_m: Extent upwards.
        mesh: Object frame: origin at the box centre, x forward, y left, z up; fills the box.
        trajectory: Where the middle of its footprint is.
        resting_attribute: Attribute while it does not move; empty for cones and barriers.
        moving_attribute: Attribute while it moves.
    """

    instance_id: int
    category_name: str
    class_name: str
    length_m: float
    width_m: float
    height_m: float
    mesh: Mesh
    trajectory: Trajectory
    resting_attribute: str
    moving_attribute: str

    def global_SE3_object(self, time_s: float) -> SE3:
        """Pose of the box centre."""
        ground = self.trajectory.global_SE3_ego(time_s)
        return SE3(ground.rotation, ground.translation_m + np.array([0, 0, self.height_m / 2]))

    def velocity_mps(self, time_s: float) -> NDArrayFloat:
        """Global velocity, shape (2,)."""
        return self.trajectory.velocity_mps(time_s)

    def attribute_name(self, time_s: float) -> str:
        """NuScenes attribute; empty for cones and barriers."""
        moving = np.linalg.norm(self.velocity_mps(time_s)) > _STOPPED_MPS
        return self.moving_attribute if moving else self.resting_attribute

    def footprint_m(self, time_s: float) -> NDArrayFloat:
        """Corners (4, 2) of the box on the ground, global frame."""
        yaw_rad = self.trajectory.heading_rad(time_s)
        sides = np.array([[self.length_m], [self.width_m], [yaw_rad]])
        center_m = self.trajectory.position_m(time_s)[None]
        return np.asarray(bev_corners(Rectangles(center_m, *sides))[0])


@dataclass(frozen=True, eq=False)
class Body:
    """An object that is drawn but not yet placed.

    Args:
        kind: Key of `catalogue.KINDS`.
        length_m: Extent along the heading.
        width_m: Extent across.
        height_m: Extent upwards.
        mesh: In the object frame.
    """

    kind: str
    length_m: float
    width_m: float
    height_m: float
    mesh: Mesh

    @classmethod
    def drawn(cls, rng: Generator, kind: str) -> "Body":
        """A random body of a kind."""
        size = draw_size(rng, KINDS[kind])
        return cls(kind, *size, KINDS[kind].shape(rng, *size))

    def on(self, trajectory: Trajectory, parked: bool = False) -> Actor:
        """Put it somewhere; `parked` tells a parked vehicle from one that waits."""
        kind = KINDS[self.kind]
        resting, moving = _attributes(self.kind, kind.category_name, parked)
        return Actor(
            0,
            kind.category_name,
            kind.class_name,
            self.length_m,
            self.width_m,
            self.height_m,
            self.mesh,
            trajectory,
            resting,
            moving,
        )


def _attributes(kind: str, category_name: str, parked: bool) -> tuple[str, str]:
    """Attributes at rest and in motion."""
    if category_name.startswith("movable_object"):
        return "", ""
    if category_name.startswith("human"):
        resting = "sitting_lying_down" if kind == "sitter" else "standing"
        return f"pedestrian.{resting}", "pedestrian.moving"
    if kind in ("bicycle", "motorcycle"):
        return "cycle.without_rider", "cycle.without_rider"
    if kind in ("ridden_bicycle", "ridden_motorcycle"):
        return "cycle.with_rider", "cycle.with_rider"
    return ("vehicle.parked" if parked else "vehicle.stopped"), "vehicle.moving"
