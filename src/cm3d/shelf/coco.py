"""COCO's results: a list of entries, and what each must have."""

import re
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, Final

import numpy as np

from cm3d.errors import InputError
from cm3d.geometry.arrays import NDArrayInt
from cm3d.params import read_json
from cm3d.tables.contract import shown
from cm3d.taxonomy import Taxonomy

LONGEST_SIDE_PX: Final = 65_535  # the pixels of a mask fit COCO's 32 bits

_FARTHEST_PX: Final = 1e9  # JSON knows integers that no float holds
_INTEGER: Final = re.compile(r"[0-9]{1,18}", re.ASCII)


def read_coco_results(
    path: Path, key: str, fault_of: Callable[[Any], str]
) -> tuple[list[Any], NDArrayInt, dict[int, str]]:
    """Read the entries of a JSON file.

    Args:
        path: The file.
        key: The parameter that names it, for errors.
        fault_of: What is wrong with an entry; "" if nothing is.

    Returns:
        The whole entries, their numbers in the file, and what is wrong with the others.

    Raises:
        InputError: The file is missing or no list of results.
    """
    entries = read_json(path, f"correct {key}")
    if not isinstance(entries, list):
        raise InputError(f"{path}: no list of COCO results but {shown(entries)}; write it again")
    faults = [fault_of(entry) for entry in entries]
    number = np.flatnonzero([not fault for fault in faults])
    malformed = {row: fault for row, fault in enumerate(faults) if fault}
    return [entries[row] for row in number], number, malformed


def names_of_categories(category_ids: Iterable[Any], taxonomy: Taxonomy) -> list[str]:
    """Class of each category, which count from 1 in the taxonomy's order; no class for others."""
    names = dict(enumerate(taxonomy.class_names, start=1))
    numbers = map(whole_number, category_ids)
    return [names.get(number or 0, f"category {number}") for number in numbers]


def fault_of_scored(entry: Any) -> str:
    """Why an entry has no image, no category or no score; "" if it has all."""
    if not isinstance(entry, dict):
        return f"it is {shown(entry)}, expected an object"
    if image_name(entry.get("image_id")) is None:
        return f"image_id is {shown(entry.get('image_id'))}, expected a text or a whole number"
    if whole_number(entry.get("category_id")) is None:
        return f"category_id is {shown(entry.get('category_id'))}, expected a whole number"
    if not (_is_number(entry.get("score")) and 0 <= entry["score"] <= 1):
        return f"score is {shown(entry.get('score'))}, expected a number in [0, 1]"
    return ""


def fault_of_box(bbox: Any) -> str:
    """Why this is not COCO's x, y, width, height; "" if it is."""
    whole = isinstance(bbox, list) and len(bbox) == 4 and all(map(_is_pixel, bbox))
    if whole and bbox[2] >= 0 and bbox[3] >= 0:
        return ""
    return f"bbox is {shown(bbox)}, expected x, y, width and height in pixels"


def fault_of_mask(segmentation: Any) -> str:
    """Why these are not COCO's run lengths or polygons; "" if they are, as far as is seen here."""
    match segmentation:
        case [[*_], *_]:  # polygons
            return ""
        case {"size": [height_px, width_px], "counts": str() | list() as counts}:
            if not (_is_side(height_px) and _is_side(width_px)):
                size = shown(segmentation["size"])
                return f"segmentation.size is {size}, expected height and width in pixels"
            if isinstance(counts, str):
                return "" if counts.isascii() else "segmentation.counts are no run lengths"
            if not all(type(length) is int and length >= 0 for length in counts):
                return "segmentation.counts are no whole numbers"
            if (total := sum(counts)) != height_px * width_px:
                return f"segmentation.counts are {shown(total)} px of {height_px} x {width_px}"
            return ""
    return f"segmentation is {shown(segmentation)}, expected size and counts"


def image_name(image_id: Any) -> str | None:
    """The image that an entry names; None if it names none."""
    if isinstance(image_id, str):
        return image_id
    number = whole_number(image_id)
    return None if number is None else str(number)


def whole_number(value: Any) -> int | None:
    """3 of 3, of 3.0 and of "3", which other programs write; None of anything else."""
    if type(value) is int:
        return value
    if type(value) is float and value.is_integer():
        return int(value)
    return int(value) if isinstance(value, str) and _INTEGER.fullmatch(value) else None


def _is_number(value: Any) -> bool:
    return type(value) in (int, float)


def _is_pixel(value: Any) -> bool:
    return _is_number(value) and bool(abs(value) <= _FARTHEST_PX)


def _is_side(length_px: Any) -> bool:
    return type(length_px) is int and 0 < length_px <= LONGEST_SIDE_PX
