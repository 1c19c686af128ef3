"""What happens to every detector's boxes: clip, threshold, suppress, number."""

import numpy as np

from cm3d import params
from cm3d.geometry.arrays import NDArrayBool, NDArrayFloat
from cm3d.geometry.iou import image_iou
from cm3d.geometry.nms import overlap_nms
from cm3d.tables import Boxes2D, Cameras
from cm3d.tables.vocabulary import class_indices


def postprocess(boxes: Boxes2D, cameras: Cameras, detect2d: params.Detect2D) -> Boxes2D:
    """Clip, threshold, suppress per class (paper, appendix A) and number boxes.

    Args:
        boxes: Detections of one scene.
        cameras: The images that they are on.
        detect2d: Gives the threshold and the IoU.

    Returns:
        Boxes by image, best first; `detection_id` counts them through the scene.
    """
    clipped = clip_boxes(boxes, cameras)
    confident = clipped[clipped.score >= detect2d.min_score]
    tokens = np.unique(confident.camera_token)
    images = [confident[confident.camera_token == token] for token in tokens]
    kept = Boxes2D.concatenate(_suppress(image, detect2d.nms_iou) for image in images)
    return kept.replace(detection_id=np.arange(len(kept)))


def clip_boxes(boxes: Boxes2D, cameras: Cameras) -> Boxes2D:
    """Boxes cut to their images; those of which nothing remains are dropped."""
    sizes_px = dict(
        zip(
            cameras.camera_token, zip(cameras.width_px, cameras.height_px, strict=True), strict=True
        )
    )
    limits_px = np.array([sizes_px[token] * 2 for token in boxes.camera_token], dtype=np.float64)
    box_px = np.clip(boxes.box_px, 0, limits_px.reshape(-1, 4))
    return boxes.replace(box_px=box_px)[_has_area(box_px)]


def _has_area(box_px: NDArrayFloat) -> NDArrayBool:
    return np.asarray(np.all(box_px[:, 2:] > box_px[:, :2], axis=1))


def _suppress(boxes: Boxes2D, max_iou: float) -> Boxes2D:
    iou = image_iou(boxes.box_px, boxes.box_px)
    return boxes[overlap_nms(iou, boxes.score, class_indices(boxes.class_name), max_iou)]
