"""Scans of made-up terrain by a LiDAR like that of nuScenes, with what each return hit."""

from collections.abc import Callable, Sequence
from typing import NamedTuple, TypeAlias

import numpy as np

from cm3d.geometry.arrays import NDArrayBool, NDArrayFloat
from cm3d.geometry.cuboids import rotate_xy

# Height at points (N, 2).
Terrain: TypeAlias = Callable[[NDArrayFloat], NDArrayFloat]

SENSOR_HEIGHT_M = 1.84
_BEAMS_RAD = np.deg2rad(np.linspace(-30.67, 10.67, 32))
_FARTHEST_M = 70.0
_STEP_M = 0.5


class Thing(NamedTuple):
    """A cuboid that stands on the terrain at its middle."""

    x_m: float
    y_m: float
    yaw_rad: float
    length_m: float
    width_m: float
    height_m: float


class Scan(NamedTuple):
    """Returns (N, 3) in a level frame below the sensor, and which hit a thing (N,)."""

    points_m: NDArrayFloat
    hit_thing: NDArrayBool


def scan(
    terrain: Terrain,
    things: Sequence[Thing] = (),
    noise_m: float = 0.02,
    columns: int = 1080,
    seed: int = 0,
) -> Scan:
    """One turn of 32 beams from 1.84 m above the terrain at the origin."""
    rng = np.random.default_rng(seed)
    azimuth_rad = np.arange(columns) * 2 * np.pi / columns + rng.uniform(0, 2 * np.pi / columns)
    up_rad, around_rad = (a.ravel() for a in np.meshgrid(_BEAMS_RAD, azimuth_rad, indexing="ij"))
    flat = np.column_stack([np.cos(around_rad), np.sin(around_rad)]) * np.cos(up_rad)[:, None]
    rays = np.column_stack([flat, np.sin(up_rad)])
    sensor_m = np.array([0.0, 0.0, terrain(np.zeros((1, 2)))[0] + SENSOR_HEIGHT_M])
    to_ground_m = _to_ground(terrain, sensor_m, rays)
    to_thing_m = np.full(len(rays), np.inf)
    for thing in things:
        to_thing_m = np.minimum(to_thing_m, _to_thing(terrain, thing, sensor_m, rays))
    range_m = np.minimum(to_ground_m, to_thing_m)
    seen = range_m < _FARTHEST_M
    noisy_m = range_m[seen] + rng.normal(0, noise_m, np.count_nonzero(seen))
    return Scan(sensor_m + rays[seen] * noisy_m[:, None], to_thing_m[seen] < to_ground_m[seen])


def _to_ground(terrain: Terrain, sensor_m: NDArrayFloat, rays: NDArrayFloat) -> NDArrayFloat:
    """Where rays first get below the terrain: steps, then halves."""
    low_m, high_m = np.zeros(len(rays)), np.full(len(rays), np.inf)
    for at_m in np.arange(_STEP_M, _FARTHEST_M + _STEP_M, _STEP_M):
        todo = np.isinf(high_m)
        places = sensor_m + rays[todo] * at_m
        below = places[:, 2] < terrain(places[:, :2])
        high_m[np.flatnonzero(todo)[below]] = at_m
    hit = np.isfinite(high_m)
    low_m = np.where(hit, high_m - _STEP_M, 0.0)
    for _ in range(12):
        middle_m = np.where(hit, (low_m + high_m) / 2, 0.0)
        places = sensor_m + rays * middle_m[:, None]
        below = places[:, 2] < terrain(places[:, :2])
        high_m = np.where(hit & below, middle_m, high_m)
        low_m = np.where(hit & ~below, middle_m, low_m)
    return high_m


def _to_thing(
    terrain: Terrain, thing: Thing, sensor_m: NDArrayFloat, rays: NDArrayFloat
) -> NDArrayFloat:
    """Where rays enter a cuboid; infinite if they do not."""
    middle_m = np.array([thing.x_m, thing.y_m])
    bottom_m = terrain(middle_m[None])[0]
    size_m = np.array([thing.length_m, thing.width_m, thing.height_m])
    low_m = np.append(-size_m[:2] / 2, bottom_m)
    high_m = np.append(size_m[:2] / 2, bottom_m + size_m[2])
    back = np.asarray(-thing.yaw_rad)
    start_m = np.append(rotate_xy(sensor_m[:2] - middle_m, back), sensor_m[2])
    ways = np.column_stack([rotate_xy(rays[:, :2], back), rays[:, 2]])
    with np.errstate(divide="ignore"):
        ends_m = np.stack([(low_m - start_m) / ways, (high_m - start_m) / ways])
    enter_m, leave_m = ends_m.min(axis=0).max(axis=1), ends_m.max(axis=0).min(axis=1)
    return np.where((enter_m > 0) & (enter_m < leave_m), enter_m, np.inf)


def plane(slope: float, toward_rad: float = 0.7) -> Terrain:
    """Rises by `slope` toward a direction."""
    way = np.array([np.cos(toward_rad), np.sin(toward_rad)])
    return lambda xy_m: slope * (xy_m @ way)


def crest(xy_m: NDArrayFloat) -> NDArrayFloat:
    """Level up to x = 15 m, then 8% down, and 8% up behind the sensor."""
    return -0.08 * np.maximum(xy_m[:, 0] - 15, 0) + 0.08 * np.maximum(-xy_m[:, 0] - 15, 0)


def kerb(xy_m: NDArrayFloat) -> NDArrayFloat:
    """A road along x, 8 m wide, between pavements 0.15 m higher."""
    return np.where(np.abs(xy_m[:, 1]) > 4, 0.15, 0.0)


def hill(xy_m: NDArrayFloat) -> NDArrayFloat:
    """4 m high, 30 m away; up to 15% steep."""
    return 4 * np.exp(-((xy_m[:, 0] - 30) ** 2 + (xy_m[:, 1] - 5) ** 2) / (2 * 16.0**2))


def street(seed: int = 0, count: int = 40) -> list[Thing]:
    """Cars, trucks, people, and walls along both sides."""
    rng = np.random.default_rng(seed)
    range_m, around_rad = rng.uniform(7, 50, count), rng.uniform(-np.pi, np.pi, count)
    x_m, y_m = range_m * np.cos(around_rad), range_m * np.sin(around_rad)
    yaw_rad = rng.uniform(-np.pi, np.pi, count)
    kinds = np.array([[4.5, 1.8, 1.5], [8.0, 2.5, 3.2], [0.6, 0.6, 1.7]])
    sizes = kinds[rng.choice(3, count, p=[0.5, 0.25, 0.25])]
    things = [Thing(*row) for row in np.column_stack([x_m, y_m, yaw_rad, sizes]).tolist()]
    walls = [(-40, 22), (-20, 22), (0, 22), (20, 22), (40, 22), (-30, -25), (10, -25), (45, -25)]
    return things + [Thing(x, y, 0.0, 14.0, 0.4, 4.0) for x, y in walls]
