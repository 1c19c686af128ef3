"""The paper's recipe: masks and points of one keyframe in, boxes out."""

from typing import NamedTuple

import numpy as np

from cm3d.geometry.arrays import NDArrayFloat
from cm3d.geometry.nms import distance_nms
from cm3d.lift.attributes import constant_attributes
from cm3d.lift.compensation import push_from_ego
from cm3d.lift.keyframe import Keyframe
from cm3d.lift.lanes import Headings, lane_headings
from cm3d.lift.mask_points import MaskPoints, points_in_masks
from cm3d.lift.medoid import medoids
from cm3d.lift.shape_priors import Priors, Sizes, shape_priors
from cm3d.params import Lift
from cm3d.tables import Boxes3D, Masks, NDArrayInt, NDArrayObject
from cm3d.tables.vocabulary import CLASS_NAMES, class_indices


class MedoidBoxes(NamedTuple):
    """Boxes that stand where the medoids of masks are.

    Args:
        rows: (N,) rows of the masks that have enough points, ascending.
        masks: These masks.
        center_m: (N, 3) centres, global frame.
        size: Their classes' sizes.
        headings: What the map says.
    """

    rows: NDArrayInt
    masks: Masks
    center_m: NDArrayFloat
    size: Sizes
    headings: Headings


def lift_frame(keyframe: Keyframe, priors: Priors, params: Lift) -> Boxes3D:
    """Turn every mask with enough LiDAR points into a box in the global frame.

    The centre is the medoid of the mask's points, pushed away from the ego vehicle; its height
    stays the medoid's. The size is the class's prior, the yaw that of the nearest lane for
    vehicles and 0 for all else, the score that of the 2D detection, the velocity 0. Duplicates
    of neighbouring cameras fall to the class-wise NMS over the whole frame.

    Args:
        keyframe: Points, masks, cameras, lanes.
        priors: Size of each class.
        params: Section `lift`.

    Raises:
        InputError: A mask has an unknown class or camera, or cannot be decoded.
    """
    found = points_in_masks(keyframe.scan.points_m, keyframe.masks, keyframe.cameras, params)
    at_medoid = medoid_boxes(found, keyframe, priors, params)
    boxes = standing_boxes(
        keyframe.sample_token,
        at_medoid.masks,
        at_medoid.masks.score,
        at_medoid.center_m,
        at_medoid.size,
        at_medoid.headings.yaw_rad,
    )
    return boxes[without_duplicates(boxes, params)]


def medoid_boxes(
    found: MaskPoints, keyframe: Keyframe, priors: Priors, params: Lift
) -> MedoidBoxes:
    """Centre, size and heading of every mask with enough points."""
    points_m = keyframe.scan.points_m[found.point]
    rows, center_m = medoids(points_m, found.mask, params.min_points)
    masks = keyframe.masks[rows]
    size = shape_priors(masks.class_name, priors)
    lanes = keyframe.lanes if params.orientation.use_map else None
    headings = lane_headings(masks.class_name, center_m[:, :2], lanes)
    if params.medoid_compensation:
        center_m = push_from_ego(
            center_m, size.length_m, size.width_m, headings.yaw_rad, keyframe.ego_xy_m
        )
    return MedoidBoxes(rows, masks, center_m, size, headings)


def standing_boxes(
    sample_token: str,
    masks: Masks,
    score: NDArrayFloat,
    center_m: NDArrayFloat,
    size: Sizes,
    yaw_rad: NDArrayFloat,
) -> Boxes3D:
    """Boxes of N masks as a table: one keyframe tells no velocity."""
    return Boxes3D(
        sample_token=np.full(len(masks), sample_token, dtype=object),
        class_name=masks.class_name,
        score=score,
        center_m=center_m,
        length_m=size.length_m,
        width_m=size.width_m,
        height_m=size.height_m,
        yaw_rad=yaw_rad,
        velocity_mps=np.zeros((len(masks), 2)),
        attribute_name=constant_attributes(masks.class_name),
    )


def without_duplicates(boxes: Boxes3D, params: Lift) -> NDArrayInt:
    """Rows that stay after class-wise distance NMS over all cameras (appendix A), best first."""
    if not params.nms:
        return np.arange(len(boxes))
    groups = class_indices(boxes.class_name)
    radius_m = nms_radius(boxes.class_name, params)
    return distance_nms(boxes.center_m[:, :2], boxes.score, groups, radius_m)


def nms_radius(class_names: NDArrayObject, params: Lift) -> NDArrayFloat:
    """Radius (N,) of each class name."""
    radius_m = np.array([params.nms_radius_m[name] for name in CLASS_NAMES])
    return np.asarray(radius_m[class_indices(class_names)])
