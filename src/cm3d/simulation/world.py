"""A scene's world: a town with its traffic, and the ego vehicle's way through it."""

import dataclasses
import zlib
from dataclasses import dataclass

from numpy.random import default_rng

from cm3d.errors import InputError
from cm3d.simulation.shapes.mesh import Mesh
from cm3d.simulation.town.town import LOCATIONS, Town, build_town
from cm3d.simulation.traffic.actors import Actor
from cm3d.simulation.traffic.crowd import cross, gather, on_road
from cm3d.simulation.traffic.flow import set_off
from cm3d.simulation.traffic.parking import park
from cm3d.simulation.traffic.setting import Occupancy, choose_setting
from cm3d.simulation.traffic.trajectory import Trajectory
from cm3d.simulation.traffic.worksite import open_site

__all__ = ["Actor", "Trajectory", "World", "build_world"]


@dataclass(frozen=True, eq=False)
class World:
    """Everything that a sensor can see during one scene; global frame, z = 0 on the road.

    Args:
        location: Name of the map.
        background: What never moves and gets no box.
        actors: What gets a box.
        town: Lanes and areas.
        ego: The ego vehicle's frame: under its rear axle, x forward.
    """

    location: str
    background: Mesh
    actors: tuple[Actor, ...]
    town: Town
    ego: Trajectory


def build_world(
    seed: int, scene_name: str, location: str, duration_s: float, traffic_density: float
) -> World:
    """Build the world of one scene.

    The town depends on seed and location only; the traffic on the scene too.

    Args:
        seed: The pipeline's seed.
        scene_name: Unique per scene.
        location: One of `town.LOCATIONS`.
        duration_s: From the first keyframe (time 0) to the last.
        traffic_density: Multiplies the number of objects.

    Raises:
        InputError: The location is unknown.
    """
    if location not in LOCATIONS:
        raise InputError(f"location {location!r}: unknown; choose one of {', '.join(LOCATIONS)}")
    rng = default_rng([seed, zlib.crc32(scene_name.encode()), 2])
    town = build_town(seed, location)
    setting = choose_setting(rng, town, duration_s, traffic_density)
    road, roadside = Occupancy(), Occupancy()
    crossing = cross(rng, setting, road)
    ego, driving = set_off(rng, setting, road, on_road(setting, crossing))
    standing = [*open_site(rng, setting, roadside), *park(rng, setting, roadside)]
    people = gather(rng, setting, roadside, crossing)
    actors = tuple(
        dataclasses.replace(actor, instance_id=index)
        for index, actor in enumerate([*driving, *standing, *crossing, *people], start=1)
    )
    return World(location, town.background, actors, town, ego)
