"""From what a camera's rays hit to colours: sun, sky, shadow, texture, haze."""

from typing import Final

import numpy as np
from scipy.ndimage import map_coordinates

from cm3d.geometry.arrays import NDArrayFloat32, NDArrayInt
from cm3d.simulation.sensors.daylight import Daylight, texture_lattice
from cm3d.simulation.sensors.rays import Hits, NDArrayIndex
from cm3d.simulation.sensors.snapshot import Snapshot

_SHADOW_BIAS_M: Final = 0.02


def radiance(
    snapshot: Snapshot,
    hits: Hits,
    origin_m: NDArrayFloat32,
    directions: NDArrayFloat32,
    pixel_rad: float,
    daylight: Daylight,
) -> NDArrayFloat32:
    """Light (N, 3) that reaches the camera along each ray.

    Args:
        snapshot: The world at the image's time.
        hits: First hits of the N rays.
        origin_m: (3,) the camera, relative to the snapshot's anchor.
        directions: (N, 3) unit vectors away from the camera.
        pixel_rad: Angle that a pixel spans, to blur texture that is finer than pixels.
        daylight: Sun, sky, haze and texture.
    """
    light = np.empty_like(directions)
    missed, seen = hits.face < 0, np.flatnonzero(hits.face >= 0)
    light[missed] = sky(directions[missed], daylight)
    face, distance_m = hits.face[seen], hits.distance_m[seen, None]
    point_m = origin_m + directions[seen] * (distance_m - np.float32(_SHADOW_BIAS_M))
    surface = _illuminated(snapshot, face, point_m, daylight)
    surface *= _texture(snapshot, hits, seen, pixel_rad, daylight)[:, None]
    clear = np.exp(distance_m * np.float32(-1 / daylight.haze_length_m))
    light[seen] = daylight.horizon + clear * (surface - daylight.horizon)
    return light


def sky(directions: NDArrayFloat32, daylight: Daylight) -> NDArrayFloat32:
    """Sky colour (N, 3) along unit vectors, palest at the horizon."""
    height = np.sqrt(np.clip(directions[:, 2:], 0, 1))
    return np.asarray(daylight.horizon + height * (daylight.zenith - daylight.horizon))


def develop(light: NDArrayFloat32) -> NDArrayFloat32:
    """Pixel values in [0, 255] of linear radiances, with a display's gamma of 2."""
    return np.asarray(np.sqrt(np.clip(light, 0, 1)) * np.float32(255))


def _illuminated(
    snapshot: Snapshot, face: NDArrayIndex, point_m: NDArrayFloat32, daylight: Daylight
) -> NDArrayFloat32:
    # Faces are flat, so all but the shadow is worked out per face, not per pixel.
    normal, albedo = snapshot.surfaces.normal, snapshot.surfaces.albedo
    upward = (normal[:, 2:] + 1) / 2
    in_shade = albedo * (
        daylight.ground_light + upward * (daylight.sky_light - daylight.ground_light)
    )
    slant = normal @ daylight.towards_sun
    facing = np.flatnonzero(slant[face] > 0)
    lit = facing[~snapshot.shadowed(point_m[facing], daylight.towards_sun)]
    light = in_shade[face]
    light[lit] += (albedo * daylight.sun * slant[:, None])[face[lit]]
    return np.asarray(light)


def _texture(
    snapshot: Snapshot, hits: Hits, seen: NDArrayInt, pixel_rad: float, daylight: Daylight
) -> NDArrayFloat32:
    face = hits.face[seen]
    grain_m = snapshot.surfaces.grain_m[face]
    brightness = np.ones(len(seen), dtype=np.float32)
    rough = np.flatnonzero(grain_m > 0)
    if not len(rough):
        return brightness
    second, third = hits.second[seen[rough]], hits.third[seen[rough]]
    weights = np.stack([1 - second - third, second, third], axis=1)
    corners_m = snapshot.surfaces.texture_corners_m[face[rough]]
    position_m = np.einsum("nc,ncd->nd", weights, corners_m)
    noise = value_noise(position_m / grain_m[rough, None], texture_lattice(daylight.texture_seed))
    sharpness = np.clip(grain_m[rough] / (hits.distance_m[seen[rough]] * pixel_rad), 0, 1)
    brightness[rough] += np.float32(daylight.texture_contrast) * sharpness * noise
    return brightness


def value_noise(position: NDArrayFloat32, lattice: NDArrayFloat32) -> NDArrayFloat32:
    """Smooth noise (N,) in [-1, 1] at (N, 3) positions, from a lattice of unit spacing."""
    noise = map_coordinates(lattice, position.T, order=1, mode="grid-wrap", prefilter=False)
    return np.asarray(noise, dtype=np.float32)
