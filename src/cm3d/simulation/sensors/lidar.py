"""A spinning LiDAR: which pulses return, from where, and how strongly.

The ego vehicle's own motion is compensated: all pulses leave from where the sensor is at the
sweep's time stamp. What moves is where it was when the beam passed it.
"""

from dataclasses import dataclass
from typing import Any, Final

import numpy as np

from cm3d.geometry.arrays import NDArrayBool, NDArrayFloat, NDArrayFloat32
from cm3d.geometry.se3 import SE3
from cm3d.params import Simulation
from cm3d.simulation.sensors.beams import PATTERNS
from cm3d.simulation.sensors.echoes import Echoes, thrown_back
from cm3d.simulation.sensors.rays import NDArrayIndex
from cm3d.simulation.sensors.snapshot import Snapshot

_MAX_RANGE_M: Final = 100.0

# Share of light returned per square metre of distance at which half of the pulses are detected:
# asphalt under a beam that meets the road at 40 m returns two in three.
_HALF_SIGNAL_PER_M2: Final = 2e-6

# Depth steps at which two echoes of one pulse melt into one: further apart they are told apart.
_MIXED_STEPS_M: Final = (0.2, 3.0)


@dataclass(frozen=True, eq=False)
class Sweep:
    """Returns of one revolution.

    Args:
        points: (N, 5) x, y, z in metres, sensor frame, intensity 0 to 255, ring from 0 (lowest).
        instance_id: (N,) what was hit, 0 for the background.
    """

    points: NDArrayFloat32
    instance_id: NDArrayIndex


@dataclass(frozen=True, eq=False)
class Luck:
    """Chance of each of P pulses, the same whatever the knobs say.

    Args:
        noise_m: (P,) error of the range.
        loss: (P,) in [0, 1]; lost where above the probability that it is detected.
        mixing: (P,) in [0, 1]; split where below `lidar_mixed_share`, if an edge is there.
        between: (P,) in [0, 1], where between two depths.
    """

    noise_m: NDArrayFloat
    loss: NDArrayFloat
    mixing: NDArrayFloat
    between: NDArrayFloat

    @classmethod
    def drawn(cls, rng: np.random.Generator, count: int, range_noise_m: float) -> "Luck":
        """Draw that of all pulses of a turn."""
        noise_m = rng.normal(0, range_noise_m, count)
        return cls(noise_m, *rng.random((3, count)))


def scan(
    snapshot: Snapshot, global_SE3_lidar: SE3, params: Simulation, rng: np.random.Generator
) -> Sweep:
    """Take one sweep.

    Args:
        snapshot: The world at the sweep's time.
        global_SE3_lidar: The sensor's pose at that time.
        params: Beams and what may go wrong.
        rng: Source of chance. What a knob of `params` decides takes the same draws whatever the
            others say, but for the way behind glass.
    """
    pattern = PATTERNS[params.lidar_beams]
    count = len(pattern.directions)
    luck = Luck.drawn(rng, count, params.lidar_range_noise_m)
    directions = global_SE3_lidar.rotate(pattern.directions).astype(np.float32)
    echoes = thrown_back(snapshot, global_SE3_lidar.translation_m, directions, params, rng)
    share = np.where(luck.mixing < params.lidar_mixed_share, luck.between, 0.0)
    range_m = mixed(echoes, (pattern.azimuth_steps, pattern.beams), share) + luck.noise_m
    kept = detected(echoes, range_m, _MAX_RANGE_M, luck, params.lidar_dropout)
    instance_id = snapshot.surfaces.instance_id[echoes.face[kept]]
    points_m = pattern.directions[kept] * range_m[kept, None]
    if params.lidar_smear:
        points_m += _smear(snapshot, global_SE3_lidar, instance_id, pattern.time_offset_s[kept])
    intensity = np.clip(np.round(255 * echoes.light[kept]), 0, 255)
    points = np.column_stack([points_m, intensity, pattern.ring[kept]])
    return Sweep(points.astype(np.float32), instance_id)


def detected(
    echoes: Echoes, range_m: NDArrayFloat, max_range_m: float, luck: Luck, dropout: float
) -> NDArrayBool:
    """Which pulses (P,) are: something threw them back within reach, and brightly enough."""
    kept: NDArrayBool = (echoes.face >= 0) & (range_m > 0) & (range_m <= max_range_m)
    return kept & (luck.loss < _chance(echoes.light, echoes.distance_m, dropout))


def mixed(echoes: Echoes, shape: tuple[int, int], share: NDArrayFloat) -> NDArrayFloat:
    """Ranges (P,) where a pulse that an edge splits returns from between the two depths.

    Args:
        echoes: Of P pulses.
        shape: Azimuth steps and beams, which pulses are ordered by.
        share: (P,) in [0, 1], how far towards the depth of the next pulse of its beam each lies
            that stands at a depth step.
    """
    step_m = steps_m(echoes, shape)
    least_m, most_m = _MIXED_STEPS_M
    at_edge: NDArrayBool = (np.abs(step_m) >= least_m) & (np.abs(step_m) <= most_m)
    return np.asarray(echoes.distance_m + np.where(at_edge, share * step_m, 0.0))


def apart(step_m: NDArrayFloat) -> NDArrayBool:
    """Which depth steps (P,) are so deep that two echoes of a pulse are told apart."""
    return np.asarray(np.abs(step_m) > _MIXED_STEPS_M[1])


def steps_m(echoes: Echoes, shape: tuple[int, int]) -> NDArrayFloat:
    """How much farther (P,) the next pulse of a beam went; 0 where one of both is lost.

    Args:
        echoes: Of P pulses.
        shape: Azimuth steps and beams.
    """
    range_m = echoes.distance_m.astype(np.float64)
    ahead_m = np.roll(range_m.reshape(shape), -1, axis=0).ravel()
    both = (echoes.face >= 0) & np.roll((echoes.face >= 0).reshape(shape), -1, axis=0).ravel()
    with np.errstate(invalid="ignore"):  # both may be infinite
        return np.where(both, ahead_m - range_m, 0.0)


def _smear(
    snapshot: Snapshot, global_SE3_lidar: SE3, instance_id: NDArrayIndex, time_s: NDArrayFloat
) -> NDArrayFloat:
    """How far (N, 3), sensor frame, what was hit stood from where it is at the time stamp."""
    velocity_mps = np.pad(snapshot.velocity_mps, ((0, 0), (0, 1)))
    in_sensor_mps = velocity_mps @ global_SE3_lidar.rotation
    return np.asarray(in_sensor_mps[instance_id] * time_s[:, None])


def _chance(light: NDArrayFloat32, distance_m: Any, dropout: float) -> NDArrayFloat:
    """Probability (P,) that each pulse is detected."""
    signal_per_m2 = light / np.maximum(distance_m, 1.0) ** 2
    return np.asarray((1 - dropout) * signal_per_m2 / (signal_per_m2 + _HALF_SIGNAL_PER_M2))
