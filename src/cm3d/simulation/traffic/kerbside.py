"""Places beside the road, and things that stand there."""

from dataclasses import dataclass

import numpy as np
from numpy.random import Generator

from cm3d.geometry.arrays import NDArrayFloat
from cm3d.simulation.town.roads import PARKING_START_M, Arm
from cm3d.simulation.traffic.setting import Setting
from cm3d.simulation.traffic.trajectory import Trajectory


@dataclass(frozen=True, eq=False)
class Place:
    """A place along one side of a road.

    Args:
        arm: The road.
        side: +1 on its left, -1 on its right, seen outwards.
        arc_m: How far along the road, from the mouth of the intersection.
    """

    arm: Arm
    side: int
    arc_m: float

    def stand(self, outward_m: float, z_m: float, turn_rad: float) -> Trajectory:
        """Something that stays here, turned against the road's outward direction.

        Args:
            outward_m: Distance behind the kerb; negative on the road.
            z_m: Height of the ground.
            turn_rad: Heading in the road's frame.
        """
        lateral_m = self.side * (self.arm.kerb_m + outward_m)
        xy_m, yaw_rad = self.arm.centreline.pose(self.arc_m, lateral_m)
        return Trajectory.still(xy_m, yaw_rad + turn_rad, z_m)

    @property
    def travel_rad(self) -> float:
        """Direction of travel on this side, in the road's frame."""
        return 0.0 if self.arm.travel_sign(self.side) > 0 else float(np.pi)


def parking_places(
    rng: Generator, setting: Setting, half_m: float, step_m: float, near_m: float
) -> list[Place]:
    """Places in parking lanes with `half_m` free of sites and bus stops to both sides.

    They come in random order, yet near ones tend to come first.
    """
    places, distances = [], []
    for index, arm in enumerate(setting.town.arms):
        for side in (-1, 1):
            arc_m = _free_arcs(setting, index, side, half_m, step_m)
            xy_m = arm.centreline.at(arc_m, side * arm.parking_m)
            distance_m = np.linalg.norm(xy_m - setting.focus_m, axis=1)
            places += [Place(arm, side, float(arc)) for arc in arc_m[distance_m < near_m]]
            distances += distance_m[distance_m < near_m].tolist()
    order = np.argsort(distances + rng.uniform(0, 25, len(places)), kind="stable")
    return [places[index] for index in order]


def _free_arcs(setting: Setting, arm: int, side: int, half_m: float, step_m: float) -> NDArrayFloat:
    """Arc lengths along one side of an arm that are clear of its sites and bus stops."""
    end_m = setting.town.arms[arm].centreline.length_m
    arc_m = np.arange(PARKING_START_M + half_m, end_m - half_m, step_m)
    free = np.ones(len(arc_m), dtype=bool)
    for plot in setting.town.plots:
        if (plot.arm, plot.side) == (arm, side) and plot.kind != "carpark":
            free &= (arc_m < plot.start_m - half_m) | (arc_m > plot.end_m + half_m)
    return np.asarray(arc_m[free])
