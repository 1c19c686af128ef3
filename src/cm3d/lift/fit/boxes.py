"""Boxes fitted to what was seen of their objects."""

from dataclasses import dataclass, replace

import numpy as np

from cm3d.geometry.angles import turned_towards
from cm3d.geometry.arrays import NDArrayBool, NDArrayFloat, NDArrayInt, NDArrayObject
from cm3d.geometry.ground import GroundField
from cm3d.geometry.l_shape import closest_directions
from cm3d.geometry.rows import Rows
from cm3d.lift.fit.footprints import Candidates
from cm3d.lift.fit.heights import seen_heights
from cm3d.lift.fit.objective import Facts, Objective
from cm3d.lift.fit.observations import MaskViews, Samples, sample_points
from cm3d.lift.fit.rays import rays_near
from cm3d.lift.fit.search import at, behind_seen_sides, search
from cm3d.lift.keyframe import Keyframe
from cm3d.lift.lanes import Headings
from cm3d.lift.objects import Objects, Origin, words
from cm3d.lift.points.in_masks import MaskPoints
from cm3d.lift.priors import Sizes, turned_across
from cm3d.params import Lift, Refine

_ROUNDS_OF_ALL = 2  # of the search, after which the best of an object's headings goes on alone


def fit_boxes(
    found: MaskPoints, objects: Objects, keyframe: Keyframe, ground: GroundField, params: Lift
) -> Objects:
    """Fit a box to each of N objects.

    The search starts behind the sides that are seen or, without medoid compensation, at the
    medoids.

    Args:
        found: Points of masks.
        objects: Where they are, as large as their classes, with the headings of the map.
        keyframe: What was seen.
        ground: The ground below.
        params: Section `lift`.

    Returns:
        The objects with other centres, sizes and headings, whose front and back are not told
        apart, and the costs of the objective, see `Objective`; about 0.3 for good ones.
    """
    refine = params.refine
    facts = _facts(found, objects, keyframe, ground, refine)
    groups = facts.alike()
    fits = [
        _searched(Objective(known, keyframe.scan.sensor_m, refine.weights), objects[rows], params)
        for rows, known in groups
    ]
    fit = _Fit.concatenate(fits)[np.argsort(np.concatenate([rows for rows, _ in groups]))]
    boxes = fit.boxes
    # The height comes last: one that is cut or spilt by its mask would mislead the fit.
    height_m = facts.height_m
    if refine.height:
        height_m = seen_heights(
            facts.samples, facts.views, facts.bottom_m, height_m, refine.height_trust
        )
    middle_m = facts.bottom_m + height_m / 2
    near_lane = objects.headings.lane_distance_m <= refine.max_lane_distance_m
    everyone = len(objects)
    return replace(
        objects,
        center_m=np.column_stack([boxes.x_m, boxes.y_m, middle_m]),
        size=Sizes(boxes.length_m, boxes.width_m, height_m),
        headings=_faced(boxes.yaw_rad, objects.headings, near_lane),
        fit_cost=fit.cost,
        origin=Origin(
            center=words("fit", everyone),
            heading=fit.heading_from,
            front=np.where(near_lane, "lane", "ego").astype(object),
            size=words("fit" if refine.extent else "class", everyone),
        ),
    )


@dataclass(frozen=True, eq=False)
class _Fit(Rows):
    """What the search finds for N objects.

    Args:
        boxes: (N,) footprints.
        cost: (N,) of the objective.
        heading_from: (N,) where the heading that it started from comes from.
    """

    boxes: Candidates
    cost: NDArrayFloat
    heading_from: NDArrayObject


