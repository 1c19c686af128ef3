"""The few figures that a table of scores shows, by the protocol that it was scored by."""

from collections.abc import Iterable, Mapping
from typing import Any, Final

from cm3d.evaluation.nuscenes.summary import HEADLINES as NUSCENES
from cm3d.evaluation.waymo.summary import BRIEF as WAYMO

SHARES: Final = ("mAP", "NDS", *WAYMO)  # the others are errors, which have no upper limit


def headlines_of(rows: Iterable[Mapping[str, Any]]) -> tuple[str, ...]:
    """Names of the figures of rows of scores; nuScenes' where the rows have none."""
    known = {figure for row in rows for figure in row}
    return WAYMO if known & set(WAYMO) else NUSCENES
