"""Files of masks: COCO's results, and the project's own tables."""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Final

import numpy as np
from pycocotools import mask as coco_mask

from cm3d.errors import InputError
from cm3d.geometry.arrays import NDArrayBool
from cm3d.shelf.coco import (
    LONGEST_SIDE_PX,
    fault_of_box,
    fault_of_mask,
    fault_of_scored,
    image_name,
    names_of_categories,
    read_coco_results,
)
from cm3d.shelf.on_images import camera_tokens, refuse_shares, usable
from cm3d.shelf.results import Entries, Results, is_tables, read_tables
from cm3d.tables import Cameras, Masks, rules
from cm3d.tables.columns import Binary, Float, Int, Text, Vector4
from cm3d.tables.run_lengths import fill_their_images
from cm3d.tables.table import Table
from cm3d.taxonomy import Taxonomy

_KEY: Final = "segment.precomputed.file"
_NO_DETECTION: Final = -1


@dataclass(frozen=True, eq=False)
class MaskEntries(Table):
    """One row per mask of a file.

    Args:
        camera_token: The image.
        detection_id: The detection that it was made of; -1 where the file does not say.
        class_name: Of the taxonomy.
        score: Of that detection.
        box_px: The box that it was made of, pixels of the stored image; NaN where the file does
            not say.
        height_px: Height of the mask, which spans the whole image.
        width_px: Width of the mask.
        rle: COCO's compressed run-length counts.
    """

    camera_token: Text
    detection_id: Int
    class_name: Text
    score: Annotated[Float, rules.SHARE]
    box_px: Vector4
    height_px: Int
    width_px: Int
    rle: Binary


def read_masks(path: Path, taxonomy: Taxonomy, cameras: Cameras) -> Results[MaskEntries]:
    """Read masks: COCO results, or the project's own table.

    Args:
        path: A `.parquet` file or a folder of them holds `Masks`, anything else COCO results.
        taxonomy: Its order is that of COCO's categories, from 1.
        cameras: All images of the data set.

    Raises:
        InputError: The file is missing or of another kind, masks are polygons or cannot span their
            images, boxes are no pixels, or no entry can be used.
    """
    entries = _own(path, cameras) if is_tables(path) else _coco(path, taxonomy)
    entries = entries.without(~_are_masks(entries.rows), "run lengths do not fill the mask's size")
    found = usable(entries.by_rules("score"), taxonomy, cameras, (path, _KEY))
    refuse_shares(found.rows.box_px, path)
    _refuse_other_shapes(found.rows, cameras, path)
    return found


def _refuse_other_shapes(masks: MaskEntries, cameras: Cameras, path: Path) -> None:
    """Refuse masks that cannot span their images: a mask's height is known from its width."""
    row_of = {token: row for row, token in enumerate(cameras.camera_token)}
    images = cameras[np.array([row_of[token] for token in masks.camera_token], dtype=np.int64)]
    is_sound = rules.span_images(masks.width_px, masks.height_px, images.width_px, images.height_px)
    if not is_sound.all():
        row = int(np.argmin(is_sound))
        raise InputError(
            f"{path}: a mask on {masks.camera_token[row]} is {masks.width_px[row]} x "
            f"{masks.height_px[row]} px and its image {images.width_px[row]} x "
            f"{images.height_px[row]} px; write masks of whole images, `size` as [height, width]"
        )


def _own(path: Path, cameras: Cameras) -> Entries[MaskEntries]:
    stored = read_tables(Masks, path, _KEY)
    masks = stored.rows
    entries = MaskEntries.from_columns(
        camera_token=masks.camera_token,
        detection_id=masks.detection_id,
        class_name=masks.class_name,
        score=masks.score,
        box_px=np.full((len(masks), 4), np.nan),
        height_px=masks.height_px,
        width_px=masks.width_px,
        rle=masks.rle,
    )
    frame_of = dict(zip(cameras.camera_token, cameras.sample_token, strict=True))
    frames = [frame_of.get(token) for token in camera_tokens(masks.camera_token, cameras)]
    pairs = zip(frames, masks.sample_token, strict=True)
    elsewhere = np.array([frame not in (None, own) for frame, own in pairs], dtype=bool)
    read = Entries(entries, stored.number, stored.malformed)
    return read.without(elsewhere, "sample_token is not the keyframe of its image")


def _coco(path: Path, taxonomy: Taxonomy) -> Entries[MaskEntries]:
    whole, number, malformed = read_coco_results(path, _KEY, _fault_of)
    for entry, row in zip(whole, number, strict=True):
        if isinstance(entry["segmentation"], list):
            raise InputError(
                f"{path}: entry {row}: its segmentation is a polygon; write run lengths "
                "(pycocotools.mask.frPyObjects makes them of polygons)"
            )
    boxes_xywh = np.array([entry.get("bbox") or [np.nan] * 4 for entry in whole], dtype=np.float64)
    low = boxes_xywh.reshape(-1, 4)[:, :2]
    sizes_px = [entry["segmentation"]["size"] for entry in whole]
    masks = MaskEntries.from_columns(
        camera_token=[image_name(entry["image_id"]) for entry in whole],
        detection_id=np.full(len(whole), _NO_DETECTION),
        class_name=names_of_categories((entry["category_id"] for entry in whole), taxonomy),
        score=[entry["score"] for entry in whole],
        box_px=np.concatenate([low, low + boxes_xywh.reshape(-1, 4)[:, 2:]], axis=1),
        height_px=[height_px for height_px, _ in sizes_px],
        width_px=[width_px for _, width_px in sizes_px],
        rle=[_compressed(entry["segmentation"]) for entry in whole],
    )
    return Entries(masks, number, malformed)


def _fault_of(entry: Any) -> str:
    if fault := fault_of_scored(entry):
        return fault
    bbox = entry.get("bbox")
    return (bbox is not None and fault_of_box(bbox)) or fault_of_mask(entry.get("segmentation"))


def _compressed(segmentation: dict[str, Any]) -> bytes:
    counts = segmentation["counts"]
    if isinstance(counts, str):
        return counts.encode()
    encoded: bytes = coco_mask.frPyObjects(segmentation, *segmentation["size"])["counts"]
    return encoded


def _are_masks(entries: MaskEntries) -> NDArrayBool:
    """Whether each has runs that fill its size, and that within reason."""
    sound = fill_their_images(entries.rle, entries.height_px, entries.width_px)
    for length_px in (entries.height_px, entries.width_px):
        sound &= (length_px > 0) & (length_px <= LONGEST_SIDE_PX)
    return sound
