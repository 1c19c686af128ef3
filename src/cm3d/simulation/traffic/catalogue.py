"""What kinds of objects there are: category, size, shape."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.random import Generator

from cm3d.simulation.shapes import cycles, people, street, vehicles
from cm3d.simulation.shapes.mesh import Mesh

Shape = Callable[[Generator, float, float, float], Mesh]


@dataclass(frozen=True)
class Kind:
    """A kind of object.

    Args:
        class_name: One of `simulation.classes.CLASS_NAMES`.
        category_name: nuScenes' full category.
        shape: Draws the mesh for a length, width and height.
        mean_m: Mean length, width, height.
        spread: Relative standard deviations of length, width, height.
    """

    class_name: str
    category_name: str
    shape: Shape
    mean_m: tuple[float, float, float]
    spread: tuple[float, float, float]


# Means are the real ones of the paper's Table 8, so that the ChatGPT priors are as wrong as in
# life. For barriers the table's length is nuScenes' width: nuScenes gives them a heading across
# their long side, and so does this. People average the table's figures over those who walk, stand
# and sit, cycles over those that are parked and ridden.
_CYCLE_SPREAD = (0.08, 0.12, 0.07)
_PEDESTRIAN = ((0.79, 0.60, 1.80), (0.16, 0.12, 0.06))

KINDS: Final[dict[str, Kind]] = {
    "car": Kind("car", "vehicle.car", vehicles.car, (4.62, 1.91, 1.68), (0.08, 0.05, 0.09)),
    "truck": Kind("truck", "vehicle.truck", vehicles.truck, (6.89, 2.38, 2.60), (0.16, 0.06, 0.12)),
    "bus": Kind("bus", "vehicle.bus.rigid", vehicles.bus, (11.47, 2.59, 3.81), (0.08, 0.03, 0.05)),
    "trailer": Kind(
        "trailer", "vehicle.trailer", vehicles.trailer, (10.20, 2.29, 3.70), (0.16, 0.06, 0.08)
    ),
    "construction_vehicle": Kind(
        "construction_vehicle",
        "vehicle.construction",
        vehicles.construction_vehicle,
        (5.5, 2.47, 2.38),
        (0.15, 0.1, 0.12),
    ),
    "walker": Kind("pedestrian", "human.pedestrian.adult", people.walker, *_PEDESTRIAN),
    "stander": Kind(
        "pedestrian", "human.pedestrian.adult", people.stander, (0.60, 0.60, 1.80), (0.1, 0.1, 0.06)
    ),
    "sitter": Kind(
        "pedestrian", "human.pedestrian.adult", people.sitter, (0.75, 0.60, 1.35), (0.1, 0.1, 0.06)
    ),
    "worker": Kind(
        "pedestrian", "human.pedestrian.construction_worker", people.worker, *_PEDESTRIAN
    ),
    "motorcycle": Kind(
        "motorcycle", "vehicle.motorcycle", cycles.motorcycle, (1.95, 0.76, 1.45), _CYCLE_SPREAD
    ),
    "ridden_motorcycle": Kind(
        "motorcycle",
        "vehicle.motorcycle",
        cycles.ridden_motorcycle,
        (1.95, 0.76, 1.75),
        _CYCLE_SPREAD,
    ),
    "bicycle": Kind(
        "bicycle", "vehicle.bicycle", cycles.bicycle, (1.82, 0.63, 1.20), _CYCLE_SPREAD
    ),
    "ridden_bicycle": Kind(
        "bicycle", "vehicle.bicycle", cycles.ridden_bicycle, (1.82, 0.63, 1.75), _CYCLE_SPREAD
    ),
    "traffic_cone": Kind(
        "traffic_cone",
        "movable_object.trafficcone",
        street.traffic_cone,
        (0.43, 0.42, 0.70),
        (0.12, 0.12, 0.15),
    ),
    "barrier": Kind(
        "barrier", "movable_object.barrier", street.barrier, (0.60, 2.32, 1.06), (0.15, 0.12, 0.08)
    ),
}

# A lane leaves no room for more (the parking lane is beside it), and a bus stop is 14 m.
_MAX_WIDTH_M: Final = 2.85
_MAX_LENGTH_M: Final = 13.5


def draw_size(rng: Generator, kind: Kind) -> tuple[float, float, float]:
    """Length, width, height: lognormal around the kind's means, cut at two deviations.

    One draw scales all three, since long objects tend to be wide and high too; each varies
    by itself as well.
    """
    together, *alone = np.clip(rng.normal(size=4), -2, 2)
    spread = np.asarray(kind.spread)
    deviation = np.sqrt(0.5) * (together + np.asarray(alone)) * spread
    length_m, width_m, height_m = np.asarray(kind.mean_m) * np.exp(deviation - spread**2 / 2)
    return (
        float(min(length_m, _MAX_LENGTH_M)),
        float(min(width_m, _MAX_WIDTH_M)),
        float(height_m),
    )
