"""Boxes fitted to what was seen of their objects."""

from typing import NamedTuple

import numpy as np

from cm3d.geometry.arrays import NDArrayFloat, NDArrayInt
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
from cm3d.lift.refine.start import at, behind_seen_sides
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
    pushed: bool,
    params: Refine,
) -> Fit:
    """Fit a box to each of N objects.

    Args:
        found: Points of masks.
        guess: The N objects with the sizes of their classes and the headings of the map.
        keyframe: What was seen.
        ground: The ground below.
        pushed: Whether the search starts behind the sides that are seen, not at the medoids.
        params: Section `lift.refine`.
    """
    objective = _objective(found, guess, keyframe, ground, params)
    tried = _hypotheses(objective.samples, guess.headings, params)
    many = objective.rows(tried.owner)
    places = (many, tried.yaw_rad)
    start = behind_seen_sides(*places) if pushed else at(guess.center_m[tried.owner], *places)
    moves = (params.extent, params.orientation)
    boxes, cost = search(many, start, tried.penalty, *moves, params.rounds // 2)
    best = tried.best(cost)
    boxes, cost = search(
        objective, boxes.rows(best), tried.penalty[best], *moves, params.rounds - params.rounds // 2
    )
    return _stand_up(boxes, cost, objective)


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


class _Hypotheses(NamedTuple):
    """Headings to start from, several for each object.

    Args:
        owner: (H,) object of each.
        yaw_rad: (H,) headings, global frame.
        penalty: (H,) what each costs beforehand.
    """

    owner: NDArrayInt
    yaw_rad: NDArrayFloat
    penalty: NDArrayFloat

    def best(self, cost: NDArrayFloat) -> NDArrayInt:
        """(N,) rows of the cheapest of each object."""
        cheapest_first = np.lexsort((cost, self.owner))
        _, first = np.unique(self.owner[cheapest_first], return_index=True)
        return np.asarray(cheapest_first[first])


def _hypotheses(samples: Samples, headings: Headings, params: Refine) -> _Hypotheses:
    """The near lane's heading, and both readings of a rectangle around the points."""
    everyone = np.arange(len(headings.yaw_rad))
    if not params.orientation:
        return _Hypotheses(everyone, headings.yaw_rad, np.zeros(len(everyone)))
    direction_rad = closest_directions(samples.points_m[..., :2], samples.valid)
    near_lane = headings.lane_distance_m <= params.max_lane_distance_m
    on_lane = np.flatnonzero(near_lane)
    yaw_rad = [headings.yaw_rad[on_lane], direction_rad, direction_rad + np.pi / 2]
    against_lane = np.where(near_lane, params.weights.against_lane, 0.0)
    return _Hypotheses(
        np.concatenate([on_lane, everyone, everyone]),
        np.concatenate(yaw_rad),
        np.concatenate([np.zeros(len(on_lane)), against_lane, against_lane]),
    )


def _stand_up(boxes: Candidates, cost: NDArrayFloat, objective: Objective) -> Fit:
    middle_m = objective.bottom_m + objective.height_m / 2
    return Fit(
        np.column_stack([boxes.x_m, boxes.y_m, middle_m]),
        Sizes(boxes.length_m, boxes.width_m, objective.height_m),
        boxes.yaw_rad,
        cost,
    )
