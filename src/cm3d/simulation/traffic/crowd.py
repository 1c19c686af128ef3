"""People on the sidewalks, at the bus stop and on the crossings."""

from collections.abc import Iterator
from typing import Final

import numpy as np
import shapely
from numpy.random import Generator

from cm3d.geometry.arrays import NDArrayFloat
from cm3d.simulation.town.frontage import global_SE3_shelter
from cm3d.simulation.town.ground import KERB_M
from cm3d.simulation.town.polyline import Polyline
from cm3d.simulation.town.roads import CROSSING_M, SIDEWALK_M
from cm3d.simulation.traffic.actors import Actor, Body
from cm3d.simulation.traffic.setting import Occupancy, Setting
from cm3d.simulation.traffic.trajectory import Trajectory

_NEAR_M: Final = 36.0
_ATTEMPTS: Final = 40
_APART_M: Final = 0.8
_LOOK_AHEAD_S: Final = (0.0, 1.0, 2.0)


def cross(rng: Generator, setting: Setting, taken: Occupancy) -> list[Actor]:
    """People on the crossings of roads whose traffic waits and that the ego does not use."""
    moving = {origin for origin, _ in setting.open_ways} | {setting.ego_movement.target}
    arms = [
        arm
        for index, arm in enumerate(setting.town.arms)
        if index not in moving and setting.distance_m(arm.centreline.points_m[0]) < _NEAR_M
    ]
    people: list[Actor] = []
    for arm in arms:
        for _ in range(setting.count(rng, 0, 2)):
            across = float(rng.uniform(CROSSING_M[0] + 0.5, CROSSING_M[1] - 0.5))
            ends = arm.centreline.at(np.full(2, across), np.array([-1, 1]) * (arm.kerb_m - 0.5))
            path = Polyline(ends if rng.random() < 0.5 else ends[::-1])
            speed_mps = float(rng.uniform(1.0, 1.6))
            last_m = path.length_m - speed_mps * float(setting.times_s[-1] - setting.times_s[0])
            start_m = float(rng.uniform(0, max(last_m, 0.5)))
            person = Body.drawn(rng, "walker").on(_walk(setting, path, start_m, speed_mps, 0.0))
            if _apart(setting, person, people):
                people.append(person)
                taken.take(shapely.LineString(_track(setting, person)[:4]).buffer(1.5))
    return people


def on_road(setting: Setting, people: list[Actor]) -> NDArrayFloat:
    """Places (T, P, 2) that drivers keep clear of: where each person is and soon will be."""
    times = [setting.times_s + ahead for ahead in _LOOK_AHEAD_S]
    tracks = [
        [person.trajectory.position_m(float(time)) for time in when]
        for person in people
        for when in times
    ]
    return np.reshape(tracks, (len(tracks), len(setting.times_s), 2)).transpose(1, 0, 2)


def gather(rng: Generator, setting: Setting, taken: Occupancy, others: list[Actor]) -> list[Actor]:
    """People who walk and stand on the sidewalks, alone and in groups."""
    people = [*_at_bus_stop(rng, setting)]
    for _ in range(setting.count(rng, 2, 4)):
        people += _group(rng, setting, taken, [*others, *people], walking=True)
    for _ in range(setting.count(rng, 1, 2)):
        people += _group(rng, setting, taken, [*others, *people], walking=False)
    return people


def _at_bus_stop(rng: Generator, setting: Setting) -> Iterator[Actor]:
    """One or two on the bench of the nearest stop, one beside it."""
    stop = setting.nearest("bus_stop")
    shelter = global_SE3_shelter(setting.town.arms[stop.arm], stop)
    places = [("sitter", -0.9, 0.1), ("stander", -1.7, -1.1), ("sitter", 0.4, 0.1)]
    street = np.arctan2(*-shelter.rotation[[1, 0], 1])
    for kind, x, y in places[: setting.count(rng, 1, 3)]:
        xy_m = shelter.transform_points(np.array([[x, y, 0.0]]))[0, :2]
        turn = rng.normal(0, 0.05 if kind == "sitter" else 0.8)
        yield Body.drawn(rng, kind).on(Trajectory.still(xy_m, float(street + turn), KERB_M))


