"""Rows of the top laser by frame, in whatever order they are asked for."""

from collections.abc import Sequence
from typing import Any

from cm3d.datasets.waymo.components import LASER, TIME, TOP, Component
from cm3d.datasets.waymo.reading import stream_rows
from cm3d.datasets.waymo.segments import Segment


class TopRows:
    """The rows of a component; a file whose frames stand in order costs the memory of a few.

    Args:
        segment: Which one.
        component: With a row per frame and laser, whose keys are checked (`check_keys`).
        names: Columns besides the keys.
    """

    def __init__(self, segment: Segment, component: Component, names: Sequence[str]) -> None:
        """Nothing is read yet."""
        self._rows = stream_rows(segment, component, names)
        self._read: dict[int, dict[str, Any]] = {}

    def take(self, time_us: int) -> dict[str, Any] | None:
        """The row of a frame, which is not asked for again; None if there is none."""
        while time_us not in self._read:
            row = next(self._rows, None)
            if row is None:
                return None
            if row[LASER] == TOP:
                self._read[row[TIME]] = row
        return self._read.pop(time_us)
