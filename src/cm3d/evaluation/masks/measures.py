"""How good masks are: filling of their boxes, LiDAR points inside, overlap with true outlines."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from pycocotools import mask as coco_mask
from scipy import ndimage

from cm3d.geometry.arrays import NDArrayBool, NDArrayFloat, NDArrayInt
from cm3d.geometry.cameras import inside_image, project_points, scale_intrinsics
from cm3d.geometry.overlap import image_iou
from cm3d.geometry.se3 import SE3
from cm3d.tables import Boxes2D, Cameras, Masks

_MIN_DEPTH_M = 0.1
_MIN_BOX_IOU = 0.5


@dataclass(frozen=True, eq=False)
class MaskMeasures:
    """One value per mask.

    Args:
        box_share: (N,) share of the box that the mask fills, 0 for boxes without area.
        points: (N,) LiDAR points inside.
        instance_iou: (N,) overlap with the true outline of the object in the box; NaN where
            outlines are unknown, or no object's outline has a box like the detection's.
    """

    box_share: NDArrayFloat
    points: NDArrayInt
    instance_iou: NDArrayFloat


def score_masks(measures: Iterable[MaskMeasures]) -> dict[str, float]:
    """Headline numbers of masks, over all scenes measured.

    Returns:
        `masks`; and, where there are any, `box_share` (mean), `points_per_mask` (median),
        `with_points` (share with at least one) and `instance_iou` (mean where known).
    """
    parts = list(measures)
    empty = np.empty(0)
    points = np.concatenate([empty, *(part.points for part in parts)])
    share = np.concatenate([empty, *(part.box_share for part in parts)])
    iou = np.concatenate([empty, *(part.instance_iou for part in parts)])
    scores = {"masks": float(len(points))}
    if len(points):
        scores["box_share"] = float(share.mean())
        scores["points_per_mask"] = float(np.median(points))
        scores["with_points"] = float((points > 0).mean())
    if np.isfinite(iou).any():
        scores["instance_iou"] = float(np.nanmean(iou))
    return scores


def measure_masks(
    masks: Masks,
    boxes: Boxes2D,
    cameras: Cameras,
    points_of: Callable[[str], NDArrayFloat],
    instances_of: Callable[[str], NDArrayInt] | None,
) -> MaskMeasures:
    """Measure the masks of one scene.

    Args:
        masks: Masks on `cameras`.
        boxes: The detections that prompted them.
        cameras: The images of the scene.
        points_of: LiDAR points (P, 3), global frame, of a sample token.
        instances_of: Instance ids (H, W) of a camera token, 0 for background; None where the
            data set has none.
    """
    parts, points_of_frame = [], lru_cache(maxsize=1)(points_of)
    for row in range(len(cameras)):
        camera = cameras[row : row + 1]
        on_image = masks[masks.camera_token == camera.camera_token[0]]
        if len(on_image) == 0:
            continue
        ids = instances_of(str(camera.camera_token[0])) if instances_of else None
        points_m = points_of_frame(str(camera.sample_token[0]))
        parts.append(_measure_image(on_image, boxes, camera, points_m, ids))
    return MaskMeasures(
        np.concatenate([np.empty(0), *(part.box_share for part in parts)]),
        np.concatenate([np.empty(0, dtype=np.int64), *(part.points for part in parts)]),
        np.concatenate([np.empty(0), *(part.instance_iou for part in parts)]),
    )


def _measure_image(
    masks: Masks, boxes: Boxes2D, camera: Cameras, points_m: NDArrayFloat, ids: NDArrayInt | None
) -> MaskMeasures:
    pixels = decode(masks)
    height_px, width_px = pixels.shape[1:]
    scale = np.array([width_px / camera.width_px[0], height_px / camera.height_px[0]])
    row_of = {detection: row for row, detection in enumerate(boxes.detection_id)}
    rows = np.array([row_of[detection] for detection in masks.detection_id])
    box_px = boxes.box_px[rows] * np.tile(scale, 2)
    area_px = np.prod(box_px[:, 2:] - box_px[:, :2], axis=1)
    filled_px = pixels.sum(axis=(1, 2))
    unknown = np.full(len(masks), np.nan)
    return MaskMeasures(
        box_share=np.divide(filled_px, area_px, out=np.zeros(len(masks)), where=area_px > 0),
        points=_points_inside(pixels, camera, points_m, scale),
        instance_iou=unknown if ids is None else instance_iou(pixels, box_px, ids),
    )


def decode(masks: Masks) -> NDArrayBool:
    """Masks of one image as (N, H, W)."""
    runs = [
        {"size": [int(height), int(width)], "counts": counts}
        for height, width, counts in zip(masks.height_px, masks.width_px, masks.rle, strict=True)
    ]
    return np.asarray(coco_mask.decode(runs).transpose(2, 0, 1) > 0)


def instance_iou(masks: NDArrayBool, box_px: NDArrayFloat, ids: NDArrayInt) -> NDArrayFloat:
    """Overlap of each mask with the outline of the instance that its box is about.

    That is the instance whose own box overlaps the detection's most, by at least one half.

    Args:
        masks: (N, H, W).
        box_px: (N, 4) boxes of the detections, pixels of the masks.
        ids: (H', W') instance ids, any resolution, 0 for background.

    Returns:
        (N,) in [0, 1]; NaN where there is no such instance.
    """
    outlines = _nearest(ids, masks.shape[1:])
    places = [place or (slice(0, 0), slice(0, 0)) for place in ndimage.find_objects(outlines)]
    if not places:
        return np.full(len(masks), np.nan)
    corners = [(x.start, y.start, x.stop, y.stop) for y, x in places]
    overlap = image_iou(box_px, np.array(corners, dtype=np.float64))
    best = overlap.argmax(axis=1)
    truth = outlines[None] == (best + 1)[:, None, None]
    union = np.sum(masks | truth, axis=(1, 2))
    iou = np.sum(masks & truth, axis=(1, 2)) / np.maximum(union, 1)
    return np.where(overlap.max(axis=1) >= _MIN_BOX_IOU, iou, np.nan)


def _nearest(ids: NDArrayInt, shape: tuple[int, ...]) -> NDArrayInt:
    """The id image at another resolution (H, W), by nearest neighbour."""
    rows = (np.arange(shape[0]) + 0.5) * ids.shape[0] / shape[0]
    columns = (np.arange(shape[1]) + 0.5) * ids.shape[1] / shape[1]
    return np.asarray(ids[rows.astype(np.int64)[:, None], columns.astype(np.int64)])


def _points_inside(
    masks: NDArrayBool, camera: Cameras, points_m: NDArrayFloat, scale: NDArrayFloat
) -> NDArrayInt:
    """How many of the points (P, 3), global frame, each mask (N, H, W) holds."""
    height_px, width_px = masks.shape[1:]
    camera_SE3_global = SE3.from_pose(camera.global_SE3_camera[0]).inverse()
    intrinsics_px = scale_intrinsics(camera.intrinsics_px[0].reshape(3, 3), scale[0], scale[1])
    pixels, depth_m = project_points(camera_SE3_global.transform_points(points_m), intrinsics_px)
    seen = pixels[inside_image(pixels, depth_m, width_px, height_px, _MIN_DEPTH_M)]
    columns, rows = np.floor(seen).astype(np.int64).T
    return np.asarray(masks[:, rows, columns].sum(axis=1))
