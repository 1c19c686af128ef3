"""Masks by GrabCut (Rother et al., SIGGRAPH 2004) as OpenCV has it."""

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np

from cm3d import params
from cm3d.geometry.arrays import NDArrayBool, NDArrayByte, NDArrayFloat, NDArrayInt
from cm3d.segment.common.pixels import pixel_bounds
from cm3d.segment.common.protocol import Segmenter, Setting
from cm3d.segment.common.scene import SceneSegmenter
from cm3d.shelf.prepared import Prepare, Prepared, as_is

_RNG_SEED = 0  # GrabCut's k-means draws its first centres from OpenCV's own generator


def build(setting: Setting) -> Segmenter:
    """GrabCut as `segment.grabcut` describes it."""
    model, width_px = GrabCutSegmenter(setting.segment.grabcut), setting.segment.max_width_px
    return SceneSegmenter(model, setting.root, width_px, setting.execution)


@dataclass(frozen=True)
class GrabCutSegmenter:
    """Separates colours inside a box from those around it; meets `protocol.ImageSegmenter`.

    The middle of a box is taken for the object and its surroundings for background; in between
    colours decide. Masks stay within their boxes. Where there are no surroundings to learn from,
    or nothing is found, the box is the mask.

    Args:
        grabcut: Iterations, context around the box, its sure middle, the size of crops.
    """

    grabcut: params.GrabCut

    @property
    def prepare(self) -> Prepare:
        """The image as it is."""
        return as_is

    def segment(
        self, batch: Sequence[Prepared], boxes_px: Sequence[NDArrayFloat]
    ) -> list[NDArrayBool]:
        """Outline the object in each box."""
        return [
            self._segment_image(prepared["image"], boxes)
            for prepared, boxes in zip(batch, boxes_px, strict=True)
        ]

    def _segment_image(self, image: NDArrayByte, boxes_px: NDArrayFloat) -> NDArrayBool:
        height_px, width_px = image.shape[:2]
        masks = np.zeros((len(boxes_px), height_px, width_px), dtype=bool)
        for mask, bounds in zip(masks, pixel_bounds(boxes_px, width_px, height_px), strict=True):
            low_x, low_y, high_x, high_y = bounds
            if high_x > low_x and high_y > low_y:
                mask[low_y:high_y, low_x:high_x] = self._segment_box(image, bounds)
        return masks

    def _segment_box(self, image: NDArrayByte, bounds: NDArrayInt) -> NDArrayBool:
        """The mask of one box, of the size of the box; `bounds` as by `pixel_bounds`."""
        height_px, width_px = image.shape[:2]
        size = bounds[2:] - bounds[:2]
        margin = np.ceil(size * self.grabcut.margin).astype(np.int64)
        low = np.maximum(bounds[:2] - margin, 0)
        high = np.minimum(bounds[2:] + margin, (width_px, height_px))
        crop: NDArrayByte = image[low[1] : high[1], low[0] : high[0]]
        scale = min(1.0, self.grabcut.max_side_px / max(crop.shape[:2]))
        small = _resized(crop, np.ceil((high - low) * scale).astype(np.int64), cv2.INTER_AREA)
        rectangle = np.concatenate([bounds[:2] - low, bounds[2:] - low]) * scale
        found = _foreground(small, rectangle, self.grabcut)
        soft = _resized(found.astype(np.uint8) * np.uint8(255), high - low, cv2.INTER_LINEAR)
        start_x, start_y = bounds[:2] - low
        mask = soft[start_y : start_y + size[1], start_x : start_x + size[0]] > 127
        return np.asarray(mask if mask.any() else np.ones_like(mask))


def _foreground(
    crop: NDArrayByte, rectangle_px: NDArrayFloat, grabcut: params.GrabCut
) -> NDArrayBool:
    """Pixels of the crop that GrabCut takes for the object in the rectangle (x, y, x, y)."""
    labels = np.full(crop.shape[:2], cv2.GC_BGD, dtype=np.uint8)
    _fill(labels, rectangle_px, cv2.GC_PR_FGD)
    surroundings = labels == cv2.GC_BGD
    if surroundings.all() or not surroundings.any():
        return np.asarray(~surroundings)
    low, high = rectangle_px[:2], rectangle_px[2:]
    inset = (high - low) * (1 - grabcut.core) / 2
    _fill(labels, np.concatenate([low + inset, high - inset]), cv2.GC_FGD)
    background, foreground = np.zeros((1, 65)), np.zeros((1, 65))
    cv2.setRNGSeed(_RNG_SEED)
    no_rectangle = (0, 0, 0, 0)  # the labels say it all
    mode = cv2.GC_INIT_WITH_MASK
    cv2.grabCut(crop, labels, no_rectangle, background, foreground, grabcut.iterations, mode)
    return np.asarray((labels == cv2.GC_PR_FGD) | (labels == cv2.GC_FGD))


def _fill(labels: NDArrayByte, rectangle_px: NDArrayFloat, label: int) -> None:
    """Label the pixels within a rectangle (x, y, x, y), edges rounded to whole pixels."""
    low_x, low_y, high_x, high_y = np.round(rectangle_px).astype(np.int64)
    labels[low_y:high_y, low_x:high_x] = label


def _resized(image: NDArrayByte, size_px: NDArrayInt, interpolation: int) -> NDArrayByte:
    """The image at (width, height) pixels."""
    width_px, height_px = int(size_px[0]), int(size_px[1])
    if image.shape[:2] == (height_px, width_px):
        return np.ascontiguousarray(image)
    return np.asarray(cv2.resize(image, (width_px, height_px), interpolation=interpolation))
