"""One keyframe: masks and points in, boxes out."""

import numpy as np

from cm3d.geometry.arrays import NDArrayFloat
from cm3d.geometry.nms import distance_nms
from cm3d.lift.attributes import constant_attributes
from cm3d.lift.compensation import push_from_ego
from cm3d.lift.lanes import LaneField, lane_yaws
from cm3d.lift.mask_points import points_in_masks
from cm3d.lift.medoid import medoids
from cm3d.lift.shape_priors import shape_priors
from cm3d.params import Lift
from cm3d.tables import Boxes3D, Cameras, Masks
from cm3d.tables.vocabulary import class_indices


def lift_frame(
    sample_token: str,
    points_global_m: NDArrayFloat,
    masks: Masks,
    cameras: Cameras,
    lanes: LaneField | None,
    ego_xy_m: NDArrayFloat,
    params: Lift,
) -> Boxes3D:
    """Turn every mask with enough LiDAR points into a box in the global frame.

    The centre is the medoid of the mask's points, pushed away from the ego vehicle; its height
    stays the medoid's. The size is the class's prior, the yaw that of the nearest lane for
    vehicles and 0 for all else, the score that of the 2D detection, the velocity 0. Duplicates
    of neighbouring cameras fall to the class-wise NMS over the whole frame.

    Args:
        sample_token: The keyframe.
        points_global_m: (N, 3) accumulated LiDAR points, global frame.
        masks: Rows of this keyframe.
        cameras: Rows of this keyframe.
        lanes: Centrelines of the map; None leaves all boxes at yaw 0.
        ego_xy_m: (2,) ego position, global frame.
        params: Section `lift`.

    Raises:
        InputError: A mask has an unknown class or camera, or cannot be decoded.
    """
    masks = masks.sorted()
    mask_rows, point_rows = points_in_masks(points_global_m, masks, cameras, params)
    lifted_rows, medoid_m = medoids(points_global_m[point_rows], mask_rows, params.min_points)
    lifted = masks[lifted_rows]

    size = shape_priors(lifted.class_name, params.shape_prior)
    yaw_rad = lane_yaws(lifted.class_name, medoid_m[:, :2], lanes if params.use_map else None)
    center_m = medoid_m
    if params.medoid_compensation:
        center_m = push_from_ego(medoid_m, size.length_m, size.width_m, yaw_rad, ego_xy_m)

    boxes = Boxes3D(
        sample_token=np.full(len(lifted), sample_token, dtype=object),
        class_name=lifted.class_name,
        score=lifted.score,
        center_m=center_m,
        length_m=size.length_m,
        width_m=size.width_m,
        height_m=size.height_m,
        yaw_rad=yaw_rad,
        velocity_mps=np.zeros((len(lifted), 2)),
        attribute_name=constant_attributes(lifted.class_name),
    )
    return without_duplicates(boxes, params) if params.nms else boxes


def without_duplicates(boxes: Boxes3D, params: Lift) -> Boxes3D:
    """Class-wise distance NMS over all cameras (appendix A), best first."""
    radius_m = np.array([params.nms_radius_m[name] for name in boxes.class_name])
    groups = class_indices(boxes.class_name)
    return boxes[distance_nms(boxes.center_m[:, :2], boxes.score, groups, radius_m)]