def _group(
    rng: Generator, setting: Setting, taken: Occupancy, others: list[Actor], walking: bool
) -> list[Actor]:
    """One to three people who belong together, in the first free place that is found."""
    bodies = [
        Body.drawn(rng, "walker" if walking else "stander")
        for _ in range(int(rng.choice([1, 2, 3], p=[0.55, 0.3, 0.15])))
    ]
    for _ in range(_ATTEMPTS):
        kerb = setting.town.kerbs[int(rng.integers(4))]
        arc_m = float(rng.uniform(0, kerb.length_m))
        outward_m = float(rng.uniform(1.5, SIDEWALK_M - 0.6 - 0.5 * (len(bodies) - 1)))
        if setting.distance_m(kerb.pose(arc_m, outward_m)[0]) > _NEAR_M:
            continue
        place = _walkers if walking else _standers
        group = place(rng, setting, kerb, arc_m, outward_m, bodies)
        tracks = [shapely.LineString(_track(setting, person)).buffer(0.45) for person in group]
        free = all(taken.is_free(track) for track in tracks)
        if free and all(_apart(setting, person, others) for person in group):
            return group
    return []


def _walkers(
    rng: Generator,
    setting: Setting,
    kerb: Polyline,
    arc_m: float,
    outward_m: float,
    bodies: list[Body],
) -> list[Actor]:
    """Side by side along the sidewalk, either way."""
    speed_mps = float(rng.uniform(0.8, 1.7))
    forward = rng.random() < 0.5
    group = []
    for index, body in enumerate(bodies):
        path = kerb.shifted(outward_m + 0.75 * index)
        start_m = arc_m * path.length_m / kerb.length_m + 0.3 * float(rng.normal())
        if not forward:
            path, start_m = path.reversed(), path.length_m - start_m
        group.append(body.on(_walk(setting, path, start_m, speed_mps, KERB_M)))
    return group


def _standers(
    rng: Generator,
    setting: Setting,
    kerb: Polyline,
    arc_m: float,
    outward_m: float,
    bodies: list[Body],
) -> list[Actor]:
    """In a circle, facing each other; alone, facing anywhere."""
    middle_m, _ = kerb.pose(arc_m, outward_m)
    start = rng.uniform(-np.pi, np.pi)
    bearings = start + np.arange(len(bodies)) * 2 * np.pi / len(bodies)
    radius_m = 0.0 if len(bodies) == 1 else float(rng.uniform(0.6, 0.75))
    return [
        body.on(
            Trajectory.still(
                middle_m + radius_m * np.array([np.cos(bearing), np.sin(bearing)]),
                float(bearing + np.pi + rng.normal(0, 0.3)),
                KERB_M,
            )
        )
        for body, bearing in zip(bodies, bearings, strict=True)
    ]


def _walk(
    setting: Setting, path: Polyline, start_m: float, speed_mps: float, z_m: float
) -> Trajectory:
    """Along a path at a steady pace."""
    arcs_m = start_m + speed_mps * (setting.times_s - setting.times_s[0])
    return Trajectory(setting.times_s, path.at(arcs_m), path.heading_at(arcs_m), z_m)


def _track(setting: Setting, person: Actor) -> NDArrayFloat:
    """Positions (K, 2) once a second; two equal ones for somebody who stands."""
    times = np.arange(setting.times_s[0], setting.times_s[-1] + 1, 1.0)
    return np.stack([person.trajectory.position_m(float(time)) for time in times])


def _apart(setting: Setting, person: Actor, others: list[Actor]) -> bool:
    """Whether somebody never comes close to any of the others."""
    track = _track(setting, person)
    return all(
        np.linalg.norm(track - _track(setting, other), axis=1).min() > _APART_M for other in others
    )
