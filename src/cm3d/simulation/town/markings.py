"""What road paint means: where vehicles stop, what parts directions and lanes."""

from typing import Final

from cm3d.geometry.arrays import NDArrayFloat
from cm3d.simulation.town.roads import STOP_LINE_M, Arm

# nuScenes' stop lines are areas in which a vehicle comes to stand; from the paint outwards.
_STOP_AREA_M: Final = 2.0


def stop_area(arm: Arm) -> NDArrayFloat:
    """Outline (K, 2) of where vehicles stop: all incoming lanes, from the painted line on."""
    far_m = -arm.kerb_side * arm.lanes_per_direction * arm.lane_m
    low_m, high_m = sorted((0.0, far_m))
    return arm.band(STOP_LINE_M, STOP_LINE_M + _STOP_AREA_M, low_m, high_m)


def road_divider(arm: Arm) -> NDArrayFloat:
    """The line (N, 2) between the two directions, from the stop line outwards."""
    return _along(arm, 0.0)


def lane_dividers(arm: Arm) -> list[NDArrayFloat]:
    """Lines (N, 2) between lanes of one direction, from the stop line outwards."""
    lanes = range(1, arm.lanes_per_direction)
    return [_along(arm, side * lane * arm.lane_m) for side in (-1, 1) for lane in lanes]


def _along(arm: Arm, left_m: float) -> NDArrayFloat:
    line = arm.centreline.shifted(left_m)
    return line.cut(STOP_LINE_M, line.length_m).points_m
