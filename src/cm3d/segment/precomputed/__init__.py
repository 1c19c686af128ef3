"""Masks that another program made, given to the detections that they fit."""

from functools import lru_cache
from pathlib import Path
from typing import Final

import numpy as np
from pycocotools import mask as coco_mask

from cm3d.geometry.arrays import NDArrayBool, NDArrayFloat, NDArrayInt
from cm3d.geometry.overlap import image_iou
from cm3d.segment.common.protocol import Segmenter, Setting
from cm3d.segment.common.scene import as_table, working_size
from cm3d.segment.precomputed.files import MaskEntries, read_masks
from cm3d.shelf.on_images import rows_by_image
from cm3d.shelf.results import Results, Unused
from cm3d.tables import Boxes2D, Cameras, Masks, read_scenes, scene_names
from cm3d.tables.noted import Noted

UNMASKED: Final = "detections without a mask"

_MIN_IOU: Final = 0.5


def build(setting: Setting) -> Segmenter:
    """The masks in the file that `segment.precomputed` names.

    Raises:
        InputError: The file cannot be read.
    """
    return PrecomputedSegmenter(_read_once(setting).rows, setting.segment.max_width_px)


def count_unused(setting: Setting) -> Unused:
    """How many entries of the file are no mask of an image of the data set, by reason.

    Raises:
        InputError: The file cannot be read.
    """
    return _read_once(setting).unused


@lru_cache(maxsize=1)
def _read_once(setting: Setting) -> Results[MaskEntries]:
    cameras = read_scenes(Cameras, setting.cameras, scene_names(setting.cameras))
    path = Path(setting.segment.precomputed.file)
    return read_masks(path, setting.taxonomy, cameras)


class PrecomputedSegmenter:
    """A mask model that has already answered; meets `protocol.Segmenter`. It reads no image."""

    def __init__(self, entries: MaskEntries, max_width_px: int) -> None:
        """Take masks, also of other scenes; they are brought to the size of other backends'."""
        self._entries, self._max_width_px = entries, max_width_px
        self._rows = rows_by_image(entries.camera_token)

    def segment(self, cameras: Cameras, boxes: Boxes2D) -> Noted[Masks]:
        """The mask of each detection; detections that none fits are left out."""
        masks, unmasked = [Masks.empty()], []
        shown = cameras[np.isin(cameras.camera_token, boxes.camera_token)].sorted()
        for row, token in enumerate(shown.camera_token):
            size_px = int(shown.width_px[row]), int(shown.height_px[row])
            entries = self._entries[self._rows.get(token, np.empty(0, dtype=np.int64))]
            on_image = boxes[boxes.camera_token == token]
            entry = assign_masks(on_image, entries, size_px)
            found = entry >= 0
            outlines = resampled(entries[entry[found]], working_size(*size_px, self._max_width_px))
            masks.append(as_table(on_image[found], shown.sample_token[row], outlines))
            unmasked += [f"{token}/{number}" for number in on_image.detection_id[~found]]
        return Noted(Masks.concatenate(masks), {UNMASKED: tuple(unmasked)})


def assign_masks(boxes: Boxes2D, entries: MaskEntries, size_px: tuple[int, int]) -> NDArrayInt:
    """Which mask is whose.

    A detection gets the mask that was made of it where the file says so. Else, the surest first,
    each takes what overlaps it most among the masks of its class that are left.

    Args:
        boxes: N detections on an image.
        entries: M masks on it.
        size_px: Width and height of the image as stored.

    Returns:
        (N,) row of `entries`; -1 where no mask of the class overlaps by an IoU of 0.5.
    """
    # of masks of one box, the surest is the one whose box survived suppression
    by_score = np.argsort(-entries.score, kind="stable")
    entries = entries[by_score]
    overlap = image_iou(boxes.box_px, entry_boxes(entries, size_px))
    own = boxes.detection_id[:, None] == entries.detection_id
    own &= boxes.score[:, None] == entries.score
    overlap[own] = np.inf
    overlap[boxes.class_name[:, None] != entries.class_name] = 0.0
    taken = np.full(len(boxes), -1)
    for row in np.argsort(-boxes.score, kind="stable") if len(entries) else ():
        best = overlap[row].argmax()
        if overlap[row, best] >= _MIN_IOU:
            taken[row] = by_score[best]
            overlap[:, best] = 0.0
    return taken


def entry_boxes(entries: MaskEntries, size_px: tuple[int, int]) -> NDArrayFloat:
    """Boxes (M, 4) in pixels of the stored image: as the file has them, else around the masks."""
    encoded = [
        {"size": [int(height_px), int(width_px)], "counts": counts}
        for height_px, width_px, counts in zip(
            entries.height_px, entries.width_px, entries.rle, strict=True
        )
    ]
    xywh = np.asarray(coco_mask.toBbox(encoded) if encoded else [], dtype=np.float64).reshape(-1, 4)
    mask_px = np.stack([entries.width_px, entries.height_px], axis=1)
    scale = np.tile(np.array(size_px) / mask_px, 2)
    tight_px = np.concatenate([xywh[:, :2], xywh[:, :2] + xywh[:, 2:]], axis=1) * scale
    given_px = np.clip(entries.box_px, 0, np.tile(size_px, 2))
    return np.where(np.isnan(entries.box_px), tight_px, given_px)


def resampled(entries: MaskEntries, size_px: tuple[int, int]) -> NDArrayBool:
    """Masks (M, H, W) of one width and height: each pixel as the nearest one of the file's mask."""
    width_px, height_px = size_px
    masks = np.zeros((len(entries), height_px, width_px), dtype=bool)
    for row, counts in enumerate(entries.rle):
        size = [int(entries.height_px[row]), int(entries.width_px[row])]
        stored = coco_mask.decode({"size": size, "counts": counts})
        if size != [height_px, width_px]:
            rows, columns = (
                ((np.arange(length_px) + 0.5) * stored_px / length_px).astype(np.int64)
                for length_px, stored_px in zip((height_px, width_px), size, strict=True)
            )
            stored = stored.T[columns][:, rows].T  # COCO's masks are stored by columns
        masks[row] = stored
    return masks
