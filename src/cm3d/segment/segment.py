"""Masks of one scene, whatever the mask model."""

from pathlib import Path

import cv2
import numpy as np
from pycocotools import mask as coco_mask

from cm3d import params
from cm3d.geometry.arrays import NDArrayBool, NDArrayByte
from cm3d.segment.box import BoxSegmenter
from cm3d.segment.grabcut import GrabCutSegmenter
from cm3d.segment.protocol import Segmenter
from cm3d.sensors.images import read_image
from cm3d.tables import Boxes2D, Cameras, Masks


def build_segmenter(segment: params.Segment) -> Segmenter:
    """The mask model that `segment.backend` names."""
    return BoxSegmenter() if segment.backend == "box" else GrabCutSegmenter(segment.grabcut)


def segment_scene(
    segmenter: Segmenter, cameras: Cameras, boxes: Boxes2D, root: Path, max_width_px: int
) -> Masks:
    """Outline every detection of one scene (paper, section 3.1).

    Args:
        segmenter: The mask model.
        cameras: The images of the scene.
        boxes: Their detections.
        root: Root folder of the data set.
        max_width_px: Wider images are shrunk to this width, and masks are left at it.

    Returns:
        One mask per detection on these images, of the size of the shrunk image.

    Raises:
        InputError: An image with detections is missing or unreadable.
    """
    masks = []
    for row in range(len(cameras)):
        camera = cameras[row : row + 1]
        on_image = boxes[boxes.camera_token == camera.camera_token[0]]
        if len(on_image):
            image = read_image(root / str(camera.path[0]))
            masks.append(segment_image(segmenter, camera, image, on_image, max_width_px))
    return Masks.concatenate(masks)


def segment_image(
    segmenter: Segmenter, camera: Cameras, image: NDArrayByte, boxes: Boxes2D, max_width_px: int
) -> Masks:
    """Outline the detections on one image (one row of `Cameras`)."""
    small = shrink(image, max_width_px)
    height_px, width_px = small.shape[:2]
    scale = np.array([width_px / camera.width_px[0], height_px / camera.height_px[0]])
    masks = segmenter.segment(small, boxes.box_px * np.tile(scale, 2))
    return Masks.from_columns(
        camera_token=boxes.camera_token,
        sample_token=np.repeat(camera.sample_token, len(boxes)),
        detection_id=boxes.detection_id,
        class_name=boxes.class_name,
        score=boxes.score,
        height_px=np.full(len(boxes), height_px),
        width_px=np.full(len(boxes), width_px),
        rle=encode(masks),
    )


def shrink(image: NDArrayByte, max_width_px: int) -> NDArrayByte:
    """The image (H, W, 3) at most `max_width_px` wide, its aspect kept."""
    height_px, width_px = image.shape[:2]
    if width_px <= max_width_px:
        return image
    size_px = max_width_px, max(round(height_px * max_width_px / width_px), 1)
    return np.asarray(cv2.resize(image, size_px, interpolation=cv2.INTER_AREA))


def encode(masks: NDArrayBool) -> list[bytes]:
    """COCO's compressed run-length counts of (N, H, W) masks."""
    columns_first = np.asfortranarray(masks.transpose(1, 2, 0).astype(np.uint8))
    return [entry["counts"] for entry in coco_mask.encode(columns_first)]
