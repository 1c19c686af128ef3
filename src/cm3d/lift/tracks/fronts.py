"""Which end of what stands is the front, without a map.

A parked car looks the way that traffic beside it drives, and the way that its neighbours in the
row look. The ego vehicle is traffic too.
"""

from dataclasses import dataclass, replace

import numpy as np
from scipy.spatial.distance import cdist

from cm3d.geometry.angles import direction_of, wrap_angle
from cm3d.geometry.arrays import NDArrayFloat
from cm3d.geometry.rows import Rows
from cm3d.geometry.se3 import SE3
from cm3d.lift.tracks.agreement import Agreement
from cm3d.lift.tracks.grid import Grid
from cm3d.tables import Frames
from cm3d.taxonomy import Taxonomy

_BESIDE_M = 4.0  # standard deviations of the offset at which traffic says something
_ALONG_M = 15.0
_LITTLE = 0.1  # so much traffic, as of one vehicle far off, halves what is said
_OWN_WEIGHT = 3.0  # a lane that the object stands on outvotes traffic and neighbours
_ROW_M = 4.0  # the same for neighbours in a row
_PARALLEL = 0.9  # least cosine between the axes of neighbours in a row
_ROW_ROUNDS = 4
_ROW_WEIGHT = 0.5
_FALLBACK = 0.02  # of the way that the ego vehicle looks: decides where nothing else does


@dataclass(frozen=True, eq=False)
class Traffic(Rows):
    """Where something drove, and which way.

    Args:
        xy_m: (S, 2), global frame.
        direction_rad: (S,), global frame.
    """

    xy_m: NDArrayFloat
    direction_rad: NDArrayFloat


def ego_traffic(frames: Frames) -> Traffic:
    """The ego vehicle's own drive, a row per keyframe."""
    poses = [SE3.from_pose(pose) for pose in frames.global_SE3_ego]
    forward = np.array([pose.rotation[:, 0] for pose in poses]).reshape(-1, 3)
    return Traffic(frames.global_SE3_ego[:, 4:6], direction_of(forward))


def with_fronts(
    agreed: Agreement,
    yaw_rad: NDArrayFloat,
    front_weight: NDArrayFloat,
    grid: Grid,
    ego: Traffic,
    taxonomy: Taxonomy,
) -> Agreement:
    """Turn round the vehicles that stand the wrong way.

    Args:
        agreed: Of K tracks over T keyframes.
        yaw_rad: (N,) headings of their boxes.
        front_weight: (N,) how well each knows its front.
        grid: K tracks over T keyframes.
        ego: The ego vehicle's drive, a row per keyframe.
        taxonomy: It says which classes are vehicles.
    """
    motion = agreed.motion
    vehicle = taxonomy.flags("follows_lanes")[agreed.classes]
    standing = np.flatnonzero(vehicle & ~motion.travelled)
    if len(standing) == 0:
        return agreed
    driving = np.nonzero(vehicle[:, None] & motion.moving & grid.alive)
    others = Traffic(motion.xy_m[driving], agreed.yaw_rad[driving])
    axis_rad = agreed.yaw_rad[:, 0]
    of_box = grid.row[standing]
    seen = np.where(grid.observed[standing], front_weight[of_box], 0.0)
    cosine = np.cos(yaw_rad[of_box] - axis_rad[standing, None])
    own = (seen * cosine).sum(axis=1) / grid.length[standing]
    ahead_rad = direction_of(
        np.array([[np.cos(ego.direction_rad).mean(), np.sin(ego.direction_rad).mean()]])
    )
    votes = front_votes(
        motion.xy_m[standing, 0],
        axis_rad[standing],
        own,
        Traffic.concatenate([others, ego]),
        float(ahead_rad[0]),
    )
    turned_rad = agreed.yaw_rad.copy()
    turned_rad[standing[votes < 0]] += np.pi
    return replace(agreed, yaw_rad=wrap_angle(turned_rad))


def front_votes(
    xy_m: NDArrayFloat,
    axis_rad: NDArrayFloat,
    own: NDArrayFloat,
    traffic: Traffic,
    ego_direction_rad: float,
) -> NDArrayFloat:
    """Votes (N,) on the front of each object: below 0 the axis's other direction is the front.

    Args:
        xy_m: (N, 2) places of the objects, global frame.
        axis_rad: (N,) one direction of each one's axis.
        own: (N,) in [-1, 1], what is known of its front beforehand, as by the lane that it is on.
        traffic: What drove in the scene.
        ego_direction_rad: The way that the ego vehicle looks.
    """
    votes = _OWN_WEIGHT * own + _traffic_votes(xy_m, axis_rad, traffic)
    votes = votes + _FALLBACK * np.cos(axis_rad - ego_direction_rad)
    agreement = np.cos(axis_rad[:, None] - axis_rad)
    weight = np.exp(-0.5 * (cdist(xy_m, xy_m) / _ROW_M) ** 2)
    weight *= (np.abs(agreement) > _PARALLEL) & ~np.eye(len(xy_m), dtype=bool)
    towards = _ROW_WEIGHT * weight * np.sign(agreement)
    result = votes
    for _ in range(_ROW_ROUNDS):
        result = votes + towards @ np.tanh(result)
    return np.asarray(result)


def _traffic_votes(xy_m: NDArrayFloat, axis_rad: NDArrayFloat, traffic: Traffic) -> NDArrayFloat:
    """Mean cosine (N,) between axes and the traffic beside them, less where there is little."""
    offset_m = xy_m[:, None] - traffic.xy_m
    ahead = np.stack([np.cos(traffic.direction_rad), np.sin(traffic.direction_rad)], axis=-1)
    along_m = (offset_m * ahead).sum(axis=2)
    beside_m = ahead[:, 0] * offset_m[..., 1] - ahead[:, 1] * offset_m[..., 0]
    weight = np.exp(-0.5 * ((along_m / _ALONG_M) ** 2 + (beside_m / _BESIDE_M) ** 2))
    cosine = np.cos(axis_rad[:, None] - traffic.direction_rad)
    return np.asarray((weight * cosine).sum(axis=1) / (weight.sum(axis=1) + _LITTLE))
