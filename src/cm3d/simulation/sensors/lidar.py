"""A spinning LiDAR with 32 beams: nuScenes' Velodyne HDL-32E.

One sweep is taken in an instant: the car and the objects stand still while the beam turns.
"""

from dataclasses import dataclass
from typing import Any, Final

import numpy as np

from cm3d.geometry.arrays import NDArrayBool, NDArrayFloat, NDArrayFloat32
from cm3d.geometry.se3 import SE3
from cm3d.params import Simulation
from cm3d.simulation.sensors.rays import NDArrayIndex
from cm3d.simulation.sensors.snapshot import Snapshot

BEAMS: Final = 32
AZIMUTH_STEPS: Final = 1086
_ELEVATIONS_DEG: Final = np.linspace(-30.67, 10.67, BEAMS)
_MAX_RANGE_M: Final = 100.0

# Share of light returned per square metre of distance at which half of the pulses are detected:
# asphalt under a beam that meets the road at 40 m returns two in three.
_HALF_SIGNAL_PER_M2: Final = 2e-6


@dataclass(frozen=True, eq=False)
class Sweep:
    """Returns of one revolution.

    Args:
        points: (N, 5) x, y, z in metres, sensor frame, intensity 0 to 255, ring 0 (lowest) to 31.
        instance_id: (N,) what was hit, 0 for the background.
    """

    points: NDArrayFloat32
    instance_id: NDArrayIndex


def beam_directions() -> NDArrayFloat:
    """Unit vectors (34752, 3) in the sensor frame, clockwise from behind, rings inner.

    The sensor's y axis points forward, so azimuth is measured from it.
    """
    azimuth = np.pi + 2 * np.pi * np.arange(AZIMUTH_STEPS)[:, None] / AZIMUTH_STEPS
    elevation = np.deg2rad(_ELEVATIONS_DEG)[None, :]
    directions = np.stack(
        [
            np.sin(azimuth) * np.cos(elevation),
            np.cos(azimuth) * np.cos(elevation),
            np.sin(elevation) + 0 * azimuth,
        ],
        axis=-1,
    )
    return np.asarray(directions.reshape(-1, 3))


def scan(
    snapshot: Snapshot, global_SE3_lidar: SE3, params: Simulation, rng: np.random.Generator
) -> Sweep:
    """Take one sweep.

    Args:
        snapshot: The world at the sweep's time.
        global_SE3_lidar: The sensor's pose at that time.
        params: Noise and dropout.
        rng: Source of both.
    """
    beams = beam_directions()
    directions = global_SE3_lidar.rotate(beams).astype(np.float32)
    hits = snapshot.cast(global_SE3_lidar.translation_m, directions)
    # A miss, face -1, reads the last triangle here and is dropped below.
    normal = snapshot.surfaces.normal[hits.face]
    cosine = np.abs(np.sum(normal * directions, axis=1))
    light = snapshot.surfaces.reflectivity[hits.face] * cosine
    range_m = hits.distance_m + rng.normal(0, params.lidar_range_noise_m, len(beams))
    kept = (hits.face >= 0) & (range_m > 0) & (range_m <= _MAX_RANGE_M)
    kept &= _detected(light, hits.distance_m, params.lidar_dropout, rng)
    rings = np.tile(np.arange(BEAMS), AZIMUTH_STEPS)
    intensity = np.clip(np.round(255 * light), 0, 255)
    points = np.column_stack([beams * range_m[:, None], intensity, rings])[kept]
    return Sweep(points.astype(np.float32), snapshot.surfaces.instance_id[hits.face[kept]])


def _detected(
    light: NDArrayFloat32, distance_m: Any, dropout: float, rng: np.random.Generator
) -> NDArrayBool:
    signal_per_m2 = light / np.maximum(distance_m, 1.0) ** 2
    chance = (1 - dropout) * signal_per_m2 / (signal_per_m2 + _HALF_SIGNAL_PER_M2)
    return np.asarray(rng.random(len(light)) < chance)
