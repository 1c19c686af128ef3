"""Which end of what stands is the front, without a map.

A parked car looks the way that traffic beside it drives, and the way that its neighbours in the
row look. The ego vehicle is traffic too.
"""

from dataclasses import dataclass, replace

import numpy as np
from scipy.spatial.distance import cdist

from cm3d.geometry.angles import direction_of, wrap_angle
from cm3d.geometry.arrays import NDArrayFloat, NDArrayObject
from cm3d.geometry.rows import Rows, columns, names
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
    turned_rad, front_by = agreed.yaw_rad.copy(), agreed.headings.front_by.copy()
    turned_rad[standing[votes.total < 0]] += np.pi
    front_by[standing] = votes.strongest()
    headings = agreed.headings._replace(yaw_rad=wrap_angle(turned_rad), front_by=front_by)
    return replace(agreed, headings=headings)


@dataclass(frozen=True, eq=False)
class FrontVotes(Rows):
    """What speaks for one direction of the axes of N objects, or below 0 for the other, each (N,).

    Args:
        lane: The lane that it is on.
        traffic: What drove beside it.
        ego: The way that the ego vehicle looks.
        row: Its neighbours in a row.
    """

    lane: NDArrayFloat
    traffic: NDArrayFloat
    ego: NDArrayFloat
    row: NDArrayFloat

    @property
    def total(self) -> NDArrayFloat:
        """All votes (N,): below 0 the axis's other direction is the front."""
        return np.asarray(self.lane + self.traffic + self.ego + self.row)

    def strongest(self) -> NDArrayObject:
        """By name, what speaks most for the front of each (N,) that is chosen."""
        votes = np.stack(list(columns(self).values()))
        chosen = np.where(self.total < 0, -1.0, 1.0)
        strongest = np.argmax(chosen * votes, axis=0)
        return np.asarray(np.array(names(FrontVotes), dtype=object)[strongest])


def front_votes(
    xy_m: NDArrayFloat,
    axis_rad: NDArrayFloat,
    own: NDArrayFloat,
    traffic: Traffic,
    ego_direction_rad: float,
) -> FrontVotes:
    """Votes on the front of each of N objects.

    Args:
        xy_m: (N, 2) places of the objects, global frame.
        axis_rad: (N,) one direction of each one's axis.
        own: (N,) in [-1, 1], what is known of its front beforehand, as by the lane that it is on.
        traffic: What drove in the scene.
        ego_direction_rad: The way that the ego vehicle looks.
    """
    votes = FrontVotes(
        lane=_OWN_WEIGHT * own,
        traffic=_traffic_votes(xy_m, axis_rad, traffic),
        ego=_FALLBACK * np.cos(axis_rad - ego_direction_rad),
        row=np.zeros(len(xy_m)),
    )
    agreement = np.cos(axis_rad[:, None] - axis_rad)
    weight = np.exp(-0.5 * (cdist(xy_m, xy_m) / _ROW_M) ** 2)
    weight *= (np.abs(agreement) > _PARALLEL) & ~np.eye(len(xy_m), dtype=bool)
    towards = _ROW_WEIGHT * weight * np.sign(agreement)
    for _ in range(_ROW_ROUNDS):
        votes = replace(votes, row=towards @ np.tanh(votes.total))
    return votes


def _traffic_votes(xy_m: NDArrayFloat, axis_rad: NDArrayFloat, traffic: Traffic) -> NDArrayFloat:
    """Mean cosine (N,) between axes and the traffic beside them, less where there is little."""
    offset_m = xy_m[:, None] - traffic.xy_m
    ahead = np.stack([np.cos(traffic.direction_rad), np.sin(traffic.direction_rad)], axis=-1)
    along_m = (offset_m * ahead).sum(axis=2)
    beside_m = ahead[:, 0] * offset_m[..., 1] - ahead[:, 1] * offset_m[..., 0]
    weight = np.exp(-0.5 * ((along_m / _ALONG_M) ** 2 + (beside_m / _BESIDE_M) ** 2))
    cosine = np.cos(axis_rad[:, None] - traffic.direction_rad)
    return np.asarray((weight * cosine).sum(axis=1) / (weight.sum(axis=1) + _LITTLE))
