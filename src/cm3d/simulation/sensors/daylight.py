"""Weather and time of day: what lights the world, and what hangs in the air."""

from dataclasses import dataclass
from functools import cache
from typing import Final

import numpy as np

from cm3d.geometry.arrays import NDArrayFloat32

_LATTICE_SIZE: Final = 64


@dataclass(frozen=True, eq=False)
class Daylight:
    """Light and air of one scene; colours are linear radiances, (3,) red, green, blue.

    Args:
        towards_sun: (3,) unit vector, global frame.
        sun: Light of the sun, black where it does not shine.
        sky_light: Light that falls on surfaces from above.
        ground_light: Light that falls on surfaces from below.
        zenith: Colour of the sky overhead.
        horizon: Colour of the sky at the horizon, and of the haze.
        haze_length_m: Distance over which all but 1/e of the light is lost to haze.
        texture_contrast: Largest relative change of brightness by surface texture.
        texture_seed: Of the pattern of the texture.
    """

    towards_sun: NDArrayFloat32
    sun: NDArrayFloat32
    sky_light: NDArrayFloat32
    ground_light: NDArrayFloat32
    zenith: NDArrayFloat32
    horizon: NDArrayFloat32
    haze_length_m: float
    texture_contrast: float
    texture_seed: int


def rgb(red: float, green: float, blue: float) -> NDArrayFloat32:
    """A colour (3,)."""
    return np.array([red, green, blue], dtype=np.float32)


# At an exposure that shows asphalt as dark grey and white paint as white.
CLEAR_DAY: Final = Daylight(
    towards_sun=rgb(0.45, -0.30, 0.84) / np.float32(np.linalg.norm([0.45, -0.30, 0.84])),
    sun=rgb(1.30, 1.22, 1.08),
    sky_light=rgb(0.44, 0.49, 0.56),
    ground_light=rgb(0.22, 0.20, 0.18),
    zenith=rgb(0.16, 0.34, 0.66),
    horizon=rgb(0.62, 0.70, 0.78),
    haze_length_m=400.0,
    texture_contrast=0.35,
    texture_seed=0,
)


@cache
def texture_lattice(seed: int) -> NDArrayFloat32:
    """Random values in [-1, 1] on a cube of grid points, between which texture is smooth."""
    size = (_LATTICE_SIZE,) * 3
    return np.random.default_rng(seed).uniform(-1, 1, size).astype(np.float32)
