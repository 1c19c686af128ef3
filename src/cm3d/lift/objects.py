"""Objects that masks show, as both recipes know them."""

from dataclasses import dataclass, replace
from typing import Self

import numpy as np

from cm3d.geometry.arrays import NDArrayFloat, NDArrayInt, NDArrayObject
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
class Origin(Rows):
    """What gave each part of N boxes, in the words of `Explanations`, each (N,)."""

    center: NDArrayObject
    heading: NDArrayObject
    front: NDArrayObject
    size: NDArrayObject


@dataclass(frozen=True, eq=False)
class ScoreFactors(Rows):
    """What makes up the scores of N boxes, each (N,) in [0, 1].

    Args:
        mask: Confidence of the 2D detection.
        fit: Quality of the fit.
        free_standing: Less where a wall goes on above the box.
    """

    mask: NDArrayFloat
    fit: NDArrayFloat
    free_standing: NDArrayFloat


@dataclass(frozen=True, eq=False)
class Objects(Rows):
    """N objects, one for each mask that has enough points.

    Args:
        row: (N,) rows of their masks, ascending.
        points: (N,) LiDAR points of each.
        known: What their classes tell.
        factors: What makes up their scores.
        center_m: (N, 3) centres, global frame.
        size: Their sizes.
        headings: Where they look, and how far the lane is that says so.
        fit_cost: (N,) of the fitted boxes, see `Objective`; 0 where nothing was fitted.
        origin: What gave centre, heading and size.
    """

    row: NDArrayInt
    points: NDArrayInt
    known: Known
    factors: ScoreFactors
    center_m: NDArrayFloat
    size: Sizes
    headings: Headings
    fit_cost: NDArrayFloat
    origin: Origin

    @property
    def score(self) -> NDArrayFloat:
        """Confidence (N,) in [0, 1]."""
        factors = self.factors
        return np.asarray(factors.mask * factors.fit * factors.free_standing)

    def scored(self, **factors: NDArrayFloat) -> Self:
        """The same objects with other factors, by name, in their scores."""
        return replace(self, factors=replace(self.factors, **factors))

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
    told_by = np.where(np.isfinite(headings.lane_distance_m), "lane", "none").astype(object)
    ones = np.ones(len(row))
    return Objects(
        row=row,
        points=np.bincount(found.mask)[row],
        known=known,
        factors=ScoreFactors(keyframe.masks.score[row], ones, ones),
        center_m=center_m,
        size=size,
        headings=headings,
        fit_cost=np.zeros(len(row)),
        origin=Origin(words("medoid", len(row)), told_by, told_by, words("class", len(row))),
    )


def words(word: str, count: int) -> NDArrayObject:
    """One word (N,) for all."""
    return np.full(count, word, dtype=object)
