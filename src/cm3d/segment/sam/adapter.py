"""Masks by Segment Anything (Kirillov et al., ICCV 2023), SAM 2 and their relatives."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from cm3d import params
from cm3d.geometry.arrays import NDArrayBool, NDArrayFloat
from cm3d.params import check_file
from cm3d.segment.common.pixels import pixel_bounds
from cm3d.segment.common.protocol import Setting
from cm3d.segment.sam import from_segment_anything, from_transformers
from cm3d.segment.sam.network import EmbeddedImage, Sam
from cm3d.shelf.prepared import Prepare, Prepared
from cm3d.shelf.pretrained import model_folder
from cm3d.shelf.runtime import Runtime

# SAM 2 is published as its tracker of videos, which holds the model of images.
_KINDS = {"sam": ("sam",), "sam2": ("sam2", "sam2_video"), "promptable": ()}


@dataclass(frozen=True, eq=False)
class SamSegmenter:
    """Outlines what a box encloses (paper, section 3.1); meets `protocol.ImageSegmenter`.

    Args:
        sam: The network.
        box_batch: Boxes of an image that it is prompted with at once.
    """

    sam: Sam
    box_batch: int

    @property
    def prepare(self) -> Prepare:
        """Scales an image for the network's canvas."""
        return self.sam.canvas

    def segment(
        self, batch: Sequence[Prepared], boxes_px: Sequence[NDArrayFloat]
    ) -> list[NDArrayBool]:
        """Outline the object in each box; images are encoded once, all together."""
        if not any(len(boxes) for boxes in boxes_px):
            return [np.zeros((0, *prepared["shape_px"]), dtype=bool) for prepared in batch]
        images = self.sam.embed(batch)
        return [self._masks(image, boxes) for image, boxes in zip(images, boxes_px, strict=True)]

    def _masks(self, image: EmbeddedImage, boxes_px: NDArrayFloat) -> NDArrayBool:
        height_px, width_px = image.shape_px
        low_x, low_y, high_x, high_y = pixel_bounds(boxes_px, width_px, height_px).T
        seen = (high_x > low_x) & (high_y > low_y)
        masks = np.zeros((len(boxes_px), height_px, width_px), dtype=bool)
        visible_px = np.clip(boxes_px[seen], 0, [width_px, height_px] * 2)
        if len(visible_px):
            masks[seen] = np.concatenate(list(self._batches(image, visible_px)))
        return masks

    def _batches(self, image: EmbeddedImage, boxes_px: NDArrayFloat) -> Iterator[NDArrayBool]:
        for start in range(0, len(boxes_px), self.box_batch):
            logits = self.sam.from_boxes(image, boxes_px[start : start + self.box_batch])
            yield (logits > 0).cpu().numpy()


def build_sam(setting: Setting) -> SamSegmenter:
    """The model that `segment.sam.use` names.

    Raises:
        InputError: Its weights or its library are not there, or are of something else.
    """
    runtime = Runtime.choose(setting.execution.device, setting.segment.precision)
    return SamSegmenter(_load(setting.segment.sam, runtime), setting.execution.box_batch)


def _load(section: params.Sam, runtime: Runtime) -> Sam:
    if section.library == "segment_anything":
        key = "segment.sam.checkpoint"
        checkpoint = check_file(Path(section.checkpoint), f"correct {key}")
        return from_segment_anything.load_sam(checkpoint, runtime, key)
    model, key = section.model, f"segment.sam.models.{section.use}"
    folder = model_folder(model.model, model.revision, key)
    return from_transformers.load_sam(folder, runtime, key, _KINDS[section.use])
