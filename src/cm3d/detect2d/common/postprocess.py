"""What happens to every detector's boxes: clip, threshold, suppress, number."""

import numpy as np

from cm3d import params
from cm3d.geometry.overlap import image_iou, overlap_nms
from cm3d.tables import Boxes2D, Cameras
from cm3d.taxonomy import Taxonomy


def postprocess(
    boxes: Boxes2D, cameras: Cameras, detect2d: params.Detect2D, taxonomy: Taxonomy
) -> Boxes2D:
    """Clip, threshold, suppress per class (paper, appendix A) and number boxes.

    Args:
        boxes: Detections of one scene.
        cameras: The images that they are on.
        detect2d: Gives the threshold and the IoU.
        taxonomy: Has all of their classes.

    Returns:
        Boxes by image, best first; `detection_id` counts them through the scene.

    Raises:
        InputError: A class is not of the taxonomy.
    """
    clipped = clip_boxes(boxes, cameras)
    confident = clipped[clipped.score >= detect2d.min_score]
    classes = taxonomy.indices(confident.class_name)
    kept = [Boxes2D.empty()]
    for token in np.unique(confident.camera_token):
        of_image = confident.camera_token == token
        image = confident[of_image]
        iou = image_iou(image.box_px, image.box_px)
        kept.append(image[overlap_nms(iou, image.score, classes[of_image], detect2d.nms_iou)])
    stacked = Boxes2D.concatenate(kept)
    return stacked.replace(detection_id=np.arange(len(stacked)))


def clip_boxes(boxes: Boxes2D, cameras: Cameras) -> Boxes2D:
    """Boxes cut to their images; those of which nothing remains are dropped."""
    sizes_px = dict(
        zip(
            cameras.camera_token, zip(cameras.width_px, cameras.height_px, strict=True), strict=True
        )
    )
    limits_px = np.array([sizes_px[token] * 2 for token in boxes.camera_token], dtype=np.float64)
    box_px = np.clip(boxes.box_px, 0, limits_px.reshape(-1, 4))
    return boxes.replace(box_px=box_px)[np.all(box_px[:, 2:] > box_px[:, :2], axis=1)]
