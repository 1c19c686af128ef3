"""Masks of one scene, whatever the mask model."""

from dataclasses import dataclass
from functools import lru_cache, partial
from importlib import import_module
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from pycocotools import mask as coco_mask

from cm3d import params
from cm3d.geometry.arrays import NDArrayBool, NDArrayByte
from cm3d.segment.common.protocol import ImageSegmenter, Segmenter, Setting
from cm3d.sensors.images import read_image
from cm3d.shelf.images import Batch, Unreadable, image_files, read_batches
from cm3d.shelf.results import Unused
from cm3d.tables import Boxes2D, Cameras, Masks
from cm3d.tables.noted import UNREADABLE, Noted


@lru_cache(maxsize=1)
def build_segmenter(setting: Setting) -> Segmenter:
    """The mask model that `segment.backend` names, built once per process.

    Raises:
        InputError: Its weights, its library or its file are not there.
    """
    segmenter: Segmenter = _package(setting).build(setting)
    return segmenter


def count_unused(setting: Setting) -> Unused:
    """How much of its input the backend cannot use, by reason; looked into before any scene.

    Raises:
        InputError: That input cannot be read.
    """
    count = getattr(_package(setting), "count_unused", None)
    return Unused({}) if count is None else count(setting)


def _package(setting: Setting) -> Any:
    return import_module(f"cm3d.segment.{setting.segment.backend}")


@dataclass(frozen=True, eq=False)
class SceneSegmenter:
    """A model of images over the images of scenes; meets `protocol.Segmenter`.

    Args:
        model: Outlines what boxes enclose.
        root: Root folder of the data set.
        max_width_px: Wider images are shrunk to this width, and masks are left at it.
        execution: How many images at once, read by how many processes.
    """

    model: ImageSegmenter
    root: Path
    max_width_px: int
    execution: params.Execution

    def segment(self, cameras: Cameras, boxes: Boxes2D) -> Noted[Masks]:
        """Outline every detection; those on images that cannot be read are left out.

        Raises:
            InputError: An image has another size than the index says.
        """
        shown = cameras[np.isin(cameras.camera_token, boxes.camera_token)].sorted()
        files = image_files(shown, self.root)
        read = partial(read_shrunk, max_width_px=self.max_width_px)
        batch_size, readers = self.execution.image_batch, self.execution.readers
        masks, unreadable = [Masks.empty()], []
        for batch in read_batches(files, self.model.prepare, batch_size, readers, read):
            if isinstance(batch, Unreadable):
                unreadable.append(str(batch.path))
            else:
                masks += self._segment_batch(batch, shown[np.array(batch.rows)], boxes)
        return Noted(Masks.concatenate(masks), {UNREADABLE: tuple(unreadable)})

    def _segment_batch(self, batch: Batch, cameras: Cameras, boxes: Boxes2D) -> list[Masks]:
        """Outline the detections on some images (one row of `Cameras` each)."""
        on_images = [boxes[boxes.camera_token == token] for token in cameras.camera_token]
        scale = np.array(batch.sizes_px) / np.stack([cameras.width_px, cameras.height_px], axis=1)
        boxes_px = [
            on_image.box_px * np.tile(factor, 2)
            for on_image, factor in zip(on_images, scale, strict=True)
        ]
        outlines = self.model.segment(batch.images, boxes_px)
        tokens = cameras.sample_token
        return [
            as_table(on_image, token, masks)
            for on_image, token, masks in zip(on_images, tokens, outlines, strict=True)
        ]


def as_table(boxes: Boxes2D, sample_token: str, masks: NDArrayBool) -> Masks:
    """The masks (N, H, W) of an image's detections as rows."""
    return Masks.from_columns(
        camera_token=boxes.camera_token,
        sample_token=np.repeat(sample_token, len(boxes)),
        detection_id=boxes.detection_id,
        class_name=boxes.class_name,
        score=boxes.score,
        height_px=np.full(len(boxes), masks.shape[1]),
        width_px=np.full(len(boxes), masks.shape[2]),
        rle=encode(masks),
    )


def read_shrunk(path: Path, size_px: tuple[int, int], max_width_px: int) -> NDArrayByte:
    """Read an image (H, W, 3), shrunk to its working size; errors are those of `read_image`."""
    return shrink(read_image(path, size_px), max_width_px)


def shrink(image: NDArrayByte, max_width_px: int) -> NDArrayByte:
    """The image (H, W, 3) at its working size."""
    size_px = working_size(image.shape[1], image.shape[0], max_width_px)
    if size_px == (image.shape[1], image.shape[0]):
        return image
    return np.asarray(cv2.resize(image, size_px, interpolation=cv2.INTER_AREA))


def working_size(width_px: int, height_px: int, max_width_px: int) -> tuple[int, int]:
    """Width and height of an image at most `max_width_px` wide, its aspect kept."""
    if width_px <= max_width_px:
        return width_px, height_px
    return max_width_px, max(round(height_px * max_width_px / width_px), 1)


def encode(masks: NDArrayBool) -> list[bytes]:
    """COCO's compressed run-length counts of (N, H, W) masks."""
    count, height_px, width_px = masks.shape
    if count == 0:
        return []
    # COCO counts along columns; one transposition by OpenCV takes half of the time of numpy's.
    rows = masks.astype(np.uint8).reshape(-1, width_px)
    columns = cv2.transpose(rows).reshape(width_px, count, height_px)
    columns_first = np.asfortranarray(columns.transpose(2, 0, 1))
    return [entry["counts"] for entry in coco_mask.encode(columns_first)]
