"""Run lengths of masks as COCO compresses them, read without making an image."""

import re
from typing import Final

import numpy as np

from cm3d.geometry.arrays import NDArrayBool, NDArrayInt, NDArrayObject

# Of longer numbers than these seven bytes, beyond 32 bits, this file and pycocotools, which reads
# and writes where they say, would make different ones.
_COUNTS: Final = re.compile(rb"(?:[P-o]{0,6}+[0-O])++")
_AT_ONCE: Final = 4096


def are_counts(encoded: NDArrayObject) -> NDArrayBool:
    """Whether each of (M,) byte strings is a sequence of counts as COCO compresses them."""
    return np.array([_COUNTS.fullmatch(counts) is not None for counts in encoded], dtype=bool)


def fill_their_images(
    encoded: NDArrayObject, height_px: NDArrayInt, width_px: NDArrayInt
) -> NDArrayBool:
    """Whether the runs of each of (M,) byte strings fill an image of its size, forwards.

    pycocotools reads memory that is not its own where they do not.
    """
    sound = are_counts(encoded)
    for start in range(0, len(encoded), _AT_ONCE):
        # counts that end within a number would go on in the next row's
        rows = start + np.flatnonzero(sound[start : start + _AT_ONCE])
        lengths, of_mask = read_run_lengths(encoded[rows])
        pixels = np.bincount(of_mask, lengths, len(rows))
        backwards = np.bincount(of_mask, lengths < 0, len(rows)) > 0
        sound[rows] &= (pixels == height_px[rows] * width_px[rows]) & ~backwards
    return sound


def read_run_lengths(encoded: NDArrayObject) -> tuple[NDArrayInt, NDArrayInt]:
    """Read the runs of many masks at once.

    A count is a sequence of bytes from 48 on, five bits each and the lowest first; bit 5 says
    that more follow, bit 4 of the last is the sign. From the fourth count of a mask on, it is
    the difference from the count before the last.

    Args:
        encoded: (M,) byte strings.

    Returns:
        (R,) lengths of the runs of all masks, and (R,) the mask of each, ascending. The runs of
        a mask that is cut short do not fill its image.
    """
    byte = np.frombuffer(b"".join(encoded), dtype=np.uint8).astype(np.int64) - 48
    last = np.flatnonzero(byte & 0x20 == 0)
    first = np.append(0, last + 1)[: len(last)]
    counts, of_mask = _signed_numbers(byte, first, last), _owners(encoded, last)
    return _undo_differences(counts, of_mask), of_mask


def _signed_numbers(byte: NDArrayInt, first: NDArrayInt, last: NDArrayInt) -> NDArrayInt:
    """Put numbers together from their bytes, each from `first` to `last`."""
    size = last + 1 - first
    place: NDArrayInt = np.arange(size.sum()) - np.repeat(first, size)
    unsigned = np.add.reduceat((byte[: len(place)] & 0x1F) << (5 * place), first)
    return np.asarray(unsigned - np.where(byte[last] & 0x10, 1 << (5 * size), 0))


def _owners(encoded: NDArrayObject, byte_index: NDArrayInt) -> NDArrayInt:
    """The byte string that each byte of the concatenation belongs to."""
    stop = np.cumsum([len(string) for string in encoded])
    return np.asarray(np.searchsorted(stop, byte_index, side="right"))


def _undo_differences(counts: NDArrayInt, of_mask: NDArrayInt) -> NDArrayInt:
    """Sum up, per mask, the odd counts and the even counts but for the very first."""
    position = np.arange(len(counts)) - np.searchsorted(of_mask, of_mask)
    chain = 3 * of_mask + np.where(position == 0, 0, 1 + position % 2)
    order = np.argsort(chain, kind="stable")
    summed = np.cumsum(counts[order])
    start = np.searchsorted(chain[order], chain[order])
    lengths = np.empty_like(counts)
    lengths[order] = summed - summed[start] + counts[order][start]
    return lengths
