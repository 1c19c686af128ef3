"""How well boxes explain what was seen; lower is better.

Four terms, each about 0 for a right box and about 1 for a wrong one: points belong on the sides
that the sensor sees, the box's outline in the image should be that of the mask, no ray passes
through the box, and sizes are near the class's.
"""

from dataclasses import dataclass, replace
from typing import Any, Self

import numpy as np

from cm3d.geometry.arrays import NDArrayBool, NDArrayFloat, NDArrayInt
from cm3d.geometry.rows import Rows
from cm3d.lift.fit.footprints import Candidates
from cm3d.lift.fit.observations import MaskViews, Samples
from cm3d.lift.fit.rays import share_through
from cm3d.params import FitWeights

_CORNERS = np.array([[1, 1], [-1, 1], [-1, -1], [1, -1]]) / 2
_OUTSIDE = 1.5  # a point before or beside a box speaks louder than one within it
_DEEP_M = 1.0  # further behind a face a point says nothing of where the face is
_NARROW = 0.7  # widths vary less than lengths
_FEW_POINTS, _FEW_RAYS = 8, 16  # of an object of which little was seen
_HOLLOW_PULL = 0.3  # of points to the middle of objects that do not fill their box


@dataclass(frozen=True, eq=False)
class Facts(Rows):
    """What is known of N objects and does not change while their boxes are fitted.

    Args:
        samples: Their points.
        views: Their masks.
        rays: LiDAR rays near their masks; none at all leave free space out.
        bottom_m: (N,) height of the ground below them, global frame.
        height_m: (N,) their heights.
        length_m: (N,) lengths that their classes suggest.
        width_m: (N,) widths that their classes suggest.
        spread: (N,) standard deviation of the logarithm of lengths within their classes.
        hollow: (N,) whether they do not fill their box, as people and cycles.
    """

    samples: Samples
    views: MaskViews
    rays: Samples
    bottom_m: NDArrayFloat
    height_m: NDArrayFloat
    length_m: NDArrayFloat
    width_m: NDArrayFloat
    spread: NDArrayFloat
    hollow: NDArrayBool

    def alike(self) -> list[tuple[NDArrayInt, Self]]:
        """Objects of which little was seen, and the others: their rows, and their facts.

        Samples are padded to the fullest of their array, and most objects are far away: apart,
        they take two thirds of the time. The group of an object depends on itself alone, and so
        does its cost, to the last bit.
        """
        few = self.samples.fit_in(_FEW_POINTS) & self.rays.fit_in(_FEW_RAYS)
        little, much = np.flatnonzero(few), np.flatnonzero(~few)
        cut = replace(
            self[little],
            samples=self.samples[little].first(_FEW_POINTS),
            rays=self.rays[little].first(_FEW_RAYS),
        )
        return [(little, cut), (much, self[much])]


