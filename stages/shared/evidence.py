"""What gave lifted boxes their places, headings, sizes, classes and scores, in words."""

from typing import Final

import numpy as np
from rich import box
from rich.table import Table

from cm3d.errors import InputError
from cm3d.geometry.arrays import NDArrayFloat
from cm3d.geometry.se3 import SE3
from cm3d.lift.explained import ExplainedBoxes
from cm3d.tables import Explanations

_HEADINGS: Final = (
    ("object", "keyframes"),
    ("class", "votes"),
    ("ahead, left (m)", "points"),
    ("centre", "fit's cost"),
    ("heading", "front"),
    ("size", "l x w x h (m)"),
    ("score, and its factors", "= before calibration"),
)


def evidence_table(title: str, found: ExplainedBoxes, global_SE3_ego: SE3) -> Table:
    """Boxes of a keyframe in their order, two lines each (docs/lifting.md explains the words)."""
    table = Table(title=title, box=box.SIMPLE_HEAD, show_lines=True)
    for heading in _HEADINGS:
        table.add_column("\n".join(heading))
    for row in told(found, global_SE3_ego):
        table.add_row(*row)
    return table


def surest_first(found: ExplainedBoxes) -> ExplainedBoxes:
    """Boxes by falling score."""
    return found[np.argsort(-found.boxes.score, kind="stable")]


def of_class(found: ExplainedBoxes, class_name: str) -> ExplainedBoxes:
    """Boxes of one class.

    Raises:
        InputError: There is none.
    """
    chosen = found[found.boxes.class_name == class_name]
    if len(chosen) == 0:
        there = ", ".join(sorted(set(found.boxes.class_name))) or "no boxes"
        raise InputError(f"--class: no {class_name!r} in the keyframe; it has {there}")
    return chosen


def told(found: ExplainedBoxes, global_SE3_ego: SE3) -> list[list[str]]:
    """A row of cells for each box, a line of what it is and one of why."""
    boxes, why = found.boxes, found.why
    place_m = global_SE3_ego.inverse().transform_points(boxes.center_m)
    size_m = boxes.cuboids.size_m
    return [
        [
            f"{why.track[row] if why.track[row] >= 0 else '-'}\n{why.track_boxes[row]}",
            f"{boxes.class_name[row]}\n{_votes(why, row)}",
            f"{place_m[row, 0]:.1f}, {place_m[row, 1]:.1f}\n{why.points[row]}",
            f"{why.center_from[row]}\n{_number(why.fit_cost[row])}",
            f"{why.heading_from[row]}\n{why.front_from[row]}",
            f"{why.size_from[row]}\n{' x '.join(f'{side:.1f}' for side in size_m[row])}",
            "\n".join([f"{boxes.score[row]:.2f}", *_factors(why, row)]),
        ]
        for row in range(len(boxes))
    ]


def _votes(why: Explanations, row: int) -> str:
    second = why.second_class[row]
    votes = f"{why.voted_class[row]} {why.voted_share[row]:.2f}"
    return f"{votes}, {second} {why.second_share[row]:.2f}" if second else votes


def _factors(why: Explanations, row: int) -> list[str]:
    """A line on what the keyframe gave, and one on what the track made of it."""
    own = {"mask": why.mask_score, "fit": why.fit_quality, "free": why.free_standing}
    of_track = {"track": why.track_score, "class": why.class_factor, "gap": why.gap_factor}
    raw = f"= {why.raw_score[row]:.2f}"
    return [_named(own, row), f"{_named(of_track, row)} {raw}".lstrip()]


def _named(factors: dict[str, NDArrayFloat], row: int) -> str:
    """Those that are there and change something."""
    values = {name: column[row] for name, column in factors.items()}
    there = {name: value for name, value in values.items() if value != 1 and not np.isnan(value)}
    return " ".join(f"{name} {value:.2f}" for name, value in there.items())


def _number(value: float) -> str:
    return "-" if np.isnan(value) else f"{value:.2f}"
