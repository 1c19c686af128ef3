"""Worlds varied: daylight and haze, and the colours of all things."""

import dataclasses
from typing import Final

import cv2
import numpy as np
from numpy.random import Generator

from cm3d.geometry.arrays import NDArrayFloat, NDArrayFloat32
from cm3d.simulation.sensors.daylight import CLEAR_DAY, Daylight
from cm3d.simulation.shapes.mesh import Mesh
from cm3d.simulation.world import World

_WEATHERS: Final = ("sunny", "overcast", "dusk", "haze")
_SHARES: Final = (0.5, 0.2, 0.15, 0.15)
_LOOKS_STRANGE: Final = 0.3  # share of objects in colours that their kind never has


def draw_daylight(rng: Generator) -> Daylight:
    """Draw weather: sunny, overcast, dusk or hazy, and a texture with a pattern of its own."""
    kind = str(rng.choice(_WEATHERS, p=_SHARES))
    sunshine = {"sunny": (0.7, 1.25), "overcast": (0.0, 0.25), "dusk": (0.2, 0.6)}
    brightness = {"sunny": (0.8, 1.2), "overcast": (0.7, 1.3), "dusk": (0.25, 0.6)}
    haze_m = (40.0, 150.0) if kind == "haze" else (200.0, 800.0)
    sun = rng.uniform(*sunshine.get(kind, (0.1, 0.9)))
    sky = rng.uniform(*brightness.get(kind, (0.8, 1.2)))
    cast = rng.uniform(0.88, 1.12, 3)
    overcast = rng.uniform(0.6, 1.0) if kind in ("overcast", "haze") else rng.uniform(0, 0.3)
    grey = CLEAR_DAY.horizon * rng.uniform(0.8, 1.2)
    return Daylight(
        towards_sun=_sun_direction(rng, low=kind == "dusk"),
        sun=_float32(CLEAR_DAY.sun * sun * cast),
        sky_light=_float32(CLEAR_DAY.sky_light * sky * cast),
        ground_light=_float32(CLEAR_DAY.ground_light * sky * cast),
        zenith=_float32(sky * (CLEAR_DAY.zenith + overcast * (grey - CLEAR_DAY.zenith))),
        horizon=_float32(sky * cast * CLEAR_DAY.horizon),
        haze_length_m=float(rng.uniform(*haze_m)),
        texture_contrast=float(rng.uniform(0.15, 0.55)),
        texture_seed=int(rng.integers(1, 33)),  # 0 is the embedded data set's
    )


def recoloured(world: World, rng: Generator) -> World:
    """The same world in other colours, each object and the scenery by draws of their own."""
    actors = tuple(
        dataclasses.replace(
            actor, mesh=_recoloured(actor.mesh, rng, strange=rng.random() < _LOOKS_STRANGE)
        )
        for actor in world.actors
    )
    return dataclasses.replace(
        world, background=_recoloured(world.background, rng, strange=False), actors=actors
    )


def _sun_direction(rng: Generator, low: bool) -> NDArrayFloat32:
    elevation_rad = np.deg2rad(rng.uniform(8, 25) if low else rng.uniform(25, 75))
    azimuth_rad = rng.uniform(-np.pi, np.pi)
    level = np.cos(elevation_rad)
    x, y = level * np.cos(azimuth_rad), level * np.sin(azimuth_rad)
    return _float32(np.array([x, y, np.sin(elevation_rad)]))


def _recoloured(mesh: Mesh, rng: Generator, strange: bool) -> Mesh:
    """A mesh with hue, saturation and value of each of its colours changed."""
    colours, of_face = np.unique(mesh.albedo.astype(np.float32), axis=0, return_inverse=True)
    hsv = cv2.cvtColor(colours[None], cv2.COLOR_RGB2HSV)[0]  # degrees, share, share
    hue_deg = rng.uniform(-180, 180) if strange else rng.normal(0, 6)
    hsv[:, 0] = (hsv[:, 0] + hue_deg + rng.normal(0, 6, len(hsv))) % 360
    hsv[:, 1] *= rng.uniform(0.4, 1.6) if strange else rng.uniform(0.8, 1.2)
    hsv[:, 2] *= rng.uniform(0.75, 1.2) * rng.uniform(0.85, 1.15, len(hsv))
    hsv[:, 1:] = hsv[:, 1:].clip(0, 1)
    albedo = cv2.cvtColor(hsv[None], cv2.COLOR_HSV2RGB)[0]
    return dataclasses.replace(mesh, albedo=albedo[of_face.ravel()].astype(np.float64))


def _float32(values: NDArrayFloat) -> NDArrayFloat32:
    return np.asarray(values, dtype=np.float32)
