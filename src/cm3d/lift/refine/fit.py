"""Boxes fitted to what was seen of their objects."""

from typing import NamedTuple

import numpy as np

from cm3d.geometry.arrays import NDArrayFloat
from cm3d.geometry.ground import GroundField
from cm3d.geometry.l_shape import closest_directions
from cm3d.lift.frame import MedoidBoxes
from cm3d.lift.keyframe import Keyframe
from cm3d.lift.lanes import Headings
from cm3d.lift.mask_points import MaskPoints
from cm3d.lift.refine.candidates import Candidates
from cm3d.lift.refine.heights import seen_heights
from cm3d.lift.refine.objective import Objective
from cm3d.lift.refine.rays import rays_near
from cm3d.lift.refine.samples import Samples, sample_points
from cm3d.lift.refine.search import search
from cm3d.lift.refine.start import behind_seen_sides
from cm3d.lift.refine.views import MaskViews
from cm3d.lift.shape_priors import Sizes, fills_its_box, size_spread
from cm3d.params import Refine


class Fit(NamedTuple):
    """Boxes of N objects, global frame.

    Args:
        center_m: (N, 3) centres.
        size: Their sizes.
        yaw_rad: (N,) headings; front and back are not told apart.
        cost: (N,) of the objective, see `Objective`; about 0.3 for good ones.
    """

    center_m: NDArrayFloat
    size: Sizes
    yaw_rad: NDArrayFloat
    cost: NDArrayFloat


def fit_boxes(
    found: MaskPoints,
    guess: MedoidBoxes,
    keyframe: Keyframe,
    ground: GroundField,
    params: Refine,
) -> Fit:
    """Fit a box to each of N objects.

    Args:
        found: Points of masks.
        guess: The N objects with the sizes of their classes and the headings of the map.
        keyframe: What was seen.
        ground: The ground below.
        params: Section `lift.refine`.
    """
    objective = _objective(found, guess, keyframe, ground, params)
    yaw_rad, penalty = _hypotheses(objective.samples, guess.headings, params)
    count, tries = yaw_rad.shape
    repeated = objective.rows(np.repeat(np.arange(count), tries))
    start = behind_seen_sides(repeated, yaw_rad.reshape(-1))
    boxes, cost = search(
        repeated, start, penalty.reshape(-1), params.size, params.orientation, params.rounds
    )
    best = np.argmin(cost.reshape(count, tries), axis=1) + tries * np.arange(count)
    return _stand_up(boxes.rows(best), cost[best], objective)


def _objective(
    found: MaskPoints,
    guess: MedoidBoxes,
    keyframe: Keyframe,
    ground: GroundField,
    params: Refine,
) -> Objective:
    scan, size, class_name = keyframe.scan, guess.size, guess.masks.class_name
    points_m = scan.points_m[found.point]
    samples = sample_points(points_m, found.mask, guess.rows, params.sample_points)
    views = MaskViews.from_masks(guess.masks, keyframe.cameras)
    bottom_m = ground.below(samples.mean())
    height_m = size.height_m
    if params.height:
        height_m = seen_heights(samples, views, bottom_m, height_m, params.height_trust)
    return Objective(
        samples=samples,
        views=views,
        rays=rays_near(scan.newest(), views, params.sample_rays) if params.free_space else None,
        bottom_m=bottom_m,
        height_m=height_m,
        length_m=size.length_m,
        width_m=size.width_m,
        spread=size_spread(class_name),
        hollow=~fills_its_box(class_name),
        sensor_m=scan.sensor_m,
        weights=params.weights,
    )


def _hypotheses(
    samples: Samples, headings: Headings, params: Refine
) -> tuple[NDArrayFloat, NDArrayFloat]:
    """Headings (N, H) to start from, and what each costs beforehand."""
    if not params.orientation:
        return headings.yaw_rad[:, None], np.zeros((len(headings.yaw_rad), 1))
    direction_rad = closest_directions(samples.points_m[..., :2], samples.valid)
    yaw_rad = np.column_stack([headings.yaw_rad, direction_rad, direction_rad + np.pi / 2])
    near_lane = headings.lane_distance_m <= params.max_lane_distance_m
    lane_cost = np.where(near_lane, 0.0, np.inf)
    against_lane = np.full_like(lane_cost, params.weights.against_lane)
    return yaw_rad, np.column_stack([lane_cost, against_lane, against_lane])


def _stand_up(boxes: Candidates, cost: NDArrayFloat, objective: Objective) -> Fit:
    middle_m = objective.bottom_m + objective.height_m / 2
    return Fit(
        np.column_stack([boxes.x_m, boxes.y_m, middle_m]),
        Sizes(boxes.length_m, boxes.width_m, objective.height_m),
        boxes.yaw_rad,
        cost,
    )
