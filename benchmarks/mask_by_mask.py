"""The peer of lifting: what a direct reading of the paper's section 3.1 gives.

Mask after mask it decodes and erodes the image, transforms and projects all points, looks them
up, and builds the whole distance matrix.
"""

import cv2
import numpy as np
from pycocotools import mask as coco_mask
from scipy.spatial.distance import cdist

from cm3d.geometry.arrays import NDArrayFloat, NDArrayInt
from cm3d.geometry.cameras import inside_image, project_points, scale_intrinsics
from cm3d.geometry.se3 import SE3
from cm3d.lift.keyframe import Keyframe
from cm3d.params import Lift


def medoids_mask_by_mask(keyframe: Keyframe, params: Lift) -> NDArrayFloat:
    """Medoids (G, 3) of the masks with enough points, global frame."""
    found = []
    for row in range(len(keyframe.masks)):
        inside_m = keyframe.scan.points_m[_points_in_mask(keyframe, row, params)]
        if len(inside_m) >= params.min_points:
            found.append(inside_m[np.argmin(cdist(inside_m, inside_m).sum(axis=1))])
    return np.array(found).reshape(-1, 3)


def _points_in_mask(keyframe: Keyframe, row: int, params: Lift) -> NDArrayInt:
    """Rows of the points in one eroded mask."""
    masks, cameras = keyframe.masks, keyframe.cameras
    camera = int(np.flatnonzero(cameras.camera_token == masks.camera_token[row])[0])
    height_px, width_px = int(masks.height_px[row]), int(masks.width_px[row])
    image = coco_mask.decode({"size": [height_px, width_px], "counts": masks.rle[row]})
    side_px = params.erosion_kernel_px
    eroded = cv2.erode(image, np.ones((side_px, side_px), dtype=np.uint8))
    intrinsics_px = scale_intrinsics(
        cameras.intrinsics_px[camera].reshape(3, 3),
        width_px / cameras.width_px[camera],
        height_px / cameras.height_px[camera],
    )
    camera_SE3_global = SE3.from_pose(cameras.global_SE3_camera[camera]).inverse()
    points_m = camera_SE3_global.transform_points(keyframe.scan.points_m)
    pixels, depth_m = project_points(points_m, intrinsics_px)
    visible = np.flatnonzero(inside_image(pixels, depth_m, width_px, height_px, params.min_depth_m))
    columns, rows = pixels[visible].astype(np.int64).T
    return np.asarray(visible[eroded[rows, columns] == 1])
