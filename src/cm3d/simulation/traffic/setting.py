"""What a scene is about: where the ego vehicle goes, who has a green light, what is taken."""

from dataclasses import dataclass, field
from typing import Final

import numpy as np
import shapely
from numpy.random import Generator

from cm3d.geometry.arrays import NDArrayFloat
from cm3d.simulation.town.frontage import Plot, PlotKind
from cm3d.simulation.town.lanes import Movement
from cm3d.simulation.town.roads import STOP_LINE_M
from cm3d.simulation.town.town import Town

# nuScenes' ego vehicle; its frame's origin is under the middle of the rear axle.
EGO_LENGTH_M: Final = 4.084
EGO_WIDTH_M: Final = 1.85
EGO_AXLE_TO_CENTER_M: Final = 1.38
# Trajectories go on beyond the scene, for sensors that look earlier or later.
MARGIN_S: Final = 1.0
# Cones and barriers are evaluated within 30 m.
_SITE_M: Final = 26.0
_ATTEMPTS: Final = 100


@dataclass(frozen=True, eq=False)
class Setting:
    """The decisions that everything else in a scene depends on.

    Args:
        town: Where it happens.
        duration_s: From the first keyframe to the last.
        density: Multiplies the number of objects.
        ego_movement: The ego vehicle's way.
        ego_start_m: Arc length of its middle on that way, `MARGIN_S` before the scene.
        ego_speed_mps: What it would like to drive.
        open_ways: (origin, target) arms that have a green light.
        focus_m: Middle of the stretch that the ego vehicle will cover, (2,).
    """

    town: Town
    duration_s: float
    density: float
    ego_movement: Movement
    ego_start_m: float
    ego_speed_mps: float
    open_ways: frozenset[tuple[int, int]]
    focus_m: NDArrayFloat

    def wall_m(self, movement: Movement) -> float:
        """Arc length that traffic on a way may not pass; infinity on green."""
        is_open = (movement.origin, movement.target) in self.open_ways
        return np.inf if is_open else movement.entry_m - STOP_LINE_M - 0.5

    def distance_m(self, xy_m: NDArrayFloat) -> float:
        """How far a place (2,) is from the focus."""
        return float(np.linalg.norm(xy_m - self.focus_m))

    def nearest(self, kind: PlotKind) -> Plot:
        """The plot of a kind that is nearest to the focus."""
        plots = [plot for plot in self.town.plots if plot.kind == kind]
        return min(plots, key=lambda plot: self.distance_m(self.plot_middle_m(plot)))

    def plot_middle_m(self, plot: Plot) -> NDArrayFloat:
        """The kerb in front of the middle of a plot, (2,)."""
        arm = self.town.arms[plot.arm]
        return arm.centreline.pose((plot.start_m + plot.end_m) / 2, plot.side * arm.kerb_m)[0]

    def count(self, rng: Generator, low: int, high: int) -> int:
        """How many of something, between two numbers at density 1."""
        return int(np.ceil(rng.integers(low, high + 1) * self.density))

    @property
    def times_s(self) -> NDArrayFloat:
        """Sample times of all trajectories, from `MARGIN_S` before to after the scene."""
        return np.arange(-MARGIN_S, self.duration_s + MARGIN_S + 0.05, 0.1)


@dataclass(frozen=True, eq=False)
class Occupancy:
    """Ground that is taken at the start of a scene, global frame."""

    _taken: list[shapely.Geometry] = field(default_factory=list)

    def is_free(self, shape: shapely.Geometry, margin_m: float = 0.0) -> bool:
        """Whether nothing is within a margin of a shape."""
        return not bool(np.any(shapely.dwithin(self._taken, shape, margin_m)))

    def take(self, shape: shapely.Geometry) -> None:
        """Occupy a shape."""
        self._taken.append(shape)

    def try_take(self, shape: shapely.Geometry, margin_m: float = 0.0) -> bool:
        """Occupy a shape if it is free."""
        free = self.is_free(shape, margin_m)
        if free:
            self.take(shape)
        return free


def choose_setting(rng: Generator, town: Town, duration_s: float, density: float) -> Setting:
    """Choose what the ego vehicle does, so that it passes a building site close enough to see."""
    for _ in range(_ATTEMPTS):
        setting = _draw(rng, town, duration_s, density)
        site = setting.nearest("site")
        if setting.distance_m(setting.plot_middle_m(site)) < _SITE_M:
            break
    return setting


def _draw(rng: Generator, town: Town, duration_s: float, density: float) -> Setting:
    """The ego vehicle crosses, leaves, approaches a red light, or waits at one."""
    movement = town.movements[int(rng.integers(len(town.movements)))]
    behaviour = str(rng.choice(["cross", "leave", "approach", "wait"], p=[0.35, 0.25, 0.2, 0.2]))
    green = behaviour in ("cross", "leave")
    entry_m, exit_m = movement.entry_m, movement.exit_m
    start_m = {
        "cross": entry_m - rng.uniform(8, 30),
        "leave": exit_m - rng.uniform(0, 12),
        "approach": entry_m - rng.uniform(35, 60),
        "wait": entry_m - STOP_LINE_M - EGO_LENGTH_M / 2 - rng.uniform(2.0, 9.0),
    }[behaviour]
    speed_mps = float(rng.uniform(5, 9.5))
    reach_m = 0.0 if behaviour == "wait" else 0.7 * speed_mps * (duration_s + 2 * MARGIN_S)
    if behaviour == "approach":
        reach_m = min(reach_m, entry_m - STOP_LINE_M - start_m)
    focus_m, _ = movement.path.pose(float(start_m) + reach_m / 2)
    return Setting(
        town,
        duration_s,
        density,
        movement,
        float(start_m),
        speed_mps,
        _open_ways(rng, town, movement, green),
        focus_m,
    )


def _open_ways(
    rng: Generator, town: Town, ego: Movement, green: bool
) -> frozenset[tuple[int, int]]:
    """A phase of the traffic light without conflicts, in which the ego's way is open or not.

    Either one arm may go everywhere, or two opposite arms go straight and turn to the near side.
    """
    near = 1 if town.arms[0].kerb_side < 0 else 3
    single = [frozenset((arm, (arm + turn) % 4) for turn in (1, 2, 3)) for arm in range(4)]
    axes = [
        frozenset((arm, (arm + turn) % 4) for arm in (axis, axis + 2) for turn in (2, near))
        for axis in (0, 1)
    ]
    way = (ego.origin, ego.target)
    fitting = [phase for phase in (*axes, *axes, *single) if (way in phase) == green]
    return fitting[int(rng.integers(len(fitting)))]
