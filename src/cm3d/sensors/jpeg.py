"""Damage of JPEG files that decoders do not report."""

from collections.abc import Iterator
from typing import Final

_START, _END = b"\xff\xd8", b"\xff\xd9"
_SCAN, _TABLES, _BASELINE = 0xDA, 0xC4, (0xC0, 0xC1)
_HOLE: Final = bytes(512)  # a sector that was never written


def has_hole(content: bytes) -> bool:
    """Whether part of a JPEG's pixels was overwritten by zeros, as where a disk lost a block.

    Zeros are the shortest code of each block's table over and over. Only where that code ends a
    block, in all tables, can an image, a flat one, hold so many. Files of several scans have codes
    of another kind or colours one by one, and are not looked into.

    Args:
        content: A file; one that is no JPEG has no hole.
    """
    # the search alone takes well below a millisecond, and as a rule ends here
    if not content.startswith(_START) or _HOLE not in content:
        return False
    colours, in_scan, scan, shortest_codes = 0, -1, len(content), list[int]()
    for marker, start, stop in _segments(content):
        segment = content[start:stop]
        if marker in _BASELINE and len(segment) > 5:
            colours = segment[5]
        elif marker == _TABLES:
            shortest_codes += _shortest_codes(segment)
        elif marker == _SCAN and segment:
            in_scan, scan = segment[0], stop
    hole = content.find(_HOLE, scan, content.find(_END, scan))
    return in_scan == colours and any(shortest_codes) and hole >= 0


def _segments(content: bytes) -> Iterator[tuple[int, int, int]]:
    """Marker, start and stop of each segment up to the first scan's."""
    at, marker = len(_START), 0
    while marker != _SCAN and at + 4 <= len(content) and content[at] == 0xFF:
        marker = content[at + 1]
        stop = at + 2 + int.from_bytes(content[at + 2 : at + 4])
        yield marker, at + 4, stop
        at = stop


def _shortest_codes(tables: bytes) -> list[int]:
    """The symbol of all zeros of each table of a segment that codes detail; 0 ends a block."""
    symbols, at = [], 0
    while at + 17 < len(tables):
        if tables[at] >> 4 == 1:
            symbols.append(tables[at + 17])
        at += 17 + sum(tables[at + 1 : at + 17])
    return symbols