def _searched(objective: Objective, objects: Objects, params: Lift) -> _Fit:
    """A few rounds from each heading of each object, the others from the best alone."""
    refine = params.refine
    tried = _hypotheses(objective.facts.samples, objects, refine)
    many = objective[tried.owner]
    if params.medoid_compensation:
        start = behind_seen_sides(many, tried.yaw_rad)
    else:
        start = at(objects.center_m[tried.owner], many.facts, tried.yaw_rad)
    moves = (refine.extent, refine.orientation)
    first = min(_ROUNDS_OF_ALL, refine.rounds)
    boxes, cost = search(many, start, tried.penalty, *moves, first)
    best = tried.best(cost)
    boxes, cost = search(objective, boxes[best], tried.penalty[best], *moves, refine.rounds - first)
    return _Fit(boxes, cost, tried.told_by[best])


def _faced(yaw_rad: NDArrayFloat, headings: Headings, near_lane: NDArrayBool) -> Headings:
    """Axes (N,) as headings: along the near lane, else the way that the ego vehicle looks."""
    reference_rad = np.where(near_lane, headings.yaw_rad, 0.0)
    return replace(headings, yaw_rad=turned_towards(yaw_rad, reference_rad))


def _facts(
    found: MaskPoints, objects: Objects, keyframe: Keyframe, ground: GroundField, params: Refine
) -> Facts:
    scan, known, size = keyframe.scan, objects.known, turned_across(objects.known)
    points_m = scan.points_m[found.point]
    samples = sample_points(points_m, found.mask, objects.row, params.sample_points)
    views = MaskViews.from_masks(keyframe.masks[objects.row], keyframe.cameras)
    bottom_m = ground.below(samples.mean())
    hollow = ~known.fills_its_box
    most = params.sample_rays if params.free_space else 0
    return Facts(
        samples=samples,
        views=views,
        rays=rays_near(scan.newest(), views, ~hollow, most),
        bottom_m=bottom_m,
        height_m=size.height_m,
        length_m=size.length_m,
        width_m=size.width_m,
        spread=known.length_spread,
        hollow=hollow,
    )


@dataclass(frozen=True, eq=False)
class _Hypotheses(Rows):
    """Headings to start from, several for each object.

    Args:
        owner: (H,) object of each.
        yaw_rad: (H,) headings, global frame.
        penalty: (H,) what each costs beforehand.
        told_by: (H,) what it comes from, a word of `HEADING_FROM`.
    """

    owner: NDArrayInt
    yaw_rad: NDArrayFloat
    penalty: NDArrayFloat
    told_by: NDArrayObject

    def best(self, cost: NDArrayFloat) -> NDArrayInt:
        """(N,) rows of the cheapest of each object."""
        cheapest_first = np.lexsort((cost, self.owner))
        _, first = np.unique(self.owner[cheapest_first], return_index=True)
        return np.asarray(cheapest_first[first])


def _hypotheses(samples: Samples, objects: Objects, params: Refine) -> _Hypotheses:
    """Headings along the near lane or the ego vehicle, and both readings of a rectangle.

    Without a lane near by vehicles stand along the street more often than not, and the street
    goes where the ego vehicle looks. Rectangles around the points may outbid both.
    """
    headings, follows_lanes = objects.headings, objects.known.follows_lanes
    everyone = np.arange(len(headings))
    if not params.orientation:
        none = np.zeros(len(everyone))
        return _Hypotheses(everyone, headings.yaw_rad, none, objects.origin.heading)
    direction_rad = closest_directions(samples.points_m[..., :2], samples.valid)
    near_lane = headings.lane_distance_m <= params.max_lane_distance_m
    known = np.flatnonzero(near_lane | follows_lanes)
    along_rad = np.where(near_lane, headings.yaw_rad, 0.0)[known]
    against = np.where(follows_lanes, params.weights.against_street, 0.0)
    against = np.where(near_lane, params.weights.against_lane, against)
    told_by = np.where(near_lane, "lane", "street").astype(object)[known]
    return _Hypotheses(
        np.concatenate([known, everyone, everyone]),
        np.concatenate([along_rad, direction_rad, direction_rad + np.pi / 2]),
        np.concatenate([np.zeros(len(known)), against, against]),
        np.concatenate([told_by, words("rectangle", 2 * len(everyone))]),
    )
