"""A building site beside the road: barriers, cones, machines, workers."""

from collections.abc import Iterator
from typing import Final

import numpy as np
import shapely
from numpy.random import Generator

from cm3d.simulation.town.frontage import Plot
from cm3d.simulation.town.ground import KERB_M, PLOT_M
from cm3d.simulation.town.roads import PARKING_M, SIDEWALK_M, Arm
from cm3d.simulation.traffic.actors import Actor, Body
from cm3d.simulation.traffic.kerbside import Place
from cm3d.simulation.traffic.setting import Occupancy, Setting

_MACHINE_MARGIN_M: Final = 4.0
_ATTEMPTS: Final = 40


def open_site(rng: Generator, setting: Setting, taken: Occupancy) -> list[Actor]:
    """Work goes on at the site nearest to the focus; its sidewalk is closed."""
    site = setting.nearest("site")
    arm = setting.town.arms[site.arm]
    fenced = [*_barriers(rng, setting, arm, site), *_cones(rng, setting, arm, site)]
    inside = Occupancy()
    machines = list(
        _scattered(rng, arm, site, inside, "construction_vehicle", setting.count(rng, 1, 2))
    )
    workers = list(_scattered(rng, arm, site, inside, "worker", setting.count(rng, 1, 3)))
    lateral = sorted(
        (site.side * (arm.kerb_m - PARKING_M), site.side * (arm.kerb_m + site.depth_m))
    )
    taken.take(shapely.Polygon(arm.band(site.start_m, site.end_m, *lateral)))
    return [*fenced, *machines, *workers]


def _barriers(rng: Generator, setting: Setting, arm: Arm, site: Plot) -> Iterator[Actor]:
    """A row along the edge of the closed parking lane; each heads across the road."""
    arc_m = site.start_m + 4.0 + rng.uniform(0, 6)
    for _ in range(setting.count(rng, 6, 10)):
        body = Body.drawn(rng, "barrier")
        middle_m = arc_m + body.width_m / 2
        if middle_m + body.width_m / 2 > site.end_m - 1:
            return
        turn = float(rng.choice([-1, 1]) * np.pi / 2 + rng.normal(0, 0.05))
        yield body.on(Place(arm, site.side, middle_m).stand(0.6 - PARKING_M, 0.0, turn))
        arc_m += body.width_m + rng.choice([0.12, 0.5, 1.2], p=[0.7, 0.2, 0.1])


def _cones(rng: Generator, setting: Setting, arm: Arm, site: Plot) -> Iterator[Actor]:
    """Tapers from the kerb to the edge of the parking lane at both ends."""
    count = setting.count(rng, 5, 10)
    for index in range(count):
        share = (index // 2 + 0.5) / ((count + 1) // 2)
        along_m = 3.4 * share
        arc_m = site.start_m + along_m if index % 2 == 0 else site.end_m - along_m
        outward_m = -0.3 - (PARKING_M - 0.75) * share + rng.normal(0, 0.05)
        where = Place(arm, site.side, arc_m).stand(
            float(outward_m), 0.0, float(rng.uniform(-np.pi, np.pi))
        )
        yield Body.drawn(rng, "traffic_cone").on(where)


def _scattered(
    rng: Generator, arm: Arm, site: Plot, inside: Occupancy, kind: str, count: int
) -> Iterator[Actor]:
    """Machines on the bare ground, workers there and on the closed sidewalk."""
    for _ in range(count):
        body = Body.drawn(rng, kind)
        machine = kind == "construction_vehicle"
        margin_m = _MACHINE_MARGIN_M if machine else 1.0
        limits = (SIDEWALK_M + margin_m, 11.0) if machine else (0.6, 12.0)
        for _ in range(_ATTEMPTS):
            arc_m = float(rng.uniform(site.start_m + margin_m, site.end_m - margin_m))
            outward_m = float(rng.uniform(*limits))
            z_m = PLOT_M if outward_m > SIDEWALK_M else KERB_M
            turn = float(rng.uniform(-np.pi, np.pi))
            actor = body.on(Place(arm, site.side, arc_m).stand(outward_m, z_m, turn), parked=True)
            if inside.try_take(shapely.Polygon(actor.footprint_m(0.0)), 0.5):
                yield actor
                break
