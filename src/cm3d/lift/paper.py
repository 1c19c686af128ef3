"""The paper's recipe: masks and points of one keyframe in, boxes out."""

from cm3d.lift.explained import ExplainedBoxes, explained
from cm3d.lift.keyframe import Keyframe
from cm3d.lift.objects import at_medoids
from cm3d.lift.points.in_masks import points_in_masks
from cm3d.lift.priors import Priors
from cm3d.lift.suppression import without_duplicates
from cm3d.params import Lift


def lift_frame(keyframe: Keyframe, priors: Priors, params: Lift) -> ExplainedBoxes:
    """Turn every mask with enough LiDAR points into a box in the global frame.

    The centre is the medoid of the points in the eroded mask, pushed away from the ego vehicle;
    its height stays the medoid's. The size is the class's prior, the yaw that of the nearest lane
    for classes that follow lanes and 0 for all else, the score that of the 2D detection, the
    velocity 0. Duplicates of neighbouring cameras fall to the class-wise suppression over the
    whole frame.

    Args:
        keyframe: Points, masks, cameras, lanes.
        priors: What is known of each class.
        params: Section `lift`.

    Raises:
        InputError: A mask has an unknown class.
    """
    known = priors.known(keyframe.masks.class_name)
    scan = keyframe.scan
    found = points_in_masks(scan.points_m, keyframe.masks, keyframe.cameras, params, scan.pixels)
    objects = at_medoids(found, keyframe, known, params)
    if params.nms:
        objects = objects[without_duplicates(objects)]
    return explained(objects, keyframe.sample_token)
