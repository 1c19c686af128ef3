"""Roads as arms of an intersection: centreline, cross-section, kerbs."""

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.random import Generator

from cm3d.geometry.arrays import NDArrayFloat
from cm3d.geometry.se3 import SE3
from cm3d.simulation.town.polyline import Polyline

MOUTH_M: Final = 19.5
ARM_LENGTH_M: Final = 125.0
LANE_M: Final = 3.5
PARKING_M: Final = 2.5
SIDEWALK_M: Final = 4.2
# Where things begin along an arm, from the mouth outwards.
CROSSING_M: Final = (1.0, 4.5)
STOP_LINE_M: Final = 6.0
PARKING_START_M: Final = 11.0


@dataclass(frozen=True)
class Traffic:
    """Which side people drive on.

    Args:
        kerb_side: -1 where they keep right, +1 where they keep left: the side of the kerb,
            positive to the left of the direction of travel.
    """

    kerb_side: int


@dataclass(frozen=True, eq=False)
class Arm:
    """A road from an intersection outwards.

    Args:
        name: Prefix of its lanes' tokens.
        centreline: From the mouth of the intersection outwards, global frame.
        lanes_per_direction: Lanes each way.
        kerb_side: See `Traffic`.
        lane_m: Width of a lane.
    """

    name: str
    centreline: Polyline
    lanes_per_direction: int
    kerb_side: int
    lane_m: float = LANE_M

    @property
    def kerb_m(self) -> float:
        """Distance of the kerb from the centreline."""
        return self.lanes_per_direction * self.lane_m + PARKING_M

    @property
    def parking_m(self) -> float:
        """Distance of the parking lane's middle from the centreline."""
        return self.kerb_m - PARKING_M / 2

    def outgoing(self, lane: int) -> Polyline:
        """Centreline of a lane away from the intersection; 0 is the inner one."""
        return self.centreline.shifted(self.kerb_side * (lane + 0.5) * self.lane_m)

    def incoming(self, lane: int) -> Polyline:
        """Centreline of a lane towards the intersection; 0 is the inner one."""
        return self.centreline.shifted(-self.kerb_side * (lane + 0.5) * self.lane_m).reversed()

    def kerb(self, side: int) -> Polyline:
        """The kerb on the left (+1) or right (-1), from the mouth outwards."""
        return self.centreline.shifted(side * self.kerb_m)

    def global_SE3_frontage(self, side: int, arc_m: float, outward_m: float, z_m: float) -> SE3:
        """A frame beside the road: y points away from it, `outward_m` is counted from the kerb."""
        xy_m, yaw_rad = self.centreline.pose(arc_m, side * (self.kerb_m + outward_m))
        return SE3.from_yaw(yaw_rad + (0 if side > 0 else np.pi), np.array([*xy_m, z_m]))

    def travel_sign(self, side: int) -> int:
        """Direction of travel along a side: +1 outwards, -1 towards the intersection."""
        return 1 if side == self.kerb_side else -1

    def band(self, start_m: float, end_m: float, low_m: float, high_m: float) -> NDArrayFloat:
        """Outline (K, 2) of a strip along the road; lateral limits to the left."""
        arc = np.linspace(start_m, end_m, max(2, int((end_m - start_m) / 2) + 1))
        sides = [self.centreline.at(arc, low_m), self.centreline.at(arc[::-1], high_m)]
        return np.concatenate(sides)


def lay_arms(
    rng: Generator, location: str, center_m: NDArrayFloat, traffic: Traffic
) -> tuple[Arm, ...]:
    """Four arms around a centre, counter-clockwise; the first and third are the main road."""
    turn = rng.uniform(0, 2 * np.pi)
    bearings = turn + np.arange(4) * np.pi / 2 + rng.uniform(-0.08, 0.08, 4)
    side_lanes = int(rng.integers(1, 3))
    return tuple(
        Arm(
            f"{location}-arm{index}",
            _curve(rng, center_m, float(bearing)),
            2 if index % 2 == 0 else side_lanes,
            traffic.kerb_side,
        )
        for index, bearing in enumerate(bearings)
    )


def corner(first: Arm, second: Arm) -> Polyline:
    """The kerb around the block from the far end of `second` to the far end of `first`.

    `second` is the next arm counter-clockwise; the block lies to the left of the curve.
    """
    inward, outward = second.kerb(-1).reversed(), first.kerb(1)
    bend = Polyline.between(
        inward.points_m[-1],
        float(inward.yaw_rad[-1]),
        outward.points_m[0],
        float(outward.yaw_rad[0]),
    )
    return Polyline.joined([inward, bend, outward])


def _curve(rng: Generator, center_m: NDArrayFloat, bearing_rad: float) -> Polyline:
    """A road that leaves straight and then bends gently one way, sometimes back."""
    arc = np.arange(0, ARM_LENGTH_M + 0.5, 1.0)
    bend = rng.choice([-1, 1]) / rng.uniform(140, 400)
    back = rng.choice([-1.0, 0.3, 1.0])
    curvature = np.interp(arc, [0, 15, 35, 70, 90, 125], np.array([0, 0, 1, 1, back, back]) * bend)
    yaw = bearing_rad + np.concatenate([[0], np.cumsum((curvature[1:] + curvature[:-1]) / 2)])
    middle = (yaw[1:] + yaw[:-1]) / 2
    steps = np.stack([np.cos(middle), np.sin(middle)], axis=1)
    start = center_m + MOUTH_M * np.array([np.cos(bearing_rad), np.sin(bearing_rad)])
    return Polyline(start + np.concatenate([np.zeros((1, 2)), np.cumsum(steps, axis=0)]))
