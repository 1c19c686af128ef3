"""Images (height, width, 3) in RGB that shapes and words are drawn on, in place."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any, Final, TypeAlias

import cv2
import numpy as np
from PIL import Image, ImageDraw, ImageFont

from cm3d.geometry.arrays import NDArrayByte, NDArrayFloat

Color: TypeAlias = tuple[int, int, int]

BACKGROUND: Final[Color] = (18, 21, 26)
WORDS: Final[Color] = (225, 228, 232)
FAINT: Final[Color] = (70, 76, 84)

# Of what a keyframe may hold, by the name of the layer.
COLORS: Final[dict[str, Color]] = {
    "true": (84, 214, 100),
    "lifted": (255, 168, 60),
    "fused": (80, 200, 255),
    "predicted": (255, 105, 200),
    "tracks": (250, 225, 90),
    "lanes": (62, 78, 105),
    "boxes on images": (255, 255, 255),
}

_FRACTION_BITS: Final = 4  # OpenCV's coordinates: sixteenths of a pixel
_FARTHEST_PX: Final = 1e6


@dataclass(frozen=True)
class Word:
    """Something to be written.

    Args:
        x_px: Left end.
        y_px: Upper end.
        text: Without line breaks.
        color: Of the letters.
        size_px: Of the letters.
    """

    x_px: float
    y_px: float
    text: str
    color: Color = WORDS
    size_px: int = 13


def blank(width_px: int, height_px: int, color: Color = BACKGROUND) -> NDArrayByte:
    """An image of one colour."""
    return np.full((height_px, width_px, 3), color, dtype=np.uint8)


def draw_lines(
    image: NDArrayByte,
    lines_px: NDArrayFloat | Sequence[NDArrayFloat],
    color: Color,
    thickness_px: int = 1,
    closed: bool = False,
) -> None:
    """Draw polylines.

    Args:
        image: To draw on.
        lines_px: (L, P, 2) x, y; or L of (P, 2) of different lengths.
        color: Of all.
        thickness_px: Of all.
        closed: Whether the last point is joined with the first.
    """
    scaled = [
        np.rint(np.clip(line, -_FARTHEST_PX, _FARTHEST_PX) * 2**_FRACTION_BITS).astype(np.int32)
        for line in lines_px
    ]
    if scaled:
        cv2.polylines(image, scaled, closed, color, thickness_px, cv2.LINE_AA, _FRACTION_BITS)


def write_words(image: NDArrayByte, words: Sequence[Word]) -> None:
    """Write words, each on a shade that sets it off."""
    if not words:
        return
    picture = Image.fromarray(image)
    pen = ImageDraw.Draw(picture)
    for word in words:
        pen.text(
            (word.x_px, word.y_px),
            word.text,
            fill=word.color,
            font=_font(word.size_px),
            stroke_width=1,
            stroke_fill=(0, 0, 0),
        )
    image[:] = np.asarray(picture)


def shrunk(image: NDArrayByte, width_px: int) -> NDArrayByte:
    """The image at another width, of the same shape."""
    height_px = max(1, round(image.shape[0] * width_px / image.shape[1]))
    way = cv2.INTER_AREA if width_px < image.shape[1] else cv2.INTER_LINEAR
    return np.asarray(cv2.resize(image, (width_px, height_px), interpolation=way), dtype=np.uint8)


def in_rows(rows: Sequence[Sequence[NDArrayByte]], gap_px: int) -> NDArrayByte:
    """Images side by side, and these rows below each other, at the left; rows may be empty."""
    filled = [row for row in rows if row]
    widths = [sum(tile.shape[1] + gap_px for tile in row) - gap_px for row in filled]
    heights = [max(tile.shape[0] for tile in row) for row in filled]
    whole = blank(max(widths, default=1), max(sum(heights) + gap_px * (len(filled) - 1), 1))
    y_px = 0
    for row, height_px in zip(filled, heights, strict=True):
        x_px = 0
        for tile in row:
            whole[y_px : y_px + tile.shape[0], x_px : x_px + tile.shape[1]] = tile
            x_px += tile.shape[1] + gap_px
        y_px += height_px + gap_px
    return whole


@cache
def _font(size_px: int) -> Any:
    return ImageFont.load_default(size_px)
