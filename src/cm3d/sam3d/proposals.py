"""One keyframe: points in, class-agnostic boxes out."""

import numpy as np

from cm3d.geometry.arrays import NDArrayFloat
from cm3d.geometry.cuboids import Rectangles
from cm3d.geometry.ground import GroundField
from cm3d.geometry.se3 import SE3
from cm3d.params import Sam3D
from cm3d.sam3d.bev_image import BevGrid, intensity_image
from cm3d.sam3d.rectangles import NO_GROUP, complete, fit_rectangles, size_group
from cm3d.sam3d.segments import BevSegmenter, StandingSegments, group_points
from cm3d.tables import Boxes3D
from cm3d.taxonomy import OBJECT_CLASS

_FEW_POINTS = 50


def propose_boxes(
    sample_token: str,
    points_lidar_m: NDArrayFloat,
    intensity: NDArrayFloat,
    global_SE3_lidar: SE3,
    params: Sam3D,
    segmenter: BevSegmenter,
) -> Boxes3D:
    """Find what stands on the ground and has the size of an object.

    Boxes stand on the ground or, with `bottom: points`, on the lowest point of their segment, as
    SAM3D's do, and reach up to its highest. The heading is along the longer side; which end is the
    front is unknown. The score is the segmenter's quality and, with `score_by_points`, that times
    n / (n + 50) for n points: SAM3D has SAM's expected IoU alone, which says nothing where segments
    are mere patches, and what returns many points is large and near.

    Args:
        sample_token: The keyframe.
        points_lidar_m: (N, 3) accumulated points in the keyframe's LiDAR frame.
        intensity: (N,) in [0, 1].
        global_SE3_lidar: Pose of the keyframe's LiDAR.
        params: Section `sam3d`.
        segmenter: Cuts the bird's-eye image.

    Returns:
        Boxes of class `object`, velocity 0, global frame.
    """
    grid = BevGrid(params.range_m, params.pixel_m)
    on_grid = grid.inside(points_lidar_m)
    points_m, intensity = points_lidar_m[on_grid], intensity[on_grid]
    ground_m = GroundField.from_points(points_m, np.zeros(3), yaw_rad=0.0).below(points_m)
    above = points_m[:, 2] - ground_m > params.ground_clearance_m
    points_m, intensity, ground_m = points_m[above], intensity[above], ground_m[above]

    image = intensity_image(grid, points_m, intensity, params.dilation_px)
    segments = segmenter(image)
    labels = segments.labels[grid.pixels(points_m)]
    bottom_m = ground_m if params.bottom == "ground" else points_m[:, 2]
    standing, groups_m = group_points(points_m, bottom_m, labels)

    sizes = [params.sizes[name] for name in params.groups]
    rectangles = fit_rectangles(groups_m, params.rectangle, params.pixel_m)
    size = size_group(rectangles, standing.height_m, standing.count, sizes)
    fitting = size != NO_GROUP
    standing, rectangles = standing[fitting], rectangles[fitting]
    if params.complete:
        rectangles = complete(rectangles, size[fitting], sizes)
    score = segments.quality[standing.label - 1]
    if params.score_by_points:
        score = score * standing.count / (standing.count + _FEW_POINTS)
    return _boxes(sample_token, rectangles, standing, score, global_SE3_lidar)


def _boxes(
    sample_token: str,
    rectangles: Rectangles,
    segments: StandingSegments,
    score: NDArrayFloat,
    global_SE3_lidar: SE3,
) -> Boxes3D:
    """Stand rectangles of the LiDAR frame up in the global frame."""
    middle_m = (segments.top_m + segments.bottom_m) / 2
    center_lidar_m = np.column_stack([rectangles.center_m, middle_m])
    return Boxes3D(
        sample_token=np.full(len(score), sample_token, dtype=object),
        class_name=np.full(len(score), OBJECT_CLASS, dtype=object),
        score=score,
        center_m=global_SE3_lidar.transform_points(center_lidar_m),
        length_m=rectangles.length_m,
        width_m=rectangles.width_m,
        height_m=segments.height_m,
        yaw_rad=global_SE3_lidar.transform_yaw(rectangles.yaw_rad),
        velocity_mps=np.zeros((len(score), 2)),
        attribute_name=np.full(len(score), "", dtype=object),
    )
