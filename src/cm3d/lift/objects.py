"""Objects that masks show, as both recipes know them."""

from dataclasses import dataclass

import numpy as np

from cm3d.geometry.arrays import NDArrayFloat, NDArrayInt
from cm3d.geometry.rows import Rows
from cm3d.lift.keyframe import Keyframe
from cm3d.lift.lanes import Headings, lane_headings
from cm3d.lift.medoid import medoids
from cm3d.lift.medoid_compensation import push_from_ego
from cm3d.lift.points.in_masks import MaskPoints
from cm3d.lift.priors import Known, Sizes
from cm3d.params import Lift
from cm3d.tables import Boxes3D


@dataclass(frozen=True, eq=False)
class Objects(Rows):
    """N objects, one for each mask that has enough points.

    Args:
        row: (N,) rows of their masks, ascending.
        known: What their classes tell.
        score: (N,) confidence in [0, 1].
        center_m: (N, 3) centres, global frame.
        size: Their sizes.
        headings: Where they look, and how far the lane is that says so.
    """

    row: NDArrayInt
    known: Known
    score: NDArrayFloat
    center_m: NDArrayFloat
    size: Sizes
    headings: Headings

    def as_boxes(self, sample_token: str) -> Boxes3D:
        """As a table: one keyframe tells no velocity, and no attribute but the class's own."""
        return Boxes3D(
            sample_token=np.full(len(self), sample_token, dtype=object),
            class_name=self.known.class_name,
            score=self.score,
            center_m=self.center_m,
            length_m=self.size.length_m,
            width_m=self.size.width_m,
            height_m=self.size.height_m,
            yaw_rad=self.headings.yaw_rad,
            velocity_mps=np.zeros((len(self), 2)),
            attribute_name=self.known.attribute_name,
        )


def at_medoids(found: MaskPoints, keyframe: Keyframe, known: Known, params: Lift) -> Objects:
    """Objects at the medoids of their points, as large as their class, along the nearest lane.

    Args:
        found: Points of masks.
        keyframe: What was seen.
        known: What is known of each of its masks.
        params: Section `lift`.
    """
    points_m = keyframe.scan.points_m[found.point]
    row, center_m = medoids(points_m, found.mask, params.min_points)
    known = known[row]
    lanes = keyframe.lanes if params.orientation.use_map else None
    headings = lane_headings(known.follows_lanes, center_m[:, :2], lanes)
    size = known.size
    if params.medoid_compensation:
        center_m = push_from_ego(
            center_m, size.length_m, size.width_m, headings.yaw_rad, keyframe.ego_xy_m
        )
    return Objects(row, known, keyframe.masks.score[row], center_m, size, headings)