@dataclass(frozen=True, eq=False)
class Objective:
    """What boxes of N objects cost.

    Args:
        facts: What is known of the objects.
        sensor_m: (3,) position of the LiDAR, global frame.
        weights: Section `lift.refine.weights`.
    """

    facts: Facts
    sensor_m: NDArrayFloat
    weights: FitWeights

    def __getitem__(self, rows: Any) -> Self:
        """The objective of some objects, possibly several times."""
        return replace(self, facts=self.facts[rows])

    def cost(self, boxes: Candidates) -> NDArrayFloat:
        """Cost (N, C) of C candidates for each object."""
        uncovered, overhang = self._outline_costs(boxes)
        weights = self.weights
        return np.asarray(
            weights.points * self._point_cost(boxes)
            + weights.uncovered * uncovered
            + weights.overhang * overhang
            + weights.extent * self._size_cost(boxes)
            + weights.free_space * self._free_space_cost(boxes)
        )

    def _point_cost(self, boxes: Candidates) -> NDArrayFloat:
        """Mean cost of points: those outside the box count, those deep inside hardly do.

        What a LiDAR returns of a car lies on the faces that it sees, on the hood and the roof, and
        behind glass. So the outermost points belong on a face and the others anywhere behind it:
        the cost of a face is least where a small share of the points is before it.
        """
        points_m, valid = self.facts.samples.points_m, self.facts.samples.valid
        boxes = boxes.expanded()
        along_m, across_m = boxes.in_box_frame(points_m[:, None, :, 0], points_m[:, None, :, 1])
        outside_m = _length(
            np.maximum(np.abs(along_m) - boxes.length_m / 2, 0),
            np.maximum(np.abs(across_m) - boxes.width_m / 2, 0),
        )
        cost = np.minimum(_OUTSIDE / self.weights.tolerance_m * outside_m, 1.0)
        hollow, solid = np.flatnonzero(self.facts.hollow), np.flatnonzero(~self.facts.hollow)
        pull_m = _HOLLOW_PULL * _length(along_m[hollow], across_m[hollow])
        cost[hollow] = np.minimum(cost[hollow] + pull_m / self.weights.tolerance_m, 1.0)
        cost[solid] += self.weights.behind * self._behind_faces(
            along_m[solid], across_m[solid], boxes[solid]
        )
        cost *= valid[:, None]
        return np.asarray(cost.sum(axis=2) / self.facts.samples.divisor()[:, None])

    def _behind_faces(
        self, along_m: NDArrayFloat, across_m: NDArrayFloat, boxes: Candidates
    ) -> NDArrayFloat:
        """How far behind the faces that the sensor sees points are, in [0, 1] each.

        A face that is seen at a grazing angle says less.
        """
        sensor_along_m, sensor_across_m = boxes.in_box_frame(*self.sensor_m[:2])
        end = _behind_face(along_m, sensor_along_m, boxes.length_m / 2)
        side = _behind_face(across_m, sensor_across_m, boxes.width_m / 2)
        facing_end, facing_side = sensor_along_m**2, sensor_across_m**2
        return np.asarray(
            (facing_end * end + facing_side * side) / (facing_end + facing_side + 1e-9)
        )

    def _outline_costs(self, boxes: Candidates) -> tuple[NDArrayFloat, NDArrayFloat]:
        """Shares of the mask's width that the box leaves out, and of the box's that overhangs.

        Widths alone: the height of a box follows from the mask already.
        """
        columns, views = self._columns(boxes), self.facts.views
        wide_px = views.size_px[:, :1]
        low = np.clip(columns.min(axis=2), 0, wide_px)
        high = np.clip(columns.max(axis=2), 0, wide_px)
        mask_low, mask_high = views.box_px[:, [0]], views.box_px[:, [2]]
        shared = np.maximum(np.minimum(high, mask_high) - np.maximum(low, mask_low), 0)
        uncovered = 1 - shared / (mask_high - mask_low)
        overhang = 1 - shared / np.maximum(high - low, 1e-3)
        return uncovered, overhang

    def _columns(self, boxes: Candidates) -> NDArrayFloat:
        """(N, C, 8) image columns of the corners."""
        along_m = boxes.length_m[..., None] * _CORNERS[:, 0]
        across_m = boxes.width_m[..., None] * _CORNERS[:, 1]
        corners = boxes.expanded().moved(along_m, across_m)
        bottom_m = self.facts.bottom_m[:, None, None]
        top_m = bottom_m + self.facts.height_m[:, None, None]
        views = self.facts.views
        return np.concatenate(
            [views.columns(corners.x_m, corners.y_m, z_m) for z_m in (bottom_m, top_m)], axis=2
        )

    def _free_space_cost(self, boxes: Candidates) -> NDArrayFloat:
        """Share of the rays near a mask that pass right through the box."""
        solid = np.flatnonzero(~self.facts.hollow)
        facts, share = self.facts[solid], np.zeros(boxes.x_m.shape)
        middle_m = facts.bottom_m + facts.height_m / 2
        share[solid] = share_through(
            facts.rays, boxes[solid], middle_m, facts.height_m, self.sensor_m
        )
        return share

    def _size_cost(self, boxes: Candidates) -> NDArrayFloat:
        length = np.log(boxes.length_m / self.facts.length_m[:, None])
        width = np.log(boxes.width_m / self.facts.width_m[:, None])
        spread = self.facts.spread[:, None]
        return np.asarray((length / spread) ** 2 + (width / (_NARROW * spread)) ** 2)


def _length(x_m: NDArrayFloat, y_m: NDArrayFloat) -> NDArrayFloat:
    """As `np.hypot`, which guards against overflow and is five times slower."""
    return np.asarray(np.sqrt(x_m * x_m + y_m * y_m))


def _behind_face(
    position_m: NDArrayFloat, sensor_m: NDArrayFloat, half_m: NDArrayFloat
) -> NDArrayFloat:
    """Distance of points behind the face that the sensor sees, in metres, at most 1."""
    behind_m = half_m - np.sign(sensor_m) * position_m
    return np.asarray(np.clip(behind_m / _DEEP_M, 0.0, 1.0))
